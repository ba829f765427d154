//! Many tasks on three workers: requests are counted at a proxy, and follow from the tasks or from the workers, never from
//! both together.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use adapters::open::{self, FleetBackend};
use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, fresh_folder, ministack, unique_name};
use flotilla_tests::proxy::Proxy;
use flotilla_tests::scale::scale;
use futures::stream::{self, StreamExt as _};
use shared::config::{FleetFile, TaskDefinition};
use shared::object::Timestamp;
use shared::tasks::{Author, NewTask, RunEnd, TaskRef};

const WORKERS: u64 = 3;

/// 200 with `--long`: to open them keeps the emulator busy, which others use. Enough that the polls of all tasks by all
/// workers would be out of bounds.
fn tasks() -> u64 {
    scale(24, 200)
}

/// The task that has a run.
const RUNS: &str = "t23";

/// Beats and looks of a worker in a minute.
const BEATS: u64 = 12;

struct Fleet {
    backend: FleetBackend,
    proxy: Proxy,
    root: PathBuf,
}

impl Fleet {
    /// Tasks that copy one folder, each to a folder of its own. The programs reach the services by the proxy.
    async fn new() -> Fleet {
        let (proxy, root) = (Proxy::start(&ministack().endpoint).await, fresh_folder("many"));
        let name: String = unique_name("f").chars().rev().filter(char::is_ascii_alphanumeric).take(12).collect();
        let (name, keys) = (format!("f{}", name.to_lowercase()), credentials_file(ACCESS_KEY, SECRET_KEY));
        let text = |endpoint: &str| {
            let keys = keys.display();
            let service =
                format!("endpoint-url = \"{endpoint}\"\nregion = \"us-east-1\"\ncredentials = \"file:{keys}\"\n");
            let work = "[work]\ndrain = \"2s\"\n";
            format!("name = \"{name}\"\n[queue]\n{service}[ledger]\ntable = \"{name}\"\n{service}{work}")
        };
        std::fs::write(root.join("fleet.toml"), text(&proxy.endpoint)).expect("a file");
        std::fs::create_dir(root.join("source")).expect("a folder");
        std::fs::write(root.join("source/a"), "bytes").expect("a file");
        let direct = FleetFile::parse(&text(&ministack().endpoint)).expect("a fleet file");
        let init = ["init", "--fleet", root.join("fleet.toml").to_str().expect("UTF-8")].map(str::to_owned);
        let made = Process::start(&binaries::flotilla(), init, [("USER", "ada".to_owned())]).wait(LIMIT).await;
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        let backend = FleetBackend::open(&direct).await.expect("the fleet opens");
        let fleet = Fleet { backend, proxy, root };
        stream::iter(0..tasks()).for_each_concurrent(16, |number| fleet.create(number)).await;
        fleet
    }

    async fn create(&self, number: u64) {
        let name = format!("t{number}");
        let (from, to) = (self.root.join("source"), self.root.join(format!("to-{number}")));
        let text = format!("task = \"{name}\"\n[source]\nlocation = {from:?}\n[destination]\nlocation = {to:?}\n");
        let definition = TaskDefinition::parse(&text).expect("a definition").kept().expect("it is small");
        let new = NewTask { task: TaskRef { name: name.clone(), id: unique_name("id") }, definition, next_due: None };
        let tasks = &self.backend.tasks;
        assert!(tasks.create(&new, &Author::new("ada", Timestamp::now(), "")).await.expect("answers").is_made());
        let summary = tasks.summary(&name).await.expect("answers").expect("is there");
        open::create_task_queues(self.backend.fleet(), &summary).await.expect("the queues are made");
    }

    fn start(&self, program: PathBuf, words: &[&str]) -> Process {
        let file = self.root.join("fleet.toml").display().to_string();
        let words = words.iter().map(|word| (*word).to_owned()).chain(["--fleet".to_owned(), file]);
        Process::start(&program, words.collect::<Vec<_>>(), [("USER", "ada".to_owned())])
    }

    async fn command(&self, words: &[&str]) {
        let ended = self.start(binaries::flotilla(), words).wait(LIMIT).await;
        assert_eq!(ended.code, Some(0), "{words:?}: {}", ended.stderr);
    }

    /// The calls of a minute.
    async fn minute(&self) -> BTreeMap<String, u64> {
        self.proxy.reset();
        tokio::time::sleep(Duration::from_secs(60)).await;
        let mut calls = BTreeMap::new();
        for request in self.proxy.seen() {
            let call = request.target.rsplit(['.', ' ']).next().unwrap_or_default().to_owned();
            *calls.entry(call).or_default() += 1;
        }
        calls
    }
}

const LIMIT: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn many_tasks_on_three_workers_take_few_requests() {
    let fleet = Fleet::new().await;
    let mut workers: Vec<Process> = (0..WORKERS).map(|_| fleet.start(binaries::worker(), &[])).collect();
    for worker in &mut workers {
        let served = |worker: &Process| worker.stderr().matches("receiving the task's jobs").count() as u64;
        let begun = std::time::Instant::now();
        while served(worker) < tasks() {
            assert!(worker.is_running() && begun.elapsed() < LIMIT, "{}", worker.stderr());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    // Each worker polls a task when it opens it, and knows the others after some beats.
    tokio::time::sleep(Duration::from_secs(15)).await;
    let minute = fleet.minute().await;
    let count = |call: &str| minute.get(call).copied().unwrap_or(0);
    // Of each worker: a heartbeat, and three queries, each 5 s. Of each task: a poll of its two queues a minute, by one of
    // the workers. The clock of the test is not the workers'.
    let polls = 2 * tasks() + 1;
    let bounds = [
        ("PutItem", WORKERS * (BEATS - 2), WORKERS * (BEATS + 1)),
        ("Query", 3 * WORKERS * (BEATS - 2), 3 * WORKERS * (BEATS + 1)),
        ("ReceiveMessage", polls / 2, polls * 3 / 2),
    ];
    for (call, least, most) in bounds {
        assert!((least..=most).contains(&count(call)), "{call}: {minute:?}");
    }
    let known: u64 = bounds.iter().map(|(call, ..)| count(call)).sum();
    assert_eq!(minute.values().sum::<u64>(), known, "other calls: {minute:?}");

    fleet.command(&["task", "run", RUNS]).await;
    let is_done = async || {
        fleet.command(&["controller", "--once"]).await;
        let task = fleet.backend.tasks.summary(RUNS).await.expect("answers").expect("is there");
        task.last_run.is_some_and(|run| run.end == RunEnd::Done)
    };
    binaries::until("the run ends", &mut workers, LIMIT, is_done).await;
    assert_eq!(std::fs::read_to_string(fleet.root.join("to-23/a")).expect("it is copied"), "bytes");
    workers.iter_mut().for_each(Process::terminate);
    for mut worker in workers {
        assert_eq!(worker.wait(LIMIT).await.code, Some(0));
    }
}
