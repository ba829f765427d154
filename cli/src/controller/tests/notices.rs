//! Notices of the ends of runs, of tasks that wait, and of tests.

use std::sync::atomic::Ordering::Relaxed;

use shared::ledger::{Phase, State};
use shared::notify::{Channel, NoticeEvent, NoticeRequest, TestResult};
use shared::tasks::{Operation, OperationClass, OperationKind, OperationVerdict, RunEnd};

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
        let ended = notice.run.as_ref().unwrap();
        assert_eq!((ended.run.as_str(), notice.task.as_str(), notice.fleet.as_str()), (run.as_str(), "t", "f"));
        assert_eq!((ended.end, ended.settled.copied, ended.found.enqueued), (RunEnd::Done, 2, 2));
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

/// A fleet with a live run of task `t`, and a worker on a machine that serves it.
async fn live_run() -> (Stage, String) {
    let stage = Stage::new().await;
    let summary = stage.task("t", "schedule = \"every 1h\"", NOTIFY, Some(stage.now())).await;
    stage.pass().await;
    stage.find("t", 2, Phase::Listed).await;
    (stage, summary.task.id)
}

const AWAY: &str = "transfers wait: the last requests to the destination failed: no answer";

#[tokio::test]
async fn a_store_that_is_away_has_one_notice_and_its_return_another() {
    let (stage, id) = live_run().await;
    // After ten minutes without a message in its queue the run itself would end.
    for minute in 0..9 {
        stage.beat_with_error("m", minute, (&id, (minute < 7).then_some(AWAY))).await;
        stage.minutes_pass(1);
        let (one, two) = (stage.controller(0).await, stage.controller(0).await);
        let (first, second) = tokio::join!(pass(&one), pass(&two));
        assert!(first.unwrap().errors.is_empty() && second.unwrap().errors.is_empty());
        // A third one in the same minute.
        assert!(pass(&stage.controller(0).await).await.unwrap().errors.is_empty());
        let expected = if minute < 4 {
            0
        } else if minute < 7 {
            2
        } else {
            4
        };
        assert_eq!(stage.notices().len(), expected, "minute {minute}");
    }
    let notices = stage.notices();
    let events: Vec<NoticeEvent> = notices.iter().map(|(.., notice)| notice.event).collect();
    assert_eq!(events, [NoticeEvent::Waits, NoticeEvent::Waits, NoticeEvent::GoesOn, NoticeEvent::GoesOn]);
    let (waits, goes_on) = (&notices[0].2, &notices[2].2);
    assert!(waits.text.contains("task t: waits since 20") && waits.text.contains(AWAY), "{}", waits.text);
    assert_eq!((waits.since, &waits.run, &waits.link), (goes_on.since, &None, &None));
    let ids: std::collections::BTreeSet<&str> = notices.iter().map(|(.., notice)| notice.id.as_str()).collect();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn regression_an_outage_without_its_record_is_noticed_once() {
    let (stage, id) = live_run().await;
    let mut context = stage.controller(0).await;
    context.public_url = Some("https://flotilla.example.com/".into());
    for minute in 0..5 {
        stage.beat_with_error("m", minute, (&id, Some(AWAY))).await;
        stage.minutes_pass(1);
        pass(&context).await.unwrap();
    }
    assert_eq!(stage.notices().len(), 2);
    let link = stage.notices()[0].2.link.clone();
    assert_eq!(link.as_deref(), Some("https://flotilla.example.com/tasks/t"));
    // As if its record was lost: the outage is counted to its end again.
    let summary = stage.summary("t").await.unwrap();
    let mut watch = summary.watch;
    watch.outage.iter_mut().for_each(|outage| (outage.passes, outage.is_noticed) = (4, false));
    assert!(stage.backend.tasks.watch(&summary.task, watch.minute, &watch).await.unwrap().is_made());
    stage.beat_with_error("m", 9, (&id, Some(AWAY))).await;
    stage.pass().await;
    assert!(stage.summary("t").await.unwrap().watch.outage.unwrap().is_noticed);
    assert_eq!(stage.notices().len(), 2, "it has the id of the first one");
}

/// Requests a test of the notices of task `t`.
async fn test_of(stage: &Stage) -> Operation {
    let summary = stage.summary("t").await.unwrap();
    let request = NoticeRequest { event: NoticeEvent::Test, ..NoticeRequest::default() }.text();
    let id = uuid::Uuid::now_v7().to_string();
    let operation = stage.operation(&summary, &id, OperationKind::Notify, &request);
    stage.backend.tasks.request(&operation).await.unwrap();
    operation
}

#[tokio::test]
async fn a_test_is_sent_once_to_each_receiver_and_says_who_took_it() {
    let stage = Stage::new().await;
    stage.task("t", "", NOTIFY, None).await;
    for (failures, verdict) in [(0, OperationVerdict::Succeeded), (1, OperationVerdict::Failed)] {
        stage.receiver.failures.store(failures, Relaxed);
        let operation = test_of(&stage).await;
        stage.pass().await;
        stage.pass().await;
        let ended = stage.backend.tasks.operation(&operation.task, &operation.id).await.unwrap().unwrap().end.unwrap();
        assert_eq!(ended.verdict, verdict, "{}", ended.result);
        let result: TestResult = serde_json::from_str(&ended.result).unwrap();
        let has_failed: Vec<bool> = result.receivers.iter().map(|one| one.error.is_some()).collect();
        assert_eq!(has_failed, [failures > 0, false]);
        assert_eq!(result.error.is_some(), failures > 0);
        assert!(!ended.result.contains("hooks.example"), "{}", ended.result);
    }
    let notices = stage.notices();
    assert_eq!(notices.len(), 4);
    assert!(notices.iter().all(|(.., notice)| notice.event == NoticeEvent::Test && notice.run.is_none()));
}
