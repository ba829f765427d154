//! SQS and DynamoDB that fail, as their adapters meet them: every call comes to its right end.
//!
//! A use of the whole port runs while requests fail; it must come out as if none did.

mod faults;
mod tasks;
mod uses;

use adapters::ledger::dynamodb::DynamoDbLedger;
use adapters::queue::sqs::SqsQueue;
use flotilla_tests::emulators::{self, ACCESS_KEY, SECRET_KEY};
use flotilla_tests::proxy::{Fault, Proxy, Rule};
use futures::future::join_all;
use shared::ErrorKind;
use shared::config::{LedgerConfig, QueueConfig};
use shared::ledger::Ledger;
use shared::objects::UploadLog;
use shared::queue::{JobQueue, Outgoing};

use faults::{DYNAMODB, SQS, answered};

/// A queue and a table of their own, behind a proxy.
struct Bench {
    proxy: Proxy,
    queue: SqsQueue,
    ledger: DynamoDbLedger,
    queue_config: QueueConfig,
    ledger_config: LedgerConfig,
}

impl Bench {
    async fn new() -> Bench {
        let proxy = Proxy::start(&emulators::ministack().endpoint).await;
        let connection = emulators::connection(&proxy.endpoint, ACCESS_KEY, SECRET_KEY);
        let name = emulators::unique_name("faults");
        let queue_config = QueueConfig { name: name.clone(), dead_letter: None, connection: connection.clone() };
        let ledger_config = LedgerConfig::new(name, connection);
        SqsQueue::create(&queue_config).await.unwrap();
        DynamoDbLedger::create(&ledger_config).await.unwrap();
        let queue = SqsQueue::open(&queue_config).await.unwrap();
        let ledger = DynamoDbLedger::open(&ledger_config).await.unwrap();
        proxy.reset();
        Bench { proxy, queue, ledger, queue_config, ledger_config }
    }

    /// Requests of one action so far.
    fn asked(&self, action: &str) -> usize {
        self.proxy.seen().iter().filter(|seen| seen.target.ends_with(action)).count()
    }
}

/// Each second request of each action meets the fault: each call does, once. (Where calls are made side by side one
/// may meet it twice, which is too often for a denial: of those each action meets one.)
fn to_each_call(proxy: &Proxy, actions: &[&str], name: &str, fault: &Fault) {
    let times = if name == "403 once" { 1 } else { u64::MAX };
    for action in actions {
        proxy.inject(Rule::always(fault.clone()).containing(action).every(2).times(times));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_queue_call_survives_any_single_fault() {
    join_all(faults::passing(SQS).into_iter().map(async |(name, fault)| {
        let bench = Bench::new().await;
        // SQS answers these without a body: nothing shows whether that came from SQS.
        let silent = ["AmazonSQS.DeleteMessage", "AmazonSQS.ChangeMessageVisibility", "AmazonSQS.TagQueue"];
        let actions = faults::QUEUE_ACTIONS.iter().filter(|a| name != "an empty answer" || !silent.contains(a));
        to_each_call(&bench.proxy, &actions.copied().collect::<Vec<_>>(), name, &fault);
        uses::queue(&bench.queue, &bench.queue_config).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        for action in faults::QUEUE_ACTIONS {
            assert!(bench.asked(action) > 0, "{name}: {action} is not used");
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_ledger_call_survives_any_single_fault() {
    join_all(faults::passing(DYNAMODB).into_iter().map(async |(name, fault)| {
        let bench = Bench::new().await;
        to_each_call(&bench.proxy, &faults::LEDGER_ACTIONS, name, &fault);
        let used = uses::ledger(&bench.ledger, &bench.ledger_config).await;
        used.unwrap_or_else(|error| panic!("{name}: {error}"));
        for action in faults::LEDGER_ACTIONS {
            assert!(bench.asked(action) > 1, "{name}: {action} is not used");
        }
    }))
    .await;
}

/// One silent request for each action, all at the same time: what is waited for is the longest limit of one attempt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_never_answered_is_asked_again() {
    let queue = async |fault: Fault| {
        let bench = Bench::new().await;
        for action in faults::QUEUE_ACTIONS {
            bench.proxy.inject(Rule::always(fault.clone()).containing(action).times(1));
        }
        uses::queue_at_once(&bench.queue, &bench.queue_config).await.unwrap();
    };
    let ledger = async |fault: Fault| {
        let bench = Bench::new().await;
        // Parts are recorded of an upload that is open.
        bench.ledger.open_upload(&uses::upload()).await.unwrap();
        for action in faults::LEDGER_ACTIONS {
            bench.proxy.inject(Rule::always(fault.clone()).containing(action).times(1));
        }
        uses::ledger_at_once(&bench.ledger, &bench.ledger_config).await.unwrap();
    };
    futures::join!(queue(Fault::Stall), queue(Fault::StallAfter), ledger(Fault::Stall), ledger(Fault::StallAfter));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_service_ends_each_call_after_bounded_requests() {
    let cases = [
        (answered(500, "InternalServerError"), ErrorKind::Unavailable, 8),
        (answered(400, "ExpiredTokenException"), ErrorKind::ExpiredCredentials, 8),
        (Fault::CloseBefore, ErrorKind::Connection, 8),
        (Fault::Respond(200, "<html>".into()), ErrorKind::Corrupt, 8),
        (answered(400, "AccessDeniedException"), ErrorKind::Denied, 2),
        (answered(400, "ValidationException"), ErrorKind::Invalid, 1),
        (answered(400, "ResourceNotFoundException"), ErrorKind::NoSuchContainer, 1),
    ];
    join_all(cases.into_iter().map(async |(fault, kind, attempts)| {
        let bench = Bench::new().await;
        bench.proxy.inject(Rule::always(fault));
        let messages = [Outgoing::now("{}".into())];
        let (send, read) = futures::join!(bench.queue.send(&messages), bench.ledger.outcome("task", "key"),);
        for (error, action) in [(send.unwrap_err(), "SendMessageBatch"), (read.unwrap_err(), "GetItem")] {
            assert_eq!((error.kind(), bench.asked(action)), (kind, attempts), "{error}");
            assert!(error.is_backend() || kind == ErrorKind::Invalid, "{error}");
            assert!(
                !error.to_string().contains('\n') && error.to_string().contains(&bench.queue_config.name),
                "{error}"
            );
        }
        // Nothing is broken for good.
        bench.proxy.heal();
        uses::queue(&bench.queue, &bench.queue_config).await.unwrap();
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_service_is_asked_on_for_as_long_as_it_takes() {
    let bench = Bench::new().await;
    // More in a row than these verbs have attempts.
    for action in ["GetQueueUrl", "ReceiveMessage", "DescribeTable"] {
        let fault = answered(400, "ThrottlingException");
        bench.proxy.inject(Rule::always(fault).containing(action).times(5));
    }
    let (queue, ledger) = futures::join!(
        uses::queue(&bench.queue, &bench.queue_config),
        uses::ledger(&bench.ledger, &bench.ledger_config)
    );
    queue.unwrap();
    ledger.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_taken_of_a_batch_is_sent_again_and_only_that() {
    let done = r#"{"Id":"0","MessageId":"m","MD5OfMessageBody":"d"}"#;
    let failed = |sender| format!(r#"{{"Id":"1","SenderFault":{sender},"Code":"InternalError"}}"#);
    for (failed, requests) in [(failed(false), 2), (String::new(), 2)] {
        let bench = Bench::new().await;
        let text = format!(r#"{{"Successful":[{done}],"Failed":[{failed}]}}"#);
        bench.proxy.inject(Rule::always(Fault::Respond(200, text)).containing("SendMessageBatch").times(1));
        bench.queue.send(&["a", "b"].map(|body| Outgoing::now(body.into()))).await.unwrap();
        assert_eq!(bench.asked("SendMessageBatch"), requests);
        // The one that is said to be taken was not, by this fault: only the other one is there.
        assert_eq!(uses::drain(&bench.queue).await.unwrap(), ["b".to_owned()].into());
    }
    let bench = Bench::new().await;
    let text = format!(r#"{{"Successful":[{done}],"Failed":[{}]}}"#, failed(true));
    bench.proxy.inject(Rule::always(Fault::Respond(200, text)).containing("SendMessageBatch"));
    let error = bench.queue.send(&["a", "b"].map(|body| Outgoing::now(body.into()))).await.unwrap_err();
    assert_eq!((error.kind(), bench.asked("SendMessageBatch")), (ErrorKind::Invalid, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unwritten_items_of_a_batch_are_written_again() {
    let bench = Bench::new().await;
    let item = r#"{"PutRequest":{"Item":{"pk":{"S":"left"},"sk":{"S":"over"}}}}"#;
    let text = format!(r#"{{"UnprocessedItems":{{"{}":[{item}]}}}}"#, bench.ledger_config.table);
    bench.proxy.inject(Rule::always(Fault::RespondAfter(200, text)).containing("BatchWriteItem").times(4));
    let settled = uses::settle(&bench.ledger, "one", 3).await.unwrap();
    // Two settlements, the first of which is asked for five times.
    assert_eq!((settled.len(), bench.asked("BatchWriteItem")), (3, 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_of_a_batch_that_were_not_read_are_asked_for_again() {
    let bench = Bench::new().await;
    let table = &bench.ledger_config.table;
    let record = uses::upload();
    bench.ledger.open_upload(&record).await.unwrap();
    // The SHA-256 of "giant".
    let key = r##"{"pk":{"S":"uploads#task#0"},"sk":{"S":"0b132ea2f6cd37dd630da9e84733f169a4473feaebbfa70359b449b759885ffe"}}"##;
    let text = format!(r#"{{"Responses":{{"{table}":[]}},"UnprocessedKeys":{{"{table}":{{"Keys":[{key}]}}}}}}"#);
    bench.proxy.inject(Rule::always(Fault::Respond(200, text)).containing("BatchGetItem").times(4));
    let found = bench.ledger.open_uploads("task", &["giant"]).await.unwrap();
    assert_eq!((found.len(), bench.asked("BatchGetItem")), (1, 5));
    assert_eq!(found[0].record.as_ref(), Some(&record));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_given_up_counts_once_later() {
    let bench = Bench::new().await;
    let text = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled",
                   "CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict","Message":"busy"}]}"#;
    bench.proxy.inject(Rule::always(Fault::Respond(400, text.into())).containing("TransactWriteItems"));
    let error = uses::settle(&bench.ledger, "one", 3).await.unwrap_err();
    assert_eq!((error.kind(), bench.asked("TransactWriteItems")), (ErrorKind::Unavailable, 8));
    bench.proxy.heal();
    assert_eq!(uses::settle(&bench.ledger, "one", 3).await.unwrap().len(), 3);
    assert_eq!(uses::settle(&bench.ledger, "one", 3).await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_receipt_is_a_lost_lease_and_acknowledges_well() {
    for (status, code, message) in [
        (400, "com.amazonaws.sqs#ReceiptHandleIsInvalid", "The input receipt handle is invalid."),
        (400, "com.amazonaws.sqs#MessageNotInflight", "not in flight"),
        (400, "com.amazonaws.sqs#InvalidParameterValue", "Reason: The receipt handle has expired."),
    ] {
        let bench = Bench::new().await;
        bench.queue.send(&[Outgoing::now("{}".into())]).await.unwrap();
        let leased = bench.queue.receive(1, uses::WAIT, uses::LEASE).await.unwrap().remove(0);
        let text = format!(r#"{{"__type":"{code}","message":"{message}"}}"#);
        bench.proxy.inject(Rule::always(Fault::Respond(status, text)));
        let error = bench.queue.extend(&leased, uses::LEASE).await.unwrap_err();
        assert_eq!((error.kind(), error.is_backend()), (ErrorKind::LeaseLost, false), "{code}");
        bench.queue.acknowledge(&leased).await.unwrap();
        bench.queue.release(&leased, uses::WAIT).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receive_takes_what_it_is_given() {
    let bench = Bench::new().await;
    let message = |id| format!(r#"{{"MessageId":"{id}","ReceiptHandle":"r{id}","Body":"b"}}"#);
    for (given, ids) in [(vec![1, 2, 3], 3), (vec![7, 7], 2), (vec![], 0)] {
        let text = format!(r#"{{"Messages":[{}]}}"#, given.into_iter().map(message).collect::<Vec<_>>().join(","));
        bench.proxy.inject(Rule::always(Fault::Respond(200, text)).containing("ReceiveMessage").times(1));
        let messages = bench.queue.receive(1, uses::WAIT, uses::LEASE).await.unwrap();
        assert_eq!(messages.len(), ids, "what is leased to us is not dropped");
    }
}
