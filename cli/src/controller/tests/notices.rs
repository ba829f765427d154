//! Notices of the ends of runs.

use std::sync::atomic::Ordering::Relaxed;

use shared::ledger::{Phase, State};
use shared::notify::Channel;
use shared::tasks::{OperationClass, OperationKind, RunEnd};

use super::stage::Stage;
use crate::controller::pass;

/// A definition's receivers of notices.
pub const NOTIFY: &str =
    "[notify]\ntopic = \"arn:aws:sns:us-east-1:123456789012:ends\"\nwebhook = \"https://hooks.example/secret\"\n";

/// A fleet with a run of task `t` whose objects are settled, and which is not ended yet.
pub async fn settled_run() -> (Stage, String) {
    let stage = Stage::new().await;
    stage.task("t", "schedule = \"every 1h\"", NOTIFY, Some(stage.now())).await;
    stage.pass().await;
    let run = stage.find("t", 2, Phase::Listed).await;
    stage.settle("t", &run, 2, State::Copied).await;
    stage.minutes_pass(1);
    (stage, run)
}

#[tokio::test]
async fn two_controllers_send_one_notice_to_each_receiver() {
    let (stage, run) = settled_run().await;
    let (one, two) = (stage.controller(0).await, stage.controller(0).await);
    let (first, second) = tokio::join!(pass(&one), pass(&two));
    assert!(first.unwrap().errors.is_empty() && second.unwrap().errors.is_empty());
    stage.pass().await;
    let notices = stage.notices();
    assert_eq!(notices.len(), 2, "{notices:?}");
    for (channel, target) in [
        (Channel::Topic, "arn:aws:sns:us-east-1:123456789012:ends"),
        (Channel::Webhook, "https://hooks.example/secret"),
    ] {
        let (_, to, notice) = notices.iter().find(|(found, ..)| *found == channel).unwrap();
        assert_eq!(to, target);
        assert_eq!((notice.run.as_str(), notice.task.as_str(), notice.fleet.as_str()), (run.as_str(), "t", "f"));
        assert_eq!((notice.end, notice.settled.copied, notice.found.enqueued), (RunEnd::Done, 2, 2));
        assert!(notice.text.starts_with("flotilla f: task t: done; "), "{}", notice.text);
    }
    assert_ne!(notices[0].2.id, notices[1].2.id);
    assert_eq!(stage.backend.tasks.open_operations(OperationClass::Notice, 10).await.unwrap(), []);
}

#[tokio::test]
async fn an_undelivered_notice_is_sent_again_with_the_same_id() {
    let (stage, _) = settled_run().await;
    stage.receiver.failures.store(4, Relaxed);
    let mut minutes = Vec::new();
    let mut known = 0;
    for minute in 0..30 {
        let report = pass(&stage.controller(0).await).await.unwrap();
        let mut lines = report.actions.join("\n") + &report.errors.join("\n");
        let open = stage.backend.tasks.open_operations(OperationClass::Notice, 10).await.unwrap();
        for open in open.into_iter().filter(|open| open.kind == OperationKind::Notify) {
            // `task show` has the reason.
            let progress = open.progress.unwrap_or_default();
            assert!(progress.starts_with("not taken: ") && progress.contains("sent again later"), "{progress}");
            lines += &progress;
        }
        assert!(!lines.contains("hooks.example"), "{lines}");
        if stage.notices().len() > known {
            known = stage.notices().len();
            minutes.push(minute);
        }
        stage.minutes_pass(1);
    }
    assert_eq!(minutes, [0, 4, 11], "3, then 6 passes without a change");
    let notices = stage.notices();
    let webhooks: Vec<&str> =
        notices.iter().filter(|(channel, ..)| *channel == Channel::Webhook).map(|(.., one)| one.id.as_str()).collect();
    assert_eq!(webhooks.len(), 3);
    assert!(webhooks.iter().all(|id| *id == webhooks[0]));
    assert_eq!(stage.backend.tasks.open_operations(OperationClass::Notice, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_notice_that_nobody_takes_is_given_up_after_a_day() {
    let (stage, _) = settled_run().await;
    stage.receiver.failures.store(i64::MAX, Relaxed);
    let mut given_up = None;
    for minute in 0..1_600 {
        let report = pass(&stage.controller(0).await).await.unwrap();
        if report.errors.iter().any(|line| line.contains("given up after a day")) {
            given_up = Some(minute);
            break;
        }
        stage.minutes_pass(1);
    }
    let minute = given_up.expect("it is given up");
    assert!((1_440..1_560).contains(&minute), "{minute}");
    let attempts = stage.notices().len() / 2;
    assert!((10..30).contains(&attempts), "{attempts}");
    let open = stage.backend.tasks.open_operations(OperationClass::Notice, 10).await.unwrap();
    assert!(open.iter().all(|operation| operation.kind != OperationKind::Notify));
}

#[tokio::test]
async fn notices_of_failures_alone_leave_out_a_run_that_ended_well() {
    let stage = Stage::new().await;
    for (name, state) in [("good", State::Copied), ("bad", State::Failed)] {
        let notify = format!("{NOTIFY}on = \"failures\"\n");
        stage.task(name, "schedule = \"every 1h\"", &notify, Some(stage.now())).await;
        stage.pass().await;
        let run = stage.find(name, 1, Phase::Listed).await;
        stage.settle(name, &run, 1, state).await;
        stage.pass().await;
        stage.pass().await;
        stage.pass().await;
    }
    let tasks: Vec<String> = stage.notices().into_iter().map(|(.., notice)| notice.task).collect();
    assert_eq!(tasks, ["bad", "bad"], "one by topic, one by webhook");
}
