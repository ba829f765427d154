//! `flotilla watch`: changes arrive at the destination without a scan.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use adapters::queue::sqs::SqsQueue;
use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::{
    self, ACCESS_KEY, SECRET_KEY, connection, credentials_file, fresh_folder, ministack, unique_name, weed,
};
use flotilla_tests::proxy::{Fault, Proxy, Rule};
use rustix::process::Signal;
use serde_json::{Value, json};
use shared::config::QueueConfig;

use crate::support::{content, put_all, write_files};

/// Longer than anything takes on a machine that builds beside.
const LIMIT: Duration = Duration::from_secs(90);

const NO_ENV: [(&str, String); 0] = [];

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Every file with its bytes, and every empty folder with a slash at its end.
fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
        let Ok(entries) = fs::read_dir(root.join(prefix)) else { return };
        let mut is_empty = true;
        for entry in entries.flatten() {
            is_empty = false;
            let key = format!("{prefix}{}", entry.file_name().to_str().expect("UTF-8"));
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && key == ".flotilla-partial" => {}
                Ok(kind) if kind.is_dir() => walk(root, &format!("{key}/"), found),
                // One that vanishes meanwhile is not there.
                _ => drop(fs::read(root.join(&key)).map(|bytes| found.insert(key, bytes))),
            }
        }
        if is_empty && !prefix.is_empty() {
            found.insert(prefix.to_owned(), Vec::new());
        }
    }
    let mut found = BTreeMap::new();
    walk(root, "", &mut found);
    found
}

/// A folder that is watched.
struct Watch {
    source: PathBuf,
    destination: PathBuf,
    state: PathBuf,
    process: Process,
}

impl Watch {
    /// Starts one on these files, and waits for the end of its first scan.
    async fn start(files: &[&str], options: &[&str]) -> Watch {
        let source = fresh_folder("source");
        let files: Vec<(String, usize)> = files.iter().map(|key| ((*key).to_owned(), 100)).collect();
        write_files(&source, &files);
        Watch::of(source, fresh_folder("destination"), fresh_folder("state"), options).await
    }

    async fn of(source: PathBuf, destination: PathBuf, state: PathBuf, options: &[&str]) -> Watch {
        let process = start(&source, &destination, &state, options);
        let mut watch = Watch { source, destination, state, process };
        watch.scanned(1).await;
        watch
    }

    /// The summaries of all scans so far.
    fn scans(&self) -> Vec<Value> {
        let stdout = self.process.stdout();
        stdout.split_inclusive('\n').filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    async fn scanned(&mut self, times: usize) {
        self.until("scanned", |watch| watch.scans().len() >= times).await;
    }

    async fn until(&mut self, what: &str, is_so: impl Fn(&Watch) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(self.process.is_running(), "{what}: it has ended: {}", self.process.stderr());
            let stderr = || self.process.stderr();
            assert!(began.elapsed() < LIMIT, "{what}: not within {LIMIT:?}: {}\n{}", self.difference(), stderr());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn difference(&self) -> String {
        let (from, to) = (tree(&self.source), tree(&self.destination));
        let names = |a: &BTreeMap<String, Vec<u8>>, b: &BTreeMap<String, Vec<u8>>| -> Vec<String> {
            a.iter().filter(|(key, bytes)| b.get(*key) != Some(bytes)).map(|(key, _)| key.clone()).take(10).collect()
        };
        format!("only or other at the source: {:?}, at the destination: {:?}", names(&from, &to), names(&to, &from))
    }

    /// Waits until the destination is what the source is.
    async fn mirrors(&mut self, what: &str) {
        self.until(what, |watch| tree(&watch.source) == tree(&watch.destination)).await;
    }

    fn write(&self, key: &str, bytes: &[u8]) {
        let path = self.source.join(key);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.source.join(from), self.source.join(to)).expect("it is renamed");
    }

    /// Ends in good order: with 3 if an event was reported and not yet done.
    async fn stop(mut self) -> Option<i32> {
        self.process.terminate();
        let ended = self.process.wait(Duration::from_secs(20)).await;
        assert!(matches!(ended.code, Some(0 | 3)), "{:?}: {}", ended.code, ended.stderr);
        ended.code
    }
}

fn start(source: &Path, destination: &Path, state: &Path, options: &[&str]) -> Process {
    let places = [text(source), text(destination), "--state", text(state), "--json"];
    Process::start(&binaries::flotilla(), ["watch"].iter().chain(&places).chain(options), NO_ENV)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_change_in_a_folder_is_mirrored_without_a_scan() {
    let files = ["a", "b", "keep/1", "keep/2", "old/deep/3", "old/4", "one/only"];
    let mut watch = Watch::start(&files, &["--delete"]).await;
    assert_eq!(tree(&watch.source), tree(&watch.destination), "the first scan copies everything");
    watch.write("new/folder/file", b"new");
    watch.mirrors("a file in new folders").await;
    watch.write("a", &content("other", 100));
    watch.mirrors("a file that is overwritten at the same size").await;
    fs::remove_file(watch.source.join("b")).unwrap();
    watch.mirrors("a file that is removed").await;
    watch.rename("keep/1", "keep/renamed");
    watch.mirrors("a file that is renamed").await;
    watch.rename("old", "moved");
    watch.mirrors("a folder that is renamed").await;
    watch.write("moved/deep/later", b"later");
    watch.mirrors("a file in a folder that was renamed").await;
    watch.write("beside", b"beside");
    watch.rename("beside", "a");
    watch.mirrors("a file that is replaced by another").await;
    fs::hard_link(watch.source.join("a"), watch.source.join("linked")).unwrap();
    watch.mirrors("a link that nobody writes to").await;
    fs::create_dir_all(watch.source.join("empty/inner")).unwrap();
    watch.mirrors("empty folders").await;
    fs::remove_dir(watch.source.join("empty/inner")).unwrap();
    watch.mirrors("a folder that is empty now").await;
    fs::remove_file(watch.source.join("one/only")).unwrap();
    watch.mirrors("a folder whose last file has gone").await;
    assert_eq!(watch.scans().len(), 1, "nothing of this took a scan");
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_that_is_moved_in_or_out_is_mirrored_and_followed() {
    let mut watch = Watch::start(&["tree/a/1", "tree/a/b/2", "tree/3", "stays"], &["--delete"]).await;
    let elsewhere = fresh_folder("elsewhere").join("tree");
    fs::rename(watch.source.join("tree"), &elsewhere).unwrap();
    watch.mirrors("a tree that is moved out").await;
    fs::write(elsewhere.join("a/outside"), "outside").unwrap();
    fs::rename(&elsewhere, watch.source.join("back")).unwrap();
    watch.mirrors("a tree that is moved in").await;
    watch.write("back/a/b/inside", b"inside");
    watch.mirrors("a file in a tree that was moved in").await;
    fs::remove_dir_all(watch.source.join("back")).unwrap();
    watch.mirrors("a tree that is removed").await;
    // A folder and a file change places.
    fs::remove_file(watch.source.join("stays")).unwrap();
    watch.write("stays/now/a/folder", b"x");
    watch.mirrors("a folder in the place of a file").await;
    assert_eq!(watch.scans().len(), 1, "nothing of this took a scan");
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_folders_that_become_files_and_back_are_mirrored() {
    let mut watch = Watch::start(&["x/1", "x/y/2", "other"], &["--delete"]).await;
    let aside = fresh_folder("aside");
    for round in 0..12 {
        fs::rename(watch.source.join("x"), aside.join(format!("folder-{round}"))).unwrap();
        watch.write("x", b"a file");
        watch.mirrors("a file in the place of a folder").await;
        fs::remove_file(watch.source.join("x")).unwrap();
        fs::create_dir_all(watch.source.join("x/y")).unwrap();
        for key in ["x/1", "x/y/2", "x/y/3"] {
            watch.write(key, b"below");
        }
        watch.mirrors("a folder in the place of a file").await;
    }
    assert_eq!(watch.scans().len(), 1, "nothing of this took a scan");
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_delete_events_delete_nothing() {
    let mut watch = Watch::start(&["a", "folder/b", "folder/c"], &[]).await;
    fs::remove_file(watch.source.join("a")).unwrap();
    watch.rename("folder", "other");
    watch.write("last", b"last");
    let is_there = |watch: &Watch, key: &str| watch.destination.join(key).exists();
    watch.until("copied", |watch| is_there(watch, "last") && is_there(watch, "other/c")).await;
    for key in ["a", "folder/b", "folder/c"] {
        assert!(is_there(&watch, key), "{key}");
    }
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_files_that_come_at_once_are_all_copied() {
    let mut watch = Watch::start(&["before"], &["--delete"]).await;
    let template = fresh_folder("template");
    let files: Vec<(String, usize)> = (0..3_000).map(|i| (format!("{}/{}/{i}", i % 10, i % 7), i % 300)).collect();
    write_files(&template, &files);
    let copy = std::process::Command::new("cp").arg("-r").arg(&template).arg(watch.source.join("tree")).status();
    assert!(copy.expect("cp runs").success());
    watch.mirrors("3,000 files").await;
    fs::remove_dir_all(watch.source.join("tree")).unwrap();
    watch.mirrors("3,000 files less").await;
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_many_writes_is_copied_when_it_is_closed() {
    let report = fresh_folder("report").join("report");
    let mut watch = Watch::start(&["log"], &["--report", text(&report)]).await;
    for key in ["log", "slow"] {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(watch.source.join(key)).unwrap();
        for line in 0..60 {
            writeln!(file, "{line}").unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    watch.mirrors("what was written slowly").await;
    watch.stop().await;
    let lines = fs::read_to_string(&report).unwrap();
    let outcomes: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let copies = |key: &str| outcomes.iter().filter(|o| o["key"] == key && o["state"] == "copied").count();
    // The scan copied the one; a machine that stops for two seconds between two writes sees the other twice.
    assert!((2..=3).contains(&copies("log")) && (1..=2).contains(&copies("slow")), "{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_apply_to_events_too() {
    let mut watch = Watch::start(&["a"], &["--exclude", "*.tmp", "--max-size", "1000", "--delete"]).await;
    fs::write(watch.destination.join("kept.tmp"), "kept").unwrap();
    watch.write("folder/b.tmp", b"x");
    watch.write("folder/large", &[0; 1001]);
    watch.write("kept.tmp", b"x");
    fs::remove_file(watch.source.join("kept.tmp")).unwrap();
    watch.write("folder/c", b"x");
    watch.until("copied", |watch| watch.destination.join("folder/c").exists()).await;
    watch.write("z", b"x");
    watch.until("copied", |watch| watch.destination.join("z").exists()).await;
    let keys: Vec<String> = tree(&watch.destination).into_keys().collect();
    assert_eq!(keys, ["a", "folder/c", "kept.tmp", "z"]);
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_while_nobody_watched_is_found_by_the_first_scan() {
    let mut watch = Watch::start(&["a", "b", "folder/c"], &["--delete"]).await;
    watch.write("d", b"d");
    watch.mirrors("an event").await;
    let (source, destination, state) = (watch.source.clone(), watch.destination.clone(), watch.state.clone());
    watch.stop().await;
    fs::write(source.join("a"), "changed").unwrap();
    fs::remove_dir_all(source.join("folder")).unwrap();
    fs::write(source.join("new"), "new").unwrap();
    let mut watch = Watch::of(source, destination, state, &["--delete"]).await;
    assert_eq!(tree(&watch.source), tree(&watch.destination));
    let scan = watch.scans().remove(0);
    assert_eq!((&scan["copied"], &scan["deleted"]), (&2.into(), &1.into()), "{scan}");
    watch.write("again", b"again");
    watch.mirrors("an event after a restart").await;
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_comes_on_time_and_when_the_folder_is_replaced() {
    let mut watch = Watch::start(&["a", "folder/b"], &["--every", "1s"]).await;
    watch.scanned(3).await;
    let (source, destination, state) = (watch.source.clone(), watch.destination.clone(), watch.state.clone());
    watch.stop().await;

    let mut watch = Watch::of(source.clone(), destination, state, &["--delete"]).await;
    let other = fresh_folder("other");
    write_files(&other, &[("folder/c".to_owned(), 10), ("d".to_owned(), 10)]);
    let away = fresh_folder("away").join("source");
    fs::rename(&source, &away).unwrap();
    fs::rename(&other, &source).unwrap();
    watch.mirrors("another folder in its place").await;
    watch.write("folder/e", b"e");
    watch.mirrors("a file in it").await;
    watch.stop().await;
}

/// A process that is suspended takes nothing from the system's queue, which has an end.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_system_could_not_tell_is_found_by_a_scan_at_once() {
    let mut watch = Watch::start(&["a", "b"], &["--delete"]).await;
    let queued = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").expect("the system has inotify");
    watch.process.signal(Signal::STOP);
    // Each write is several events: that it is opened, written to and closed.
    for i in 0..queued.trim().parse::<usize>().expect("a number") {
        fs::write(watch.source.join(if i % 2 == 0 { "a" } else { "b" }), i.to_string()).unwrap();
    }
    watch.write("lost/file", b"lost");
    watch.process.signal(Signal::CONT);
    watch.mirrors("what was not reported").await;
    watch.scanned(2).await;
    watch.write("lost/later", b"later");
    watch.mirrors("a file in a folder that was not reported").await;
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_and_a_sync_of_one_task_do_not_run_at_the_same_time() {
    let watch = Watch::start(&["a"], &[]).await;
    for command in ["watch", "sync"] {
        let words = [command, text(&watch.source), text(&watch.destination), "--state", text(&watch.state)];
        let ended = Process::start(&binaries::flotilla(), words, NO_ENV).wait(LIMIT).await;
        assert_eq!(ended.code, Some(2), "{command}: {}", ended.stderr);
        assert!(ended.stderr.contains("is running"), "{command}: {}", ended.stderr);
    }
    assert_eq!(watch.stop().await, Some(0), "nothing was reported");
}

/// Options that name a store or a queue with its keys.
fn service(name: &str, endpoint: &str) -> [String; 3] {
    let keys = credentials_file(ACCESS_KEY, SECRET_KEY);
    [
        format!("--{name}-endpoint-url={endpoint}"),
        format!("--{name}-credentials=file:{}", keys.display()),
        format!("--{name}-region={}", emulators::REGION),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destinations_outage_ends_no_watch_and_loses_no_event() {
    let weed = weed();
    let client = weed.client(&weed.endpoint);
    let bucket = weed.create_bucket("destination").await;
    let proxy = Proxy::start(&weed.endpoint).await;
    let source = fresh_folder("source");
    write_files(&source, &[("before".to_owned(), 10)]);
    let (state, location) = (fresh_folder("state"), PathBuf::from(format!("s3://{bucket}")));
    let options = service("destination", &proxy.endpoint);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let mut watch = Watch::of(source, location, state, &options).await;
    proxy.inject(Rule::always(Fault::Respond(500, String::new())));
    let files: Vec<(String, usize)> = (0..30).map(|i| (format!("during/{i}"), 10)).collect();
    write_files(&watch.source, &files);
    watch.until("the outage is noticed", |watch| watch.process.stderr().contains("until it works again")).await;
    proxy.heal();
    let began = Instant::now();
    let mut keys = crate::support::list(&client, &bucket).await;
    while keys.len() < 31 {
        assert!(watch.process.is_running() && began.elapsed() < LIMIT, "{keys:?}: {}", watch.process.stderr());
        tokio::time::sleep(Duration::from_millis(100)).await;
        keys = crate::support::list(&client, &bucket).await;
    }
    assert_eq!(watch.scans().len(), 1, "events were enough");
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_refuses_at_the_start_ends_it_with_2() {
    let weed = weed();
    let bucket = weed.create_bucket("destination").await;
    let (source, state) = (fresh_folder("source"), fresh_folder("state"));
    write_files(&source, &(0..60).map(|i| (i.to_string(), 10)).collect::<Vec<_>>());
    let keys = credentials_file(emulators::READ_ONLY_KEY, emulators::READ_ONLY_SECRET);
    let options = [
        format!("--destination-endpoint-url={}", weed.endpoint),
        format!("--destination-credentials=file:{}", keys.display()),
    ];
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let mut process = start(&source, Path::new(&format!("s3://{bucket}")), &state, &options);
    let ended = process.wait(LIMIT).await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("refuses every object"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_followed_by_its_queue_of_events() {
    let (weed, services) = (weed(), ministack());
    let client = weed.client(&weed.endpoint);
    let bucket = weed.create_bucket("source").await;
    put_all(&client, &bucket, [("p/before".to_owned(), 10), ("p/gone".to_owned(), 10)]).await;
    let queue = unique_name("events");
    let connection = connection(&services.endpoint, ACCESS_KEY, SECRET_KEY);
    let config = QueueConfig { name: queue.clone(), dead_letter: None, connection };
    SqsQueue::create(&config).await.expect("the queue is made");
    let sqs = aws_sdk_sqs::Client::new(&services.sdk_config());
    let url = sqs.get_queue_url().queue_name(&queue).send().await.unwrap().queue_url.unwrap();
    let send = async |name: &str, key: &str| {
        let object = json!({"key": key, "size": 1, "sequencer": "1"});
        let s3 = json!({"bucket": {"name": bucket}, "object": object});
        let record =
            json!({"eventSource": "aws:s3", "eventName": name, "eventTime": "2026-01-01T00:00:00.000Z", "s3": s3});
        let body = json!({"Records": [record]}).to_string();
        sqs.send_message().queue_url(&url).message_body(body).send().await.expect("the event is sent");
    };
    let (destination, state) = (fresh_folder("destination"), fresh_folder("state"));
    let options: Vec<String> = service("source", &weed.endpoint)
        .into_iter()
        .chain(service("events-queue", &services.endpoint))
        .chain(["--events-queue".to_owned(), queue.clone(), "--delete".to_owned()])
        .collect();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let location = PathBuf::from(format!("s3://{bucket}/p"));
    let mut watch = Watch::of(location, destination, state, &options).await;
    assert_eq!(tree(&watch.destination).into_keys().collect::<Vec<_>>(), ["before", "gone"]);
    put_all(&client, &bucket, [("p/new +é".to_owned(), 20), ("q/other".to_owned(), 20)]).await;
    send("ObjectCreated:Put", "q/other").await;
    send("ObjectCreated:Put", "p/new+%2B%C3%A9").await;
    watch.until("copied", |watch| watch.destination.join("new +é").exists()).await;
    client.delete_object().bucket(&bucket).key("p/gone").send().await.unwrap();
    send("ObjectRemoved:Delete", "p/gone").await;
    watch.until("deleted", |watch| !watch.destination.join("gone").exists()).await;
    assert_eq!(tree(&watch.destination).into_keys().collect::<Vec<_>>(), ["before", "new +é"]);
    assert_eq!(watch.scans().len(), 1, "events were enough");
    watch.stop().await;
}
