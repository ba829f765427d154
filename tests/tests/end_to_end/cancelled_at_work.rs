//! Other options come while a worker is in the middle of a job: it ends the job by itself, within the time for which it
//! believes what it has read of the run.

use std::time::{Duration, Instant};

use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::{ministack, weed};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use flotilla_tests::short_delays::ShortDelays;
use shared::ledger::{Ledger, Phase, Run};
use shared::objects::UploadLog;

use crate::support::{MIB, Task, list, put_all};

const NO_ENV: [(&str, String); 0] = [];

/// For a machine with many more programs than cores.
const LIMIT: Duration = Duration::from_secs(180);

struct Fleet {
    task: Task,
    /// Before the destination.
    proxy: Proxy,
    worker: Process,
}

impl Fleet {
    /// A task whose destination does requests of one kind slowly, and its worker, which reaches SQS at `queue`.
    async fn new(
        queue: &str,
        slow: Kind,
        source: Vec<(String, usize)>,
        destination: Vec<(String, usize)>,
        find: &str,
    ) -> Fleet {
        let (weed, services) = (weed(), ministack());
        let proxy = Proxy::start(&weed.second_endpoint).await;
        let sections = format!(
            "[find]\njob-objects = 100\nlist-concurrency = 1\n{find}[work]\nconcurrency = 1\n\
             lease = \"60s\"\ndrain = \"2s\"\npart-size = \"5MiB\"\nmultipart-threshold = \"5MiB\"\ngiant-threshold = \"30MiB\"\n"
        );
        let task = Task::create(weed, services, &weed.endpoint, &proxy.endpoint, &sections).await;
        let [from, to] = [&*services.endpoint, queue].map(|endpoint| format!("endpoint-url = {endpoint:?}"));
        let text = std::fs::read_to_string(&task.config).expect("a config");
        // The queue comes before the ledger.
        std::fs::write(&task.config, text.replacen(&from, &to, 1)).expect("a config");
        let client = weed.client(&weed.endpoint);
        put_all(&client, &task.source, source).await;
        put_all(&client, &task.destination, destination).await;
        proxy.inject(Rule::on(slow, Fault::Delay(Duration::from_secs(2))));
        let worker = Process::start(&binaries::worker(), task.arguments(&[]), NO_ENV);
        Fleet { task, proxy, worker }
    }

    async fn find(&self) -> String {
        let ended = Process::start(&binaries::finder(), self.task.arguments(&["--once"]), NO_ENV).wait(LIMIT).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        self.task.run().await.expect("a run").start.id
    }

    /// Gives the config another line, under which a finder cancels the earlier run.
    async fn find_with(&self, old: &str, new: &str) -> String {
        let text = std::fs::read_to_string(&self.task.config).expect("a config");
        assert!(text.contains(old), "{text}");
        std::fs::write(&self.task.config, text.replace(old, new)).expect("a config");
        self.find().await
    }

    async fn run(&self, id: &str) -> Run {
        self.task.ledger.run(id).await.expect("the ledger answers").expect("a run")
    }

    async fn until(&mut self, what: &str, reached: impl AsyncFn(&Fleet) -> bool) {
        let began = Instant::now();
        while !reached(self).await {
            if !self.worker.is_running() {
                panic!("{what}: the worker ended: {:?}", self.worker.wait(LIMIT).await);
            }
            assert!(began.elapsed() < LIMIT, "{what}: not in time; {}", self.worker.stderr());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whether the worker has noticed by itself that the run of its job is cancelled.
    fn has_noticed(&self) -> bool {
        self.worker.stderr().contains("the job's run was cancelled during the job")
    }

    /// Every object of the cancelled run counts once.
    async fn assert_cancelled(&self, id: &str) -> Run {
        let run = self.run(id).await;
        assert_eq!((run.phase, run.settled.failed), (Phase::Cancelled, 0), "{run:?}");
        assert_eq!(run.settled.objects(), run.enqueued(), "{run:?}");
        assert!(run.settled.cancelled > 0, "{run:?}");
        run
    }

    async fn stop(mut self) {
        self.worker.terminate();
        let ended = self.worker.wait(LIMIT).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_under_way_ends_when_its_run_is_cancelled() {
    let objects: Vec<_> = (0..4).map(|n| (format!("big/{n}"), 25 * MIB)).chain([("small".to_owned(), 5)]).collect();
    let (queue, find) = (&ministack().endpoint, "filters = [\"- none/*\"]\n");
    let mut fleet = Fleet::new(queue, Kind::Part, objects, Vec::new(), find).await;
    let first = fleet.find().await;
    fleet.until("parts are sent", async |fleet| fleet.proxy.count(Kind::Part) >= 3).await;
    let second = fleet.find_with("none/*", "big/*").await;
    assert_ne!(first, second);
    fleet.until("the worker notices", async |fleet| fleet.has_noticed()).await;
    fleet.until("the first run ends", async |fleet| fleet.run(&first).await.is_done()).await;
    fleet.proxy.heal();
    fleet.until("the second run is done", async |fleet| fleet.run(&second).await.is_done()).await;
    let run = fleet.assert_cancelled(&first).await;
    let client = weed().client(&weed().second_endpoint);
    let open =
        client.list_multipart_uploads().bucket(&fleet.task.destination).send().await.expect("uploads are listed");
    assert!(open.uploads().is_empty(), "an upload stays open: {:?}", open.uploads());
    for n in 0..4 {
        let key = format!("big/{n}");
        assert_eq!(fleet.task.ledger.upload(&fleet.task.name, &key).await.expect("answers"), None, "{key}");
    }
    let there = list(&client, &fleet.task.destination).await.keys().filter(|key| key.starts_with("big/")).count();
    // The completion that was on its way when the job was dropped may have been carried out: that write is in doubt, so it
    // belongs to the task, and the run counts the object as cancelled. The worker completes one object at a time.
    let (counted, there) = (run.settled.bytes / (25 * MIB as u64), there as u64);
    assert!(counted <= there && there <= counted + 1, "{there} are there: {run:?}");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_under_way_end_when_delete_is_off() {
    const GONE: usize = 60;
    let gone: Vec<_> = (0..GONE).map(|n| (format!("gone/{n:02}"), 3)).collect();
    let kept = vec![("kept".to_owned(), 5)];
    // The last request is in doubt: its key is looked at after a minute. It has ended within 2 s.
    let delays = ShortDelays::start(&ministack().endpoint, &[(60, 6)], &[]).await;
    let find = "delete = true\nmax-delete = 100\n";
    let mut fleet = Fleet::new(&delays.endpoint, Kind::Delete, kept, gone, find).await;
    let first = fleet.find().await;
    fleet.until("some are deleted", async |fleet| fleet.proxy.count(Kind::Delete) >= 2).await;
    let second = fleet.find_with("delete = true\n", "").await;
    fleet.until("the worker notices", async |fleet| fleet.has_noticed()).await;
    let asked = fleet.proxy.count(Kind::Delete);
    fleet.proxy.heal();
    fleet.until("the second run is done", async |fleet| fleet.run(&second).await.is_done()).await;
    let run = fleet.assert_cancelled(&first).await;
    fleet.until("the queue is empty", async |fleet| fleet.task.is_queue_empty().await).await;
    assert_eq!(fleet.proxy.count(Kind::Delete), asked, "nothing is deleted in the name of a cancelled run");
    let client = weed().client(&weed().second_endpoint);
    let left = list(&client, &fleet.task.destination).await.keys().filter(|key| key.starts_with("gone/")).count();
    // The last request was on its way when the job was dropped: it may have been carried out or not. What was deleted
    // while the finder cancelled the run counts as cancelled.
    let (gone, asked, counted) = ((GONE - left) as u64, asked, run.settled.deleted);
    assert!(counted <= gone && (asked - 1..=asked).contains(&gone), "{counted} counted, {gone} gone, {asked} requests");
    assert!(asked < GONE as u64 / 2, "{asked}");
    fleet.stop().await;
}
