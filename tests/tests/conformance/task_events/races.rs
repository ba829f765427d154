//! Other programs that write a bucket's notifications at the same time.

use std::time::Duration;

use aws_sdk_s3::types::QueueConfiguration;
use flotilla_tests::emulators;
use flotilla_tests::proxy::{Fault, Rule};
use http::Method;
use shared::ErrorKind;
use tokio::time::sleep;

use super::stage::{Followed, Stage, rule};

/// A task without overlap, and a rule that somebody else is about to write.
async fn beside() -> (Stage, Followed, QueueConfiguration) {
    let stage = Stage::new(emulators::ministack()).await;
    let task = stage.task("one", "p", "create").await;
    let arn = stage.queue_arn(&emulators::unique_name("theirs")).await;
    (stage, task, rule("theirs", &arn, "other/"))
}

fn puts(stage: &Stage) -> usize {
    let is_put =
        |seen: &flotilla_tests::proxy::Seen| seen.method == Method::PUT && seen.target.contains("notification");
    stage.proxy.seen().iter().filter(|seen| is_put(seen)).count()
}

fn both(task: &Followed) -> (Vec<String>, bool) {
    (vec![task.rule_id(), "theirs".into()], false)
}

/// Wires the task while somebody who read the rules before writes theirs after, and so removes the task's rule. Both are
/// there at the end.
async fn wire_beside_a_late_writer(stage: &Stage, task: &Followed, theirs: QueueConfiguration) {
    let write = async {
        while stage.bucket_rules().await.0.is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
        stage.write_rules(vec![theirs]).await;
    };
    tokio::join!(stage.wire(task), write);
    assert_eq!(stage.bucket_rules().await, both(task));
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_write_after_a_refused_one_reads_again() {
    let (stage, task, theirs) = beside().await;
    let slow = Fault::Respond(503, "<Error><Code>SlowDown</Code><Message>slow</Message></Error>".into());
    stage.proxy.inject(Rule::always(slow).containing("notification").by(Method::PUT).times(1));
    let write = async {
        while puts(&stage) == 0 {
            sleep(Duration::from_millis(10)).await;
        }
        stage.write_rules(vec![theirs]).await;
    };
    tokio::join!(stage.wire(&task), write);
    assert_eq!(stage.bucket_rules().await, both(&task));
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_write_whose_answer_is_lost_reads_again() {
    let (stage, task, theirs) = beside().await;
    stage.proxy.inject(Rule::always(Fault::CloseAfter).containing("notification").by(Method::PUT).times(1));
    wire_beside_a_late_writer(&stage, &task, theirs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_another_program_removes_is_written_again() {
    let (stage, task, theirs) = beside().await;
    let slow = Fault::Delay(Duration::from_secs(2));
    stage.proxy.inject(Rule::always(slow).containing("notification").by(Method::GET));
    wire_beside_a_late_writer(&stage, &task, theirs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_is_removed_again_and_again_is_given_up() {
    let (stage, task, theirs) = beside().await;
    let slow = Fault::Delay(Duration::from_secs(1));
    stage.proxy.inject(Rule::always(slow).containing("notification").by(Method::GET));
    let write = async {
        loop {
            if stage.bucket_rules().await.0.contains(&task.rule_id()) {
                stage.write_rules(vec![theirs.clone()]).await;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let error = tokio::select! {
        wired = stage.try_wire(&task) => wired.unwrap_err(),
        () = write => unreachable!(),
    };
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("another program changes the bucket's notifications"), "{error}");
    assert_eq!(stage.bucket_rules().await, (vec!["theirs".into()], false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_made_meanwhile_that_overlaps_leads_to_eventbridge() {
    let (stage, task, _) = beside().await;
    let arn = stage.queue_arn(&emulators::unique_name("theirs")).await;
    let refused = "<Error><Code>InvalidArgument</Code><Message>Configuration is ambiguously defined. Cannot have \
                   overlapping prefixes in two rules</Message></Error>";
    stage
        .proxy
        .inject(Rule::always(Fault::Respond(400, refused.into())).containing("notification").by(Method::PUT).times(1));
    let write = async {
        while puts(&stage) == 0 {
            sleep(Duration::from_millis(10)).await;
        }
        stage.write_rules(vec![rule("theirs", &arn, "p/q/")]).await;
    };
    tokio::join!(stage.wire(&task), write);
    assert_eq!(stage.bucket_rules().await, (vec!["theirs".into()], true));
    stage.unwire(&task).await;
}
