//! Uses of a queue and a ledger that make every call, and check the results.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use adapters::ledger::dynamodb::DynamoDbLedger;
use adapters::queue::sqs::SqsQueue;
use shared::config::{LedgerConfig, QueueConfig};
use shared::job::Origin;
use shared::ledger::{
    Checkpoint, Found, Ledger, NO_FENCE, Outcome, Phase, RunStart, Settlement, Span, State, Stream, TransferReport,
    TransferReports,
};
use shared::object::{Attributes, ETag, Pin, Timestamp};
use shared::objects::{OpenUploads, PartRecord, PartSet, Proof, Suspect, SuspectKeys, UploadLog, UploadRecord};
use shared::queue::{JobQueue, Outgoing};
use shared::store::Upload;
use shared::{Error, ErrorKind, Result};
use tokio::time::Instant;

/// What an answer that was lost hides comes back after this,
pub const LEASE: Duration = Duration::from_secs(2);
/// and the next request waits for that: each second one loses its answer, and could always be the one that it comes by.
pub const WAIT: Duration = Duration::from_secs(3);
const LONG: Duration = Duration::from_secs(300);
const PATIENCE: Duration = Duration::from_secs(60);

/// Receives and acknowledges until nothing is left; the bodies.
pub async fn drain(queue: &SqsQueue) -> Result<BTreeSet<String>> {
    let (mut bodies, began) = (BTreeSet::new(), Instant::now());
    while queue.depth().await?.waiting() > 0 {
        if began.elapsed() > PATIENCE {
            return Err(Error::new(ErrorKind::Timeout, "drain", "queue", "it is never empty"));
        }
        for message in queue.receive(10, WAIT, LEASE).await? {
            queue.acknowledge(&message).await?;
            bodies.insert(message.body);
        }
    }
    Ok(bodies)
}

/// All calls; `Ok` if all that was sent came, and nothing else.
pub async fn queue(queue: &SqsQueue, config: &QueueConfig) -> Result<()> {
    SqsQueue::open(config).await?;
    let sent: BTreeSet<String> = (0..12).map(|n| format!("{{\"n\":{n}}}")).collect();
    queue.send(&sent.iter().cloned().map(Outgoing::now).collect::<Vec<_>>()).await?;
    let message = receive(queue).await?;
    queue.extend(&message, LONG).await?;
    queue.release(&message, Duration::ZERO).await?;
    assert_eq!(drain(queue).await?, sent);
    queue.send(&[Outgoing::now("poison".into())]).await?;
    queue.dead_letter(&receive(queue).await?, "of no use").await?;
    // Twice, where an answer was lost: people read it.
    assert!(drain(queue).await?.is_subset(&["poison".to_owned()].into()));
    let dead = queue.depth().await?.dead;
    assert!((1..=3).contains(&dead), "{dead} dead letters");
    tags(queue).await
}

/// The queue and its dead-letter queue become a task's, and stay it.
async fn tags(queue: &SqsQueue) -> Result<()> {
    assert_eq!(queue.adopt("task").await?, [""; 0]);
    queue.check_task("task").await?;
    for refused in [queue.check_task("another").await, queue.adopt("another").await.map(drop)] {
        let refused = refused.expect_err("the tag was read");
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    }
    Ok(())
}

async fn receive(queue: &SqsQueue) -> Result<shared::queue::Message> {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "nothing comes");
        if let Some(message) = queue.receive(1, WAIT, LEASE).await?.pop() {
            return Ok(message);
        }
    }
}

/// All calls at the same time, each by itself.
pub async fn queue_at_once(queue: &SqsQueue, config: &QueueConfig) -> Result<()> {
    let message = shared::queue::Message {
        id: String::new(),
        receipt: "none".into(),
        body: "dead".into(),
        receive_count: 1,
        sent: Timestamp::now(),
    };
    let messages = [Outgoing::now("x".into())];
    let once = futures::join!(
        SqsQueue::open(config),
        queue.depth(),
        queue.send(&messages),
        queue.dead_letter(&message, "why"),
        queue.receive(1, WAIT, LEASE),
        queue.release(&message, LEASE),
        queue.acknowledge(&message),
        queue.adopt("task"),
    );
    once.0?;
    once.1?;
    once.2?;
    once.3?;
    once.4?;
    once.5?;
    once.6?;
    assert_eq!(once.7?, [""; 0]);
    Ok(())
}

fn run(id: &str) -> RunStart {
    let text = |name: &str| name.to_owned();
    RunStart {
        id: text(id),
        task: text("task"),
        source: text("s"),
        destination: text("d"),
        options: Default::default(),
        started: Timestamp(1),
    }
}

fn outcome(key: String, state: State) -> Outcome {
    Outcome {
        size: 10,
        error: (state == State::Failed).then(|| "no".to_owned()),
        worker: "w".to_owned(),
        started: Timestamp(1),
        finished: Timestamp(2),
        ..Outcome::new(key, state)
    }
}

fn outcomes(count: u32) -> Vec<(u32, Outcome)> {
    let state = |place| if place == 0 { State::Failed } else { State::Copied };
    (0..count).map(|place| (place, outcome(format!("key/{place}"), state(place)))).collect()
}

/// Settles so many objects of an origin in two calls that overlap; the places that were counted, each once.
pub async fn settle(ledger: &DynamoDbLedger, run: &str, count: u32) -> Result<BTreeSet<u32>> {
    let (origin, all) = (Origin { id: "0/0".into(), items: count }, outcomes(count));
    let own_records = BTreeSet::new();
    let span = Some(Span { range: 0, stream: Stream::Copies, first: "key/0", own_records: &own_records });
    let settlement = |outcomes| Settlement { task: "task", run, origin: &origin, reasons: &[], outcomes, span };
    let first = ledger.settle(&settlement(&all[..2])).await?;
    let rest = ledger.settle(&settlement(&all)).await?;
    assert!(first.is_disjoint(&rest), "a place was counted twice");
    Ok(&first | &rest)
}

/// An upload to be recorded.
pub fn upload() -> UploadRecord {
    UploadRecord {
        task: "task".into(),
        run: "run".into(),
        origin: Origin { id: "0/1".into(), items: 1 },
        index: 0,
        upload: Upload { key: "giant".into(), id: "upload".into() },
        source: Pin::default(),
        modified: Timestamp(1),
        size: 30,
        part_bytes: 10,
        tags: Default::default(),
        storage_class: None,
        acl: None,
        encryption: None,
        attributes: Attributes::default(),
        writes: "cdef".to_owned(),
        same_parts: false,
        checksum: None,
        attempt: 1,
        restarts: 0,
        opened: Timestamp(1),
    }
}

/// All calls; `Ok` if the record is what was sent, and counted once.
pub async fn ledger(ledger: &DynamoDbLedger, config: &LedgerConfig) -> Result<()> {
    DynamoDbLedger::open(config).await?;
    let start = run("run");
    let fence = ledger.claim("task", "us", None).await?;
    ledger.start_run(&start, NO_FENCE).await?;
    let found = Found { listed: 30, enqueued: 30, ..Found::default() };
    let checkpoint = Checkpoint { id: 0, jobs: 1, found, outbox: vec!["{}".into()], ..Checkpoint::default() };
    ledger.checkpoint("run", &checkpoint, NO_FENCE).await?;
    assert_eq!(ledger.fence("run", NO_FENCE).await?, std::slice::from_ref(&checkpoint));
    assert_eq!(ledger.checkpoints("run").await?, [checkpoint]);
    ledger.defer("run", 0, 0, "deferred", NO_FENCE).await?;
    assert_eq!(ledger.deferred("run", 0, 0).await?.as_deref(), Some("deferred"));
    assert_eq!(settle(ledger, "run", 30).await?, (0..30).collect());
    let all: HashSet<String> = outcomes(30).into_iter().map(|(_, outcome)| outcome.key).collect();
    for key in ["key/0", "key/29"] {
        assert!(all.contains(key) && ledger.outcome("task", key).await?.is_some(), "{key} is recorded");
    }
    assert_eq!(ledger.failures("run", None, 10).await?.0.len(), 1);
    assert_eq!(ledger.open_upload(&upload()).await?, upload());
    let set = ledger.record_parts("task", &upload().upload, &[part(1), part(2)], &PartSet::default()).await?;
    assert_eq!(set.len(), 2);
    assert_eq!(ledger.recorded_parts("task", &upload().upload).await?, [part(1), part(2)]);
    let open = OpenUploads { key: "giant".into(), record: Some(upload()), intents: None };
    assert_eq!(ledger.open_uploads("task", &["giant", "none"]).await?, [open]);
    ledger.close_upload("task", &upload().upload).await?;
    assert_eq!(ledger.upload("task", "giant").await?, None);
    assert_eq!(ledger.open_uploads("task", &["giant"]).await?, []);
    suspects(ledger).await?;
    transfers(ledger).await?;
    ledger.refuse_deletes("run", NO_FENCE).await?;
    ledger.set_phase("run", Phase::Listed, None, None).await?;
    ledger.unclaim("task", "us").await?;
    assert!(ledger.claim("task", "another", None).await? > fence);
    let recorded = ledger.runs("task", 5).await?.remove(0);
    assert_eq!((recorded.settled.copied, recorded.settled.failed, recorded.settled.bytes), (29, 1, 290));
    assert!(recorded.is_done() && ledger.tasks().await? == ["task"]);
    Ok(())
}

async fn suspects(ledger: &DynamoDbLedger) -> Result<()> {
    let mark = |since| Suspect { key: "k".into(), since: Timestamp(since) };
    ledger.suspect("task", &mark(1)).await?;
    ledger.suspect("task", &mark(2)).await?;
    ledger.clear_suspect("task", &mark(1)).await?;
    assert_eq!(ledger.suspects("task", "", 10).await?, [mark(2)], "the later mark stays");
    ledger.clear_suspect("task", &mark(2)).await?;
    assert_eq!(ledger.suspects("task", "", 10).await?, []);
    Ok(())
}

async fn transfers(ledger: &DynamoDbLedger) -> Result<()> {
    let report = TransferReport { worker: "w".into(), objects: 1, bytes: 5, ..TransferReport::default() };
    ledger.report_transfers("run", &report, LONG).await?;
    assert_eq!(ledger.transfers("run").await?, [report]);
    ledger.withdraw_transfers("run", "w").await?;
    assert_eq!(ledger.transfers("run").await?, []);
    Ok(())
}

/// All kinds of requests at the same time, each by itself.
pub async fn ledger_at_once(ledger: &DynamoDbLedger, config: &LedgerConfig) -> Result<()> {
    let settled = async {
        let (origin, all) = (Origin { id: "0/0".into(), items: 3 }, outcomes(3));
        ledger
            .settle(&Settlement { task: "task", run: "run", origin: &origin, reasons: &[], outcomes: &all, span: None })
            .await
    };
    let (upload, parts, none) = (upload().upload, [part(1)], PartSet::default());
    let once = futures::join!(
        DynamoDbLedger::open(config),
        ledger.outcome("task", "none"),
        ledger.defer("run", 0, 0, "deferred", NO_FENCE),
        ledger.record_parts("task", &upload, &parts, &none),
        ledger.unclaim("task", "us"),
        ledger.failures("run", None, 1),
        settled,
        ledger.open_uploads("task", &["none"]),
    );
    once.0?;
    once.1?;
    once.2?;
    assert_eq!(once.3?.len(), 1);
    once.4?;
    once.5?;
    // Its batch and its transaction are one after the other.
    assert_eq!(once.6?.len(), 3);
    assert_eq!(once.7?, []);
    Ok(())
}

fn part(number: u32) -> PartRecord {
    PartRecord { number, etag: ETag::new("e"), checksum: None, md5: None, proof: Proof::default() }
}
