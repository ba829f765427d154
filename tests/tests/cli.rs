//! The built `flotilla` as people and scripts meet it: exit codes, one line for a mistake, JSON last.

use std::path::{Path, PathBuf};
use std::time::Duration;

use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::cloud::{Algorithm, Cloud, HeldPart, Profile, Sum};
use flotilla_tests::emulators;
use shared::job::Origin;
use shared::ledger::{FAILED_DELETE, OUT_OF_SCOPE, Outcome, RunStart, Settlement, State, events_run};
use shared::object::{Pin, Timestamp};
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

impl Place {
    /// Starts `flotilla` on many files, slow enough to be met at work.
    async fn start_and_see_copies(&self, arguments: &str) -> Process {
        let mut process = self.start(arguments);
        while std::fs::read_dir(self.path("d/many")).map_or(0, Iterator::count) < 20 {
            assert!(process.is_running(), "{}", process.stderr());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        process
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
        ("sync @/source @/source/sub", "flotilla: destination: "),
        ("sync @/source @/source/sub", "overlap"),
        ("sync @/source @/d --concurrency many", "give a whole number"),
        ("sync @/source @/d --restore-days 70000", "too large"),
        ("sync @/source @/d --min-age yesterday", "not a time: give one like 30s or 1h"),
        ("sync @/source @/d --compare mtime", "give one of auto, size-mtime, size, etag, checksum, always"),
        ("sync @/source s3://b --destination-credentials profile:flotilla-none", "no credentials in this profile"),
        ("sync @/source @/d --part-size 1", "part-size: 1 is out of bounds: give 64KiB to 5GiB"),
        ("sync @/source s3://b --part-size 1MiB", "give 5MiB to 5GiB"),
        ("sync @/source @/d --part-size many", "not a size"),
        ("sync @/source @/d --concurrency 0", "concurrency: 0 is out of bounds: give 1 to 1024"),
        ("sync @/source @/d --memory-limit 1MiB", "memory-limit: 1MiB"),
        ("sync @/source @/d --attempts 0", "attempts: 0"),
        ("sync @/source @/d --every 0s", "give at least 1s"),
        ("sync @/source @/d --state @/source/state", "the state folder lies within the source"),
        ("sync oss://bucket @/d", "give --source-region, such as cn-beijing, or --source-endpoint-url"),
        ("sync @/source r2://bucket", "give --destination-endpoint-url, https://{ACCOUNT_ID}.r2.cloudflarestorage.com"),
        ("sync @/source @/d --min-size 2 --max-size 1", "min-size: 2"),
        ("sync @/source @/d --prefix-list @/missing", "missing"),
        ("sync @/source @/d --metrics-addr nonsense", "HOST:PORT"),
        ("sync @/source @/d --source-region x", "is a folder and has no region: leave it out"),
        (
            "sync @/source @/d --region x",
            "--region: every location here is a folder and has no region: leave --region out",
        ),
        ("sync @/source", "see flotilla sync --help"),
        ("ls @/missing", "does not exist"),
        ("ls @/source -q -v", "cannot be used with"),
        ("sync @/source s3://b --destination-endpoint-url http://u:p@h", "no user"),
        ("sync @/source s3://b --destination-credentials bogus", "env:PREFIX"),
        ("sync @/source @/d --state @/d", "the state folder lies within the destination"),
        ("sync @/source @/d --bogus", "--bogus"),
        ("watch s3://b @/d", "give --events-queue NAME"),
        ("watch @/source @/d --events-queue q", "leave --events-queue out"),
        ("watch @/source @/d --events-queue-region x", "--events-queue"),
        ("watch @/source @/d --outage-limit 1m", "leave --outage-limit out"),
        ("watch @/source @/d --every 0s", "give at least 1s"),
        ("watch @/missing @/d", "does not exist"),
        ("watch @/source @/source/sub", "overlap"),
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

/// The run ids of `status`, the oldest first.
async fn run_ids(place: &Place) -> Vec<String> {
    let status = place.run("status --json").await.stdout;
    let id =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["id"].as_str().map(str::to_owned);
    status.lines().map(|line| id(line).expect("an id")).collect()
}

#[tokio::test]
async fn regression_a_run_is_found_by_any_unique_part_of_its_id() {
    let place = Place::new();
    for _ in 0..2 {
        assert_eq!(place.run("sync @/source @/d").await.code, Some(0));
    }
    let ids = run_ids(&place).await;
    let end = &ids[0][ids[0].len() - 8..];
    let found = place.run(&format!("status {end}")).await;
    assert!(found.code == Some(0) && found.stdout.starts_with(end), "{}{}", found.stdout, found.stderr);
    assert_eq!(place.run(&format!("failures {}", end.to_uppercase())).await.code, Some(0));
    // Both began in the same hour, so the first digits of their ids are the same.
    for (part, says) in [(&ids[0][..4], "2 runs have"), ("zzz", "no run id contains \"zzz\"")] {
        let refused = place.run(&format!("retry {part}")).await;
        assert_eq!((refused.code, refused.stderr.lines().count()), (Some(2), 1), "{}", refused.stderr);
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
        assert_eq!(refused.stderr.contains(&ids[1]), part != "zzz", "{}", refused.stderr);
    }
}

#[tokio::test]
async fn regression_verbose_lists_objects_and_quiet_says_nothing() {
    let place = Place::new();
    let verbose = place.run("sync @/source @/d -v --json").await;
    assert_eq!(verbose.code, Some(0), "{}", verbose.stderr);
    assert_eq!(json(&verbose)["copied"], 3);
    assert_eq!(verbose.stdout.lines().count(), 1, "objects are not mixed into the JSON: {}", verbose.stdout);
    let mut lines: Vec<&str> = verbose.stderr.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["copied a.txt (1 B)", "copied b.jpg (2 B)", "copied sub/c.jpg (3 B)"]);
    place.write("source/d", "d");
    let quiet = place.run("sync @/source @/d --quiet").await;
    assert_eq!((quiet.code, &*quiet.stdout, &*quiet.stderr), (Some(0), "", ""));
    let said = place.run("sync @/source @/d").await.stderr;
    assert!(
        said.starts_with("4 listed, 0 copied (0 B), 4 already up to date in ") && said.lines().count() == 1,
        "{said}"
    );
    assert!(said.trim_end().len() < 80, "a summary fits a terminal: {said}");
}

#[tokio::test]
async fn regression_ls_lists_what_the_finder_sees() {
    let place = Place::new();
    let all = place.run("ls @/source").await;
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    let keys: Vec<&str> = all.stdout.lines().filter_map(|line| line.rsplit("  ").next()).collect();
    assert_eq!((keys, all.stderr.trim()), (vec!["a.txt", "b.jpg", "sub/c.jpg"], "3 objects, 6 B"));
    let filtered = place.run("ls @/source --json --exclude *.jpg --include sub/* --min-size 1").await;
    let lines: Vec<serde_json::Value> =
        filtered.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.iter().map(|line| line["key"].as_str()).collect::<Vec<_>>(), [Some("a.txt"), Some("sub/c.jpg")]);
    assert_eq!((&lines[1]["size"], lines[1]["modified"].is_u64()), (&3.into(), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_the_environments_endpoint_is_the_tasks() {
    let place = Place::new();
    let cloud = Cloud::start(Profile::MINIO).await;
    let bucket = format!("s3://{}", cloud.create_bucket("bucket"));
    let env = [
        ("AWS_ENDPOINT_URL_S3", cloud.endpoint.clone()),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1".to_owned()),
        ("AWS_ACCESS_KEY_ID", emulators::ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", emulators::SECRET_KEY.to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("XDG_STATE_HOME", place.text("state")),
    ];
    let arguments = ["sync", &place.text("source"), &bucket];
    let ended = Process::start(&binaries::flotilla(), arguments, env.clone()).wait(LIMIT).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let listed = Process::start(&binaries::flotilla(), ["ls", &bucket], env).wait(LIMIT).await;
    assert_eq!(listed.stdout.lines().count(), 3, "{}", listed.stderr);
}

#[tokio::test]
async fn regression_the_version_names_the_target() {
    let place = Place::new();
    let version = place.run("--version").await.stdout;
    assert!(version.starts_with(&format!("flotilla {}", shared::VERSION)), "{version}");
    assert!(version.contains(&format!("{}-", std::env::consts::ARCH)) && version.contains("linux"), "{version}");
}

#[tokio::test]
async fn regression_each_program_calls_itself_by_its_name() {
    for (program, name) in [(binaries::finder(), "finder"), (binaries::worker(), "worker")] {
        let ended = Process::start(&program, ["--version"], Vec::<(&'static str, String)>::new()).wait(LIMIT).await;
        assert!(ended.stdout.starts_with(&format!("{name} {}", shared::VERSION)), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn what_failed_is_named_and_retried_without_options() {
    let place = Place::new();
    // A folder stands where the file should go.
    place.write("d/a.txt/in-the-way", "x");
    let ended = place.run("sync @/source @/d --json --retry-delay 0s --attempts 1").await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!((&json(&ended)["copied"], &json(&ended)["failed"]), (&2.into(), &1.into()));
    assert!(ended.stderr.contains("failed: a.txt\t1 attempt\t"), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("a.txt\t").count() + ended.stderr.matches("key=a.txt").count(), 1);
    let failures = place.run("failures").await;
    assert!(failures.stdout.starts_with("a.txt\t1 attempt\t"), "{}", failures.stdout);
    assert!(place.run("status").await.stdout.contains("1 failed"));

    std::fs::remove_dir_all(place.path("d/a.txt")).expect("it can be removed");
    let retried = place.run("retry --json --report @/report").await;
    assert_eq!(retried.code, Some(0), "{}", retried.stderr);
    assert_eq!((&json(&retried)["copied"], &json(&retried)["failed"]), (&1.into(), &0.into()));
    assert_eq!(std::fs::read_to_string(Path::new(&place.path("d/a.txt"))).expect("a copy"), "a");
    assert!(std::fs::read_to_string(place.path("report")).expect("a report").starts_with("{\"key\":\"a.txt\""));
}

#[tokio::test]
async fn what_became_of_events_is_shown_after_the_runs_and_its_failures_are_retried_as_the_source_is_now() {
    let place = Place::new();
    assert_eq!(place.run("sync @/source @/d").await.code, Some(0));
    let synced = json(&place.run("status --json").await);
    assert_eq!((&synced["events"], &synced["done"]), (&false.into(), &true.into()));
    let (task, source) = (synced["task"].as_str().expect("a task"), synced["source"].as_str().expect("a source"));
    let events = events_run(task);
    let ledger = adapters::open::embedded_ledger(&place.path("state/flotilla")).expect("a ledger");
    let start = RunStart {
        id: events.clone(),
        task: task.to_owned(),
        source: source.to_owned(),
        destination: synced["destination"].as_str().expect("a destination").to_owned(),
        options: Default::default(),
        started: Timestamp(1),
    };
    ledger.start_run(&start).await.expect("it starts");
    let outcome = |key: &str, state, reason: Option<&str>| Outcome {
        key: key.to_owned(),
        state,
        reason: reason.map(str::to_owned),
        size: 1024,
        source: Pin::default(),
        etag: None,
        checksum: None,
        verified: None,
        attempts: 3,
        error: (state == State::Failed).then(|| "no luck".to_owned()),
        worker: "w".to_owned(),
        started: Timestamp(1),
        finished: Timestamp(2),
    };
    let outcomes = [
        (0, outcome("a.txt", State::Copied, None)),
        (1, outcome("late.txt", State::Failed, None)),
        (2, outcome("gone.txt", State::Failed, Some(FAILED_DELETE))),
        (3, outcome("elsewhere", State::Skipped, Some(OUT_OF_SCOPE))),
    ];
    let origin = Origin { id: "m-1".to_owned(), items: 4 };
    let settlement = Settlement { task, run: &events, origin: &origin, outcomes: &outcomes };
    ledger.settle(&settlement).await.expect("they settle");
    drop(ledger);

    let shown = place.run("status").await.stdout;
    let line = "following events: 1 copied (1.00 KiB), 1 out of scope, 2 failed, last at ";
    assert!(shown.lines().last().is_some_and(|last| last.contains(line)), "{shown}");
    let status = json(&place.run("status --json").await);
    assert_eq!((&status["id"], &status["events"], &status["done"]), (&(*events).into(), &true.into(), &false.into()));
    assert_eq!((&status["settled"]["out_of_scope"], &status["enqueued"]), (&1.into(), &0.into()));
    // No RUN is the newest of the finder's.
    assert_eq!(place.run("failures").await.stdout, "");
    assert_eq!(place.run(&format!("failures {events}")).await.stdout.lines().count(), 2);
    assert!(place.run("retry").await.stderr.contains("has no failed objects"));

    place.write("source/late.txt", "now it is there");
    place.write("source/gone.txt", "came back");
    let retried = place.run(&format!("retry {events} --json")).await;
    assert_eq!((retried.code, &json(&retried)["copied"]), (Some(0), &2.into()), "{}", retried.stderr);
    assert_eq!(std::fs::read_to_string(place.path("d/late.txt")).expect("a copy"), "now it is there");
    assert_eq!(std::fs::read_to_string(place.path("d/gone.txt")).expect("a copy"), "came back");
    // The retry is a run like others, and the next sync finds nothing left.
    assert_eq!(json(&place.run("sync @/source @/d --json").await)["copied"], 0);
}

#[tokio::test]
async fn an_interrupted_sync_exits_3_in_time_and_the_next_one_finishes_it() {
    let place = Place::new();
    for i in 0..3000 {
        place.write(&format!("source/many/{i}"), "some bytes of content");
    }
    // Slow enough to be interrupted in the middle.
    let slow = "sync @/source @/d --json --log json --report @/report --bandwidth-limit 64KiB --concurrency 4";
    let mut process = place.start_and_see_copies(slow).await;
    process.interrupt();
    let ended = process.wait(Duration::from_secs(10)).await;
    if ended.code == Some(0) {
        return; // It was done before the signal came: nothing to see on this machine.
    }
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let notice =
        ended.stderr.lines().find(|line| line.contains("Stopping… press Ctrl-C again to stop now")).expect("a notice");
    assert!(serde_json::from_str::<serde_json::Value>(notice).is_ok(), "{notice}");
    let resumed = place.run("sync @/source @/d --json --report @/report").await;
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    let report = std::fs::read_to_string(place.path("report")).expect("a report");
    let keys: std::collections::BTreeSet<String> = report
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["key"].to_string())
        .collect();
    assert_eq!(keys.len(), 3003, "what was copied before the interruption stands there as well");
    let verified = place.run("verify @/source @/d --json").await;
    assert_eq!((verified.code, &json(&verified)["same"]), (Some(0), &3003.into()));
}

#[tokio::test]
async fn a_second_sync_of_a_running_task_says_so_in_one_line_and_exits_2() {
    let place = Place::new();
    for i in 0..3000 {
        place.write(&format!("source/many/{i}"), "some bytes of content");
    }
    let mut first = place.start_and_see_copies("sync @/source @/d --bandwidth-limit 64KiB --concurrency 4").await;
    for arguments in ["sync @/source @/d", "sync @/source @/d --force", "sync @/source @/d --delete"] {
        let second = place.run(arguments).await;
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
    assert_eq!(place.run("sync @/source @/d").await.code, Some(0));
}

#[tokio::test]
async fn a_repeated_sync_tells_a_failure_once() {
    let place = Place::new();
    let mut process = place.start("sync @/source @/d --every 1h");
    while !process.stderr().contains("(run ") {
        assert!(process.is_running(), "{}", process.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    process.interrupt();
    assert_eq!(process.wait(LIMIT).await.code, Some(0));
    // A source that lists nothing deletes nothing: the run fails, and the process goes on.
    std::fs::remove_dir_all(place.path("source")).expect("it can be removed");
    std::fs::create_dir(place.path("source")).expect("a folder");
    let mut process = place.start("sync @/source @/d --delete --every 1h");
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
    let place = Place::new();
    assert_eq!(place.run("sync @/source @/d").await.code, Some(0));
    std::fs::create_dir(place.path("empty")).expect("a folder");
    for (command, code) in [("plan @/empty @/d --delete", 1), ("plan @/empty @/d", 0)] {
        let planned = place.run(command).await;
        assert_eq!(planned.code, Some(code), "{command}: {}", planned.stderr);
        assert_eq!(planned.stderr.contains("the source has no objects"), code == 1, "{}", planned.stderr);
        assert!(planned.stdout.contains("to copy    0 (0 B)\n"), "{}", planned.stdout);
    }
}

#[tokio::test]
async fn regression_failures_before_any_run_ask_for_no_option_that_is_given() {
    let place = Place::new();
    let text = format!(
        "task = \"early\"\nstate = \"{0}state\"\nsource.location = \"{0}source\"\ndestination.location = \"{0}d\"\n",
        place.text("")
    );
    place.write("task.toml", &text);
    let ended = place.run("failures --config @/task.toml").await;
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{}", ended.stderr);
    assert!(ended.stderr.contains("task early has no runs"), "{}", ended.stderr);
}

#[tokio::test]
async fn without_a_home_the_state_folder_must_be_named() {
    let place = Place::new();
    for (command, code) in [("sync", 2), ("verify", 1)] {
        let arguments = [command, &place.text("source"), &place.text("source2")];
        std::fs::create_dir_all(place.path("source2")).expect("a folder");
        let env = [("XDG_STATE_HOME", String::new()), ("HOME", String::new())];
        let ended = Process::start(&binaries::flotilla(), arguments, env).wait(LIMIT).await;
        assert_eq!(ended.code, Some(code), "{command}: {}", ended.stderr);
        assert_eq!(ended.stderr.contains("give --state DIR"), code == 2, "{command}: {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn init_tells_what_it_made_and_what_was_there() {
    let place = Place::new();
    let emulator = emulators::ministack();
    let name = emulators::unique_name("init");
    let connection = emulator.connection();
    let endpoint = connection.endpoint_url.expect("an emulator has an endpoint");
    let reached = format!("endpoint-url = \"{endpoint}\"\nregion = \"us-east-1\"\ncredentials = \"env:T\"\n");
    let config = format!(
        "task = \"t\"\nsource.location = \"/a\"\ndestination.location = \"/b\"\n\
         [queue]\nname = \"{name}\"\n{reached}[ledger]\ntable = \"{name}\"\n{reached}"
    );
    place.write("task.toml", &config);
    for lines in [
        [format!("created queue {name}-dead"), format!("created queue {name}"), format!("created table {name}")],
        [format!("queue {name}-dead exists"), format!("queue {name} exists"), format!("table {name} exists")],
    ] {
        let env = [("T_ACCESS_KEY_ID", "test".to_owned()), ("T_SECRET_ACCESS_KEY", "test".to_owned())];
        let arguments = ["init", "--config", &place.text("task.toml")];
        let ended = Process::start(&binaries::flotilla(), arguments, env).wait(LIMIT).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(lines.iter().all(|line| ended.stdout.lines().any(|told| told == line)), "{}", ended.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_verified_by_the_checksum_that_the_bucket_tells() {
    let place = Place::new();
    let emulator = emulators::weed();
    let bucket = emulator.create_bucket("verify").await;
    let run = async |command: &str| {
        let location = format!("s3://{bucket}");
        let arguments = [
            command,
            &place.text("source"),
            &location,
            "--destination-endpoint-url",
            &emulator.endpoint,
            "--destination-credentials",
            "env:T",
            "--json",
        ];
        let env = [
            ("T_ACCESS_KEY_ID", emulators::ACCESS_KEY.to_owned()),
            ("T_SECRET_ACCESS_KEY", emulators::SECRET_KEY.to_owned()),
            ("XDG_STATE_HOME", place.text("state")),
        ];
        Process::start(&binaries::flotilla(), arguments, env).wait(LIMIT).await
    };
    assert_eq!(run("sync").await.code, Some(0));
    let verified = run("verify").await;
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    let tally = json(&verified);
    assert_eq!((&tally["same"], &tally["size_only"], &tally["by"]["size"]), (&3.into(), &0.into(), &().into()));
}

/// Tags of parts are of the parts: cut otherwise, equal bytes have other tags.
#[tokio::test]
async fn verify_does_not_take_another_cut_for_other_bytes() {
    let cloud = Cloud::start(Profile::MINIO).await;
    let (from, to) = (cloud.create_bucket("from"), cloud.create_bucket("to"));
    let put = |bucket: &str, key: &str, bytes: &'static str, tag: char, first: usize| {
        let part = |number, bytes: &'static str| HeldPart {
            number,
            bytes: bytes.into(),
            etag: String::new(),
            modified: Default::default(),
            checksum: None,
        };
        cloud.put_as(bucket, key, bytes, |held| {
            held.etag = format!("{}-2", tag.to_string().repeat(32));
            held.parts = vec![part(1, &bytes[..first]), part(2, &bytes[first..])];
            held.checksum = Some(Sum::of(Algorithm::Crc64Nvme, bytes.as_bytes()));
        });
    };
    for (key, theirs, tag, first) in [
        ("alike", "abcdef", 'a', 4),
        ("cut-otherwise", "abcdef", 'b', 3),
        ("other", "abcdeX", 'c', 3),
        ("tag", "abcdeX", 'd', 4),
    ] {
        put(&from, key, "abcdef", 'a', 4);
        put(&to, key, theirs, tag, first);
    }
    let place = Place::new();
    let keys = emulators::credentials_file(emulators::ACCESS_KEY, emulators::SECRET_KEY).display().to_string();
    let side = |side: &str| format!("--{side}-endpoint-url {} --{side}-credentials file:{keys}", cloud.endpoint);
    let arguments = format!("verify s3://{from} s3://{to} --json {} {}", side("source"), side("destination"));
    let ended = place.run(&arguments).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let lines: Vec<serde_json::Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let different: Vec<&str> = lines.iter().filter_map(|line| line["key"].as_str()).collect();
    assert_eq!(different, ["other", "tag"], "{}", ended.stdout);
}
