//! A task that follows events: two sides, its queues and table, and its workers.

use std::time::{Duration, Instant};

use adapters::queue::sqs::SqsQueue;
use aws_sdk_sqs::types::QueueAttributeName;
use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::{ministack, unique_name};
use futures::stream::{self, StreamExt};
use shared::config::QueueConfig;
use shared::event;
use shared::ledger::{Ledger, Run, Settled, events_run};
use shared::queue::{JobQueue, Outgoing};

use super::side::Side;
use crate::support::{Task, scrape};

const NO_ENV: [(&str, String); 0] = [];

/// How long anything is waited for while no event is done.
const LIMIT: Duration = Duration::from_secs(120);

/// How long a finder may take on a crowded machine.
const FIND_LIMIT: Duration = Duration::from_secs(300);

/// What all of them have: what failed is tried again at once.
const WORK: &str = "retry-delay = \"1s\"\ndrain = \"2s\"\n";

pub struct Following {
    pub task: Task,
    pub from: Side,
    pub to: Side,
    pub workers: Vec<Process>,
    pub jobs: SqsQueue,
    /// Where events go: the queue of their own, if they have one.
    pub events: Option<SqsQueue>,
    /// Records sent so far that are to be counted.
    pub records: u64,
}

impl Following {
    /// Makes queues, table and config. `own_queue` says whether events have a queue of their own, `find` and `work` are
    /// lines of these sections.
    pub async fn new(from: Side, to: Side, own_queue: bool, find: &str, work: &str) -> Following {
        Following::below(from, to, "", own_queue, find, work).await
    }

    /// As [`new`](Self::new), of a folder of the source's bucket: `/folder`.
    pub async fn below(from: Side, to: Side, folder: &str, own_queue: bool, find: &str, work: &str) -> Following {
        let name = unique_name("events");
        let section = if own_queue { format!("[events]\nqueue = \"{name}\"\n") } else { String::new() };
        let sections = format!("{section}[find]\n{find}[work]\n{WORK}{work}");
        let source = format!("{}{folder}", from.bucket);
        let source = (source.as_str(), from.proxy.endpoint.as_str());
        let task = Task::between(ministack(), source, (&to.bucket, &to.proxy.endpoint), &sections).await;
        let queue = |name: &str| QueueConfig {
            name: name.to_owned(),
            dead_letter: Some(format!("{}-dead", task.name)),
            connection: ministack().connection(),
        };
        let jobs = SqsQueue::open(&queue(&task.name)).await.expect("the queue opens");
        let mut events = None;
        if own_queue {
            SqsQueue::create(&queue(&name)).await.expect("the queue is made");
            events = Some(SqsQueue::open(&queue(&name)).await.expect("the queue opens"));
        }
        Following { task, from, to, workers: Vec::new(), jobs, events, records: 0 }
    }

    pub fn start_worker(&self) -> Process {
        Process::start(&binaries::worker(), self.task.arguments(&["--metrics-addr", "127.0.0.1:0"]), NO_ENV)
    }

    pub fn start_workers(&mut self, count: usize) {
        self.workers.extend((0..count).map(|_| self.start_worker()).collect::<Vec<_>>());
    }

    pub fn start_finder(&self) -> Process {
        Process::start(&binaries::finder(), self.task.arguments(&["--once"]), NO_ENV)
    }

    /// A whole run of the finder, which ends well.
    pub async fn find(&self) {
        let ended = self.start_finder().wait(FIND_LIMIT).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }

    /// Kills a worker (SIGKILL) and starts another in its place.
    pub fn replace(&mut self, index: usize) {
        self.workers[index].kill();
        self.workers[index] = self.start_worker();
    }

    /// Sends bodies of events, each in a message of its own.
    pub async fn follow(&mut self, bodies: impl IntoIterator<Item = String>) {
        let bodies: Vec<String> = bodies.into_iter().collect();
        for body in &bodies {
            self.records += event::parse(body).expect("an event").changes.len() as u64;
        }
        self.send(bodies).await;
    }

    /// Sends whatever it is.
    pub async fn send(&self, bodies: Vec<String>) {
        let messages: Vec<Outgoing> = bodies.into_iter().map(Outgoing::now).collect();
        self.events.as_ref().unwrap_or(&self.jobs).send(&messages).await.expect("the queue takes messages");
    }

    /// The event run.
    pub async fn event_run(&self) -> Option<Run> {
        self.task.ledger.run(&events_run(&self.task.name)).await.expect("the ledger answers")
    }

    /// What the event run has counted.
    pub async fn settled(&self) -> Settled {
        self.event_run().await.map(|run| run.settled).unwrap_or_default()
    }

    /// Messages that are not done.
    pub async fn waiting(&self) -> u64 {
        let mut waiting = self.jobs.depth().await.expect("the queue answers").waiting();
        if let Some(events) = &self.events {
            waiting += events.depth().await.expect("the queue answers").waiting();
        }
        waiting
    }

    /// Waits until `reached`, which `what` says, as long as the workers work.
    pub async fn until(&mut self, what: &str, reached: impl AsyncFn(&Following) -> bool) {
        let (mut since, mut done) = (Instant::now(), u64::MAX);
        while !reached(self).await {
            for worker in &mut self.workers {
                assert!(worker.is_running(), "a worker ended: {}", worker.stderr());
            }
            if since.elapsed() > LIMIT {
                let (settled, waiting) = (self.settled().await, self.waiting().await);
                if settled.objects() == done {
                    let said: Vec<String> = self.workers.iter().map(Process::stderr).collect();
                    panic!("{what}: not in time; {} records, {settled:?}, {waiting} wait; {said:?}", self.records);
                }
                (since, done) = (Instant::now(), settled.objects());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until all that was sent is counted, and the queues are empty.
    pub async fn until_followed(&mut self) {
        self.until("all events are followed", async |following| {
            following.settled().await.objects() >= following.records && following.waiting().await == 0
        })
        .await;
    }

    /// Ends the workers in good order.
    pub async fn stop(&mut self) {
        for worker in &mut self.workers {
            worker.terminate();
        }
        for worker in &mut self.workers {
            let ended = worker.wait(LIMIT).await;
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        }
    }

    /// Both sides have the same keys, bytes, content types and user metadata; each record of each message was counted
    /// once and none failed; nothing is left on a queue, at the dead letters, or open.
    pub async fn assert_followed(&self) {
        let settled = self.settled().await;
        assert_eq!((settled.objects(), settled.failed), (self.records, 0), "{settled:?}");
        assert_eq!(self.waiting().await, 0);
        assert_eq!(self.dead_letters().await, Vec::<(String, String)>::new());
        self.assert_equal().await;
        assert_eq!(self.to.open_uploads().await, 0);
    }

    pub async fn assert_equal(&self) {
        let (ours, theirs) = (self.from.keys().await, self.to.keys().await);
        let missing: Vec<_> = ours.iter().filter(|key| !theirs.contains(key)).collect();
        let many: Vec<_> = theirs.iter().filter(|key| !ours.contains(key)).collect();
        assert!(missing.is_empty() && many.is_empty(), "missing: {missing:?}, too many: {many:?}");
        let differing = stream::iter(&ours).map(|key| self.difference(key)).buffer_unordered(16);
        let differing: Vec<String> = differing.collect::<Vec<_>>().await.into_iter().flatten().collect();
        assert!(differing.is_empty(), "they differ: {differing:#?}");
    }

    /// In what the sides differ at a key, and what is recorded of it.
    async fn difference(&self, key: &str) -> Option<String> {
        let (from, to) = (self.from.get(key).await, self.to.get(key).await);
        let what = match (&from, &to) {
            (Some(from), Some(to)) if from.bytes != to.bytes => "bytes",
            _ if from != to => "metadata",
            _ => return None,
        };
        let outcome = self.task.ledger.outcome(&self.task.name, key).await.expect("the ledger answers");
        Some(format!("{key}: {what}; {outcome:?}"))
    }

    /// Bodies and reasons of all that is there; they stay hidden for a while then.
    pub async fn dead_letters(&self) -> Vec<(String, String)> {
        let sqs = aws_sdk_sqs::Client::new(&ministack().sdk_config());
        let name = format!("{}-dead", self.task.name);
        let url = sqs.get_queue_url().queue_name(name).send().await.expect("it is there").queue_url.expect("its URL");
        let depth = QueueAttributeName::ApproximateNumberOfMessages;
        let mut letters = Vec::new();
        loop {
            let attributes = sqs.get_queue_attributes().queue_url(&url).attribute_names(depth.clone()).send().await;
            let attributes = attributes.expect("attributes").attributes.unwrap_or_default();
            if attributes.get(&depth).is_none_or(|count| count == "0") {
                return letters;
            }
            let receive = sqs.receive_message().queue_url(&url).max_number_of_messages(10);
            let answer = receive.message_attribute_names("All").send().await.expect("messages");
            for message in answer.messages() {
                let reason = message.message_attributes().and_then(|all| all.get("reason")?.string_value());
                letters.push((message.body().unwrap_or_default().to_owned(), reason.unwrap_or_default().to_owned()));
            }
        }
    }

    /// The sum over the workers of all samples of a metric whose labels all contain one of these texts.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let mut sum = 0.0;
        for worker in &self.workers {
            for line in scrape(worker).await.lines() {
                let Some((series, value)) = line.rsplit_once(' ') else { continue };
                let (of, with) = series.split_once('{').unwrap_or((series, ""));
                if of == name && labels.iter().all(|label| with.contains(label)) {
                    sum += value.parse::<f64>().expect("a number");
                }
            }
        }
        sum
    }
}
