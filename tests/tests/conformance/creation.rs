//! Queues and tables that `flotilla init` makes at Amazon's services, and the obstacles to their use.

use adapters::ledger::dynamodb::DynamoDbLedger;
use adapters::queue::sqs::{SqsQueue, TASK_TAG};
use aws_sdk_sqs::types::QueueAttributeName;
use flotilla_tests::emulators::{self, Emulator};
use shared::ErrorKind;
use shared::config::{LedgerConfig, QueueConfig};
use shared::ledger::Ledger;
use shared::queue::{JobQueue, Outgoing};
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);

fn both() -> [&'static Emulator; 2] {
    [emulators::ministack(), emulators::moto()]
}

fn queue(emulator: &Emulator) -> QueueConfig {
    QueueConfig { name: emulators::unique_name("jobs"), dead_letter: None, connection: emulator.connection() }
}

fn ledger(emulator: &Emulator) -> LedgerConfig {
    LedgerConfig::new(emulators::unique_name("ledger"), emulator.connection())
}

fn sqs(emulator: &Emulator) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(&emulator.sdk_config())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_queue_or_table_is_reported_with_its_remedy() {
    for emulator in both() {
        let config = queue(emulator);
        let error = SqsQueue::open(&config).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoSuchContainer, "{error}");
        let remedy = "does not exist: create it with `flotilla init`";
        assert!(error.to_string().contains(&config.name) && error.to_string().contains(remedy), "{error}");
        let config = ledger(emulator);
        let error = DynamoDbLedger::open(&config).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoSuchContainer, "{error}");
        assert!(error.to_string().contains(&config.table) && error.to_string().contains(remedy), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn creating_twice_makes_once() {
    for emulator in both() {
        let config = queue(emulator);
        let name = &config.name;
        let made = SqsQueue::create(&config).await.unwrap();
        assert_eq!(made, [format!("created queue {name}-dead"), format!("created queue {name}")]);
        let again = SqsQueue::create(&config).await.unwrap();
        assert_eq!(again, [format!("queue {name}-dead exists"), format!("queue {name} exists")]);
        let config = ledger(emulator);
        let table = &config.table;
        let made = DynamoDbLedger::create(&config).await.unwrap();
        assert_eq!(
            made,
            [
                format!("created table {table}"),
                format!("enabled time to live on table {table} (attribute \"expires\")")
            ]
        );
        assert_eq!(DynamoDbLedger::create(&config).await.unwrap(), [format!("table {table} exists")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_made_by_others_stays_unchanged_and_is_reported() {
    for emulator in both() {
        let config = queue(emulator);
        let seconds = QueueAttributeName::VisibilityTimeout;
        sqs(emulator).create_queue().queue_name(&config.name).attributes(seconds, "31").send().await.unwrap();
        for _ in 0..2 {
            let lines = SqsQueue::create(&config).await.unwrap();
            assert!(lines[1].contains("VisibilityTimeout 31 instead of 60"), "{lines:?}");
            assert!(lines[1].contains("RedrivePolicy none instead of"), "{lines:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_is_adopted_by_the_first_task_and_refused_to_others() {
    for emulator in both() {
        let config = queue(emulator);
        SqsQueue::check_task_if_exists(&config, "a").await.expect("there is no queue yet");
        SqsQueue::create(&config).await.unwrap();
        let queue = SqsQueue::open(&config).await.unwrap();
        queue.check_task("b").await.expect("a queue without the tag is accepted");
        for _ in 0..2 {
            assert_eq!(queue.adopt("a").await.expect("it is adopted"), [""; 0]);
        }
        queue.check_task("a").await.expect("its own task is accepted");
        let refused = [
            queue.check_task("b").await.unwrap_err(),
            queue.adopt("b").await.unwrap_err(),
            SqsQueue::check_task_if_exists(&config, "b").await.unwrap_err(),
        ];
        for error in refused {
            assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        }
        let url = sqs(emulator).get_queue_url().queue_name(&config.name).send().await.unwrap();
        let tags = sqs(emulator).list_queue_tags().queue_url(url.queue_url().unwrap()).send().await.unwrap();
        assert_eq!(tags.tags().and_then(|tags| tags.get(TASK_TAG)).map(String::as_str), Some("a"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_other_keys_is_refused() {
    use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
    for emulator in both() {
        let config = ledger(emulator);
        let attribute = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
        let client = aws_sdk_dynamodb::Client::new(&emulator.sdk_config());
        let create = client.create_table().table_name(&config.table).billing_mode(BillingMode::PayPerRequest);
        let create = create.attribute_definitions(attribute.build().unwrap()).key_schema(key.build().unwrap());
        create.send().await.unwrap();
        for error in
            [DynamoDbLedger::open(&config).await.unwrap_err(), DynamoDbLedger::create(&config).await.unwrap_err()]
        {
            assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_has_its_body_and_the_reason() {
    for emulator in both() {
        let config = queue(emulator);
        SqsQueue::create(&config).await.unwrap();
        let queue = SqsQueue::open(&config).await.unwrap();
        queue.send(&[Outgoing::now("not a job".to_owned())]).await.unwrap();
        let message = queue.receive(1, LEASE, LEASE).await.unwrap().remove(0);
        queue.dead_letter(&message, &format!("why\u{1}{}", "!".repeat(5_000))).await.unwrap();
        let client = sqs(emulator);
        let url = client.get_queue_url().queue_name(format!("{}-dead", config.name)).send().await.unwrap();
        let receive = client.receive_message().queue_url(url.queue_url().unwrap()).message_attribute_names("All");
        let letter = receive.send().await.unwrap().messages.unwrap().remove(0);
        assert_eq!(letter.body(), Some("not a job"));
        let reason = letter.message_attributes().unwrap()["reason"].string_value().unwrap().to_owned();
        assert!(reason.starts_with("why\u{fffd}!!") && reason.len() == 1024, "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_or_late_move_never_takes_a_run_back() {
    use shared::ledger::{Checkpoint, NO_FENCE, Phase, RunStart};
    use shared::object::Timestamp;
    for emulator in both() {
        let config = ledger(emulator);
        DynamoDbLedger::create(&config).await.unwrap();
        let ledger = DynamoDbLedger::open(&config).await.unwrap();
        let start = RunStart {
            id: "r1".to_owned(),
            task: "t".to_owned(),
            source: "s3://a".to_owned(),
            destination: "s3://b".to_owned(),
            options: Default::default(),
            started: Timestamp(1),
        };
        ledger.start_run(&start, NO_FENCE).await.unwrap();
        ledger.set_phase("r1", Phase::Listed, None, None).await.unwrap();
        let error = ledger.set_phase("r1", Phase::Releasing, None, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        let error = ledger.set_phase("r2", Phase::Listed, None, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let at = |jobs: u32| Checkpoint { id: 1, version: jobs.into(), jobs, ..Checkpoint::default() };
        ledger.checkpoint("r1", &at(2), NO_FENCE).await.unwrap();
        let error = ledger.checkpoint("r1", &at(1), NO_FENCE).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert_eq!(ledger.checkpoints("r1").await.unwrap(), [at(2)]);
    }
}
