//! A fleet, and the programs of two releases.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use adapters::open;
use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::{ministack, weed};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use flotilla_tests::short_delays::ShortDelays;
use futures::future::join_all;
use shared::tasks::WorkerState;

use crate::many_tasks::stage::{Different, Fleet, LIMIT, start_with, stop};
use crate::support::scrape;

/// Objects of each task: enough that a run is under way while programs come and go.
pub const OBJECTS: usize = 40;

/// How long the source delays each object.
const COPY: Duration = Duration::from_secs(1);

/// Seconds until a job that is sent back comes again, and until the second look for uploads of a deleted task; each
/// with the time that it becomes.
const DELAYS_S: [(u32, u32); 2] = [(60, 2), (8, 2)];

/// Seconds for which a worker's long poll waits, with the time that they become. A worker that is stopped releases its jobs
/// for the time after its last poll, which is open for so long.
const POLLS_S: [(u32, u32); 1] = [(20, 1)];

const SECTIONS: &str = "[find]\njob-objects = 4\n";

/// Tasks for a run of the present release, for one of the next release, and with a definition of the next release.
const TASKS: [&str; 3] = ["present", "next", "later"];

pub struct Scene {
    pub fleet: Fleet,
    /// The fleet's file, by which a job that is sent back comes again soon.
    file: PathBuf,
    _delays: ShortDelays,
    source: Proxy,
}

impl Scene {
    pub async fn new() -> Scene {
        let fleet = Fleet::of("concurrency = 2\nlease = \"20s\"\ndrain = \"3s\"\n").await;
        let source = Proxy::start(&weed().endpoint).await;
        source.inject(Rule::on(Kind::Get, Fault::Delay(COPY)));
        let put_all = TASKS.map(|task| {
            let fleet = &fleet;
            async move {
                for object in 0..OBJECTS {
                    fleet.put(task, &format!("{object:02}"), 100 + object).await;
                }
            }
        });
        join_all(put_all).await;
        let delays = ShortDelays::start(&ministack().endpoint, &DELAYS_S, &POLLS_S).await;
        let file = fleet.file_with_queue_at("short", &delays.endpoint);
        let scene = Scene { fleet, file, _delays: delays, source };
        join_all(["present", "next"].map(|task| scene.fleet.create(task, scene.different("")))).await;
        scene
    }

    fn different<'a>(&'a self, top: &'a str) -> Different<'a> {
        Different { endpoint: Some(&self.source.endpoint), top, sections: SECTIONS, ..Different::default() }
    }

    /// Creates the task whose definition has a key that the present release does not know.
    pub async fn create_later(&self) {
        let program = binaries::next_release("flotilla");
        self.fleet.create_by(program, "later", self.different("next-key = true")).await;
    }

    /// A worker of the present release.
    pub fn worker(&self) -> Process {
        start_with(&self.file, &binaries::worker(), &["--metrics-addr", "127.0.0.1:0"])
    }

    /// A program of the next release.
    pub fn next(&self, program: &str, words: &[&str]) -> Process {
        start_with(&self.file, &binaries::next_release(program), words)
    }

    /// A command of the next release that succeeds.
    pub async fn next_command(&self, words: &[&str]) {
        let ended = self.next("flotilla", words).wait(LIMIT).await;
        assert_eq!(ended.code, Some(0), "{words:?}: {}", ended.stderr);
    }

    pub async fn copied(&self, task: &str) -> u64 {
        self.fleet.runs(task).await.first().map_or(0, |run| run.settled.copied)
    }

    /// Waits until a task has copied some of its objects.
    pub async fn until_under_way(&self, task: &str, workers: &mut [Process]) {
        self.fleet.until(&format!("{task} is under way"), workers, async || self.copied(task).await > 0).await;
        assert!(self.copied(task).await < OBJECTS as u64, "{task} goes on meanwhile");
    }

    /// Waits until these workers, the only ones of the present release, report that they are outdated: by heartbeat and
    /// by metric.
    pub async fn until_outdated(&self, workers: &mut [Process]) {
        let outdated = async || {
            let beats = self.fleet.heartbeats().await;
            beats.iter().filter(|beat| beat.state == WorkerState::Outdated).count()
        };
        let present = workers.len();
        self.fleet.until("the workers are outdated", workers, async || outdated().await >= present).await;
        for worker in &*workers {
            let metrics = scrape(worker).await;
            assert!(metrics.lines().any(|line| line == "flotilla_worker_outdated 1"), "{metrics}");
        }
    }

    /// The present release lists and shows all tasks, and its controller passes without an error, although records have
    /// fields, and a definition has a key, of the next release.
    pub async fn assert_present_reads_all(&self) {
        let show_all = TASKS.map(|task| {
            let fleet = &self.fleet;
            async move { fleet.command(&["task", "show", task]).await }
        });
        let (listed, _, _, ended) = tokio::join!(
            self.fleet.command(&["task", "list"]),
            self.fleet.command(&["status"]),
            join_all(show_all),
            self.fleet.run(&["controller", "--once"]),
        );
        assert!(TASKS.iter().all(|task| listed.contains(task)), "{listed}");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(!ended.stderr.contains("could not"), "{}", ended.stderr);
    }

    /// Waits until all runs have ended, while the controller of the next release looks. The rest of the objects is copied
    /// without a delay.
    pub async fn until_done(&self) {
        self.source.heal();
        let began = Instant::now();
        loop {
            let mut live = self.fleet.summaries().await;
            live.retain(|_, summary| summary.run.is_some());
            if live.is_empty() {
                return;
            }
            assert!(began.elapsed() < LIMIT, "the runs do not end: {live:?}, {:?}", self.fleet.heartbeats().await);
            self.next_command(&["controller", "--once"]).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Each task has copied each object once, and no message is a dead letter.
    pub async fn assert_nothing_lost(&self) {
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

    /// Deletes all tasks with their records, then ends the workers.
    pub async fn uninstall(&self, workers: Vec<Process>) {
        let mut deletion = self.next("flotilla", &["task", "delete", "--all", "--yes", "--records"]);
        let began = Instant::now();
        while deletion.is_running() {
            assert!(began.elapsed() < LIMIT, "{}", deletion.stderr());
            self.next_command(&["controller", "--once"]).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let ended = deletion.wait(LIMIT).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        stop(workers).await;
    }
}
