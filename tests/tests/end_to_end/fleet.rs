//! One finder and several workers over SQS and DynamoDB.

use std::time::{Duration, Instant};

use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::{ministack, weed};
use flotilla_tests::proxy::{Kind, Proxy};
use flotilla_tests::scale::scale;
use shared::ledger::{Ledger, Phase};
use shared::objects::{ObjectDetail, UploadLog};

use crate::support::{MIB, Task, assert_stored, put_all};

const NO_ENV: [(&str, String); 0] = [];

/// Small objects, and MiB from which an object is a giant: in a change's run, and with `--long`.
const SMALL: (usize, usize) = (2_000, 20_000);
const GIANT_MIB: (usize, usize) = (80, 320);

/// Sizes around every boundary, many small ones, one large one, and a giant that is cut into jobs.
fn objects(small: usize, giant: usize) -> Vec<(String, usize)> {
    let mut objects = vec![
        ("sizes/empty".to_owned(), 0),
        ("sizes/one".to_owned(), 1),
        ("sizes/below-5-mib".to_owned(), 5 * MIB - 1),
        ("sizes/5-mib".to_owned(), 5 * MIB),
        ("sizes/above-5-mib".to_owned(), 5 * MIB + 1),
        ("sizes/large".to_owned(), giant - 20 * MIB),
        ("sizes/giant".to_owned(), giant + 10 * MIB),
    ];
    objects.extend((0..small).map(|i| (format!("small/{:03}/{i:06}", i % 100), i % 300)));
    objects
}

const SECTIONS: &str = r#"
[find]
job-objects = 125
[work]
concurrency = 16
part-size = "8MiB"
lease = "20s"
retry-delay = "1s"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_one_killed_one_stopped_count_exactly() {
    let (weed, services) = (weed(), ministack());
    let proxies = (Proxy::start(&weed.endpoint).await, Proxy::start(&weed.second_endpoint).await);
    let (small, giant) = (scale(SMALL.0, SMALL.1), scale(GIANT_MIB.0, GIANT_MIB.1));
    let sections = format!("{SECTIONS}giant-threshold = \"{giant}MiB\"\n");
    let task = Task::create(weed, services, &proxies.0.endpoint, &proxies.1.endpoint, &sections).await;
    let client = weed.client(&weed.endpoint);
    let objects = objects(small, giant * MIB);
    put_all(&client, &task.source, objects.clone()).await;

    let start_worker = || Process::start(&binaries::worker(), task.arguments(&[]), NO_ENV);
    let mut workers = [start_worker(), start_worker(), start_worker()];
    let mut finder = Process::start(&binaries::finder(), task.arguments(&["--once"]), NO_ENV);

    let settled = |n: u64| wait_until(&task, move |run| run.settled.objects() >= n);
    settled(small as u64 / 20).await;
    workers[0].kill();
    settled(small as u64 * 3 / 20).await;
    workers[1].terminate();
    let stopped = workers[1].wait(Duration::from_secs(60)).await;
    assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
    let found = finder.wait(Duration::from_secs(600)).await;
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    wait_until(&task, |run| run.is_done()).await;

    let run = task.run().await.expect("the run is recorded");
    let total = objects.len() as u64;
    assert_eq!((run.phase, run.found.listed, run.found.enqueued), (Phase::Listed, total, total));
    assert_eq!((run.settled.copied, run.settled.failed), (total, 0), "{:?}", run.settled);
    let bytes: usize = objects.iter().map(|(_, size)| size).sum();
    assert_eq!(run.settled.bytes, bytes as u64);
    assert_stored(&client, &task.destination, &objects).await;
    let giant = task.ledger.outcome(&task.name, "sizes/giant").await.expect("answers").expect("is recorded");
    let verified = ObjectDetail::read(&giant).expect("a detail").verified;
    let is_checked = verified.as_ref().is_some_and(|how| how.contains("source md5"));
    assert!(is_checked, "a giant is checked against its source, not {verified:?}");
    assert!(task.ledger.upload(&task.name, "sizes/giant").await.expect("answers").is_none());
    let open = client.list_multipart_uploads().bucket(&task.destination).send().await.expect("uploads are listed");
    assert!(open.uploads().is_empty(), "no upload stays open");

    // A second run has nothing to do: no write, and no GET of a body.
    proxies.0.reset();
    proxies.1.reset();
    let again =
        Process::start(&binaries::finder(), task.arguments(&["--once"]), NO_ENV).wait(Duration::from_secs(600)).await;
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let second = task.run().await.expect("the run is recorded");
    assert_ne!(second.start.id, run.start.id);
    assert!(second.is_done());
    assert_eq!((second.found.unchanged, second.found.enqueued), (total, 0));
    assert_eq!(proxies.0.writes() + proxies.1.writes(), 0);
    assert_eq!(proxies.0.count(Kind::Get) + proxies.1.count(Kind::Get), 0);
    workers[2].terminate();
    assert_eq!(workers[2].wait(Duration::from_secs(60)).await.code, Some(0));
}

async fn wait_until(task: &Task, reached: impl Fn(&shared::ledger::Run) -> bool) {
    let started = Instant::now();
    loop {
        let run = task.run().await;
        if run.as_ref().is_some_and(&reached) {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(900), "not reached in time: {run:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
