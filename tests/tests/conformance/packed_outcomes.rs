//! Outcomes that DynamoDB has together in one item, beyond the port: their cost, their expiry, lost answers.

use std::collections::BTreeSet;
use std::time::Duration;

use adapters::ledger::dynamodb::DynamoDbLedger;
use flotilla_tests::emulators::{self, ACCESS_KEY, SECRET_KEY};
use flotilla_tests::proxy::{Fault, Proxy, Rule};
use shared::Result;
use shared::config::LedgerConfig;
use shared::job::Origin;
use shared::ledger::{Checkpoint, Ledger, NO_FENCE, Outcome, RunStart, Settlement, Span, State, Stream};
use shared::object::Timestamp;

const OBJECTS: u32 = 500;

async fn started(config: &LedgerConfig) -> DynamoDbLedger {
    DynamoDbLedger::create(config).await.unwrap();
    let ledger = DynamoDbLedger::open(config).await.unwrap();
    start(&ledger, "r", 1).await;
    ledger
}

/// Begins a run that has so many jobs.
async fn start(ledger: &DynamoDbLedger, run: &str, jobs: u32) {
    let word = |word: &str| word.to_owned();
    let (source, destination, options) = (word("s3://a"), word("s3://b"), Default::default());
    let start = RunStart { id: word(run), task: word("t"), source, destination, options, started: Timestamp(1) };
    ledger.start_run(&start, NO_FENCE).await.unwrap();
    let checkpoint = Checkpoint { version: 1, jobs, ..Checkpoint::default() };
    ledger.checkpoint(run, &checkpoint, NO_FENCE).await.unwrap();
}

/// Settles a whole job; the objects that were counted.
async fn settle(ledger: &DynamoDbLedger, worker: &str) -> Result<usize> {
    let outcome = |index: u32| Outcome {
        size: 1,
        worker: worker.to_owned(),
        started: Timestamp(1),
        finished: Timestamp(2),
        ..Outcome::new(format!("k{index:03}"), State::Copied)
    };
    let outcomes: Vec<_> = (0..OBJECTS).map(|index| (index, outcome(index))).collect();
    let origin = Origin { id: "c0-0".to_owned(), items: OBJECTS };
    let span = Span { range: 0, stream: Stream::Copies, first: "k000", own_records: &BTreeSet::new() };
    let settlement =
        Settlement { task: "t", run: "r", origin: &origin, reasons: &[], outcomes: &outcomes, span: Some(span) };
    ledger.settle(&settlement).await.map(|counted| counted.len())
}

/// A table behind a proxy.
async fn table() -> (Proxy, LedgerConfig) {
    let proxy = Proxy::start(&emulators::ministack().endpoint).await;
    let connection = emulators::connection(&proxy.endpoint, ACCESS_KEY, SECRET_KEY);
    (proxy, LedgerConfig::new(emulators::unique_name("packed"), connection))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_job_settles_in_one_block_and_one_transaction() {
    let (proxy, config) = table().await;
    let ledger = started(&config).await;
    proxy.reset();
    assert_eq!(settle(&ledger, "w").await.unwrap(), OBJECTS as usize);
    let asked: Vec<String> = proxy.seen().into_iter().map(|seen| seen.target).collect();
    let ends = |action| asked.iter().filter(|target| target.ends_with(action)).count();
    assert_eq!((ends("BatchWriteItem"), ends("TransactWriteItems"), asked.len()), (1, 1, 2), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outcomes_whose_time_is_over_are_not_found() {
    let (_proxy, config) = table().await;
    let config = LedgerConfig { keep_outcomes: Duration::ZERO, ..config };
    let ledger = started(&config).await;
    settle(&ledger, "w").await.unwrap();
    assert_eq!(ledger.outcome("t", "k007").await.unwrap(), None);
    assert_eq!(ledger.run("r").await.unwrap().unwrap().settled.copied, u64::from(OBJECTS));
    let kept = DynamoDbLedger::open(&LedgerConfig::new(&config.table, config.connection.clone())).await.unwrap();
    assert_eq!(settle(&kept, "w").await.unwrap(), 0, "it is counted");
    assert_eq!(kept.outcome("t", "k007").await.unwrap().unwrap().worker, "w");
}

/// Run `a` has recorded keys by themselves, run `r` with others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_an_expired_outcome_shows_no_older_one() {
    let (_proxy, config) = table().await;
    let config = LedgerConfig { keep_outcomes: Duration::ZERO, ..config };
    DynamoDbLedger::create(&config).await.unwrap();
    let ledger = DynamoDbLedger::open(&config).await.unwrap();
    start(&ledger, "a", 1).await;
    let later = Timestamp(Timestamp::now().0 + 3_600_000);
    for (origin, key, finished) in [("c0-0", "k007", Timestamp(1)), ("c0-1", "k008", later)] {
        let outcome = Outcome { worker: "old".into(), finished, ..Outcome::new(key.to_owned(), State::Failed) };
        let (origin, outcomes) = (Origin { id: origin.to_owned(), items: 1 }, [(0, outcome)]);
        let settlement =
            Settlement { task: "t", run: "a", origin: &origin, reasons: &[], outcomes: &outcomes, span: None };
        ledger.settle(&settlement).await.unwrap();
    }
    let found = async |key: &str| ledger.outcome("t", key).await.unwrap().map(|outcome| outcome.worker);
    let old = Some("old".to_owned());
    assert_eq!(found("k007").await, old);
    start(&ledger, "b", 0).await;
    assert_eq!(found("k007").await, old, "a run without jobs hides nothing");
    start(&ledger, "r", 1).await;
    settle(&ledger, "new").await.unwrap();
    assert_eq!(found("k007").await, None, "the newer outcome has expired");
    assert_eq!(found("k008").await, old, "later than all that has expired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_worker_repeats_a_settlement_whose_answer_is_lost() {
    let (proxy, config) = table().await;
    let ledger = started(&config).await;
    for action in ["BatchWriteItem", "TransactWriteItems"] {
        proxy.inject(Rule::always(Fault::CloseAfter).containing(action));
        settle(&ledger, "first").await.unwrap_err();
        proxy.heal();
    }
    // The transaction was done all the same.
    assert_eq!(settle(&ledger, "second").await.unwrap(), 0);
    assert_eq!(ledger.run("r").await.unwrap().unwrap().settled.copied, u64::from(OBJECTS));
    for index in 0..OBJECTS {
        if index % 100 == 0 {
            let found = ledger.outcome("t", &format!("k{index:03}")).await.unwrap();
            assert!(found.is_some_and(|found| found.size == 1), "{index}");
        }
    }
}
