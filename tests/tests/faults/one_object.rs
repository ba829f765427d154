//! A source that names one object.

use std::time::Duration;

use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::fresh_folder;
use flotilla_tests::proxy::{Fault, Kind, Rule};

use crate::outage::flotilla;
use crate::stage::{Objects, Stage};

/// The key of the object. It has the characters that globs know; the neighbours' keys begin like it or match it as a glob.
const KEY: &str = "2026/[a]*.dat";

async fn stage() -> Stage {
    let keys = [KEY, "2026/[a]*.dat.bak", "2026/a1.dat", "2026/folder", "2026/folder/below", "2027/x"];
    let mut stage = Stage::new(Objects(keys.map(|key| (key.to_owned(), 100)).to_vec())).await;
    stage.cloud.put(stage.destination.location.bucket(), "kept", "kept");
    stage.source.location = at(&stage, KEY);
    stage
}

fn at(stage: &Stage, place: &str) -> shared::location::Location {
    format!("s3://{}/{place}", stage.source.location.bucket()).parse().expect("a location")
}

fn destination_keys(stage: &Stage) -> Vec<String> {
    stage.cloud.keys(stage.destination.location.bucket())
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_one_object_as_a_source_is_copied_alone() {
    let mut stage = stage().await;
    let state = fresh_folder("state");
    for (options, copied) in [(&["--dry-run"][..], "copies"), (&[], "copied")] {
        let ended = flotilla(&stage, &state, options).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let summary: serde_json::Value = serde_json::from_str(ended.stdout.trim()).expect("a line of JSON");
        assert_eq!((&summary["listed"], &summary[copied]), (&1.into(), &1.into()), "{}", ended.stderr);
    }
    assert_eq!(destination_keys(&stage), ["[a]*.dat", "kept"]);
    // Below a prefix of the destination too.
    stage.destination.location =
        format!("s3://{}/to", stage.destination.location.bucket()).parse().expect("a location");
    let ended = flotilla(&stage, &fresh_folder("state"), &[]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(destination_keys(&stage), ["[a]*.dat", "kept", "to/[a]*.dat"]);
    stage.destination.location = format!("s3://{}", stage.destination.location.bucket()).parse().expect("a location");
    // The object's own folder is another source: it is not skipped for a run of the object.
    stage.source.location = at(&stage, "2026/folder");
    let ended = flotilla(&stage, &state, &[]).await;
    assert_eq!((ended.code, stage.to.count(Kind::Put)), (Some(0), 3), "{}", ended.stderr);
    assert_eq!(destination_keys(&stage), ["[a]*.dat", "below", "kept", "to/[a]*.dat"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_one_object_as_a_source_deletes_nothing() {
    let stage = stage().await;
    let ended = flotilla(&stage, &fresh_folder("state"), &["--delete", "--max-delete", "9"]).await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("--delete: the source") && ended.stderr.contains("is one object"),
        "{}",
        ended.stderr
    );
    assert_eq!((stage.to.writes(), destination_keys(&stage)), (0, vec!["kept".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_only_begin_like_the_object_are_not_listed() {
    let stage = stage().await;
    for number in 0..1_500 {
        stage.cloud.put(stage.source.location.bucket(), &format!("{KEY}{number}"), "x");
    }
    let ended = flotilla(&stage, &fresh_folder("state"), &[]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    // The probe, the question whether keys lie below the name, and the listing.
    assert_eq!(stage.from.count(Kind::List), 3);
    assert_eq!(destination_keys(&stage), ["[a]*.dat", "kept"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_refuses_one_object_and_names_its_folder() {
    let stage = stage().await;
    let bucket = stage.source.location.bucket();
    let options = ["--events-queue", "events", "--events-queue-region", "us-east-1"];
    let source = format!("s3://{bucket}/{KEY}");
    let command = ["watch", &source, "s3://nowhere", "--state", "unused", "--endpoint-url", &stage.from.endpoint];
    let credentials = ["--credentials", stage.source.connection.credentials.as_deref().expect("is given")];
    let command: Vec<String> = [&command[..], &credentials, &options].concat().into_iter().map(str::to_owned).collect();
    let ended = Process::start(&binaries::flotilla(), &command, []).wait(Duration::from_secs(60)).await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let line =
        format!("watch: the source s3://{bucket}/{KEY} is one object; watch s3://{bucket}/2026/, or use sync --every");
    assert!(ended.stderr.contains(&line), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_about_an_object_as_source_is_no_empty_folder() {
    let stage = stage().await;
    stage.from.inject(Rule::on(Kind::Head, Fault::Respond(400, String::new())));
    let ended = flotilla(&stage, &fresh_folder("state"), &[]).await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert_eq!(destination_keys(&stage), ["kept"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_one_file_as_a_source_is_copied_alone() {
    let root = fresh_folder("file");
    let text = |name: &str| root.join(name).to_str().expect("UTF-8").to_owned();
    for folder in ["from", "from/state"] {
        std::fs::create_dir_all(root.join(folder)).expect("a folder");
    }
    for name in ["from/f1.dat", "from/f1.dat.bak", "from/g"] {
        std::fs::write(root.join(name), name).expect("a file");
    }
    // The state folder lies beside the file, as it does in a home folder.
    let state = text("from/state");
    let sync = ["sync", &text("from/f1.dat"), &text("to"), "--state", &state].map(str::to_owned);
    let verify = ["verify", &text("from/f1.dat"), &text("to")].map(str::to_owned);
    for arguments in [&sync[..], &sync, &verify] {
        let ended = Process::start(&binaries::flotilla(), arguments, []).wait(Duration::from_secs(60)).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    let names: Vec<_> = std::fs::read_dir(root.join("to")).expect("a folder").map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["f1.dat"]);
}
