//! Runs as operations: workers over SQLite, real stores on folders.

mod refused;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use adapters::open::Backend;
use async_trait::async_trait;
use finder::FindError;
use shared::ErrorKind;
use shared::config::TaskDefinition;
use shared::ledger::{Found, Outcome, Phase, Settlement, State};
use shared::object::Timestamp;
use shared::objects::job::{ObjectJob, ObjectWork};
use shared::queue::{Depth, JobQueue, Message, Outgoing, Queue};
use shared::tasks::{Author, BeginRun, NewTask, Operation, TaskRef};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use worker::{Stop, Worker};

use super::*;
use crate::fixtures::Process;
use crate::kinds::Opening;
use crate::operations::{OpenedTasks, OperationExecutor};

const SLICE: Duration = Duration::from_millis(25);
const PATIENCE: Duration = Duration::from_secs(120);
/// Files at the source; a third of them is at the destination already.
const FILES: usize = 600;
/// Files at the destination alone.
const STALE: usize = 90;

/// A task between two folders, in a fleet of one machine.
struct Site {
    dir: tempfile::TempDir,
    task: TaskRef,
}

/// Writes a file as it was so many minutes ago.
fn write(root: &Path, key: &str, minutes: u64) {
    let path = root.join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, key).unwrap();
    let modified = std::time::SystemTime::now() - Duration::from_secs(60 * minutes);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

impl Site {
    async fn new() -> Site {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..FILES {
            write(&dir.path().join("source"), &format!("{:02}/{n:04}", n % 20), 60);
        }
        for n in (0..FILES).step_by(3) {
            write(&dir.path().join("destination"), &format!("{:02}/{n:04}", n % 20), 30);
        }
        for n in 0..STALE {
            write(&dir.path().join("destination"), &format!("stale/{n:04}"), 90);
        }
        let site = Site { dir, task: TaskRef { name: "photos".into(), id: "0198-photos".into() } };
        let new = NewTask { task: site.task.clone(), definition: site.definition().kept().unwrap(), next_due: None };
        assert!(site.process().tasks.create(&new, &me()).await.unwrap().is_made());
        site
    }

    fn definition(&self) -> TaskDefinition {
        let at = |side: &str| self.dir.path().join(side).display().to_string();
        TaskDefinition::parse(&format!(
            "task = \"photos\"\n[source]\nlocation = {:?}\n[destination]\nlocation = {:?}\n\
             [find]\ndelete = true\njob-objects = 2\nlist-concurrency = 4\n",
            at("source"),
            at("destination"),
        ))
        .unwrap()
    }

    fn process(&self) -> Process {
        let state = self.dir.path().join("state");
        Process::of(&state, &self.definition(), &self.task.id)
    }

    /// A worker in a process of its own, which executes operations alone.
    fn worker(&self) -> JoinHandle<()> {
        self.worker_of(self.process())
    }

    fn worker_of(&self, process: Process) -> JoinHandle<()> {
        self.worker_with(process.clone(), Arc::new(process))
    }

    /// The same, with another way to open the task.
    fn worker_with(&self, process: Process, opened: Arc<dyn OpenedTasks>) -> JoinHandle<()> {
        tokio::spawn(async move {
            let Process { tasks, backend, config } = process;
            let operations = OperationExecutor::in_slices_of(SLICE, opened, tasks, "worker".into());
            let events = backend.events.clone().unwrap();
            let worker = Worker::new(&config.task, "worker", events, backend.ledger, config.machine.clone());
            let _ = worker.with(operations).run(Stop::default()).await;
        })
    }

    /// Records a run, and sends its job so often.
    async fn begin(&self, id: &str, kind: OperationKind, request: &str, jobs: usize) -> Operation {
        let process = self.process();
        let operation = Operation {
            id: id.into(),
            task: self.task.id.clone(),
            kind,
            version: 1,
            who: "me".into(),
            requested: Timestamp::now(),
            request: request.into(),
            beat: 0,
            worker: None,
            progress: None,
            end: None,
        };
        let begin = BeginRun { task: &self.task, operation: &operation, due: None, supersedes: None };
        assert!(process.tasks.begin_run(&begin, &me()).await.unwrap().is_made());
        for _ in 0..jobs {
            process.send(&operation.job(0)).await;
        }
        operation
    }

    /// Takes what is on the task's queue, by the jobs' origins. A job that was sent twice is the same both times.
    async fn jobs(&self) -> BTreeMap<String, ObjectJob> {
        let queue = self.process().backend.queue;
        let mut jobs = BTreeMap::new();
        loop {
            let messages = queue.receive(10, Duration::ZERO, Duration::from_secs(60)).await.unwrap();
            if messages.is_empty() {
                return jobs;
            }
            for message in messages {
                let job = ObjectJob::parse(&message.body).unwrap();
                let before = jobs.insert(job.origin.id.clone(), job.clone());
                assert!(before.is_none_or(|before| before == job), "{} was made twice, differently", job.origin.id);
                queue.acknowledge(&message).await.unwrap();
            }
        }
    }

    /// Checks that each object that differs is in one job, and counted once.
    async fn assert_enqueued(&self, id: &str, deletes: usize) {
        let run = self.process().backend.ledger.run(id).await.unwrap().unwrap();
        let copies = (FILES - FILES.div_ceil(3)) as u64;
        let found = Found {
            listed: FILES as u64,
            listed_destination: (FILES.div_ceil(3) + STALE) as u64,
            unchanged: FILES.div_ceil(3) as u64,
            enqueued: copies,
            enqueued_bytes: copies * "00/0000".len() as u64,
            deletes: deletes as u64,
            ..Found::default()
        };
        assert_eq!((run.phase, run.found, run.error), (Phase::Listed, found, None));
        let (mut copied, mut deleted) = (BTreeSet::new(), BTreeSet::new());
        for job in self.jobs().await.into_values() {
            assert_eq!((job.run.as_str(), job.definition), (id, 1));
            for (_, key) in job.work.keys() {
                let keys = if matches!(job.work, ObjectWork::Delete { .. }) { &mut deleted } else { &mut copied };
                assert!(keys.insert(key.to_owned()), "{key} is in two jobs");
            }
        }
        assert_eq!((copied.len() as u64, deleted.len()), (copies, deletes));
    }
}

impl Process {
    async fn send(&self, job: &shared::job::Job) {
        self.events().send(&[Outgoing::now(job.to_body())]).await.unwrap();
    }

    /// Waits until the events queue shows no ready or leased message, and returns how many are delayed.
    async fn settled(&self) -> u64 {
        let until = Instant::now() + PATIENCE;
        loop {
            let depth = self.backend.events.as_ref().unwrap().depth().await.unwrap();
            if depth.ready + depth.leased == 0 {
                return depth.delayed;
            }
            assert!(Instant::now() < until, "{depth:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A queue that sends the first delayed message, and whose answer is lost.
#[derive(Debug)]
struct LostAnswer(Queue, AtomicBool);

#[async_trait]
impl JobQueue for LostAnswer {
    async fn send(&self, messages: &[Outgoing]) -> Result<()> {
        self.0.send(messages).await?;
        if messages.iter().any(|message| !message.delay.is_zero()) && !self.1.swap(true, Relaxed) {
            return Err(shared::Error::new(ErrorKind::Unavailable, "send", "events", "the answer is lost"));
        }
        Ok(())
    }

    async fn receive(&self, max: usize, wait: Duration, lease: Duration) -> Result<Vec<Message>> {
        self.0.receive(max, wait, lease).await
    }

    fn outlives_callers(&self) -> bool {
        self.0.outlives_callers()
    }

    async fn extend(&self, message: &Message, lease: Duration) -> Result<()> {
        self.0.extend(message, lease).await
    }

    async fn acknowledge(&self, message: &Message) -> Result<()> {
        self.0.acknowledge(message).await
    }

    async fn release(&self, message: &Message, _: Duration) -> Result<()> {
        // At once.
        self.0.release(message, Duration::ZERO).await
    }

    async fn dead_letter(&self, message: &Message, reason: &str) -> Result<()> {
        self.0.dead_letter(message, reason).await
    }

    async fn depth(&self) -> Result<Depth> {
        self.0.depth().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_a_slice_cut_off_at_its_end_has_one_successor() {
    let site = Site::new().await;
    let mut process = site.process();
    let queue = Arc::new(LostAnswer(process.backend.events.take().unwrap(), AtomicBool::new(false)));
    process.backend.events = Some(queue.clone());
    site.begin("run-1", OperationKind::Find, "", 1).await;
    let worker = site.worker_with(process.clone(), Arc::new(refused::Closed(process.clone())));
    let until = Instant::now() + PATIENCE;
    while !queue.1.load(Relaxed) {
        assert!(Instant::now() < until);
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(process.settled().await, 1, "the job came again, and sent no other");
    kill(worker).await;
    let operation = process.tasks.operation(&site.task.id, "run-1").await.unwrap().unwrap();
    assert_eq!(operation.beat, 2);
}

fn me() -> Author {
    Author::new("me", Timestamp::now(), "")
}

/// Aborts a worker as a crash does, and waits until its tasks have ended.
async fn kill(worker: JoinHandle<()>) {
    worker.abort();
    let _ = worker.await;
}

async fn phase(process: &Process, id: &str) -> Option<Phase> {
    process.run(id).await.map(|run| run.phase)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_in_many_slices_with_kills_is_as_in_one_pass() {
    let site = Site::new().await;
    site.begin("run-1", OperationKind::Find, "", 1).await;
    let process = site.process();
    let until = Instant::now() + PATIENCE;
    let mut kills = 0;
    while phase(&process, "run-1").await != Some(Phase::Listed) {
        assert!(Instant::now() < until, "{:?}", process.run("run-1").await);
        let worker = site.worker();
        // The last bytes of a UUID of version 7 are random.
        let random = u64::from(uuid::Uuid::now_v7().as_bytes()[15]);
        let millis = if kills < 6 { 5 + random / 2 } else { 5_000 };
        sleep(Duration::from_millis(millis)).await;
        kill(worker).await;
        kills += 1;
    }
    let operation = process.tasks.operation(&site.task.id, "run-1").await.unwrap().unwrap();
    assert!(operation.beat >= 3 && operation.end.is_none(), "{operation:?}");
    site.assert_enqueued("run-1", STALE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_with_the_same_job_make_one_run() {
    let site = Site::new().await;
    site.begin("run-1", OperationKind::Find, "", 4).await;
    let process = site.process();
    let workers = [site.worker(), site.worker()];
    let until = Instant::now() + PATIENCE;
    while phase(&process, "run-1").await != Some(Phase::Listed) {
        assert!(Instant::now() < until, "{:?}", process.run("run-1").await);
        sleep(Duration::from_millis(20)).await;
    }
    process.settled().await;
    for worker in workers {
        kill(worker).await;
    }
    site.assert_enqueued("run-1", STALE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claimed_job_comes_again_and_takes_a_dead_finders_claim() {
    let site = Site::new().await;
    let process = site.process();
    process.backend.ledger.claim(&site.task.id, "suspended", None).await.unwrap();
    let operation = site.begin("run-1", OperationKind::Find, "", 1).await;
    let worker = site.worker();
    while process.settled().await == 0 {
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(process.run("run-1").await, None, "the claim is another's");
    // As it comes after its delay, in which nothing has changed.
    let seen = process.backend.ledger.claimed(&site.task.id).await.unwrap();
    process.send(&operation.job_after(0, seen)).await;
    let until = Instant::now() + PATIENCE;
    while phase(&process, "run-1").await != Some(Phase::Listed) {
        assert!(Instant::now() < until, "{:?}", process.run("run-1").await);
        sleep(Duration::from_millis(20)).await;
    }
    process.settled().await;
    kill(worker).await;
    site.assert_enqueued("run-1", STALE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_job_of_an_older_slice_is_dropped() {
    let site = Site::new().await;
    let process = site.process();
    let operation = site.begin("run-1", OperationKind::Find, "", 0).await;
    for seen in 0..3 {
        assert!(process.tasks.step(&site.task.id, "run-1", seen, "w", "").await.unwrap().is_made());
    }
    for slice in 0..2 {
        process.send(&operation.job(slice)).await;
    }
    let worker = site.worker();
    assert_eq!(process.settled().await, 0);
    kill(worker).await;
    assert_eq!(process.run("run-1").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_run_ends_and_adds_up_begun_or_not() {
    let site = Site::new().await;
    let process = site.process();
    for (id, begun) in [("run-1", false), ("run-2", true)] {
        let operation = site.begin(id, OperationKind::Find, "", 0).await;
        if begun {
            // One slice that is cut off, with jobs that stand in the ledger.
            let opened = process.opened(1, Opening::Unprobed).await.unwrap();
            let (name, tasks, ledger) = (process.name(), &process.tasks, &process.backend.ledger);
            let run = AskedRun { name, tasks, ledger, operation: &operation, owner: "w", seen: None };
            let find = FindSlice { opened: &opened, run };
            let stop = CancellationToken::new();
            let until = std::time::Instant::now() + Duration::from_millis(5);
            let bounds = SliceBounds { stop, until, progress: Default::default() };
            find.slice(&bounds).await.unwrap();
        }
        assert!(process.tasks.cancel_run(&site.task, id, &me()).await.unwrap().is_made());
        process.send(&operation.job(0)).await;
        let worker = site.worker();
        assert_eq!(process.settled().await, 0);
        kill(worker).await;
        let run = process.run(id).await;
        assert_eq!(run.is_some(), begun);
        if let Some(run) = run {
            assert_eq!(run.phase, Phase::Cancelled, "{run:?}");
            assert!(process.backend.ledger.fence(id, 1_000).await.is_err(), "no finder writes to it");
        }
        process.tasks.end_run(&site.task, &ended(id)).await.unwrap();
    }
}

fn ended(id: &str) -> shared::tasks::EndedRun {
    let end = shared::tasks::RunEnd::Cancelled;
    shared::tasks::EndedRun::new(id, end, Timestamp::now())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_has_its_overrides_and_a_retry_its_failures() {
    let site = Site::new().await;
    let process = site.process();
    let worker = site.worker();
    for (id, kind, request) in [
        ("run-1", OperationKind::Find, r#"{"delete":false}"#),
        ("run-2", OperationKind::Find, r#"{"filters":["- *"]}"#),
        ("run-3", OperationKind::Find, ""),
        ("run-4", OperationKind::Retry, r#"{"run":"run-3"}"#),
    ] {
        site.begin(id, kind, request, 1).await;
        assert_eq!(process.settled().await, 0);
        assert_eq!(phase(&process, id).await, Some(Phase::Listed), "{id}");
        match id {
            "run-1" => site.assert_enqueued(id, 0).await,
            "run-2" => assert!(site.jobs().await.is_empty()),
            "run-3" => {
                let job = site.jobs().await.remove("c0-0").unwrap();
                let outcomes: Vec<_> =
                    job.work.keys().map(|(index, key)| (index, Outcome::new(key.into(), State::Failed))).collect();
                let settlement = Settlement {
                    task: &job.task,
                    run: &job.run,
                    origin: &job.origin,
                    reasons: &[],
                    outcomes: &outcomes,
                    span: None,
                };
                process.backend.ledger.settle(&settlement).await.unwrap();
            }
            _ => {
                let jobs = site.jobs().await;
                assert_eq!(jobs.keys().collect::<Vec<_>>(), ["retry-0"]);
                assert_eq!((jobs["retry-0"].origin.items, jobs["retry-0"].definition), (2, 1));
            }
        }
        process.tasks.end_run(&site.task, &ended(id)).await.unwrap();
    }
    kill(worker).await;
}

#[tokio::test]
async fn regression_a_run_ended_before_its_record_does_nothing() {
    let site = Site::new().await;
    let process = site.process();
    let operation = site.begin("run-1", OperationKind::Find, "", 0).await;
    let opened = process.opened(1, Opening::Unprobed).await.unwrap();
    let (name, tasks, ledger) = (process.name(), &process.tasks, &process.backend.ledger);
    let run = AskedRun { name, tasks, ledger, operation: &operation, owner: "w", seen: None };
    let find = FindSlice { opened: &opened, run };
    let planner = find.planner().await.unwrap_or_else(|_| panic!("a planner"));
    assert!(!find.run.is_cancelled().await.unwrap(), "as a slice asks first");
    // Before the finder has recorded the run, it is cancelled, and the controller ends it.
    assert!(process.tasks.cancel_run(&site.task, "run-1", &me()).await.unwrap().is_made());
    process.tasks.end_run(&site.task, &ended("run-1")).await.unwrap();
    let live = LivePlanner { planner: &*planner, run: &find.run };
    let progress = Arc::new(Progress::default());
    let found = find.run.finder(&process.backend.queue).run(&live, CancellationToken::new(), progress.clone()).await;
    assert!(matches!(found, Err(FindError::Interrupted)), "{found:?}");
    assert_eq!(phase(&process, "run-1").await, Some(Phase::Listing));
    assert_eq!(find.run.judge(found, &process.backend.queue, &progress).await.unwrap(), SliceEnd::Left);
    let run = process.run("run-1").await.unwrap();
    assert_eq!((run.phase, run.found), (Phase::Cancelled, Found::default()));
    assert!(site.jobs().await.is_empty());
}
