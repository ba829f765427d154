//! A finder and two workers on SQS and DynamoDB, killed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::ledger::dynamodb::DynamoDbLedger;
use adapters::queue::sqs::SqsQueue;
use aws_sdk_dynamodb::types::AttributeValue;
use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, connection, fresh_folder, ministack, unique_name};
use flotilla_tests::proxy::{Kind, Proxy};
use shared::config::{LedgerConfig, QueueConfig};
use shared::ledger::{Ledger, Run};
use shared::queue::JobQueue;

use super::moment::Moment;
use super::world::{CONCURRENCY, JOB_OBJECTS, LEASE, Round, Sizes, reached_by};

const NO_ENV: [(&str, String); 0] = [];

/// What a finder asks of both stores, and a worker of source and destination.
const BY_FINDER: &[Kind] = &[Kind::List];
const AT_SOURCE: &[Kind] = &[Kind::Get, Kind::Get, Kind::Head];
const AT_DESTINATION: &[Kind] =
    &[Kind::Put, Kind::Create, Kind::Create, Kind::Part, Kind::Part, Kind::Complete, Kind::Complete, Kind::Delete];
/// Of queue and ledger: receiving, settling, sending, checkpoints, and the release of deletes.
const OF_BACKEND: &[Kind] = &[Kind::Other];

/// What anything here may take at most, on a machine with many more programs than cores.
const LIMIT: Duration = Duration::from_secs(600);

/// Longest time after which one is killed, ms.
const LONGEST_MS: usize = 2_500;

struct Fleet {
    task: String,
    finding: Carried,
    working: Carried,
    queue: SqsQueue,
    ledger: DynamoDbLedger,
}

/// A config file, and the proxy before queue and ledger that it names.
struct Carried {
    config: PathBuf,
    backend: Arc<Proxy>,
}

/// A round; returns how often something was killed.
pub async fn round(seed: u64) -> u32 {
    let mut round = Round::new(seed, false).await;
    let fleet = Fleet::create(&round).await;
    let mut workers = [fleet.start_worker(), fleet.start_worker()];
    let mut finder = fleet.start_finder();
    let (mut finder_was_killed, mut dropped) = (false, 0);
    for _ in 0..1 + round.random.below(2) {
        let (source, destination) = (round.source.proxy().cloned(), round.destination.proxy().cloned());
        let (Some(source), Some(destination)) = (source, destination) else { unreachable!("both are buckets") };
        if finder.is_running() && round.random.percent(40) {
            let proxies = [(source, BY_FINDER), (destination, BY_FINDER), (fleet.finding.backend.clone(), OF_BACKEND)];
            let moment = Moment::of(&mut round.random, &proxies, LONGEST_MS);
            moment.wait(&mut finder, Duration::from_secs(3)).await;
            if finder.is_running() {
                finder.kill();
                finder.wait(LIMIT).await;
                (finder_was_killed, round.kills) = (true, round.kills + 1);
                round.finding_was_dropped();
                fleet.end_claim().await;
                finder = fleet.start_finder();
            }
            moment.pass();
        } else {
            let backend = fleet.working.backend.clone();
            let proxies = [(source, AT_SOURCE), (destination, AT_DESTINATION), (backend, OF_BACKEND)];
            let moment = Moment::of(&mut round.random, &proxies, LONGEST_MS);
            let victim = round.random.below(2);
            moment.wait(&mut workers[victim], Duration::from_secs(3)).await;
            // Whose request is delayed is not known, and nobody should wait for it.
            let count = if matches!(moment, Moment::Time(_)) { 1 } else { 2 };
            for worker in [victim, 1 - victim].into_iter().take(count) {
                workers[worker].kill();
                dropped += 1 + dropped_jobs(&workers[worker].stderr());
                workers[worker] = fleet.start_worker();
                round.kills += 1;
            }
            moment.pass();
        }
        round.change_source().await;
    }
    round.pass_a_second().await;
    fleet.wait_until_found(finder, finder_was_killed).await;
    fleet.wait_until_done().await;
    let mut last = fleet.find().await;
    if round.source_was_changed() {
        last = fleet.find().await;
    }
    assert_eq!(last.found.enqueued + last.found.deletes, 0, "seed {seed}: nothing is left to do: {last:?}");
    round.work_was_dropped(dropped + stop(&mut workers, seed).await);
    round.check().await;
    round.check_runs(&fleet.ledger, &fleet.task).await;
    round.remove();
    round.kills
}

/// Ends the workers in good order. Returns how many jobs they have dropped.
async fn stop(workers: &mut [Process], seed: u64) -> usize {
    workers.iter_mut().for_each(Process::terminate);
    let mut dropped = 0;
    for worker in workers {
        let ended = worker.wait(LIMIT).await;
        assert_eq!(ended.code, Some(0), "seed {seed}: {}", ended.stderr);
        dropped += dropped_jobs(&ended.stderr);
    }
    dropped
}

/// How often a worker says that it has dropped a job, or part of one, which is then done again: leases of seconds are
/// lost where nothing is killed, if the machine has much else to do.
fn dropped_jobs(said: &str) -> usize {
    said.lines()
        .filter(|line| ["lost the lease", "redelivered", "again"].iter().any(|word| line.contains(word)))
        .count()
}

impl Fleet {
    async fn create(round: &Round) -> Fleet {
        let (services, task) = (ministack(), unique_name("crash"));
        let connection = connection(&services.endpoint, ACCESS_KEY, SECRET_KEY);
        let queue = QueueConfig { name: task.clone(), dead_letter: None, connection: connection.clone() };
        SqsQueue::create(&queue).await.expect("the queue is made");
        let queue = SqsQueue::open(&queue).await.expect("the queue opens");
        let table = LedgerConfig::new(task.clone(), connection);
        DynamoDbLedger::create(&table).await.expect("the table is made");
        let ledger = DynamoDbLedger::open(&table).await.expect("the table opens");
        let (finding, working) = (Carried::create(round, &task).await, Carried::create(round, &task).await);
        Fleet { task, finding, working, queue, ledger }
    }

    fn start_worker(&self) -> Process {
        self.working.start(&binaries::worker(), &[])
    }

    fn start_finder(&self) -> Process {
        self.finding.start(&binaries::finder(), &["--once"])
    }

    /// The claim of a finder that was killed ends with its lease of a minute: nobody waits for it here.
    async fn end_claim(&self) {
        let client = aws_sdk_dynamodb::Client::new(&ministack().sdk_config());
        let delete = client.delete_item().table_name(&self.task);
        let delete = delete.key("pk", AttributeValue::S(format!("task#{}", self.task)));
        delete.key("sk", AttributeValue::S("claim".to_owned())).send().await.expect("the table answers");
    }

    /// Waits until a run has listed everything. After a finder was killed the next one may be refused: its run may
    /// have been complete but for its exit, and a claim that was on its way may have come after [`Self::end_claim`].
    async fn wait_until_found(&self, mut finder: Process, one_was_killed: bool) {
        let mut ended = finder.wait(LIMIT).await;
        for _ in 0..2 {
            if ended.code == Some(0) {
                return;
            }
            match &ended.stderr {
                said if one_was_killed && said.contains("another process works on this task") => self.end_claim().await,
                said if one_was_killed && said.contains("objects to finish") => drop(self.wait_until_done().await),
                said => panic!("{:?}: {said}", ended.code),
            }
            ended = self.start_finder().wait(LIMIT).await;
        }
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }

    /// One more run, to its end.
    async fn find(&self) -> Run {
        self.wait_until_found(self.start_finder(), false).await;
        self.wait_until_done().await
    }

    async fn wait_until_done(&self) -> Run {
        let started = Instant::now();
        loop {
            let run = self.ledger.runs(&self.task, 1).await.expect("the ledger answers").pop();
            // Killed between the last outcome and its acknowledgement: that job comes once more.
            let waiting = self.queue.depth().await.expect("the queue answers").waiting();
            match run {
                Some(run) if run.is_done() && waiting == 0 => return run,
                run => assert!(started.elapsed() < LIMIT, "not done in time: {run:?}, {waiting} jobs wait"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Carried {
    async fn create(round: &Round, task: &str) -> Carried {
        let backend = Arc::new(Proxy::start(&ministack().endpoint).await);
        let mut text = format!("task = \"{task}\"\n");
        let mut section = |name: &str, lines: &[(&str, String)]| {
            let _ = writeln!(text, "[{name}]");
            for (name, value) in lines {
                let _ = writeln!(text, "{name} = \"{value}\"");
            }
        };
        for (name, side) in [("source", &round.source), ("destination", &round.destination)] {
            section(name, &[side.connection(), vec![("location", side.location())]].concat());
        }
        for (name, key) in [("queue", "name"), ("ledger", "table")] {
            section(name, &[reached_by(&backend.endpoint), vec![(key, task.to_owned())]].concat());
        }
        let Sizes { part, threshold, giant } = round.sizes;
        let _ = write!(
            text,
            "[find]\ndelete = true\nmax-delete = 1000\njob-objects = {JOB_OBJECTS}\n[work]\nconcurrency = {CONCURRENCY}\n\
             part-size = {part}\nmultipart-threshold = {threshold}\ngiant-threshold = {giant}\nlease = \"{LEASE}\"\n\
             retry-delay = \"100ms\"\ndrain = \"2s\"\n"
        );
        let config = fresh_folder("config").join("task.toml");
        std::fs::write(&config, text).expect("the temporary folder must be writable");
        Carried { config, backend }
    }

    fn start(&self, program: &Path, more: &[&str]) -> Process {
        let config = ["--config", self.config.to_str().expect("UTF-8")];
        Process::start(program, config.iter().chain(more), NO_ENV)
    }
}
