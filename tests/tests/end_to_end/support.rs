//! Sources made from a seed, and both sides compared byte by byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use adapters::ledger::dynamodb::DynamoDbLedger;
use adapters::queue::sqs::SqsQueue;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use flotilla_tests::binaries::Process;
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, fresh_folder};
use flotilla_tests::emulators::{Emulator, Weed, connection, credentials_file, unique_name};
pub use flotilla_tests::stage::content;
use futures::stream::{self, StreamExt};
use shared::config::{LedgerConfig, QueueConfig};
use shared::ledger::{Ledger, Run};
use shared::queue::JobQueue;

pub const MIB: usize = 1 << 20;

/// splitmix64 (Steele, Lea, Flood 2014): any seed will do.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Puts objects of `content` into a bucket.
pub async fn put_all(client: &Client, bucket: &str, objects: impl IntoIterator<Item = (String, usize)>) {
    stream::iter(objects)
        .for_each_concurrent(32, |(key, size)| async move {
            let body = ByteStream::from(content(&key, size));
            client.put_object().bucket(bucket).key(&key).body(body).send().await.expect("the source takes objects");
        })
        .await;
}

/// Keys and sizes of a bucket.
pub async fn list(client: &Client, bucket: &str) -> BTreeMap<String, i64> {
    let mut found = BTreeMap::new();
    let mut pages = client.list_objects_v2().bucket(bucket).into_paginator().send();
    while let Some(page) = pages.next().await {
        for object in page.expect("the bucket is listed").contents() {
            found.insert(object.key().expect("a key").to_owned(), object.size().unwrap_or(0));
        }
    }
    found
}

/// Checks that the bucket holds exactly these objects of `content`, every byte of them.
pub async fn assert_stored(client: &Client, bucket: &str, objects: &[(String, usize)]) {
    let listed = list(client, bucket).await;
    let expected: BTreeMap<String, i64> = objects.iter().map(|(key, size)| (key.clone(), *size as i64)).collect();
    assert!(listed == expected, "the keys or sizes differ: {} listed, {} expected", listed.len(), expected.len());
    stream::iter(objects)
        .for_each_concurrent(16, |(key, size)| async move {
            let object = client.get_object().bucket(bucket).key(key).send().await.expect("the object is there");
            let bytes = object.body.collect().await.expect("the object is whole").into_bytes();
            assert!(bytes == content(key, *size), "{key}: the bytes differ");
        })
        .await;
}

/// A task over two gateways, with its own queue and table, and its config file.
pub struct Task {
    pub name: String,
    pub source: String,
    pub destination: String,
    pub config: PathBuf,
    pub ledger: DynamoDbLedger,
    pub queue: SqsQueue,
}

impl Task {
    /// Makes buckets, queue and table, and writes the config file; `sections` are its other sections.
    pub async fn create(
        weed: &Weed,
        services: &Emulator,
        source_endpoint: &str,
        destination_endpoint: &str,
        sections: &str,
    ) -> Task {
        let (source, destination) = (weed.create_bucket("source").await, weed.create_bucket("destination").await);
        Task::between(services, (&source, source_endpoint), (&destination, destination_endpoint), sections).await
    }

    /// As [`create`](Self::create), between buckets that are there, each at its endpoint.
    pub async fn between(
        services: &Emulator,
        (source, source_endpoint): (&str, &str),
        (destination, destination_endpoint): (&str, &str),
        sections: &str,
    ) -> Task {
        let name = unique_name("task");
        let (source, destination) = (source.to_owned(), destination.to_owned());
        let keys = credentials_file(ACCESS_KEY, SECRET_KEY);
        let service = format!(
            "endpoint-url = \"{}\"\nregion = \"us-east-1\"\ncredentials = \"file:{}\"\n",
            services.endpoint,
            keys.display()
        );
        let side = |bucket: &str, endpoint: &str| {
            format!(
                "location = \"s3://{bucket}\"\nendpoint-url = \"{endpoint}\"\nregion = \"us-east-1\"\ncredentials = \"file:{}\"\n",
                keys.display()
            )
        };
        let text = format!(
            "task = \"{name}\"\n[source]\n{}[destination]\n{}[queue]\nname = \"{name}\"\n{service}[ledger]\ntable = \"{name}\"\n{service}{sections}",
            side(&source, source_endpoint),
            side(&destination, destination_endpoint),
        );
        let config = fresh_folder("config").join("task.toml");
        std::fs::write(&config, text).expect("the temporary folder must be writable");
        let connection = connection(&services.endpoint, ACCESS_KEY, SECRET_KEY);
        let queue = QueueConfig { name: name.clone(), dead_letter: None, connection: connection.clone() };
        let table = LedgerConfig::new(name.clone(), connection);
        SqsQueue::create(&queue).await.expect("the queue is made");
        let queue = SqsQueue::open(&queue).await.expect("the queue opens");
        DynamoDbLedger::create(&table).await.expect("the table is made");
        let ledger = DynamoDbLedger::open(&table).await.expect("the table opens");
        Task { name, source, destination, config, ledger, queue }
    }

    /// The newest run.
    pub async fn run(&self) -> Option<Run> {
        self.ledger.runs(&self.name, 1).await.expect("the ledger answers").into_iter().next()
    }

    /// Waits until the newest run is done.
    pub async fn finished(&self) {
        let started = std::time::Instant::now();
        while !self.run().await.is_some_and(|run| run.is_done()) {
            assert!(started.elapsed() < std::time::Duration::from_secs(300), "the run is not done");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    /// Whether nothing waits on the queue.
    pub async fn is_queue_empty(&self) -> bool {
        self.queue.depth().await.expect("the queue answers").waiting() == 0
    }

    /// The arguments every program takes.
    pub fn arguments(&self, more: &[&str]) -> Vec<String> {
        let config = ["--config", self.config.to_str().expect("UTF-8")];
        config.iter().chain(more).map(|s| (*s).to_owned()).collect()
    }
}

/// Writes files of `content` below a folder.
pub fn write_files(folder: &Path, files: &[(String, usize)]) {
    for (key, size) in files {
        let path = folder.join(key);
        std::fs::create_dir_all(path.parent().expect("a file has a parent")).expect("folders can be made");
        std::fs::write(path, content(key, *size)).expect("files can be written");
    }
}

/// Checks that the folder's files have these contents.
pub fn assert_files(folder: &Path, files: &[(String, usize)]) {
    for (key, size) in files {
        let bytes = std::fs::read(folder.join(key)).unwrap_or_else(|e| panic!("{key}: {e}"));
        assert!(bytes == content(key, *size), "{key}: the bytes differ");
    }
}

/// A process's metrics, from the address that it logged.
pub async fn scrape(process: &Process) -> String {
    try_scrape(process).await.expect("the process listens and answers")
}

/// As [`scrape`], of a process that may end meanwhile.
pub async fn try_scrape(process: &Process) -> std::io::Result<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let log = process.stderr();
    let rest = log.split("(address ").nth(1).expect("the address is logged");
    let address = rest.split([')', ',']).next().expect("a split has a first piece");
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
