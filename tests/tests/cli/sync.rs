//! One `flotilla sync` after the other.

use std::time::Duration;

use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::emulators;

use crate::sandbox::{LIMIT, Sandbox, json};

#[tokio::test]
async fn a_sync_ends_in_a_json_line_and_a_second_one_copies_nothing() {
    let sandbox = Sandbox::new();
    let first = sandbox.run("sync @/source @/d --json --report @/report").await;
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let summary = json(&first);
    for (field, value) in [("listed", 3), ("copied", 3), ("deleted", 0), ("skipped", 0), ("failed", 0), ("bytes", 6)] {
        assert_eq!(summary[field], value, "{summary}");
    }
    assert_eq!(std::fs::read_to_string(sandbox.path("d/sub/c.jpg")).expect("a copy"), "ccc");
    assert_eq!(std::fs::read_to_string(sandbox.path("report")).expect("a report").lines().count(), 3);
    let summary = json(&sandbox.run("sync @/source @/d --json").await);
    assert_eq!((&summary["copied"], &summary["skipped"]), (&0.into(), &3.into()), "{summary}");
    let verified = sandbox.run("verify @/source @/d --json").await;
    assert_eq!((verified.code, &json(&verified)["same"]), (Some(0), &3.into()));
}

#[tokio::test]
async fn the_last_of_includes_and_excludes_wins_in_the_order_given() {
    let sandbox = Sandbox::new();
    let copied = |ended: Ended| json(&ended)["copied"].clone();
    assert_eq!(copied(sandbox.run("sync @/source @/one --json --exclude *.jpg --include sub/*.jpg").await), 2);
    assert_eq!(copied(sandbox.run("sync @/source @/two --json --include *.jpg --exclude sub/*").await), 1);
    assert_eq!(copied(sandbox.run("sync @/source @/three --json --exclude sub/* --include *.jpg").await), 3);
}

#[tokio::test]
async fn a_dry_run_writes_nothing_anywhere() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run("sync @/source @/d --dry-run --json").await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(json(&ended)["copies"], 3);
    assert!(!sandbox.path("d").exists() && !sandbox.path("state").exists());
}

#[tokio::test]
async fn regression_verbose_lists_objects_and_quiet_says_nothing() {
    let sandbox = Sandbox::new();
    let verbose = sandbox.run("sync @/source @/d -v --json").await;
    assert_eq!(verbose.code, Some(0), "{}", verbose.stderr);
    assert_eq!(json(&verbose)["copied"], 3);
    assert_eq!(verbose.stdout.lines().count(), 1, "objects are not mixed into the JSON: {}", verbose.stdout);
    let mut lines: Vec<&str> = verbose.stderr.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["copied a.txt (1 B)", "copied b.jpg (2 B)", "copied sub/c.jpg (3 B)"]);
    sandbox.write("source/d", "d");
    let quiet = sandbox.run("sync @/source @/d --quiet").await;
    assert_eq!((quiet.code, &*quiet.stdout, &*quiet.stderr), (Some(0), "", ""));
    let said = sandbox.run("sync @/source @/d").await.stderr;
    assert!(
        said.starts_with("4 listed, 0 copied (0 B), 4 already up to date in ") && said.lines().count() == 1,
        "{said}"
    );
    assert!(said.trim_end().len() < 80, "a summary fits a terminal: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_the_environments_endpoint_is_the_tasks() {
    let sandbox = Sandbox::new();
    let cloud = Cloud::start(Profile::MINIO).await;
    let bucket = format!("s3://{}", cloud.create_bucket("bucket"));
    let env = [
        ("AWS_ENDPOINT_URL_S3", cloud.endpoint.clone()),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1".to_owned()),
        ("AWS_ACCESS_KEY_ID", emulators::ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", emulators::SECRET_KEY.to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("XDG_STATE_HOME", sandbox.text("state")),
    ];
    let arguments = ["sync", &sandbox.text("source"), &bucket];
    let ended = Process::start(&binaries::flotilla(), arguments, env.clone()).wait(LIMIT).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let listed = Process::start(&binaries::flotilla(), ["ls", &bucket], env).wait(LIMIT).await;
    assert_eq!(listed.stdout.lines().count(), 3, "{}", listed.stderr);
}

#[tokio::test]
async fn an_interrupted_sync_exits_3_and_the_next_one_finishes() {
    let sandbox = Sandbox::new();
    for i in 0..3000 {
        sandbox.write(&format!("source/many/{i}"), "some bytes of content");
    }
    // Slow enough to be interrupted in the middle.
    let slow = "sync @/source @/d --json --log json --report @/report --bandwidth-limit 64KiB --concurrency 4";
    let mut process = sandbox.start_and_see_copies(slow).await;
    process.interrupt();
    let ended = process.wait(Duration::from_secs(10)).await;
    if ended.code == Some(0) {
        return; // It was done before the signal came: nothing to see on this machine.
    }
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let notice =
        ended.stderr.lines().find(|line| line.contains("Stopping… press Ctrl-C again to stop now")).expect("a notice");
    assert!(serde_json::from_str::<serde_json::Value>(notice).is_ok(), "{notice}");
    let resumed = sandbox.run("sync @/source @/d --json --report @/report").await;
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    let report = std::fs::read_to_string(sandbox.path("report")).expect("a report");
    let keys: std::collections::BTreeSet<String> = report
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["key"].to_string())
        .collect();
    assert_eq!(keys.len(), 3003, "what was copied before the interruption stands there as well");
    let verified = sandbox.run("verify @/source @/d --json").await;
    assert_eq!((verified.code, &json(&verified)["same"]), (Some(0), &3003.into()));
}

#[tokio::test]
async fn a_second_sync_of_a_running_task_exits_2_with_one_line() {
    let sandbox = Sandbox::new();
    for i in 0..3000 {
        sandbox.write(&format!("source/many/{i}"), "some bytes of content");
    }
    let mut first = sandbox.start_and_see_copies("sync @/source @/d --bandwidth-limit 64KiB --concurrency 4").await;
    for arguments in ["sync @/source @/d", "sync @/source @/d --force", "sync @/source @/d --delete"] {
        let second = sandbox.run(arguments).await;
        if !first.is_running() {
            return; // It was done too soon: nothing to see on this machine.
        }
        assert_eq!((second.code, second.stderr.lines().count()), (Some(2), 1), "{}", second.stderr);
        let pid = format!("(process {}): wait for it, or stop it", first.pid().as_raw_nonzero());
        let says = "another sync of this task is running";
        assert!(second.stderr.contains(says) && second.stderr.contains(&pid), "{}", second.stderr);
    }
    first.kill();
    first.wait(LIMIT).await;
    // Its claim went with it.
    assert_eq!(sandbox.run("sync @/source @/d").await.code, Some(0));
}

#[tokio::test]
async fn a_repeated_sync_reports_a_failure_once() {
    let sandbox = Sandbox::new();
    let mut process = sandbox.start("sync @/source @/d --every 1h");
    while !process.stderr().contains("(run ") {
        assert!(process.is_running(), "{}", process.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    process.interrupt();
    assert_eq!(process.wait(LIMIT).await.code, Some(0));
    // A source that lists nothing deletes nothing: the run fails, and the process goes on.
    std::fs::remove_dir_all(sandbox.path("source")).expect("it can be removed");
    std::fs::create_dir(sandbox.path("source")).expect("a folder");
    let mut process = sandbox.start("sync @/source @/d --delete --every 1h");
    while !process.stderr().contains("the source has no objects") {
        assert!(process.is_running(), "{}", process.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    process.interrupt();
    let ended = process.wait(LIMIT).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("the source has no objects").count(), 1, "{}", ended.stderr);
}

#[tokio::test]
async fn regression_a_plan_of_a_run_that_would_stop_exits_as_the_run() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run("sync @/source @/d").await.code, Some(0));
    std::fs::create_dir(sandbox.path("empty")).expect("a folder");
    for (command, code) in [("plan @/empty @/d --delete", 1), ("plan @/empty @/d", 0)] {
        let planned = sandbox.run(command).await;
        assert_eq!(planned.code, Some(code), "{command}: {}", planned.stderr);
        assert_eq!(planned.stderr.contains("the source has no objects"), code == 1, "{}", planned.stderr);
        assert!(planned.stdout.contains("to copy    0 (0 B)\n"), "{}", planned.stdout);
    }
}
