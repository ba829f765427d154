//! SIGKILL at any moment: nothing that was answered `Ok` is lost, nothing is counted twice, and what the
//! dead process had locked is free at once.
//!
//! The test starts this very program as its children, one that finds and works and one that works,
//! kills them at a random moment, looks at what they left, and starts the next ones, which go on.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use adapters::ledger::sqlite::SqliteLedger;
use adapters::queue::sqlite::SqliteQueue;
use adapters::sqlite::Database;
use shared::job::Origin;
use shared::ledger::{Checkpoint, Found, Ledger as _, NO_FENCE, Outcome, Phase, RunStart, Settlement, State};
use shared::object::Timestamp;
use shared::queue::{Depth, JobQueue as _, Message, Outgoing};

const DIR_VARIABLE: &str = "FLOTILLA_CRASH_TEST_DIR";
const ROLE_VARIABLE: &str = "FLOTILLA_CRASH_TEST_ROLE";
const SEED_VARIABLE: &str = "FLOTILLA_CRASH_TEST_SEED";
const ROUNDS: u32 = 10;
/// Jobs of one send.
const BATCH: u32 = 7;
/// Objects of one job; the last of them always fails.
const OBJECTS: u32 = 3;
/// Nobody waits for the end of these: only death ends them.
const LEASE: Duration = Duration::from_secs(3_600);
const TASK: &str = "task";
const RUN: &str = "run";

#[derive(Clone)]
struct Opened {
    queue: SqliteQueue,
    ledger: SqliteLedger,
}

fn open(dir: &Path) -> Opened {
    let database = Database::open(dir).unwrap();
    Opened { queue: SqliteQueue::open(&database, "jobs"), ledger: SqliteLedger::open(&database) }
}

fn outgoing(bodies: &[String]) -> Vec<Outgoing> {
    bodies.iter().cloned().map(Outgoing::now).collect()
}

fn key(job: u32, place: u32) -> String {
    format!("{job}/{place}")
}

impl Opened {
    /// Makes jobs for ever, as a finder does: what is to be sent stands in the checkpoint first.
    async fn find(self, log: impl Fn(&str, u32)) {
        let mut checkpoint = self.ledger.checkpoints(RUN).await.unwrap().pop().unwrap_or_default();
        loop {
            self.queue.send(&outgoing(&checkpoint.outbox)).await.unwrap();
            log("sent", checkpoint.jobs);
            while self.queue.depth().await.unwrap().ready > 50 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let jobs = checkpoint.jobs + BATCH;
            checkpoint.outbox = (checkpoint.jobs..jobs).map(|job| job.to_string()).collect();
            checkpoint.version += 1;
            checkpoint.jobs = jobs;
            checkpoint.found.enqueued = u64::from(jobs * OBJECTS);
            self.ledger.checkpoint(RUN, &checkpoint, NO_FENCE).await.unwrap();
        }
    }

    /// Settles a job in two overlapping steps, then acknowledges it, as a worker does.
    async fn work(&self, message: &Message, log: impl Fn(&str, u32)) {
        let job: u32 = message.body.parse().unwrap();
        let origin = Origin { id: job.to_string(), items: OBJECTS };
        let outcome = |place| {
            let state = if place + 1 == OBJECTS { State::Failed } else { State::Copied };
            (place, outcome(&key(job, place), state))
        };
        for places in [0..OBJECTS - 1, 0..OBJECTS] {
            let outcomes: Vec<_> = places.map(outcome).collect();
            let settlement =
                Settlement { task: TASK, run: RUN, origin: &origin, reasons: &[], outcomes: &outcomes, span: None };
            self.ledger.settle(&settlement).await.unwrap();
        }
        log("done", job);
        self.queue.extend(message, LEASE).await.unwrap();
        self.queue.acknowledge(message).await.unwrap();
    }
}

fn outcome(key: &str, state: State) -> Outcome {
    Outcome {
        size: 10,
        worker: "w".to_owned(),
        started: Timestamp(1),
        finished: Timestamp(2),
        ..Outcome::new(key.to_owned(), state)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started, and killed, by the crash test"]
async fn the_child_that_is_killed() {
    let Some(dir) = std::env::var_os(DIR_VARIABLE) else { return };
    let dir = Path::new(&dir);
    let state = open(dir);
    let file = OpenOptions::new().create(true).append(true).open(dir.join("log")).unwrap();
    let log = move |word: &str, number: u32| (&file).write_all(format!("{word} {number}\n").as_bytes()).unwrap();
    let log = std::sync::Arc::new(log);
    for _ in 0..3 {
        let (state, log) = (state.clone(), log.clone());
        tokio::spawn(async move {
            loop {
                for message in state.queue.receive(4, Duration::from_secs(1), LEASE).await.unwrap() {
                    state.work(&message, &*log).await;
                }
            }
        });
    }
    if std::env::var(ROLE_VARIABLE).unwrap() == "worker" {
        return std::future::pending().await;
    }
    // The one who was killed had the claim, which ended with its process.
    state.ledger.claim(TASK, &std::process::id().to_string(), None).await.unwrap();
    let (source, destination, options) = ("a".to_owned(), "b".to_owned(), Default::default());
    let (id, task, started) = (RUN.to_owned(), TASK.to_owned(), Timestamp(1));
    state.ledger.start_run(&RunStart { id, task, source, destination, options, started }, NO_FENCE).await.unwrap();
    println!("ready");
    state.find(&*log).await;
}

fn start(dir: &Path, role: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["crash::the_child_that_is_killed", "--exact", "--ignored", "--nocapture"]);
    command.env(DIR_VARIABLE, dir).env(ROLE_VARIABLE, role).stdout(Stdio::piped()).spawn().unwrap()
}

fn wait_until_ready(finder: &mut Child) {
    let lines = BufReader::new(finder.stdout.take().unwrap()).lines();
    let is_ready = lines.map_while(Result::ok).any(|line| line.ends_with("ready"));
    assert!(is_ready, "the finder ended by itself: {:?}", finder.wait());
}

/// It must die of this, not have failed by itself before.
fn kill(mut child: Child) {
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "a child ended by itself: {status}");
}

/// What the children got `Ok` for.
fn logged(dir: &Path) -> (u32, BTreeSet<u32>) {
    let log = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
    let numbers =
        |word: &'static str| log.lines().filter_map(move |line| line.strip_prefix(word)?.trim().parse::<u32>().ok());
    (numbers("sent").max().unwrap_or(0), numbers("done").collect())
}

async fn check_what_is_left(dir: &Path) {
    let (sent, done) = logged(dir);
    let state = open(dir);
    let checkpoint = state.ledger.checkpoints(RUN).await.unwrap().pop().unwrap_or_default();
    assert!(checkpoint.jobs >= sent, "a checkpoint was lost: {} < {sent}", checkpoint.jobs);
    let Some(run) = state.ledger.run(RUN).await.unwrap() else { return };
    let settled = run.settled;
    assert!(settled.objects() >= done.len() as u64 * u64::from(OBJECTS), "an outcome was lost: {settled:?}");
    assert!(settled.objects() <= u64::from(checkpoint.jobs * OBJECTS), "counted twice: {settled:?}");
    for &job in done.iter().rev().take(20) {
        assert!(state.ledger.outcome(TASK, &key(job, OBJECTS - 1)).await.unwrap().is_some(), "job {job}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_at_any_moment_loses_and_repeats_nothing() {
    let seed = std::env::var(SEED_VARIABLE).ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5eed_u64);
    eprintln!("{SEED_VARIABLE}={seed}");
    let mut random = seed;
    let dir = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        // Knuth's MMIX generator: any spread of moments will do.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let millis = (random >> 33) % 400;
        let worker = start(dir.path(), "worker");
        let mut finder = start(dir.path(), "finder");
        if round % 3 != 0 {
            wait_until_ready(&mut finder);
        }
        tokio::time::sleep(Duration::from_millis(millis)).await;
        let (first, second) = if round % 2 == 0 { (worker, finder) } else { (finder, worker) };
        kill(first);
        tokio::time::sleep(Duration::from_millis(millis / 4)).await;
        kill(second);
        check_what_is_left(dir.path()).await;
    }
    finish(dir.path()).await;
}

/// Does what is left to do, at once: no lease of the dead is waited for.
async fn finish(dir: &Path) {
    let state = open(dir);
    let checkpoint: Checkpoint = state.ledger.checkpoints(RUN).await.unwrap().pop().unwrap();
    state.queue.send(&outgoing(&checkpoint.outbox)).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while state.queue.depth().await.unwrap() != Depth::default() {
        assert!(Instant::now() < deadline, "{:?} left", state.queue.depth().await);
        for message in state.queue.receive(10, Duration::from_secs(2), LEASE).await.unwrap() {
            state.work(&message, |_, _| ()).await;
        }
    }
    state.ledger.set_phase(RUN, Phase::Listed, None, None).await.unwrap();
    let run = state.ledger.run(RUN).await.unwrap().unwrap();
    let jobs = u64::from(checkpoint.jobs);
    assert!(jobs > 10 * u64::from(BATCH), "only {jobs} jobs: the children did next to nothing");
    assert_eq!(run.found, Found { enqueued: jobs * u64::from(OBJECTS), ..Found::default() });
    assert_eq!((run.settled.failed, run.settled.objects()), (jobs, jobs * u64::from(OBJECTS)));
    assert!(run.is_done());
    let (failures, rest) = state.ledger.failures(RUN, None, 1_000_000).await.unwrap();
    let failed: BTreeSet<_> = failures.iter().map(|outcome| outcome.key.clone()).collect();
    assert_eq!((failures.len() as u64, failed.len() as u64, rest), (jobs, jobs, None));
    eprintln!("{jobs} jobs");
}
