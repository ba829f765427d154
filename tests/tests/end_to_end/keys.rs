//! Keys that others lose, from store to store and through queue and ledger.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::cloud::{Cloud, Control, Order, Profile};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, fresh_folder, ministack};
use flotilla_tests::keys::{awkward, generated};
use flotilla_tests::proxy::Kind;
use serde_json::Value;

use crate::support::{MIB, Task, content, write_files};

const NO_ENV: [(&str, String); 0] = [];

/// Keys that a test puts at a source; what holds them is as long as their place here, but for some that are
/// cut into parts.
fn keys() -> Vec<String> {
    let keys: BTreeSet<String> = awkward().into_iter().chain(generated(300, 7)).collect();
    keys.into_iter().collect()
}

fn size(keys: &[String], at: usize) -> usize {
    let in_parts = ["//", " ", "a//b", "../a", "\u{1}", "😀", "trailing/"];
    if in_parts.contains(&keys[at].as_str()) { 5 * MIB + at } else { at % 40 }
}

fn fill(cloud: &Cloud, bucket: &str, keys: &[String]) {
    for (at, key) in keys.iter().enumerate() {
        cloud.put(bucket, key, content(key, size(keys, at)));
    }
}

fn assert_same(cloud: &Cloud, bucket: &str, keys: &[String]) {
    let found = cloud.objects(bucket);
    let expected: BTreeSet<&String> = keys.iter().collect();
    let missing: Vec<_> = expected.iter().filter(|key| !found.contains_key(**key)).collect();
    let strange: Vec<_> = found.keys().filter(|key| !expected.contains(key)).collect();
    assert!(missing.is_empty() && strange.is_empty(), "missing {missing:?}; not asked for {strange:?}");
    for (at, key) in keys.iter().enumerate() {
        assert!(found[key].bytes == content(key, size(keys, at)), "{key:?} has other bytes");
    }
    assert!(cloud.uploads(bucket).is_empty(), "uploads stay open");
}

/// The arguments that say where a side is, in path style.
pub fn at(side: &str, cloud: &Cloud) -> Vec<String> {
    // One file, so that both sides are seen to have the same credentials.
    static KEYS: LazyLock<PathBuf> = LazyLock::new(|| credentials_file(ACCESS_KEY, SECRET_KEY));
    vec![
        format!("--{side}-endpoint-url={}", cloud.endpoint),
        format!("--{side}-credentials=file:{}", KEYS.display()),
        format!("--{side}-region=us-east-1"),
    ]
}

pub struct Sync {
    arguments: Vec<String>,
}

impl Sync {
    pub fn new(source: &str, destination: &str, sides: impl IntoIterator<Item = Vec<String>>) -> Sync {
        let state = fresh_folder("state");
        let mut arguments = vec!["sync".to_owned(), source.to_owned(), destination.to_owned()];
        arguments.extend(["--json", "--retry-delay", "0s", "--state"].map(str::to_owned));
        arguments.push(state.to_str().expect("UTF-8").to_owned());
        arguments.extend(sides.into_iter().flatten());
        Sync { arguments }
    }

    pub fn start(&self, more: &[&str]) -> Process {
        let arguments = self.arguments.iter().map(String::as_str).chain(more.iter().copied());
        Process::start(&binaries::flotilla(), arguments, NO_ENV)
    }

    pub async fn run(&self, more: &[&str]) -> (Ended, Value) {
        let ended = self.start(more).wait(Duration::from_secs(300)).await;
        let last = ended.stdout.lines().last().unwrap_or_default();
        let summary = serde_json::from_str(last).unwrap_or(Value::Null);
        (ended, summary)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_arrives_exactly_once_and_is_deleted_exactly() {
    let (from, to) = (Cloud::start(Profile::AMAZON).await, Cloud::start(Profile::AMAZON).await);
    let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
    let keys = keys();
    fill(&from, &source, &keys);
    let report = fresh_folder("report").join("report");
    let report = report.to_str().expect("UTF-8");
    let sides = [at("source", &from), at("destination", &to)];
    let sync = Sync::new(&format!("s3://{source}"), &format!("s3://{destination}"), sides);
    let (ended, summary) = sync.run(&["--part-size=5MiB", "--multipart-threshold=5MiB", "--report", report]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!((&summary["copied"], &summary["failed"]), (&keys.len().into(), &0.into()), "{summary}");
    assert_same(&to, &destination, &keys);
    let lines = std::fs::read_to_string(report).expect("the report is there");
    let reported = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["key"].as_str().map(str::to_owned);
    let mut reported: Vec<String> = lines.lines().filter_map(reported).collect();
    reported.sort_unstable();
    assert_eq!(reported, keys);

    to.reset();
    let (ended, summary) = sync.run(&["--delete"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!((&summary["copied"], &summary["deleted"]), (&0.into(), &0.into()), "{summary}");
    assert_eq!(to.writes(), 0, "{:?}", to.counts());

    // Every other key goes, and its neighbours stay.
    let (kept, gone): (Vec<_>, Vec<_>) = keys.iter().cloned().enumerate().partition(|(at, _)| at % 2 == 0);
    gone.iter().for_each(|(_, key)| from.remove(&source, key));
    let (ended, summary) = sync.run(&["--delete"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!((&summary["deleted"], &summary["copied"]), (&gone.len().into(), &0.into()), "{summary}");
    let kept: Vec<String> = kept.into_iter().map(|(_, key)| key).collect();
    assert_eq!(to.keys(&destination), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_is_copied_by_the_service_itself_below_prefixes_too() {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let (source, destination) = (cloud.create_bucket("source"), cloud.create_bucket("destination"));
    let keys: Vec<String> = keys().into_iter().filter(|key| key.len() < 1000).collect();
    for (at, key) in keys.iter().enumerate() {
        cloud.put(&source, &format!("a+b %2F/{key}"), content(key, size(&keys, at)));
    }
    cloud.put(&source, "a+b %2F", "not below the prefix");
    cloud.put(&source, "a+b %2F0", "neither");
    let from = format!("s3://{source}/a+b %2F");
    let to = format!("s3://{destination}/in//é");
    let sync = Sync::new(&from, &to, [at("source", &cloud), at("destination", &cloud)]);
    let (ended, _) = sync.run(&["--part-size=5MiB", "--multipart-threshold=5MiB"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let found: Vec<String> = cloud.keys(&destination);
    let expected: BTreeSet<String> = keys.iter().map(|key| format!("in//é/{key}")).collect();
    assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    assert_eq!((cloud.bytes_received(), cloud.count(Kind::Get)), (0, 0), "{:?}", cloud.counts());
    let (_, summary) = sync.run(&[]).await;
    assert_eq!(summary["copied"], 0, "{summary}");
}

/// The location's own folder marker is no object in it, unless it holds bytes.
#[tokio::test(flavor = "multi_thread")]
async fn a_locations_own_marker_is_copied_if_it_has_bytes() {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let (source, destination) = (cloud.create_bucket("source"), cloud.create_bucket("destination"));
    for (folder, bytes) in [("empty/", ""), ("full/", "bytes")] {
        cloud.put(&source, folder, bytes);
        cloud.put(&source, &format!("{folder}key"), "key");
    }
    let sync = |folder: &str, to: &str| {
        let to = format!("s3://{destination}{to}");
        Sync::new(&format!("s3://{source}/{folder}"), &to, [at("source", &cloud), at("destination", &cloud)])
    };
    for (folder, to, code, copied) in [("empty", "/e", 0, 1), ("full", "/f", 0, 2), ("empty", "", 0, 1)] {
        let (ended, summary) = sync(folder, to).run(&[]).await;
        assert_eq!((ended.code, &summary["copied"]), (Some(code), &copied.into()), "{}", ended.stderr);
    }
    assert_eq!(cloud.keys(&destination), ["e/key", "f/", "f/key", "key"]);
    // A bucket has no key for it.
    let (ended, summary) = sync("full", "").run(&[]).await;
    assert_eq!((ended.code, &summary["failed"]), (Some(1), &1.into()), "{}", ended.stderr);
    assert!(ended.stderr.contains("the key is empty"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_passes_queue_and_ledger_of_a_fleet() {
    let (from, to) = (Cloud::start(Profile::AMAZON).await, Cloud::start(Profile::AMAZON).await);
    let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
    let keys = keys();
    fill(&from, &source, &keys);
    let sections = "[find]\njob-objects = 50\n[work]\npart-size = \"5MiB\"\ngiant-threshold = \"5MiB\"\nretry-delay = \"0s\"\nlease = \"30s\"\n";
    let task = Task::between(ministack(), (&source, &from.endpoint), (&destination, &to.endpoint), sections).await;
    // What is denied is listed by `failures`, under its key.
    let denied = ["/", "a\u{1}b", "a/../b", "😀"];
    let _worker = Process::start(&binaries::worker(), task.arguments(&[]), NO_ENV);
    let finder = |more: &[&str]| {
        let mut finder = Process::start(&binaries::finder(), task.arguments(more), NO_ENV);
        async move {
            let ended = finder.wait(Duration::from_secs(300)).await;
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        }
    };
    finder(&["--once"]).await;
    task.finished().await;
    assert_same(&to, &destination, &keys);
    let run = task.run().await.expect("the run is recorded");
    assert_eq!((run.settled.copied, run.settled.failed), (keys.len() as u64, 0), "{:?}", run.settled);
    for key in denied {
        use shared::ledger::Ledger as _;
        let outcome = task.ledger.outcome(&task.name, key).await.expect("the ledger answers").expect("it is recorded");
        assert_eq!(outcome.key, key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_no_folder_can_have_are_named_the_rest_copied() {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let bucket = cloud.create_bucket("source");
    let cannot = ["a//b", "/x", ".", "a/..", "./y", "bytes/", "nul\0"];
    let long = format!("{}/n", "n".repeat(256));
    let can = [" ", "a b/c", "\u{1}\n", "é", "e\u{301}", "beside", "marker/", "kept/", "kept/file", "deep/er/", "\\"];
    for key in cannot.iter().copied().chain([long.as_str()]) {
        cloud.put(&bucket, key, "bytes");
    }
    for key in can {
        cloud.put(&bucket, key, if key.ends_with('/') { "" } else { key });
    }
    // Of `beside` and this a folder holds the first.
    cloud.put(&bucket, "beside/below", "bytes");
    let folder = fresh_folder("destination");
    let sync = Sync::new(&format!("s3://{bucket}"), folder.to_str().expect("UTF-8"), [at("source", &cloud)]);
    let (ended, summary) = sync.run(&[]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!((&summary["failed"], &summary["copied"]), (&8.into(), &can.len().into()), "{}", ended.stderr);
    assert_eq!(summary["not_judged"], 1, "{}", ended.stderr);
    let state = &sync.arguments[sync.arguments.iter().position(|a| a == "--state").expect("it is there") + 1];
    let failures = Process::start(&binaries::flotilla(), ["failures", "--state", state, "--json"], NO_ENV);
    let failures = { failures }.wait(Duration::from_secs(180)).await;
    for key in cannot.iter().copied().chain([long.as_str()]) {
        let quoted = serde_json::to_string(key).expect("JSON");
        assert!(failures.stdout.contains(&quoted), "{quoted} is not among the failures:\n{}", failures.stdout);
    }
    assert!(folder.join("marker").is_dir() && folder.join("deep/er").is_dir() && folder.join("kept/file").is_file());
    // What is there is there; only what failed is tried again.
    let (ended, summary) = sync.run(&[]).await;
    assert_eq!(
        (ended.code, &summary["copied"], &summary["failed"]),
        (Some(1), &0.into(), &8.into()),
        "{}",
        ended.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_and_their_markers_go_there_and_back() {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let (bucket, back) = (cloud.create_bucket("there"), cloud.create_bucket("back"));
    let folder = fresh_folder("folder");
    let files = [("a b".to_owned(), 3), ("x/%2F\n".to_owned(), 4), ("x/y/😀".to_owned(), 5)];
    write_files(&folder, &files);
    // Of two writes within one second nobody knows which came later.
    let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    for (key, _) in &files {
        let file = std::fs::File::options().append(true).open(folder.join(key)).expect("it was written just now");
        file.set_modified(an_hour_ago).expect("a file's time can be set");
    }
    std::fs::create_dir_all(folder.join("empty/inner")).expect("folders can be made");
    let path = folder.to_str().expect("UTF-8");
    let there = Sync::new(path, &format!("s3://{bucket}"), [at("destination", &cloud)]);
    let (ended, _) = there.run(&["--delete"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(cloud.keys(&bucket), ["a b", "empty/inner/", "x/%2F\n", "x/y/😀"]);
    // A marker of a folder that holds something is neither deleted nor missed.
    cloud.put(&bucket, "x/", "");
    let (_, summary) = there.run(&["--delete"]).await;
    assert_eq!((&summary["copied"], &summary["deleted"]), (&0.into(), &0.into()), "{summary}");
    let second = fresh_folder("second");
    let path = second.to_str().expect("UTF-8");
    let copies = Sync::new(&format!("s3://{bucket}"), path, [at("source", &cloud)]);
    for copied in [5, 0] {
        let (ended, summary) = copies.run(&["--delete"]).await;
        assert_eq!((ended.code, &summary["copied"]), (Some(0), &copied.into()), "{}", ended.stderr);
        assert_eq!(summary["deleted"], 0, "{summary}");
    }
    let again = Sync::new(path, &format!("s3://{back}"), [at("destination", &cloud)]);
    assert_eq!(again.run(&[]).await.0.code, Some(0));
    assert_eq!(cloud.keys(&back), ["a b", "empty/inner/", "x/%2F\n", "x/y/😀"]);
    // A marker that is gone takes its folder along, if nothing is in it.
    cloud.remove(&bucket, "empty/inner/");
    let (ended, summary) = copies.run(&["--delete"]).await;
    assert_eq!((ended.code, &summary["deleted"]), (Some(0), &1.into()), "{}", ended.stderr);
    assert!(!second.join("empty").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_in_another_order_is_an_error_and_deletes_nothing() {
    let plain = Cloud::start(Profile::AMAZON).await;
    let strange = Cloud::start(Profile { order: Order::Utf16, ..Profile::AMAZON }).await;
    for (from, to) in [(&strange, &plain), (&plain, &strange)] {
        let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
        for (cloud, bucket) in [(from, &source), (to, &destination)] {
            ["a", "\u{e000}", "😀"].into_iter().for_each(|key| cloud.put(bucket, key, "bytes"));
        }
        to.put(&destination, "stale", "bytes");
        let sides = [at("source", from), at("destination", to)];
        let sync = Sync::new(&format!("s3://{source}"), &format!("s3://{destination}"), sides);
        let (ended, _) = sync.run(&["--delete"]).await;
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains("byte order"), "{}", ended.stderr);
        assert_eq!(to.keys(&destination), ["a", "stale", "\u{e000}", "😀"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_listing_cannot_spell_is_an_error() {
    let to = Cloud::start(Profile::AMAZON).await;
    let keys = ["a", "b\u{1}c", "d", "e\u{ffff}"];
    let cases = [(Control::Referenced, Some(0)), (Control::Raw, Some(1)), (Control::Replaced, Some(1))];
    for (control, code) in cases {
        let from = Cloud::start(Profile { encodes_listings: false, control, ..Profile::UNKNOWN }).await;
        let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
        keys.into_iter().for_each(|key| from.put(&source, key, "bytes"));
        to.put(&destination, "stale", "bytes");
        let sides = [at("source", &from), at("destination", &to)];
        let sync = Sync::new(&format!("s3://{source}"), &format!("s3://{destination}"), sides);
        let (ended, _) = sync.run(&["--delete"]).await;
        assert_eq!(ended.code, code, "{control:?}: {}", ended.stderr);
        match code {
            Some(0) => assert_eq!(to.keys(&destination), keys),
            _ => {
                assert!(to.keys(&destination).contains(&"stale".to_owned()), "{control:?}");
                assert!(ended.stderr.contains("b\\u{1}c") || ended.stderr.contains("b\u{fffd}c"), "{}", ended.stderr);
            }
        }
    }
}
