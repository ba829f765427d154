//! Programs of two releases at work on one fleet, and the removal of all of it.

use std::time::{Duration, Instant};

use adapters::open;
use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::{ministack, weed};
use flotilla_tests::next_release::NextRelease;
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use shared::tasks::WorkerState;

use crate::many_tasks::stage::{Different, Fleet, LIMIT, start_with, stop};

/// Objects of each task: enough that a run is under way while programs come and go.
const OBJECTS: usize = 40;

/// How long the source delays each object.
const COPY: Duration = Duration::from_secs(1);

/// A fleet with a task for a run of each release, and the file by which programs are those of the next one.
struct Scene {
    fleet: Fleet,
    next_file: std::path::PathBuf,
    _next: NextRelease,
    _source: Proxy,
}

const TASKS: [&str; 2] = ["present", "next"];

impl Scene {
    async fn new() -> Scene {
        let fleet = Fleet::of("concurrency = 2\nlease = \"20s\"\n").await;
        let source = Proxy::start(&weed().endpoint).await;
        source.inject(Rule::on(Kind::Get, Fault::Delay(COPY)));
        for task in TASKS {
            for object in 0..OBJECTS {
                fleet.put(task, &format!("{object:02}"), 100 + object).await;
            }
            let sections = "[find]\njob-objects = 4\n";
            fleet.create(task, Different { endpoint: Some(&source.endpoint), sections, ..Different::default() }).await;
        }
        let next = NextRelease::start(&ministack().endpoint).await;
        let next_file = fleet.file_with_queue_at("next", &next.endpoint);
        Scene { fleet, next_file, _next: next, _source: source }
    }

    /// A program of the next release.
    fn next(&self, program: std::path::PathBuf, words: &[&str]) -> Process {
        start_with(&self.next_file, &program, words)
    }

    async fn copied(&self, task: &str) -> u64 {
        self.fleet.runs(task).await.first().map_or(0, |run| run.settled.copied)
    }

    /// Waits until a task has copied some of its objects.
    async fn until_under_way(&self, task: &str, workers: &mut [Process]) {
        self.fleet.until(&format!("{task} is under way"), workers, async || self.copied(task).await > 0).await;
        assert!(self.copied(task).await < OBJECTS as u64, "{task} goes on meanwhile");
    }

    /// Waits until a worker reports that it is outdated.
    async fn until_outdated(&self, workers: &mut [Process]) {
        let is_outdated = async || self.fleet.heartbeats().await.iter().any(|beat| beat.state == WorkerState::Outdated);
        self.fleet.until("a worker is outdated", workers, is_outdated).await;
    }

    /// Waits until all runs have ended, while the controller of the next release looks.
    async fn until_done(&self) {
        let began = Instant::now();
        while self.fleet.summaries().await.values().any(|summary| summary.run.is_some()) {
            assert!(began.elapsed() < LIMIT, "the runs do not end");
            let ended = self.next(binaries::flotilla(), &["controller", "--once"]).wait(LIMIT).await;
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Each task has copied each object once, and no message is a dead letter.
    async fn assert_nothing_lost(&self) {
        for task in TASKS {
            self.fleet.assert_equal(task).await;
            let run = self.fleet.runs(task).await.pop().expect("a run");
            assert_eq!((run.settled.copied, run.settled.failed), (OBJECTS as u64, 0), "{task}: {run:?}");
            let summary = self.fleet.summary(task).await;
            let queues = open::task_queues(self.fleet.backend.fleet(), &summary).await.expect("the queues open");
            let depth = queues.jobs.depth().await.expect("the queue answers");
            assert_eq!((depth.waiting(), depth.dead), (0, 0), "{task}: {depth:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_releases_beside_each_other_and_back_lose_nothing() {
    let scene = Scene::new().await;
    let mut present = vec![scene.fleet.worker()];
    scene.fleet.command(&["task", "run", "present"]).await;
    scene.until_under_way("present", &mut present).await;

    // The upgrade, in mid-run. The next release begins a run of its own, whose jobs the present one sends back.
    let mut next = vec![scene.next(binaries::worker(), &[])];
    let begun = scene.next(binaries::flotilla(), &["task", "run", "next"]).wait(LIMIT).await;
    assert_eq!(begun.code, Some(0), "{}", begun.stderr);
    scene.until_outdated(&mut present).await;
    scene.until_under_way("next", &mut next).await;
    stop(present).await;

    // Back to the present release, in mid-run, and forth again.
    stop(next).await;
    let mut present = vec![scene.fleet.worker()];
    scene.until_outdated(&mut present).await;
    assert!(scene.copied("next").await < OBJECTS as u64, "the next release's run waits");
    let next = vec![scene.next(binaries::worker(), &[])];
    stop(present).await;
    scene.until_done().await;
    scene.assert_nothing_lost().await;
    assert_uninstalled(&scene.fleet, next).await;
}

/// Deletes all tasks with their records: of the fleet its own queue and table are left, and the objects of both sides.
async fn assert_uninstalled(fleet: &Fleet, workers: Vec<Process>) {
    let mut deletion = fleet.start_command(&["task", "delete", "--all", "--yes", "--records"]);
    let began = Instant::now();
    while deletion.is_running() {
        assert!(began.elapsed() < LIMIT, "{}", deletion.stderr());
        fleet.command(&["controller", "--once"]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let ended = deletion.wait(LIMIT).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    stop(workers).await;
    let name = &fleet.backend.fleet().name;
    let sqs = aws_sdk_sqs::Client::new(&ministack().sdk_config());
    let left = sqs.list_queues().queue_name_prefix(format!("{name}--")).send().await.expect("the queues are listed");
    let queues: Vec<&str> = left.queue_urls().iter().filter_map(|url| url.rsplit('/').next()).collect();
    let allowed = [format!("{name}--operations"), format!("{name}--operations-dead")];
    assert!(queues.iter().all(|queue| allowed.contains(&(*queue).to_owned())), "{queues:?}");
    assert_eq!(fleet.open_uploads().await, 0);
    let table = aws_sdk_dynamodb::Client::new(&ministack().sdk_config());
    let items = table.scan().table_name(name).send().await.expect("the table is read");
    let kinds = items.items().iter().filter_map(|item| item["pk"].as_s().ok());
    let kinds: std::collections::BTreeSet<&str> = kinds.map(|pk| pk.split('#').next().unwrap_or(pk)).collect();
    assert!(kinds.iter().all(|kind| LEFT.contains(kind)), "{kinds:?}");
}

/// Kinds of records that stay in the table: who changed what, the controller's memory; operations and samples until they
/// expire.
const LEFT: [&str; 4] = ["audits", "fleet", "operations", "samples"];
