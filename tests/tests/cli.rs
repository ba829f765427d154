//! The built `flotilla` as people and scripts meet it: exit codes, one line for a mistake, JSON last.

use std::path::{Path, PathBuf};
use std::time::Duration;

use flotilla_tests::binaries::{self, Ended, Process};
use tempfile::TempDir;

/// Long enough for a machine that builds beside; the promise to people is 60 s.
const LIMIT: Duration = Duration::from_secs(60);

struct Place(TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().expect("a temporary folder"));
        place.write("source/a.txt", "a");
        place.write("source/b.jpg", "bb");
        place.write("source/sub/c.jpg", "ccc");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    /// Runs `flotilla`; `@/name` in an argument stands for a path in this place.
    async fn run(&self, arguments: &str) -> Ended {
        self.start(arguments).wait(LIMIT).await
    }

    fn start(&self, arguments: &str) -> Process {
        let root = self.text("");
        let arguments: Vec<String> = arguments.split_whitespace().map(|word| word.replace("@/", &root)).collect();
        let env = [("XDG_STATE_HOME", self.text("state")), ("AWS_CONFIG_FILE", self.text("none"))];
        Process::start(&binaries::flotilla(), arguments, env)
    }
}

fn json(ended: &Ended) -> serde_json::Value {
    serde_json::from_str(ended.stdout.lines().last().expect("a line")).expect("JSON in the last line")
}

#[tokio::test]
async fn a_mistake_is_one_line_and_exit_2() {
    let place = Place::new();
    place.write("broken.toml", "task = [");
    place.write("typo.toml", "task = \"t\"\nstaet = \"/s\"");
    for (arguments, part) in [
        ("sync ftp://x/y @/d", "unknown scheme \"ftp\""),
        ("sync s3:// @/d", "bucket is missing"),
        ("sync @/source", "<DESTINATION>"),
        ("sync @/missing @/d", "does not exist"),
        ("sync @/source @/source/sub", "overlap"),
        ("sync @/source @/d --part-size 1", "part-size: 1 is out of bounds: give 64KiB to 5GiB"),
        ("sync @/source s3://b --part-size 1MiB", "give 5MiB to 5GiB"),
        ("sync @/source @/d --part-size many", "not a size"),
        ("sync @/source @/d --concurrency 0", "concurrency: 0 is out of bounds: give 1 to 1024"),
        ("sync @/source @/d --memory-limit 1MiB", "memory-limit: 1MiB"),
        ("sync @/source @/d --attempts 0", "attempts: 0"),
        ("sync @/source @/d --min-size 2 --max-size 1", "min-size: 2"),
        ("sync @/source @/d --prefix-list @/missing", "missing"),
        ("sync @/source @/d --metrics-addr nonsense", "HOST:PORT"),
        ("sync @/source @/d --source-region x", "takes none"),
        ("sync @/source s3://b --destination-endpoint-url http://u:p@h", "no user"),
        ("sync @/source s3://b --destination-credentials bogus", "env:PREFIX"),
        ("sync @/source @/d --state @/d", "lies within the destination"),
        ("sync @/source @/d --bogus", "--bogus"),
        ("plan @/missing @/d", "does not exist"),
        ("verify @/source @/absent", "does not exist"),
        ("init --config @/broken.toml", "line 1"),
        ("init --config @/typo.toml", "did you mean \"state\"?"),
        ("init --config @/missing.toml", "cannot read config file"),
        ("status --state @/missing", "--state"),
        ("retry --state @/missing", "--state"),
    ] {
        let ended = place.run(arguments).await;
        assert_eq!(ended.code, Some(2), "{arguments}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{arguments}: {}", ended.stderr);
        assert!(ended.stderr.starts_with("flotilla: ") && ended.stderr.contains(part), "{arguments}: {}", ended.stderr);
        assert!(ended.stdout.is_empty(), "{arguments}: {}", ended.stdout);
    }
}

#[tokio::test]
async fn a_closed_port_is_one_line_and_exit_2() {
    let place = Place::new();
    let mut process = Process::start(
        &binaries::flotilla(),
        [
            "sync",
            &place.text("source"),
            "s3://b",
            "--destination-endpoint-url",
            "http://127.0.0.1:1",
            "--destination-credentials",
            "env:T",
        ],
        [("T_ACCESS_KEY_ID", "a".into()), ("T_SECRET_ACCESS_KEY", "b".into()), ("XDG_STATE_HOME", place.text("state"))],
    );
    let ended = process.wait(LIMIT).await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("endpoint-url"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_sync_ends_in_a_json_line_and_a_second_one_copies_nothing() {
    let place = Place::new();
    let first = place.run("sync @/source @/d --json --report @/report").await;
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let summary = json(&first);
    for (field, value) in [("listed", 3), ("copied", 3), ("deleted", 0), ("skipped", 0), ("failed", 0), ("bytes", 6)] {
        assert_eq!(summary[field], value, "{summary}");
    }
    assert_eq!(std::fs::read_to_string(place.path("d/sub/c.jpg")).expect("a copy"), "ccc");
    assert_eq!(std::fs::read_to_string(place.path("report")).expect("a report").lines().count(), 3);
    let summary = json(&place.run("sync @/source @/d --json").await);
    assert_eq!((&summary["copied"], &summary["skipped"]), (&0.into(), &3.into()), "{summary}");
    let verified = place.run("verify @/source @/d --json").await;
    assert_eq!((verified.code, &json(&verified)["same"]), (Some(0), &3.into()));
}

#[tokio::test]
async fn the_last_of_includes_and_excludes_wins_in_the_order_given() {
    let place = Place::new();
    let copied = |ended: Ended| json(&ended)["copied"].clone();
    assert_eq!(copied(place.run("sync @/source @/one --json --exclude *.jpg --include sub/*.jpg").await), 2);
    assert_eq!(copied(place.run("sync @/source @/two --json --include *.jpg --exclude sub/*").await), 1);
    assert_eq!(copied(place.run("sync @/source @/three --json --exclude sub/* --include *.jpg").await), 3);
}

#[tokio::test]
async fn a_dry_run_writes_nothing_anywhere() {
    let place = Place::new();
    let ended = place.run("sync @/source @/d --dry-run --json").await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(json(&ended)["copies"], 3);
    assert!(!place.path("d").exists() && !place.path("state").exists());
}

#[tokio::test]
async fn a_difference_is_listed_and_exit_1() {
    let place = Place::new();
    place.write("d/a.txt", "A");
    place.write("d/extra", "x");
    let ended = place.run("verify @/source @/d").await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "a.txt\tcrc64nvme differs",
            "b.jpg\tmissing at the destination",
            "extra\tmissing at the source",
            "sub/c.jpg\tmissing at the destination"
        ]
    );
}

#[tokio::test]
async fn what_failed_is_named_and_retried_without_options() {
    let place = Place::new();
    // A folder stands where the file should go.
    place.write("d/a.txt/in-the-way", "x");
    let ended = place.run("sync @/source @/d --json --retry-delay 0s --attempts 1").await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!((&json(&ended)["copied"], &json(&ended)["failed"]), (&2.into(), &1.into()));
    assert!(ended.stderr.contains("failed: a.txt\t"), "{}", ended.stderr);
    let failures = place.run("failures").await;
    assert!(failures.stdout.starts_with("a.txt\t1 attempts\t"), "{}", failures.stdout);
    assert!(place.run("status").await.stdout.contains("1 failed"));

    std::fs::remove_dir_all(place.path("d/a.txt")).expect("it can be removed");
    let retried = place.run("retry --json").await;
    assert_eq!(retried.code, Some(0), "{}", retried.stderr);
    assert_eq!((&json(&retried)["copied"], &json(&retried)["failed"]), (&1.into(), &0.into()));
    assert_eq!(std::fs::read_to_string(Path::new(&place.path("d/a.txt"))).expect("a copy"), "a");
}

#[tokio::test]
async fn an_interrupted_sync_exits_3_in_time_and_the_next_one_finishes_it() {
    let place = Place::new();
    for i in 0..3000 {
        place.write(&format!("source/many/{i}"), "some bytes of content");
    }
    // Slow enough to be interrupted in the middle.
    let mut process = place.start("sync @/source @/d --json --bandwidth-limit 64KiB --concurrency 4");
    while std::fs::read_dir(place.path("d/many")).map_or(0, Iterator::count) < 20 {
        assert!(process.is_running(), "{}", process.stderr());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    process.interrupt();
    let ended = process.wait(Duration::from_secs(10)).await;
    if ended.code == Some(0) {
        return; // It was done before the signal came: nothing to see on this machine.
    }
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let resumed = place.run("sync @/source @/d --json").await;
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    let verified = place.run("verify @/source @/d --json").await;
    assert_eq!((verified.code, &json(&verified)["same"]), (Some(0), &3003.into()));
}
