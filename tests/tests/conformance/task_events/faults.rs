//! Services that deny, throttle, lose answers, and programs that are killed.

use flotilla_tests::emulators;
use flotilla_tests::proxy::{Fault, Rule};
use futures::future::join_all;
use http::Method;
use shared::ErrorKind;

use super::stage::{Followed, Stage};

/// What is called to make events come by EventBridge: a part of the request's target, the method, the right.
const MADE_BY: [(&str, Method, &str); 8] = [
    ("AmazonSQS.GetQueueAttributes", Method::POST, "sqs:GetQueueAttributes"),
    ("AmazonSQS.SetQueueAttributes", Method::POST, "sqs:SetQueueAttributes"),
    ("AWSEvents.DescribeRule", Method::POST, "events:DescribeRule"),
    ("AWSEvents.PutRule", Method::POST, "events:PutRule"),
    ("AWSEvents.ListTargetsByRule", Method::POST, "events:ListTargetsByRule"),
    ("AWSEvents.PutTargets", Method::POST, "events:PutTargets"),
    ("notification", Method::GET, "s3:GetBucketNotification"),
    ("notification", Method::PUT, "s3:PutBucketNotification"),
];

/// What is called to undo it, beside those that are called in both directions.
const UNDONE_BY: [(&str, Method, &str); 2] = [
    ("AWSEvents.RemoveTargets", Method::POST, "events:RemoveTargets"),
    ("AWSEvents.DeleteRule", Method::POST, "events:DeleteRule"),
];

fn denied() -> Fault {
    Fault::Respond(403, r#"{"__type":"AccessDeniedException","message":"no"}"#.into())
}

fn throttled(target: &str) -> Fault {
    match target.starts_with('A') {
        true => Fault::Respond(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#.into()),
        false => Fault::Respond(503, "<Error><Code>SlowDown</Code><Message>slow</Message></Error>".into()),
    }
}

/// A bucket with a rule of somebody else that overlaps with the task's.
async fn overlapped() -> (Stage, Followed) {
    let stage = Stage::new(emulators::ministack()).await;
    stage.give_away("").await;
    let task = stage.task("one", "p", "create").await;
    (stage, task)
}

async fn assert_made(stage: &Stage, task: &Followed) {
    assert_eq!(stage.bridge_rules().await, [format!("{}--one", stage.fleet.name)]);
    assert_eq!(stage.bucket_rules().await, (vec!["theirs".into()], true));
    assert!(stage.policy(task).await.contains("events.amazonaws.com"));
}

async fn assert_undone(stage: &Stage, task: &Followed) {
    assert_eq!(stage.bridge_rules().await, [""; 0]);
    assert_eq!(stage.bucket_rules().await, (vec!["theirs".into()], false));
    assert!(!stage.policy(task).await.contains("events.amazonaws.com"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_for_events_is_named() {
    let (stage, task) = overlapped().await;
    for (target, method, right) in MADE_BY {
        stage.proxy.inject(Rule::always(denied()).containing(target).by(method));
        let error = stage.try_wire(&task).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{right}: {error}");
        assert!(error.to_string().contains(&format!("allow {right}")), "{right}: {error}");
        stage.proxy.heal();
    }
    stage.wire(&task).await;
    for (target, method, right) in UNDONE_BY {
        stage.proxy.inject(Rule::always(denied()).containing(target).by(method));
        let error = stage.try_unwire(&task).await.unwrap_err();
        assert!(error.to_string().contains(&format!("allow {right}")), "{right}: {error}");
        stage.proxy.heal();
    }
    stage.unwire(&task).await;
    assert_undone(&stage, &task).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rights_at_eventbridge_a_bucket_rule_is_enough() {
    let stage = Stage::new(emulators::ministack()).await;
    let task = stage.task("one", "p", "create").await;
    stage.proxy.inject(Rule::always(denied()).containing("AWSEvents."));
    stage.wire(&task).await;
    // Somebody else uses EventBridge.
    stage.s3_switches_on().await;
    stage.wire(&task).await;
    assert_eq!(stage.bucket_rules().await, (vec![task.rule_id()], true));
    stage.unwire(&task).await;
    assert_eq!(stage.bucket_rules().await, (Vec::new(), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_list_rules_leaves_eventbridge_on() {
    let (stage, task) = overlapped().await;
    stage.wire(&task).await;
    stage.proxy.inject(Rule::always(denied()).containing("AWSEvents.ListRules"));
    stage.unwire(&task).await;
    assert_eq!(stage.bridge_rules().await, [""; 0]);
    assert_eq!(stage.bucket_rules().await, (vec!["theirs".into()], true));
}

#[tokio::test(flavor = "multi_thread")]
async fn wiring_that_is_killed_between_any_two_calls_goes_on() {
    let (stage, task) = overlapped().await;
    for calls in 0.. {
        assert!(calls < 100, "it never ends");
        stage.proxy.inject(Rule::always(denied()).after(calls));
        let made = stage.try_wire(&task).await.is_ok();
        stage.proxy.heal();
        stage.wire(&task).await;
        assert_made(&stage, &task).await;
        stage.unwire(&task).await;
        assert_undone(&stage, &task).await;
        if made {
            break;
        }
    }
    for calls in 0.. {
        assert!(calls < 100, "it never ends");
        stage.wire(&task).await;
        // `ListRules` that is denied is no kill: the switch is left.
        stage.proxy.inject(Rule::always(Fault::Respond(400, "{}".into())).after(calls));
        let undone = stage.try_unwire(&task).await.is_ok();
        stage.proxy.heal();
        stage.unwire(&task).await;
        assert_undone(&stage, &task).await;
        if undone {
            break;
        }
    }
    stage.wire(&task).await;
    stage.put("p/q").await;
    assert_eq!(stage.received(&task, 1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn wiring_outlasts_throttling_and_lost_answers() {
    let all = MADE_BY.into_iter().chain(UNDONE_BY).flat_map(|(target, method, _)| {
        let faults = [(throttled(target), 2), (Fault::CloseAfter, 1), (Fault::CutResponse(1), 1)];
        faults.map(|(fault, times)| Rule::always(fault).containing(target).by(method.clone()).times(times))
    });
    let rounds = all.map(|rule| async move {
        let (stage, task) = overlapped().await;
        stage.proxy.inject(rule.clone());
        stage.wire(&task).await;
        assert_made(&stage, &task).await;
        stage.proxy.heal();
        stage.proxy.inject(rule);
        stage.unwire(&task).await;
        assert_undone(&stage, &task).await;
    });
    join_all(rounds).await;
}
