//! A user who changes their mind: a command is cut off, and the next one has other options. Nothing of the first is
//! carried out any more, wherever its jobs are, and its counters add up.

mod watch;

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, Weed, fresh_folder, weed};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use serde_json::Value;
use shared::ledger::{Ledger, Phase, Run};
use shared::queue::JobQueue;
use shared::terminal;

use crate::fleet_of_folders::{Folders, stop};
use crate::support::{MIB, list, put_all, write_files};

const LIMIT: Duration = Duration::from_secs(180);

/// Objects that only the destination has.
const GONE: usize = 120;

/// A folder that is mirrored to a bucket behind a proxy.
struct Mirror {
    weed: &'static Weed,
    proxy: Proxy,
    bucket: String,
    root: PathBuf,
}

impl Mirror {
    async fn new(files: &[(String, usize)]) -> Mirror {
        let weed = weed();
        let (proxy, bucket) = (Proxy::start(&weed.endpoint).await, weed.create_bucket("mind").await);
        let root = fresh_folder("mind");
        let source = root.join("source");
        write_files(&source, files);
        // Objects that are copied within the second of their last write are copied again.
        let written = SystemTime::now() - Duration::from_secs(60);
        for (key, _) in files {
            let file = std::fs::File::options().write(true).open(source.join(key)).expect("the file opens");
            file.set_modified(written).expect("the time is set");
        }
        Mirror { weed, proxy, bucket, root }
    }

    fn start(&self, command: &str) -> Process {
        let root = self.root.display();
        let sides = format!(
            "{root}/source s3://{} --state {root}/state --destination-endpoint-url {} --destination-credentials env:T",
            self.bucket, self.proxy.endpoint
        );
        let arguments = command.replace("SIDES", &sides).replace("STATE", &format!("--state {root}/state"));
        let env = [("T_ACCESS_KEY_ID", ACCESS_KEY.to_owned()), ("T_SECRET_ACCESS_KEY", SECRET_KEY.to_owned())];
        Process::start(&binaries::flotilla(), arguments.split_whitespace(), env)
    }

    async fn run(&self, command: &str) -> Ended {
        self.start(command).wait(LIMIT).await
    }

    /// Starts a command, and kills it when the proxy has been asked so often for this.
    async fn kill_after(&self, command: &str, kind: Kind, count: u64) {
        let mut process = self.start(command);
        let began = Instant::now();
        while self.proxy.count(kind) < count {
            assert!(process.is_running() && began.elapsed() < LIMIT, "{kind:?}: {}", process.stderr());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        process.kill();
        process.wait(LIMIT).await;
    }

    /// All runs as `status` shows them, oldest first.
    async fn runs(&self) -> Vec<Value> {
        let status = self.run("status STATE --json").await;
        status.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    async fn keys(&self) -> usize {
        list(&self.weed.client(&self.weed.endpoint), &self.bucket).await.len()
    }
}

fn assert_cancelled(run: &Value) {
    let settled = |name: &str| run["settled"][name].as_u64().expect("a number");
    let sum: u64 = ["copied", "deleted", "skipped", "failed", "cancelled"].map(settled).iter().sum();
    assert_eq!((&run["phase"], &run["done"]), (&"cancelled".into(), &true.into()), "{run}");
    assert_eq!(run["enqueued"].as_u64(), Some(sum), "{run}");
    assert!(settled("cancelled") > 0, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_queued_deletes_end_with_their_options() {
    for (options, code) in [("", 0), ("--delete --exclude gone/*", 0), ("--delete --max-delete 7", 1)] {
        let mirror = Mirror::new(&[("kept".to_owned(), 5)]).await;
        let gone: Vec<_> = (0..GONE).map(|n| (format!("gone/{n}"), 3)).collect();
        put_all(&mirror.weed.client(&mirror.weed.endpoint), &mirror.bucket, gone).await;
        // Slow, so that most are still queued or leased when the command is killed.
        mirror.proxy.inject(Rule::on(Kind::Delete, Fault::Delay(Duration::from_millis(300))));
        mirror.kill_after("sync SIDES --delete --concurrency 1", Kind::Delete, 3).await;
        mirror.proxy.heal();
        mirror.proxy.reset();
        let ended = mirror.run(&format!("sync SIDES {options}")).await;
        assert_eq!(ended.code, Some(code), "{options}: {}", ended.stderr);
        assert!(ended.stderr.contains("cancelled run "), "{options}: {}", ended.stderr);
        assert_eq!(mirror.proxy.count(Kind::Delete), 0, "{options}: {}", ended.stderr);
        assert!(mirror.keys().await > GONE / 2, "{options}");
        assert_cancelled(&mirror.runs().await[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_giant_under_way_is_aborted_when_it_is_excluded() {
    let mirror = Mirror::new(&[("giant".to_owned(), 60 * MIB), ("small".to_owned(), 5)]).await;
    let giant = "--giant-threshold 20MiB --multipart-threshold 10MiB --part-size 5MiB";
    mirror.proxy.inject(Rule::on(Kind::Part, Fault::Delay(Duration::from_millis(500))).after(2));
    mirror.kill_after(&format!("sync SIDES {giant} --concurrency 1"), Kind::Part, 4).await;
    mirror.proxy.heal();
    mirror.proxy.reset();
    let ended = mirror.run(&format!("sync SIDES {giant} --exclude giant")).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(mirror.proxy.count(Kind::Part) + mirror.proxy.count(Kind::Complete), 0, "{}", ended.stderr);
    assert!(mirror.proxy.count(Kind::Abort) > 0, "{}", ended.stderr);
    let client = mirror.weed.client(&mirror.weed.endpoint);
    let open = client.list_multipart_uploads().bucket(&mirror.bucket).send().await.expect("uploads are listed");
    assert!(open.uploads().is_empty(), "an upload stays open");
    assert_cancelled(&mirror.runs().await[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_running_copies_end_when_the_class_changes() {
    let files: Vec<_> = (0..60).map(|n| (format!("f{n}"), 100)).collect();
    let mirror = Mirror::new(&files).await;
    mirror.proxy.inject(Rule::on(Kind::Put, Fault::Delay(Duration::from_millis(300))));
    mirror.kill_after("sync SIDES --concurrency 1", Kind::Put, 3).await;
    mirror.proxy.heal();
    let ended = mirror.run("sync SIDES --storage-class STANDARD_IA").await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_cancelled(&mirror.runs().await[0]);
    let runs = mirror.runs().await;
    let copied = |run: &Value| run["settled"]["copied"].as_u64().expect("a number");
    assert!(copied(&runs[1]) >= 55, "{runs:?}");
}

/// Lets a fleet without `--delete` find and work, and checks that it deletes nothing of the first run.
async fn settle_by_fleet(task: &Folders, first: &str, gone: usize) {
    let found = task.find().await;
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    let mut workers = [task.worker(&[])];
    task.until_done(&mut workers).await;
    let run = async || -> Run { task.ledger.run(first).await.expect("answers").expect("a run") };
    task.until("the first run adds up", &mut workers, async || run().await.is_done()).await;
    stop(&mut workers[0]).await;
    let run = run().await;
    assert_eq!((run.phase, run.settled.deleted), (Phase::Cancelled, 0), "{run:?}");
    assert_eq!(run.settled.objects(), run.enqueued(), "{run:?}");
    let left = std::fs::read_dir(task.path("destination/gone")).expect("a folder").count();
    assert_eq!(left, gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_redelivered_deletes_end_once_delete_is_off() {
    let files: Vec<_> = (0..7).map(|n| (format!("d/f{n}"), 100)).collect();
    let task = Folders::new(&files, "lease = \"5s\"\n").await;
    let gone: Vec<_> = (0..40).map(|n| (format!("gone/{n}"), 10)).collect();
    write_files(&task.path("destination"), &gone);
    let config = std::fs::read_to_string(task.path("task.toml")).expect("a config");
    let mirror = config.replace("[find]\n", "[find]\ndelete = true\n");
    std::fs::write(task.path("task.toml"), mirror).expect("a config");
    assert_eq!(task.find().await.code, Some(0));
    let first = task.run().await.expect("a run").start.id;
    // A worker that died holds some of the jobs: they come again later.
    let (wait, lease) = (Duration::from_secs(5), Duration::from_secs(8));
    let leased = task.queue.receive(2, wait, lease).await.expect("the queue answers");
    assert!(!leased.is_empty());
    std::fs::write(task.path("task.toml"), config).expect("a config");
    settle_by_fleet(&task, &first, gone.len()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_failures_under_other_options_are_not_retried() {
    let mirror = Mirror::new(&[("a".to_owned(), 5), ("b".to_owned(), 5)]).await;
    let denied = Fault::Respond(403, "<Error><Code>AccessDenied</Code></Error>".to_owned());
    mirror.proxy.inject(Rule::on(Kind::Put, denied).containing("/a"));
    let ended = mirror.run("sync SIDES --attempts 1").await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let first = mirror.runs().await[0]["id"].as_str().expect("an id").to_owned();
    mirror.proxy.heal();
    assert_eq!(mirror.run("sync SIDES --exclude a").await.code, Some(0));
    let retried = mirror.run(&format!("retry {first} STATE")).await;
    assert_eq!(retried.code, Some(2), "{}", retried.stderr);
    let refused = format!("run {} had other options than its task has now", terminal::run_id(&first));
    assert!(retried.stderr.contains(&refused), "{}", retried.stderr);
    let retried = mirror.run(&format!("retry {} STATE", terminal::run_id(&first))).await;
    assert!(retried.stderr.contains(&refused), "the short id is taken: {}", retried.stderr);
    assert_eq!(mirror.keys().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_sync_counts_the_retry_that_it_finishes() {
    const BAD: u64 = 12;
    let files: Vec<_> = (0..BAD).map(|n| (format!("bad/{n}"), 5)).chain([("good".to_owned(), 5)]).collect();
    let mirror = Mirror::new(&files).await;
    let denied = Fault::Respond(403, "<Error><Code>AccessDenied</Code></Error>".to_owned());
    mirror.proxy.inject(Rule::on(Kind::Put, denied).containing("/bad/"));
    let ended = mirror.run("sync SIDES --attempts 1 --concurrency 1").await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    mirror.proxy.heal();
    mirror.proxy.reset();
    mirror.proxy.inject(Rule::on(Kind::Put, Fault::Delay(Duration::from_millis(700))));
    mirror.kill_after("retry STATE", Kind::Put, 6).await;
    mirror.proxy.heal();
    let copied = |runs: &[Value]| -> u64 { runs.iter().filter_map(|run| run["settled"]["copied"].as_u64()).sum() };
    let before = copied(&mirror.runs().await);
    let ended = mirror.run("sync SIDES --attempts 1 --concurrency 1 --json").await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let summary: Value = serde_json::from_str(ended.stdout.lines().last().expect("a summary")).expect("JSON");
    let runs = mirror.runs().await;
    assert_eq!((runs.len(), copied(&runs)), (3, BAD + 1), "{runs:?}");
    assert!(before < BAD && summary["copied"] == copied(&runs) - before, "{before} before: {summary}");
    assert_eq!(summary["bytes"], 5 * (copied(&runs) - before), "{summary}");
}
