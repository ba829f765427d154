//! A bucket whose events come by a queue, followed by `flotilla watch` and by `flotilla serve`: killed in mid-work, started
//! again.

mod serve;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use adapters::queue::sqs::SqsQueue;
use aws_sdk_sqs::types::QueueAttributeName::{
    ApproximateNumberOfMessages as Ready, ApproximateNumberOfMessagesDelayed as Delayed,
    ApproximateNumberOfMessagesNotVisible as Leased,
};
use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::{
    self, ACCESS_KEY, SECRET_KEY, Weed, connection, credentials_file, fresh_folder, ministack, unique_name, weed,
};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use serde_json::{Value, json};
use shared::config::QueueConfig;

use crate::support::put_all;

/// Longer than anything takes on a machine that builds beside.
const LIMIT: Duration = Duration::from_secs(120);

const NO_ENV: [(&str, String); 0] = [];

/// A bucket behind a proxy, and a queue that gets its events from the test.
struct Bucket {
    weed: &'static Weed,
    proxy: Proxy,
    name: String,
    queue: QueueConfig,
    sqs: aws_sdk_sqs::Client,
}

impl Bucket {
    /// The queue does not exist yet.
    async fn new() -> Bucket {
        let (weed, services) = (weed(), ministack());
        let (proxy, name) = (Proxy::start(&weed.endpoint).await, weed.create_bucket("source").await);
        let connection = connection(&services.endpoint, ACCESS_KEY, SECRET_KEY);
        let queue = QueueConfig { name: unique_name("events"), dead_letter: None, connection };
        Bucket { weed, proxy, name, queue, sqs: aws_sdk_sqs::Client::new(&services.sdk_config()) }
    }

    async fn make_queue(&self) {
        SqsQueue::create(&self.queue).await.expect("the queue is made");
    }

    async fn put(&self, keys: &[String]) {
        let files = keys.iter().map(|key| (format!("p/{key}"), 20));
        put_all(&self.weed.client(&self.weed.endpoint), &self.name, files).await;
    }

    async fn delete(&self, key: &str) {
        let client = self.weed.client(&self.weed.endpoint);
        client.delete_object().bucket(&self.name).key(format!("p/{key}")).send().await.expect("it is deleted");
    }

    /// Sends an event as S3 does.
    async fn tell(&self, event: &str, key: &str) {
        let object = json!({"key": format!("p/{key}"), "size": 20, "sequencer": "1"});
        let s3 = json!({"bucket": {"name": self.name}, "object": object});
        let record =
            json!({"eventSource": "aws:s3", "eventName": event, "eventTime": "2026-01-01T00:00:00.000Z", "s3": s3});
        let body = json!({"Records": [record]}).to_string();
        let url = self.url(&self.queue.name).await;
        self.sqs.send_message().queue_url(url).message_body(body).send().await.expect("the event is sent");
    }

    async fn url(&self, queue: &str) -> String {
        let answer = self.sqs.get_queue_url().queue_name(queue).send().await.expect("the queue exists");
        answer.queue_url.expect("its URL")
    }

    /// Messages on a queue, leased ones included.
    async fn messages(&self, queue: &str) -> u64 {
        let request = self.sqs.get_queue_attributes().queue_url(self.url(queue).await);
        let request = request.set_attribute_names(Some(vec![Ready, Leased, Delayed]));
        let attributes = request.send().await.expect("attributes").attributes.expect("attributes");
        [Ready, Leased, Delayed].iter().map(|name| attributes[name].parse::<u64>().expect("a number")).sum()
    }

    async fn is_idle(&self) -> bool {
        self.messages(&self.queue.name).await == 0
    }

    async fn dead(&self) -> u64 {
        self.messages(&self.queue.dead_letter_name()).await
    }

    /// Options that name the source and the queue.
    fn options(&self) -> Vec<String> {
        let keys = credentials_file(ACCESS_KEY, SECRET_KEY);
        let service = |name: &str, endpoint: &str| {
            [
                format!("--{name}-endpoint-url={endpoint}"),
                format!("--{name}-credentials=file:{}", keys.display()),
                format!("--{name}-region={}", emulators::REGION),
            ]
        };
        let queue = self.queue.connection.endpoint_url.as_deref().expect("an endpoint");
        let both = service("source", &self.proxy.endpoint).into_iter().chain(service("events-queue", queue));
        both.chain([format!("--events-queue={}", self.queue.name)]).collect()
    }
}

/// The files of a folder.
fn files(root: &Path) -> BTreeSet<String> {
    fn walk(root: &Path, prefix: &str, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(root.join(prefix)).into_iter().flatten().flatten() {
            let key = format!("{prefix}{}", entry.file_name().to_str().expect("UTF-8"));
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && key == ".flotilla-partial" => {}
                Ok(kind) if kind.is_dir() => walk(root, &format!("{key}/"), found),
                _ => drop(found.insert(key)),
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(root, "", &mut found);
    found
}

fn keys(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}/{n:02}")).collect()
}

/// A watch of a bucket, which is started more than once.
struct Watched {
    bucket: Bucket,
    destination: PathBuf,
    state: PathBuf,
}

impl Watched {
    async fn new() -> Watched {
        let bucket = Bucket::new().await;
        bucket.make_queue().await;
        Watched { bucket, destination: fresh_folder("destination"), state: fresh_folder("state") }
    }

    /// Starts it, and waits for the end of its first scan.
    async fn start(&self, more: &[&str]) -> Process {
        let location = format!("s3://{}/p", self.bucket.name);
        let (destination, state) = (self.destination.display().to_string(), self.state.display().to_string());
        let sides = ["watch", &location, &destination, "--state", &state, "--json", "--lease=5s"];
        let options = self.bucket.options();
        let words = sides.into_iter().chain(options.iter().map(String::as_str)).chain(more.iter().copied());
        let mut process = Process::start(&binaries::flotilla(), words, NO_ENV);
        self.until("scanned", &mut process, async |process| process.stdout().ends_with('\n')).await;
        process
    }

    async fn until(&self, what: &str, process: &mut Process, is_so: impl AsyncFn(&Process) -> bool) {
        let began = Instant::now();
        while !is_so(process).await {
            let there = || files(&self.destination);
            assert!(process.is_running(), "{what}: it has ended: {}", process.stderr());
            assert!(began.elapsed() < LIMIT, "{what}: {:?} {}", there(), process.stderr());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Has it copy these slowly, and kills it with SIGKILL when it has begun.
    async fn kill_at_work(&self, mut process: Process, new: &[String]) {
        let before = files(&self.destination).len();
        let slow = Fault::Delay(Duration::from_millis(400));
        self.bucket.proxy.inject(Rule::on(Kind::Get, slow));
        self.bucket.put(new).await;
        for key in new {
            self.bucket.tell("ObjectCreated:Put", key).await;
        }
        self.until("some are copied", &mut process, async |_| files(&self.destination).len() >= before + 3).await;
        process.kill();
        process.wait(LIMIT).await;
        self.bucket.proxy.heal();
        assert!(files(&self.destination).len() < before + new.len(), "it was killed too late");
    }

    /// Waits until no event is left, and ends the watch, which may have had none.
    async fn finish_scan(&self, mut process: Process) {
        self.until("all events are settled", &mut process, async |_| self.bucket.is_idle().await).await;
        process.terminate();
        let ended = process.wait(LIMIT).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }

    /// Waits until no event is left, and ends the watch. Returns the run of the events.
    async fn finish(&self, mut process: Process) -> Value {
        self.until("all events are settled", &mut process, async |_| self.bucket.is_idle().await).await;
        assert_eq!(self.bucket.dead().await, 0);
        process.terminate();
        let ended = process.wait(LIMIT).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let state = self.state.display().to_string();
        let status = Process::start(&binaries::flotilla(), ["status", "--state", &state, "--json"], NO_ENV);
        let status = { status }.wait(LIMIT).await.stdout;
        let runs: Vec<Value> = status.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        runs.into_iter().find(|run| run["events"] == true).unwrap_or_else(|| panic!("events came: {status}"))
    }
}

fn settled(events: &Value, name: &str) -> u64 {
    events["settled"][name].as_u64().expect("a number")
}

fn all_settled(events: &Value) -> u64 {
    ["copied", "deleted", "skipped", "failed"].iter().map(|name| settled(events, name)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_watch_of_a_bucket_loses_no_event() {
    let watched = Watched::new().await;
    watched.bucket.put(&["gone".to_owned(), "kept".to_owned()]).await;
    let first = watched.start(&["--delete", "--concurrency=2"]).await;
    let new = keys("n", 30);
    watched.kill_at_work(first, &new).await;
    watched.bucket.delete("gone").await;
    watched.bucket.tell("ObjectRemoved:Delete", "gone").await;
    let second = watched.start(&["--delete", "--concurrency=2"]).await;
    let events = watched.finish(second).await;
    let expected: BTreeSet<String> = new.into_iter().chain(["kept".to_owned()]).collect();
    assert_eq!(files(&watched.destination), expected);
    // Each message is counted once, however often it came.
    assert_eq!((all_settled(&events), settled(&events, "failed")), (31, 0), "{events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_watch_of_a_bucket_resumes_under_its_new_options() {
    let watched = Watched::new().await;
    watched.bucket.put(&["kept".to_owned()]).await;
    let first = watched.start(&["--delete", "--concurrency=1"]).await;
    let new = keys("z", 30);
    watched.kill_at_work(first, &new).await;
    let there = files(&watched.destination);
    watched.bucket.delete("kept").await;
    watched.bucket.tell("ObjectRemoved:Delete", "kept").await;
    watched.bucket.proxy.reset();
    // It deletes nothing, and leaves out what is on the queue.
    let second = watched.start(&["--exclude=z/**", "--concurrency=1"]).await;
    let events = watched.finish(second).await;
    assert_eq!(files(&watched.destination), there);
    assert_eq!(watched.bucket.proxy.count(Kind::Get), 0);
    assert_eq!((all_settled(&events), settled(&events, "deleted")), (31, 0), "{events}");
}

/// As on two machines: their tasks have one name, and each gets a part of the queue's events.
#[tokio::test(flavor = "multi_thread")]
async fn regression_two_watch_of_one_pair_share_no_queue() {
    let first = Watched::new().await;
    first.bucket.put(&["kept".to_owned()]).await;
    let process = first.start(&[]).await;
    let location = format!("s3://{}/p", first.bucket.name);
    let (destination, state) = (first.destination.display().to_string(), fresh_folder("state").display().to_string());
    let sides = ["watch", &location, &destination, "--state", &state, "--lease=5s"];
    let options = first.bucket.options();
    let words = || sides.into_iter().chain(options.iter().map(String::as_str));
    let refused = Process::start(&binaries::flotilla(), words(), NO_ENV).wait(LIMIT).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("receives the events of this queue"), "{}", refused.stderr);
    // Its own folder has its own claim, also when it begins again.
    first.finish_scan(process).await;
    let again = first.start(&[]).await;
    first.finish_scan(again).await;
}
