//! A request to stop while something does not answer: every program ends in time, nothing is half written, and
//! the next one goes on.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, Weed, fresh_folder, weed};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use shared::queue::JobQueue;
use tokio::net::TcpListener;

use crate::fleet_of_folders::Folders;
use crate::support::{MIB, assert_files, assert_stored, content, put_all, write_files};

/// The promise is 10 s. The rest is for a machine with many more programs than cores; a program that waits for what does not
/// answer takes 30 s and more (`shared::retry::STALL_SECONDS`).
const IN_TIME: Duration = Duration::from_secs(20);
const LIMIT: Duration = Duration::from_secs(180);

/// Ends by one SIGTERM, in time, with this code.
async fn ends(what: &str, mut program: Process, code: i32) -> String {
    assert!(program.is_running(), "{what}: it ended before: {}", program.stderr());
    let began = Instant::now();
    program.terminate();
    let ended = program.wait(LIMIT).await;
    assert_eq!(ended.code, Some(code), "{what}: {}", ended.stderr);
    assert!(began.elapsed() < IN_TIME, "{what}: {:?}: {}", began.elapsed(), ended.stderr);
    assert!(!ended.stderr.contains("internal error"), "{what}: {}", ended.stderr);
    ended.stderr
}

/// Waits until the proxy has been asked so often for this.
async fn asked(proxy: &Proxy, kind: Kind, count: u64, program: &mut Process) {
    let began = Instant::now();
    while proxy.count(kind) < count {
        assert!(program.is_running() && began.elapsed() < LIMIT, "{kind:?}: {}", program.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A folder and a bucket behind a proxy.
struct Sides {
    weed: &'static Weed,
    proxy: Proxy,
    bucket: String,
    root: PathBuf,
}

impl Sides {
    async fn new() -> Sides {
        let weed = weed();
        let (proxy, bucket) = (Proxy::start(&weed.endpoint).await, weed.create_bucket("stop").await);
        Sides { weed, proxy, bucket, root: fresh_folder("stop") }
    }

    fn folder(&self) -> PathBuf {
        self.root.join("folder")
    }

    fn sync(&self, upload: bool, more: &str) -> Process {
        self.sync_at(&self.proxy.endpoint, upload, more)
    }

    fn sync_at(&self, endpoint: &str, upload: bool, more: &str) -> Process {
        let (folder, bucket) = (self.folder().display().to_string(), format!("s3://{}", self.bucket));
        let (from, to, side) = if upload { (&folder, &bucket, "destination") } else { (&bucket, &folder, "source") };
        let options = format!(
            "sync {from} {to} --state {}/state --{side}-endpoint-url {endpoint} --{side}-credentials env:T {more}",
            self.root.display()
        );
        let env = [("T_ACCESS_KEY_ID", ACCESS_KEY.to_owned()), ("T_SECRET_ACCESS_KEY", SECRET_KEY.to_owned())];
        Process::start(&binaries::flotilla(), options.split_whitespace(), env)
    }

    /// What is visible at the folder is whole; then the same command finishes.
    async fn finish_download(&self, files: &[(String, usize)], more: &str) {
        for (key, size) in files {
            if let Ok(bytes) = std::fs::read(self.folder().join(key)) {
                assert!(bytes == content(key, *size), "{key} is half written");
            }
        }
        self.proxy.heal();
        let ended = self.sync(false, more).wait(LIMIT).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_files(&self.folder(), files);
    }
}

fn small(count: usize) -> Vec<(String, usize)> {
    (0..count).map(|n| (format!("k{n}"), 1000 + n)).collect()
}

async fn sync_is_stopped_when_nothing_answers_at_the_start() {
    let sides = Sides::new().await;
    // Takes connections into its backlog and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", silent.local_addr().expect("an address"));
    let sync = sides.sync_at(&endpoint, false, "");
    silent.accept().await.expect("it connects");
    ends("the start", sync, 3).await;
}

async fn sync_is_stopped_while_a_listing_stalls() {
    let (sides, files) = (Sides::new().await, small(5));
    put_all(&sides.weed.client(&sides.weed.endpoint), &sides.bucket, files.clone()).await;
    // Not the probe at the start.
    sides.proxy.inject(Rule::on(Kind::List, Fault::Stall).after(1));
    let mut sync = sides.sync(false, "");
    asked(&sides.proxy, Kind::List, 2, &mut sync).await;
    ends("a listing", sync, 3).await;
    sides.finish_download(&files, "").await;
}

async fn sync_is_stopped_while_bodies_stall() {
    let (sides, files) = (Sides::new().await, small(30));
    put_all(&sides.weed.client(&sides.weed.endpoint), &sides.bucket, files.clone()).await;
    sides.proxy.inject(Rule::on(Kind::Get, Fault::StallResponse(500)).after(10));
    let mut sync = sides.sync(false, "--concurrency 4");
    asked(&sides.proxy, Kind::Get, 14, &mut sync).await;
    ends("small bodies", sync, 3).await;
    sides.finish_download(&files, "--concurrency 4").await;
}

/// Also of an object that is shared out part by part.
async fn sync_is_stopped_while_parts_stall(what: &str, more: &str) {
    let (sides, files) = (Sides::new().await, vec![("large".to_owned(), 22 * MIB)]);
    write_files(&sides.folder(), &files);
    sides.proxy.inject(Rule::on(Kind::Part, Fault::Stall).after(2));
    let options = format!("--part-size 5MiB --multipart-threshold 8MiB --concurrency 2 {more}");
    let mut sync = sides.sync(true, &options);
    asked(&sides.proxy, Kind::Part, 4, &mut sync).await;
    ends(what, sync, 3).await;
    let client = sides.weed.client(&sides.weed.endpoint);
    assert!(crate::support::list(&client, &sides.bucket).await.is_empty(), "{what}: half an object is visible");
    sides.proxy.heal();
    sides.proxy.reset();
    let ended = sides.sync(true, &options).wait(LIMIT).await;
    assert_eq!(ended.code, Some(0), "{what}: {}", ended.stderr);
    assert_stored(&client, &sides.bucket, &files).await;
    assert_eq!((sides.proxy.count(Kind::Create), sides.proxy.count(Kind::Part)), (0, 3), "{what}: it is resumed");
    let open = client.list_multipart_uploads().bucket(&sides.bucket).send().await.expect("uploads are listed");
    assert!(open.uploads().is_empty(), "{what}: an upload stays open");
}

async fn sync_is_stopped_while_an_object_waits_to_be_tried_again() {
    let (sides, files) = (Sides::new().await, small(3));
    put_all(&sides.weed.client(&sides.weed.endpoint), &sides.bucket, files.clone()).await;
    sides.proxy.inject(Rule::on(Kind::Get, Fault::CloseBefore).containing("k1"));
    let mut sync = sides.sync(false, "--retry-delay 10m");
    let began = Instant::now();
    while !(sides.folder().join("k0").exists() && sides.folder().join("k2").exists())
        || sides.proxy.count(Kind::Get) < 7
    {
        assert!(sync.is_running() && began.elapsed() < LIMIT, "{}", sync.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ends("an object that waits", sync, 3).await;
}

async fn sync_is_stopped_at_once_by_a_second_signal() {
    let (sides, files) = (Sides::new().await, small(3));
    put_all(&sides.weed.client(&sides.weed.endpoint), &sides.bucket, files.clone()).await;
    sides.proxy.inject(Rule::on(Kind::Get, Fault::Stall));
    let mut sync = sides.sync(false, "--drain 10m");
    asked(&sides.proxy, Kind::Get, 1, &mut sync).await;
    sync.terminate();
    asked_to_stop("Stopping", &mut sync).await;
    let began = Instant::now();
    sync.terminate();
    assert_eq!(sync.wait(LIMIT).await.code, Some(3));
    assert!(began.elapsed() < IN_TIME, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_sync_ends_in_time_whatever_does_not_answer() {
    futures::join!(
        sync_is_stopped_when_nothing_answers_at_the_start(),
        sync_is_stopped_while_a_listing_stalls(),
        sync_is_stopped_while_bodies_stall(),
        sync_is_stopped_while_parts_stall("parts", ""),
        sync_is_stopped_while_parts_stall("a giant's parts", "--giant-threshold 16MiB"),
        sync_is_stopped_while_an_object_waits_to_be_tried_again(),
        sync_is_stopped_at_once_by_a_second_signal(),
    );
}

const WORK: &str = "lease = \"5s\"\nretry-delay = \"1s\"\n";

async fn worker_is_stopped_while_it_waits_for(what: &str, action: &str) {
    let files = small(10);
    let task = Folders::new(&files, WORK).await;
    assert_eq!(task.find().await.code, Some(0));
    task.proxy.reset();
    if action != "nothing" {
        task.always(action, Fault::Stall);
    }
    let mut workers = [task.worker(&[])];
    let action = if action == "nothing" { "ReceiveMessage" } else { action };
    task.until(what, &mut workers, async || task.asked(action) > 0).await;
    let [worker] = workers;
    ends(what, worker, 0).await;
    task.proxy.heal();
    let mut workers = [task.worker(&[])];
    let run = task.until_done(&mut workers).await;
    crate::fleet_of_folders::stop(&mut workers[0]).await;
    task.assert_copied(&run, &files);
}

async fn finder_is_stopped_while_it_waits_for(action: &str) {
    let files = small(10);
    let task = Folders::new(&files, WORK).await;
    task.always(action, Fault::Stall);
    let mut finders = [task.start(&binaries::finder(), &["--once"])];
    task.until(action, &mut finders, async || task.asked(action) > 0).await;
    let [finder] = finders;
    ends(action, finder, 3).await;
}

/// Asks a worker to stop that has a job and a poll under way, by so many signals. The job comes back long before the
/// end of its lease, unless the worker reports that it could not release it in its last second.
async fn is_handed_back(what: &str, signals: u32) -> Result<(), String> {
    let files = vec![("slow".to_owned(), 8 * MIB)];
    // Room for two transfers: with one that is taken, there is a next poll.
    let task = Folders::new(&files, "lease = \"10m\"\ndrain = \"6s\"\nbandwidth-limit = \"128KiB\"\n").await;
    assert_eq!(task.find().await.code, Some(0));
    if signals > 1 {
        task.proxy.inject(Rule::always(Fault::Stall).containing("ReceiveMessage").after(1));
    }
    let mut workers = [task.worker(&[])];
    // One poll brought the job; the next one is under way when the worker is asked to stop.
    task.until("a poll", &mut workers, async || task.asked("ReceiveMessage") > 1).await;
    let [mut worker] = workers;
    // The emulator, unlike SQS, may notice that the worker is gone: this poll goes on as one at SQS does.
    let going_on = async {
        match signals {
            1 => Vec::new(),
            _ => task.queue.receive(1, Duration::from_secs(2), Duration::from_secs(600)).await.expect("answers"),
        }
    };
    if signals > 1 {
        worker.terminate();
        asked_to_stop("Draining", &mut worker).await;
    }
    let (said, taken) = futures::join!(ends(what, worker, 0), going_on);
    assert_eq!(taken, [], "{what}: an open poll has received a released message");
    assert!(!task.path("destination/slow").exists(), "{what}: the job was done before: nothing was released");
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        let back = task.queue.receive(1, Duration::from_secs(5), Duration::from_secs(5)).await.expect("answers");
        if !back.is_empty() {
            return Ok(());
        }
    }
    assert!(said.contains("redelivered when"), "{what}: its lease of ten minutes has hidden it: {said}");
    Err(said)
}

/// Waits until the program says that it was asked to stop.
async fn asked_to_stop(notice: &str, program: &mut Process) {
    let began = Instant::now();
    while !program.stderr().contains(notice) {
        assert!(program.is_running() && began.elapsed() < LIMIT, "{}", program.stderr());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_no_late_poll_hides_a_released_job() {
    for (what, signals) in [("one signal", 1), ("two signals", 2)] {
        let mut said = Vec::new();
        while let Err(why) = is_handed_back(what, signals).await {
            said.push(why);
            assert!(said.len() < 3, "{what}: no job was released: {said:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_program_ends_in_time_whatever_does_not_answer() {
    futures::join!(
        worker_is_stopped_while_it_waits_for("an empty queue", "nothing"),
        worker_is_stopped_while_it_waits_for("a queue that is silent", "ReceiveMessage"),
        worker_is_stopped_while_it_waits_for("a ledger that is silent", "TransactWriteItems"),
        worker_is_stopped_while_it_waits_for("a start that stalls", "GetQueueUrl"),
        finder_is_stopped_while_it_waits_for("GetQueueUrl"),
        finder_is_stopped_while_it_waits_for("PutItem"),
        finder_is_stopped_while_it_waits_for("SendMessageBatch"),
        finder_is_stopped_while_it_waits_for("UpdateItem"),
    );
}
