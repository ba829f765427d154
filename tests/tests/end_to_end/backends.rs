//! A fleet whose queue and ledger fail: throttled it slows down, refused it ends with the reason, and whatever
//! is lost on the way, every byte arrives and every object is counted once.

use std::time::Duration;

use flotilla_tests::binaries::Process;
use flotilla_tests::proxy::{Fault, Rule};
use shared::queue::JobQueue;

use crate::fleet_of_folders::{Folders, stop};
use crate::support::MIB;

const WORK: &str = "lease = \"5s\"\nretry-delay = \"1s\"\nconcurrency = 8\n";

fn files(count: usize) -> Vec<(String, usize)> {
    (0..count).map(|n| (format!("d{}/f{n}", n % 3), 100 + n)).collect()
}

fn refused(code: &str) -> Fault {
    Fault::Respond(400, format!(r#"{{"__type":"{code}","message":"by a fault"}}"#))
}

/// Each object stands in one line of one report.
fn assert_reported_once(task: &Folders, reports: &[&str], files: &[(String, usize)]) {
    let reported = task.reported(reports);
    assert!(reported.values().all(|lines| *lines == 1), "{reported:?}");
    let missing: Vec<_> = files.iter().filter(|(key, _)| !reported.contains_key(key)).collect();
    assert!(missing.is_empty() && reported.len() == files.len(), "in no report: {missing:?}");
}

async fn fails(mut program: Process, code: i32, says: &str) {
    let ended = program.wait(Duration::from_secs(180)).await;
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    let last = ended.stderr.lines().last().unwrap_or_default();
    assert!((last.starts_with("worker: ") || last.starts_with("finder: ")) && last.contains(says), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_with_faulty_backends_counts_exactly() {
    let mut files = files(60);
    files.push(("large".into(), 3 * MIB));
    files.push(("giant".into(), 5 * MIB));
    // Long leases: one that is lost while its job settles leaves objects that are counted and in no report. And no longer
    // than that: jobs that a worker received with a lost answer come back after one.
    let work = WORK.replace("5s", "30s");
    let work = format!("{work}part-size = \"1MiB\"\nmultipart-threshold = \"2MiB\"\ngiant-threshold = \"4MiB\"\n");
    let task = Folders::new(&files, &work).await;
    for (every, fault) in [
        (4, refused("ThrottlingException")),
        (9, Fault::Respond(500, String::new())),
        (11, Fault::CloseAfter),
        (13, Fault::CloseBefore),
        (17, Fault::CutResponse(5)),
    ] {
        task.proxy.inject(Rule::always(fault).containing("AmazonSQS").every(every));
    }
    for (every, fault) in [
        (4, refused("ProvisionedThroughputExceededException")),
        (9, Fault::CloseAfter),
        (11, Fault::Respond(500, String::new())),
        (13, Fault::RespondAfter(200, "no json".into())),
    ] {
        task.proxy.inject(Rule::always(fault).containing("DynamoDB").every(every));
    }
    let mut workers = [task.worker(&["--report", "@/one"]), task.worker(&["--report", "@/two"])];
    let found = task.find().await;
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    let run = task.until_done(&mut workers).await;
    task.proxy.heal();
    for worker in &mut workers {
        stop(worker).await;
    }
    task.assert_copied(&run, &files);
    assert_reported_once(&task, &["one", "two"], &files);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_worker_ends_with_the_reason_and_loses_no_job() {
    let files = files(12);
    let task = Folders::new(&files, WORK).await;
    assert_eq!(task.find().await.code, Some(0));
    for action in ["TransactWriteItems", "BatchWriteItem", "ReceiveMessage", "DeleteMessage"] {
        // What could not be recorded, by then, is not counted.
        assert_eq!(task.run().await.expect("a run").settled.objects(), 0, "{action}");
        task.always(action, refused("AccessDeniedException"));
        fails(task.worker(&[]), 1, "AccessDenied").await;
        task.proxy.heal();
    }
    let mut workers = [task.worker(&[])];
    let run = task.until_done(&mut workers).await;
    stop(&mut workers[0]).await;
    task.assert_copied(&run, &files);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_finder_ends_with_the_reason_and_is_resumed() {
    let files = files(23);
    let task = Folders::new(&files, WORK).await;
    for action in ["SendMessageBatch", "PutItem", "UpdateItem", "Query"] {
        task.always(action, refused("AccessDeniedException"));
        let finder = task.start(&flotilla_tests::binaries::finder(), &["--once"]);
        fails(finder, 3, "start again to resume the run").await;
        task.proxy.heal();
    }
    let found = task.find().await;
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    let mut workers = [task.worker(&[])];
    let run = task.until_done(&mut workers).await;
    stop(&mut workers[0]).await;
    task.assert_copied(&run, &files);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_with_a_lost_acknowledgement_counts_once() {
    let files = files(12);
    let task = Folders::new(&files, WORK).await;
    // Three jobs: each acknowledgement fails for good once, after all of its attempts.
    task.proxy.inject(Rule::always(Fault::CloseBefore).containing("DeleteMessage").times(18));
    assert_eq!(task.find().await.code, Some(0));
    let mut workers = [task.worker(&["--report", "@/report"])];
    let run = task.until_done(&mut workers).await;
    stop(&mut workers[0]).await;
    task.assert_copied(&run, &files);
    assert_reported_once(&task, &["report"], &files);
    assert!(workers[0].stderr().contains("could not acknowledge a finished job"), "{}", workers[0].stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_delivered_twice_at_once_counts_once() {
    let files = files(5);
    let task = Folders::new(&files, WORK).await;
    assert_eq!(task.find().await.code, Some(0));
    let message =
        task.queue.receive(1, Duration::from_secs(5), Duration::from_secs(1)).await.expect("answers").remove(0);
    let given = |receipt: &str| {
        serde_json::json!({"MessageId": message.id, "ReceiptHandle": receipt, "Body": message.body,
                           "Attributes": {"ApproximateReceiveCount": "1"}})
    };
    let twice = serde_json::json!({"Messages": [given("one"), given("two"), given("three")]}).to_string();
    task.proxy.inject(Rule::always(Fault::Respond(200, twice)).containing("ReceiveMessage").times(1));
    let mut workers = [task.worker(&["--report", "@/report"])];
    let run = task.until_done(&mut workers).await;
    stop(&mut workers[0]).await;
    task.assert_copied(&run, &files);
    assert_reported_once(&task, &["report"], &files);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lease_cancels_its_work_for_the_next_delivery() {
    let files = vec![("slow".to_owned(), MIB)];
    let task = Folders::new(&files, &format!("{WORK}bandwidth-limit = \"256KiB\"\n")).await;
    let lost = refused("com.amazonaws.sqs#MessageNotInflight");
    task.proxy.inject(Rule::always(lost).containing("ChangeMessageVisibility").times(1));
    assert_eq!(task.find().await.code, Some(0));
    let mut workers = [task.worker(&[])];
    task.until("the lease is lost", &mut workers, async || task.asked("ChangeMessageVisibility") > 0).await;
    assert!(!task.path("destination/slow").exists(), "cancelled work makes no object");
    let run = task.until_done(&mut workers).await;
    stop(&mut workers[0]).await;
    task.assert_copied(&run, &files);
    assert!(workers[0].stderr().contains("lost the lease"), "{}", workers[0].stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_whose_delete_is_lost_blocks_nothing() {
    let files = files(7);
    let task = Folders::new(&files, WORK).await;
    task.send("poison").await;
    task.always("DeleteMessage", Fault::CloseBefore);
    let mut workers = [task.worker(&[])];
    while !workers[0].stderr().contains("could not move a dead job") {
        assert!(workers[0].is_running(), "{}", workers[0].stderr());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    task.proxy.heal();
    assert_eq!(task.find().await.code, Some(0));
    let run = task.until_done(&mut workers).await;
    stop(&mut workers[0]).await;
    task.assert_copied(&run, &files);
    assert!(task.queue.depth().await.expect("answers").dead >= 2);
}
