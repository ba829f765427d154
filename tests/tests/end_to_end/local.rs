//! `flotilla sync` in one process.

use std::path::Path;
use std::time::{Duration, Instant};

use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, fresh_folder, weed};
use flotilla_tests::scale::scale;
use serde_json::Value;

use crate::support::{MIB, assert_files, assert_stored, put_all, write_files};

const NO_ENV: [(&str, String); 0] = [];

fn start(arguments: &[&str]) -> Process {
    Process::start(&binaries::flotilla(), arguments, NO_ENV)
}

async fn run(arguments: &[&str]) -> Ended {
    start(arguments).wait(Duration::from_secs(300)).await
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// The summary that `--json` prints as the last line.
fn summary(ended: &Ended) -> Value {
    let last = ended.stdout.lines().last().unwrap_or_else(|| panic!("no summary; it wrote: {}", ended.stderr));
    serde_json::from_str(last).expect("the summary is JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_copied_and_the_next_run_copies_nothing() {
    let (source, destination, state) = (fresh_folder("source"), fresh_folder("destination"), fresh_folder("state"));
    let files: Vec<(String, usize)> = [0, 1, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 70 * MIB]
        .into_iter()
        .map(|size| (format!("sizes/{size}"), size))
        .chain((0..500).map(|i| (format!("small/{}/{i}", i % 7), i)))
        .collect();
    write_files(&source, &files);
    let sync = ["sync", text(&source), text(&destination), "--state", text(&state), "--json"];
    let first = run(&sync).await;
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let counted = summary(&first);
    assert_eq!((&counted["copied"], &counted["failed"]), (&files.len().into(), &0.into()), "{counted}");
    assert_files(&destination, &files);
    let second = summary(&run(&sync).await);
    assert_eq!((&second["copied"], &second["skipped"]), (&0.into(), &files.len().into()), "{second}");
    let verified = run(&["verify", text(&source), text(&destination), "--deep"]).await;
    assert_eq!(verified.code, Some(0), "{}", verified.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_mirrored_to_a_folder_and_back() {
    let weed = weed();
    let client = weed.client(&weed.endpoint);
    let (source, back) = (weed.create_bucket("source").await, weed.create_bucket("back").await);
    let objects: Vec<(String, usize)> =
        vec![("a".into(), 1), ("b/c d+e%2F".into(), 100), ("b/größe".into(), 0), ("big".into(), 70 * MIB)];
    put_all(&client, &source, objects.clone()).await;
    let (folder, state) = (fresh_folder("mirror"), fresh_folder("state"));
    let keys = format!("file:{}", credentials_file(ACCESS_KEY, SECRET_KEY).display());
    let side = |side: &str, endpoint: &str| {
        [format!("--{side}-endpoint-url={endpoint}"), format!("--{side}-credentials={keys}")]
    };
    let from = side("source", &weed.endpoint);
    let there =
        run(&["sync", &format!("s3://{source}"), text(&folder), "--state", text(&state), &from[0], &from[1]]).await;
    assert_eq!(there.code, Some(0), "{}", there.stderr);
    assert_files(&folder, &objects);

    write_files(&folder, &[("new".into(), 7)]);
    let to = side("destination", &weed.second_endpoint);
    put_all(&client, &back, [("stale".to_owned(), 3)]).await;
    let location = format!("s3://{back}");
    let sync = ["sync", text(&folder), &location, "--state", text(&state), &to[0], &to[1], "--delete", "--json"];
    let mirrored = run(&sync).await;
    assert_eq!(mirrored.code, Some(0), "{}", mirrored.stderr);
    let counted = summary(&mirrored);
    assert_eq!((&counted["copied"], &counted["deleted"]), (&5.into(), &1.into()), "{counted}");
    let mut expected = objects;
    expected.push(("new".into(), 7));
    assert_stored(&client, &back, &expected).await;
}

/// Names that a store of folders lists in another order than their bytes', and more than a page of
/// them. No object has a folder's name: SeaweedFS loses one of `a` and `a/x` if both are first written
/// at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn folders_beside_their_longer_namesakes_are_mirrored() {
    let weed = weed();
    let client = weed.client(&weed.endpoint);
    let (source, destination) = (weed.create_bucket("source").await, weed.create_bucket("destination").await);
    let around = |n: u32| {
        let names = ["/x", "/y/z", "-1", ".txt", " e/1", "-2/x", "0", "+/x"];
        names.map(|name| (format!("d{n:03}{name}"), name.len() + n as usize % 7))
    };
    let objects: Vec<(String, usize)> = (0..scale(150, 300)).flat_map(around).collect();
    put_all(&client, &source, objects.clone()).await;
    let keys = format!("file:{}", credentials_file(ACCESS_KEY, SECRET_KEY).display());
    let state = fresh_folder("state");
    let sync = [
        "sync".to_owned(),
        format!("s3://{source}"),
        format!("s3://{destination}"),
        format!("--source-endpoint-url={}", weed.endpoint),
        format!("--source-credentials={keys}"),
        format!("--destination-endpoint-url={}", weed.second_endpoint),
        format!("--destination-credentials={keys}"),
        format!("--state={}", text(&state)),
        "--json".to_owned(),
        "--delete".to_owned(),
    ];
    let sync: Vec<&str> = sync.iter().map(String::as_str).collect();
    let counts = async |arguments: &[&str]| {
        let ended = run(arguments).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let counted = summary(&ended);
        ["copied", "deleted", "skipped", "failed"].map(|name| counted[name].as_u64().expect("a number"))
    };
    let (without_delete, all) = (&sync[..sync.len() - 1], objects.len() as u64);
    assert_eq!(counts(without_delete).await, [all, 0, 0, 0]);
    assert_stored(&client, &destination, &objects).await;
    assert_eq!(counts(without_delete).await, [0, 0, all, 0]);

    let stale =
        (0..40).map(|n| (format!("d{n:03}/stale"), 1)).chain([("d000-0".to_owned(), 1), ("d1/x".to_owned(), 1)]);
    put_all(&client, &destination, stale).await;
    assert_eq!(counts(&sync).await, [0, 42, all, 0]);
    assert_stored(&client, &destination, &objects).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_take_flat_memory_and_an_interrupt_is_resumed() {
    let count = scale(40_000, 200_000);
    let (source, destination, state) = (fresh_folder("source"), fresh_folder("destination"), fresh_folder("state"));
    let files: Vec<(String, usize)> = (0..count).map(|i| (format!("{:03}/{i:06}", i % 200), i % 50)).collect();
    write_files(&source, &files);
    let sync = ["sync", text(&source), text(&destination), "--state", text(&state), "--json"];
    let mut interrupted = start(&sync);
    let started = Instant::now();
    while std::fs::read_dir(&destination).map_or(0, |entries| entries.count()) < 40 {
        assert!(started.elapsed() < Duration::from_secs(300), "nothing is copied: {}", interrupted.stderr());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let early_peak = interrupted.peak_memory_bytes().expect("it is running");
    interrupted.interrupt();
    let ended = interrupted.wait(Duration::from_secs(60)).await;
    assert_eq!(ended.code, Some(3), "interrupted but resumable: {}", ended.stderr);

    let mut resumed = start(&sync);
    let mut peak = 0;
    while resumed.is_running() {
        peak = resumed.peak_memory_bytes().unwrap_or(0).max(peak);
        assert!(started.elapsed() < Duration::from_secs(1200), "too slow: {}", resumed.stderr());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ended = resumed.wait(Duration::from_secs(1)).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.lines().count() > 1, "progress is shown");
    let counted = summary(&ended);
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let before = number(&counted["earlier"]["copied"]);
    assert!(before > 0, "what was copied before the interruption is shown: {counted}");
    let settled = number(&counted["copied"]) + before + number(&counted["skipped"]);
    assert_eq!((settled, &counted["failed"]), (count as u64, &0.into()), "{counted}");
    assert_files(&destination, &files);
    assert!(peak < 256 * MIB as u64, "{peak} bytes resident");
    assert!(peak < early_peak + 64 * MIB as u64, "memory grew from {early_peak} to {peak} bytes");
}
