//! Event runs, beyond the port: restarts, and expiry of their records.

use std::collections::BTreeMap;
use std::ops::Range;

use adapters::ledger::dynamodb::DynamoDbLedger;
use adapters::ledger::sqlite::SqliteLedger;
use adapters::sqlite::Database;
use aws_sdk_dynamodb::types::AttributeValue;
use flotilla_tests::emulators::{self, ACCESS_KEY, Emulator, SECRET_KEY};
use flotilla_tests::proxy::{Fault, Proxy, Rule};
use shared::config::LedgerConfig;
use shared::job::Origin;
use shared::ledger::{Ledger, NO_FENCE, Outcome, RunStart, Settlement, State, events_run};
use shared::object::Timestamp;

const DAY: i64 = 24 * 3600;

async fn start(ledger: &impl Ledger, run: &str) {
    let word = |word: &str| word.to_owned();
    let (source, destination, options) = (word("s3://a"), word("s3://b"), Default::default());
    let start = RunStart { id: word(run), task: word("t"), source, destination, options, started: Timestamp(1) };
    ledger.start_run(&start, NO_FENCE).await.unwrap();
}

/// Settles one object of a message of one record; how many were counted.
async fn settle(ledger: &impl Ledger, run: &str, message: &str, state: State) -> usize {
    let outcome = Outcome {
        size: 1,
        worker: "w".to_owned(),
        started: Timestamp(1),
        finished: Timestamp(2),
        ..Outcome::new("k".to_owned(), state)
    };
    let origin = Origin { id: message.to_owned(), items: 1 };
    let settlement =
        Settlement { task: "t", run, origin: &origin, reasons: &[], outcomes: &[(0, outcome)], span: None };
    ledger.settle(&settlement).await.unwrap().len()
}

/// Does half of it at one ledger, and all of it at another one on the same records.
async fn goes_on<L: Ledger>(before: L, reopened: impl AsyncFnOnce() -> L) {
    let run = events_run("t");
    start(&before, &run).await;
    assert_eq!(settle(&before, &run, "m-1", State::Copied).await, 1);
    assert_eq!(settle(&before, &run, "m-2", State::Failed).await, 1);
    drop(before);
    let after = reopened().await;
    start(&after, &run).await;
    assert_eq!(settle(&after, &run, "m-1", State::Copied).await, 0);
    assert_eq!(settle(&after, &run, "m-2", State::Failed).await, 0);
    assert_eq!(settle(&after, &run, "m-3", State::Deleted).await, 1);
    let settled = after.run(&run).await.unwrap().unwrap().settled;
    assert_eq!((settled.copied, settled.failed, settled.deleted, settled.objects()), (1, 1, 1, 3));
    assert_eq!(after.failures(&run, None, 10).await.unwrap().0.len(), 1);
}

fn table(emulator: &Emulator) -> LedgerConfig {
    LedgerConfig::new(emulators::unique_name("ledger"), emulator.connection())
}

async fn open(config: &LedgerConfig) -> DynamoDbLedger {
    DynamoDbLedger::open(config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_run_continues_after_a_restart() {
    for emulator in [emulators::ministack(), emulators::moto()] {
        let config = table(emulator);
        DynamoDbLedger::create(&config).await.unwrap();
        goes_on(open(&config).await, async || open(&config).await).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let open = || SqliteLedger::open(&Database::open(dir.path()).unwrap());
    goes_on(open(), async || open()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_event_records_and_job_counts_expire() {
    for emulator in [emulators::ministack(), emulators::moto()] {
        let config = table(emulator);
        DynamoDbLedger::create(&config).await.unwrap();
        let ledger = open(&config).await;
        for run in ["r", &events_run("t")] {
            start(&ledger, run).await;
            settle(&ledger, run, "m-1", State::Failed).await;
        }
        let client = aws_sdk_dynamodb::Client::new(&emulator.sdk_config());
        let items = client.scan().table_name(&config.table).consistent_read(true).send().await.unwrap().items.unwrap();
        let now = Timestamp::now().as_secs();
        let text = |value: &AttributeValue| value.as_s().unwrap().clone();
        let days = |value: &AttributeValue| (value.as_n().unwrap().parse::<i64>().unwrap() - now) / DAY;
        let expiring: BTreeMap<String, i64> =
            items.iter().filter_map(|item| Some((text(&item["pk"]), days(item.get("expires")?)))).collect();
        let expected: [(&str, Range<i64>); 3] =
            [("failures#events-t", 88..91), ("job#events-t#m-1", 14..16), ("job#r#m-1", 29..31)];
        assert_eq!(expiring.keys().collect::<Vec<_>>(), expected.each_ref().map(|(pk, _)| *pk));
        for (days, (pk, expected)) in expiring.values().zip(expected) {
            assert!(expected.contains(days), "{pk} in {days} days");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_time_to_live_is_named_and_gets_a_table() {
    for action in ["DescribeTimeToLive", "UpdateTimeToLive"] {
        let proxy = Proxy::start(&emulators::ministack().endpoint).await;
        let connection = emulators::connection(&proxy.endpoint, ACCESS_KEY, SECRET_KEY);
        let config = LedgerConfig::new(emulators::unique_name("ledger"), connection);
        let unknown = r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#;
        proxy.inject(Rule::always(Fault::Respond(400, unknown.to_owned())).containing(action));
        let name = &config.table;
        let message = format!(
            "table {name} keeps expired items, because this service has no time to live: delete them from time to time"
        );
        assert_eq!(
            DynamoDbLedger::create(&config).await.unwrap(),
            [format!("created table {name}"), message.clone()],
            "{action}"
        );
        assert_eq!(
            DynamoDbLedger::create(&config).await.unwrap(),
            [format!("table {name} exists"), message],
            "{action}"
        );
    }
}
