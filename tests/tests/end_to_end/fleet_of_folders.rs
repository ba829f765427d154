//! The real programs between two folders, over SQS and DynamoDB behind a proxy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use adapters::ledger::dynamodb::DynamoDbLedger;
use adapters::queue::sqs::SqsQueue;
use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::emulators::{
    ACCESS_KEY, SECRET_KEY, connection, credentials_file, fresh_folder, ministack, unique_name,
};
use flotilla_tests::proxy::{Fault, Proxy, Rule};
use shared::config::{LedgerConfig, QueueConfig};
use shared::ledger::{Ledger, Run};
use shared::queue::{JobQueue, Outgoing};

use crate::support::{assert_files, write_files};

/// For a machine with many more programs than cores.
const LIMIT: Duration = Duration::from_secs(300);

/// A task between two folders.
pub struct Folders {
    pub name: String,
    pub proxy: Proxy,
    /// Not through the proxy.
    pub queue: SqsQueue,
    /// Not through the proxy.
    pub ledger: DynamoDbLedger,
    root: PathBuf,
}

impl Folders {
    /// Makes folders with files of `content`, queue, table and config; `work` is its `[work]` section.
    pub async fn new(files: &[(String, usize)], work: &str) -> Folders {
        let root = fresh_folder("fleet");
        write_files(&root.join("source"), files);
        std::fs::create_dir_all(root.join("destination")).expect("a folder");
        let proxy = Proxy::start(&ministack().endpoint).await;
        let name = unique_name("fleet");
        let keys = credentials_file(ACCESS_KEY, SECRET_KEY);
        let service = format!(
            "endpoint-url = \"{}\"\nregion = \"us-east-1\"\ncredentials = \"file:{}\"\n",
            proxy.endpoint,
            keys.display()
        );
        let text = format!(
            "task = \"{name}\"\nsource.location = \"{0}/source\"\ndestination.location = \"{0}/destination\"\n\
             [queue]\nname = \"{name}\"\n{service}[ledger]\ntable = \"{name}\"\n{service}[find]\njob-objects = 5\n[work]\n{work}",
            root.display()
        );
        std::fs::write(root.join("task.toml"), text).expect("a file");
        let connection = connection(&ministack().endpoint, ACCESS_KEY, SECRET_KEY);
        let queue = QueueConfig { name: name.clone(), dead_letter: None, connection: connection.clone() };
        let table = LedgerConfig::new(name.clone(), connection);
        SqsQueue::create(&queue).await.expect("the queue is made");
        DynamoDbLedger::create(&table).await.expect("the table is made");
        let queue = SqsQueue::open(&queue).await.expect("the queue opens");
        let ledger = DynamoDbLedger::open(&table).await.expect("the table opens");
        Folders { name, proxy, queue, ledger, root }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Starts a program of the fleet; `@/name` in an argument stands for a path in this sandbox.
    pub fn start(&self, program: &Path, more: &[&str]) -> Process {
        let root = format!("{}/", self.root.display());
        let arguments = ["--config", "@/task.toml"].iter().chain(more).map(|word| word.replace("@/", &root));
        Process::start(program, arguments.collect::<Vec<_>>(), [("FLOTILLA_TEST", String::new())])
    }

    pub fn worker(&self, more: &[&str]) -> Process {
        self.start(&binaries::worker(), more)
    }

    pub async fn find(&self) -> Ended {
        self.start(&binaries::finder(), &["--once"]).wait(LIMIT).await
    }

    /// Whatever `containing` names meets the fault from now on.
    pub fn always(&self, containing: &str, fault: Fault) {
        self.proxy.inject(Rule::always(fault).containing(containing));
    }

    /// Requests of one action so far.
    pub fn asked(&self, action: &str) -> usize {
        self.proxy.seen().iter().filter(|seen| seen.target.ends_with(action)).count()
    }

    pub async fn run(&self) -> Option<Run> {
        self.ledger.runs(&self.name, 1).await.expect("the ledger answers").into_iter().next()
    }

    pub async fn send(&self, body: &str) {
        self.queue.send(&[Outgoing::now(body.to_owned())]).await.expect("the queue takes it");
    }

    /// Waits until `reached`, which `what` says, while these processes work.
    pub async fn until(&self, what: &str, workers: &mut [Process], reached: impl AsyncFn() -> bool) {
        binaries::until(what, workers, LIMIT, reached).await;
    }

    pub async fn until_done(&self, workers: &mut [Process]) -> Run {
        self.until("the run is done", workers, async || self.run().await.is_some_and(|run| run.is_done())).await;
        self.until("the queue is empty", workers, async || {
            self.queue.depth().await.expect("the queue answers").waiting() == 0
        })
        .await;
        self.run().await.expect("there is a run")
    }

    /// Every byte is there, and every object counted once.
    pub fn assert_copied(&self, run: &Run, files: &[(String, usize)]) {
        assert_files(&self.path("destination"), files);
        let bytes: usize = files.iter().map(|(_, size)| size).sum();
        let counted = (run.settled.copied, run.settled.bytes, run.settled.objects());
        assert_eq!(counted, (files.len() as u64, bytes as u64, files.len() as u64), "{:?}", run.settled);
    }

    /// How often each key stands in the reports of this name.
    pub fn reported(&self, names: &[&str]) -> BTreeMap<String, usize> {
        let mut keys = BTreeMap::new();
        for name in names {
            for line in std::fs::read_to_string(self.path(name)).expect("a report").lines() {
                let outcome: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
                *keys.entry(outcome["key"].as_str().expect("a key").to_owned()).or_default() += 1;
            }
        }
        keys
    }
}

/// Ends a worker in good order. It takes jobs by then: before that, it may not know the signal yet.
pub async fn stop(worker: &mut Process) {
    let began = Instant::now();
    while !worker.stderr().contains("ready for jobs") {
        assert!(worker.is_running() && began.elapsed() < LIMIT, "{}", worker.stderr());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    worker.terminate();
    let ended = worker.wait(Duration::from_secs(60)).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}
