//! A fleet of many tasks over SQS and DynamoDB, between two gateways, with the real programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adapters::open::FleetBackend;
use aws_sdk_s3::Client;
use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, fresh_folder, ministack, unique_name, weed};
use shared::config::FleetFile;
use shared::ledger::Run;
use shared::tasks::{Heartbeat, Summary};

use crate::support::content;

/// For a machine with many more programs than cores.
pub const LIMIT: Duration = Duration::from_secs(300);

const NO_ENV: [(&str, String); 0] = [];

/// A program at work, by this fleet file.
pub fn start_with(file: &Path, program: &Path, words: &[&str]) -> Process {
    let file = file.display().to_string();
    let words = words.iter().map(|word| (*word).to_owned()).chain(["--fleet".to_owned(), file]);
    Process::start(program, words.collect::<Vec<_>>(), NO_ENV)
}

/// A fleet, and the two buckets of all its tasks: each task has a folder in both.
pub struct Fleet {
    root: PathBuf,
    pub backend: FleetBackend,
    pub source: String,
    pub destination: String,
    /// At the source's gateway, and at the destination's.
    pub clients: [Client; 2],
    keys: PathBuf,
}

/// What of a task differs from the others.
#[derive(Default)]
pub struct Different<'a> {
    /// Endpoint of the source; `None`: the gateway's.
    pub endpoint: Option<&'a str>,
    /// Endpoint of the destination; `None`: the second gateway's.
    pub destination: Option<&'a str>,
    /// Credentials of the source; `None`: the right ones.
    pub credentials: Option<&'a str>,
    /// Lines at the top.
    pub top: &'a str,
    /// Sections at the end.
    pub sections: &'a str,
}

impl Fleet {
    pub async fn new() -> Fleet {
        Fleet::of("concurrency = 16\nlease = \"20s\"\ndrain = \"2s\"\n").await
    }

    /// A fleet whose machines have these settings.
    pub async fn of(work: &str) -> Fleet {
        Fleet::with_ledger(&ministack().endpoint, work).await
    }

    /// A fleet whose programs reach the ledger by this endpoint; the test itself reaches it directly.
    pub async fn with_ledger(endpoint: &str, work: &str) -> Fleet {
        let (weed, root) = (weed(), fresh_folder("fleet"));
        let (source, destination) = (weed.create_bucket("source").await, weed.create_bucket("destination").await);
        let keys = credentials_file(ACCESS_KEY, SECRET_KEY);
        // Up to 20 characters.
        let name: String = unique_name("f").chars().rev().take(12).collect();
        let name = format!("f{}", name.replace(|c: char| !c.is_ascii_alphanumeric(), "").to_lowercase());
        let text = |ledger: &str| {
            let service = |endpoint: &str| {
                let keys = keys.display();
                format!("endpoint-url = \"{endpoint}\"\nregion = \"us-east-1\"\ncredentials = \"file:{keys}\"\n")
            };
            let (queue, ledger) = (service(&ministack().endpoint), service(ledger));
            format!("name = \"{name}\"\n[queue]\n{queue}[ledger]\ntable = \"{name}\"\n{ledger}[work]\n{work}")
        };
        std::fs::write(root.join("fleet.toml"), text(endpoint)).expect("a file");
        let fleet = FleetFile::parse(&text(&ministack().endpoint)).expect("a fleet file");
        let made = Process::start(
            &binaries::flotilla(),
            ["init", "--fleet", root.join("fleet.toml").to_str().expect("UTF-8")],
            NO_ENV,
        );
        assert_eq!({ made }.wait(LIMIT).await.code, Some(0), "the table is made");
        let backend = FleetBackend::open(&fleet).await.expect("the fleet opens");
        let clients = [weed.client(&weed.endpoint), weed.client(&weed.second_endpoint)];
        Fleet { root, backend, source, destination, clients, keys }
    }

    fn start(&self, program: PathBuf, words: &[&str]) -> Process {
        start_with(&self.root.join("fleet.toml"), &program, words)
    }

    /// A file of this fleet, for programs that reach SQS at another endpoint.
    pub fn file_with_queue_at(&self, name: &str, endpoint: &str) -> PathBuf {
        let text = std::fs::read_to_string(self.root.join("fleet.toml")).expect("a file");
        let file = self.root.join(format!("{name}.toml"));
        std::fs::write(&file, text.replacen(&ministack().endpoint, endpoint, 1)).expect("a file");
        file
    }

    /// A file of this fleet with a group.
    pub fn file_with_group(&self, name: &str, group: &str) -> PathBuf {
        let text = std::fs::read_to_string(self.root.join("fleet.toml")).expect("a file");
        let file = self.root.join(format!("{name}.toml"));
        let credentials = format!("region = \"us-east-1\"\ncredentials = \"file:{}\"\n", self.keys.display());
        std::fs::write(&file, format!("{text}[fleet]\n{group}{credentials}")).expect("a file");
        file
    }

    pub fn worker(&self) -> Process {
        self.start(binaries::worker(), &[])
    }

    /// One pass of the controller.
    pub fn controller(&self) -> Process {
        self.start(binaries::flotilla(), &["controller", "--once"])
    }

    /// A command, at work.
    pub fn start_command(&self, words: &[&str]) -> Process {
        self.start(binaries::flotilla(), words)
    }

    /// A command that ends by itself.
    pub async fn run(&self, words: &[&str]) -> Ended {
        self.start(binaries::flotilla(), words).wait(LIMIT).await
    }

    /// Standard output of a command that succeeds.
    pub async fn command(&self, words: &[&str]) -> String {
        let ended = self.run(words).await;
        assert_eq!(ended.code, Some(0), "{words:?}: {}", ended.stderr);
        ended.stdout
    }

    /// Creates a task between its folders in the two buckets.
    pub async fn create(&self, name: &str, different: Different<'_>) {
        self.create_by(binaries::flotilla(), name, different).await;
    }

    /// The same, by a program.
    pub async fn create_by(&self, program: PathBuf, name: &str, different: Different<'_>) {
        let weed = weed();
        let credentials = format!("file:{}", self.keys.display());
        let side = |bucket: &str, endpoint: &str, credentials: &str| {
            format!(
                "location = \"s3://{bucket}/{name}\"\nendpoint-url = \"{endpoint}\"\nregion = \"us-east-1\"\n\
                 credentials = \"{credentials}\"\n"
            )
        };
        let text = format!(
            "task = \"{name}\"\n{}\n[source]\n{}[destination]\n{}{}",
            different.top,
            side(
                &self.source,
                different.endpoint.unwrap_or(&weed.endpoint),
                different.credentials.unwrap_or(&credentials)
            ),
            side(&self.destination, different.destination.unwrap_or(&weed.second_endpoint), &credentials),
            different.sections
        );
        let file = self.root.join(format!("{name}.toml"));
        std::fs::write(&file, text).expect("a file");
        let words = ["task", "create", "--from", file.to_str().expect("UTF-8")];
        let created = self.start(program, &words).wait(LIMIT).await;
        assert_eq!(created.code, Some(0), "{}", created.stderr);
    }

    pub async fn put(&self, task: &str, key: &str, size: usize) {
        let key = format!("{task}/{key}");
        let body = content(&key, size).into();
        self.clients[0].put_object().bucket(&self.source).key(&key).body(body).send().await.expect("an object");
    }

    pub async fn summaries(&self) -> BTreeMap<String, Summary> {
        let summaries = self.backend.tasks.summaries().await.expect("the tasks are read");
        summaries.into_iter().map(|summary| (summary.task.name.clone(), summary)).collect()
    }

    pub async fn summary(&self, name: &str) -> Summary {
        self.backend.tasks.summary(name).await.expect("the task is read").expect("there is such a task")
    }

    pub async fn heartbeats(&self) -> Vec<Heartbeat> {
        self.backend.tasks.heartbeats().await.expect("the heartbeats are read")
    }

    /// The runs of a task, newest first.
    pub async fn runs(&self, name: &str) -> Vec<Run> {
        let id = self.summary(name).await.task.id;
        self.backend.ledger.runs(&id, 10).await.expect("the ledger answers")
    }

    /// Waits until `reached`, which `what` says, while these processes work.
    pub async fn until(&self, what: &str, processes: &mut [Process], reached: impl AsyncFn() -> bool) {
        binaries::until(what, processes, LIMIT, reached).await;
    }

    /// The destination's folder of a task has what the source's has, byte by byte.
    pub async fn assert_equal(&self, task: &str) {
        let objects = |side: usize| {
            let bucket = [&self.source, &self.destination][side].clone();
            let client = self.clients[side].clone();
            async move {
                let mut found = BTreeMap::new();
                let prefix = format!("{task}/");
                let mut pages = client.list_objects_v2().bucket(&bucket).prefix(prefix).into_paginator().send();
                while let Some(page) = pages.next().await {
                    for object in page.expect("the bucket is listed").contents() {
                        let key = object.key().expect("a key").to_owned();
                        let read = client.get_object().bucket(&bucket).key(&key).send().await.expect("an object");
                        let bytes = read.body.collect().await.expect("the object is whole").into_bytes();
                        found.insert(key, bytes);
                    }
                }
                found
            }
        };
        let (from, to) = (objects(0).await, objects(1).await);
        assert!(!from.is_empty(), "{task} has objects");
        let differs = from.iter().find(|(key, bytes)| to.get(*key) != Some(bytes)).map(|(key, _)| key);
        assert!(differs.is_none() && from.len() == to.len(), "{task}: {differs:?} of {} and {}", from.len(), to.len());
    }

    /// Uploads that are open at the destination.
    pub async fn open_uploads(&self) -> usize {
        let open = self.clients[1].list_multipart_uploads().bucket(&self.destination).send().await;
        open.expect("uploads are listed").uploads().len()
    }
}

/// Ends workers in good order, all at once: each waits for its last poll, as long as its drain lasts.
pub async fn stop(mut workers: Vec<Process>) {
    workers.iter_mut().for_each(Process::terminate);
    for mut worker in workers {
        let ended = worker.wait(Duration::from_secs(60)).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}
