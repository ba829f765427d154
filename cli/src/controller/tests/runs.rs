//! Runs begin, end, are lost, and begin again.

use std::collections::BTreeSet;

use shared::ledger::{Found, Phase, State};
use shared::object::Timestamp;
use shared::queue::Outgoing;
use shared::tasks::{BeginRun, Heartbeat, MAX_REASON_CHARS, OPERATIONS, Operation, OperationKind, RunEnd, TaskState};

use super::notices::NOTIFY;
use super::stage::{MINUTE_MS, Stage, heartbeat};
use crate::controller::pass;

const HOURLY: &str = "schedule = \"every 1h\"";

#[tokio::test]
async fn a_due_run_begins_once_with_several_controllers() {
    let stage = Stage::new().await;
    stage.task("t", HOURLY, "", Some(stage.now())).await;
    let (one, two) = (stage.controller(0).await, stage.controller(0).await);
    let (first, second) = tokio::join!(pass(&one), pass(&two));
    assert!(first.unwrap().errors.is_empty() && second.unwrap().errors.is_empty());
    let task = stage.summary("t").await.unwrap();
    let run = task.run.clone().expect("a run is live");
    assert_eq!(task.next_due, Some(Timestamp(stage.now().0 + 60 * MINUTE_MS)));
    let jobs = stage.take(&task).await;
    assert!(!jobs.is_empty() && jobs.len() <= 2, "sent by each controller at most once: {jobs:?}");
    assert!(jobs.iter().all(|job| (job.run.as_str(), job.verb.as_str()) == (run.id.as_str(), "find")));
    let operations = stage.backend.tasks.operations(&task.task.id, None, 10).await.unwrap().0;
    assert_eq!(operations.len(), 1);
    // A controller whose clock is minutes behind begins nothing.
    let late = stage.controller(-5 * MINUTE_MS).await;
    let report = pass(&late).await.unwrap();
    assert!(report.actions.iter().all(|line| !line.starts_with("begin")), "{report:?}");
    assert_eq!(stage.take(&task).await.len(), 0);
}

#[tokio::test]
async fn a_run_ends_when_its_objects_are_settled_and_not_before() {
    let stage = Stage::new().await;
    stage.task("t", HOURLY, "", Some(stage.now())).await;
    stage.pass().await;
    let run = stage.find("t", 3, Phase::Listed).await;
    stage.settle("t", &run, 2, State::Copied).await;
    stage.pass().await;
    assert!(stage.summary("t").await.unwrap().run.is_some());
    stage.settle("t", &run, 3, State::Failed).await;
    stage.pass().await;
    let task = stage.summary("t").await.unwrap();
    let last = task.last_run.unwrap();
    assert_eq!((task.run, last.id, last.end, last.failed, last.lost), (None, run, RunEnd::DoneWithFailures, 1, 0));
}

#[tokio::test]
async fn regression_a_run_that_left_something_out_has_failures() {
    for (not_judged, unlisted, words) in
        [(2, 0, "done, 2 not compared"), (0, 1, "done, 1 not listed"), (1, 1, "done, 1 not compared, 1 not listed")]
    {
        let stage = Stage::new().await;
        stage.task("t", HOURLY, NOTIFY, Some(stage.now())).await;
        stage.pass().await;
        let run = stage.find_these("t", Found { not_judged, unlisted, ..Found::default() }, Phase::Listed).await;
        stage.backend.ledger.set_phase(&run, Phase::Listed, Some("/a/b cannot be listed"), None).await.unwrap();
        let report = stage.pass().await;
        assert!(report.actions.iter().any(|line| line.ends_with(words)), "{words}: {report:?}");
        let last = stage.summary("t").await.unwrap().last_run.unwrap();
        assert_eq!((last.end, last.not_judged, last.unlisted), (RunEnd::DoneWithFailures, not_judged, unlisted));
        assert_eq!(last.error.as_deref(), Some("/a/b cannot be listed"));
        let notices = stage.notices();
        let (.., notice) = notices.first().expect("a notice");
        let ended = notice.run.as_ref().unwrap();
        assert_eq!((ended.end, ended.found.not_judged, ended.found.unlisted), (last.end, not_judged, unlisted));
        assert_eq!(notice.subject(), format!("flotilla: task t {words}"));
    }
}

#[tokio::test]
async fn a_run_that_stopped_ends_with_its_reason() {
    let stage = Stage::new().await;
    stage.task("t", HOURLY, "", Some(stage.now())).await;
    stage.pass().await;
    let run = stage.find("t", 0, Phase::Stopped).await;
    stage.backend.ledger.set_phase(&run, Phase::Stopped, Some(&"\u{fc}".repeat(5_000)), None).await.unwrap();
    stage.pass().await;
    let last = stage.summary("t").await.unwrap().last_run.unwrap();
    assert_eq!((last.end, last.error.map(|why| why.chars().count())), (RunEnd::Stopped, Some(MAX_REASON_CHARS)));
}

/// The finder asked whether its run is live, and records it when the run has ended as cancelled; then it is killed.
#[tokio::test]
async fn regression_a_late_finder_leaves_a_cancelled_run_cancelled() {
    let stage = Stage::new().await;
    let task = stage.task("t", HOURLY, "", Some(stage.now())).await.task;
    stage.pass().await;
    let run = stage.summary("t").await.unwrap().run.unwrap().id;
    assert!(stage.backend.tasks.cancel_run(&task, &run, &stage.author()).await.unwrap().is_made());
    for _ in 0..3 {
        stage.minutes_pass(1);
        stage.pass().await;
    }
    let last = stage.summary("t").await.unwrap().last_run.expect("it has ended");
    assert_eq!((last.id.as_str(), last.end), (run.as_str(), RunEnd::Cancelled));
    let recorded = stage.backend.ledger.run(&run).await.unwrap().expect("a record");
    assert_eq!((recorded.phase, recorded.error.as_deref()), (Phase::Cancelled, Some("cancelled by command")));
    stage.backend.ledger.start_run(&recorded.start, 1).await.unwrap();
    assert_eq!(stage.backend.ledger.run_state(&run).await.unwrap().unwrap().phase, Phase::Cancelled);
}

#[tokio::test]
async fn a_due_time_is_skipped_while_a_run_is_live() {
    let stage = Stage::new().await;
    stage.task("t", HOURLY, "", Some(stage.now())).await;
    stage.pass().await;
    stage.find("t", 3, Phase::Listing).await;
    let due = stage.summary("t").await.unwrap().next_due;
    stage.minutes_pass(70);
    let report = stage.pass().await;
    assert!(report.actions.iter().any(|line| line.starts_with("skip the run of task t due at ")), "{report:?}");
    let task = stage.summary("t").await.unwrap();
    assert_eq!((task.skipped_due, task.run.is_some()), (due, true));
}

#[tokio::test]
async fn a_run_whose_messages_are_lost_is_stopped_and_begun_again() {
    let stage = Stage::new().await;
    stage.task("t", HOURLY, "", Some(stage.now())).await;
    stage.pass().await;
    let lost = stage.find("t", 3, Phase::Listed).await;
    stage.settle("t", &lost, 1, State::Copied).await;
    let task = stage.summary("t").await.unwrap();
    assert_eq!(stage.take(&task).await.len(), 1);
    // A message that waits proves that nothing is lost.
    let queue = stage.queues(&task).await.jobs;
    queue.send(&[Outgoing::now("{}".into())]).await.unwrap();
    for _ in 0..15 {
        stage.pass().await;
    }
    assert_eq!(stage.summary("t").await.unwrap().run.unwrap().id, lost);
    let lease = std::time::Duration::from_secs(600);
    let message = queue.receive(1, std::time::Duration::ZERO, lease).await.unwrap().remove(0);
    stage.pass().await;
    queue.acknowledge(&message).await.unwrap();
    let mut passes = 0;
    while stage.summary("t").await.unwrap().run.unwrap().id == lost {
        stage.pass().await;
        passes += 1;
    }
    assert!((9..=11).contains(&passes), "{passes}");
    let task = stage.summary("t").await.unwrap();
    let last = task.last_run.clone().unwrap();
    assert_eq!((last.id, last.end, last.lost), (lost.clone(), RunEnd::Stopped, 2));
    assert_eq!(stage.backend.ledger.run(&lost).await.unwrap().unwrap().phase, Phase::Lost);
    let jobs = stage.take(&task).await;
    let new = task.run.unwrap().id;
    let close = shared::tasks::derived_id(&lost, "close");
    let found: BTreeSet<&str> = jobs.iter().map(|job| job.run.as_str()).collect();
    assert_eq!(found, BTreeSet::from([new.as_str(), close.as_str()]), "the new run, and the uploads of the lost one");
}

#[tokio::test]
async fn regression_a_restart_keeps_what_was_asked_for() {
    let stage = Stage::new().await;
    let task = stage.task("t", HOURLY, "", Some(Timestamp(stage.now().0 + 600 * MINUTE_MS))).await;
    for (run, kind, request) in
        [("r1", OperationKind::Find, r#"{"delete":false}"#), ("r2", OperationKind::Retry, r#"{"run":"r1"}"#)]
    {
        let operation = stage.operation(&task, run, kind, request);
        let begin = BeginRun { task: &task.task, operation: &operation, due: None, supersedes: None };
        assert!(stage.backend.tasks.begin_run(&begin, &stage.author()).await.unwrap().is_made());
        let lost = stage.find("t", 3, Phase::Listed).await;
        stage.backend.ledger.set_phase(&lost, Phase::Lost, None, None).await.unwrap();
        stage.pass().await;
        stage.pass().await;
        let again = stage.summary("t").await.unwrap().run.unwrap().id;
        let operation = stage.backend.tasks.operation(&task.task.id, &again).await.unwrap().unwrap();
        assert_eq!((operation.kind, operation.request.as_str()), (kind, request));
        stage.find("t", 0, Phase::Listed).await;
        stage.pass().await;
        assert_eq!(stage.summary("t").await.unwrap().run, None);
    }
}

#[tokio::test]
async fn a_run_that_no_finder_works_on_gets_its_job_again() {
    let stage = Stage::new().await;
    let task = stage.task("t", HOURLY, "", Some(stage.now())).await;
    stage.pass().await;
    assert_eq!(stage.take(&task).await.len(), 1, "and it is lost");
    for _ in 0..2 {
        stage.pass().await;
        assert_eq!(stage.take(&task).await.len(), 0);
    }
    for _ in 0..5 {
        stage.pass().await;
    }
    assert_eq!(stage.take(&task).await.len(), 2, "once in three passes: events may hide that it is lost");
}

#[tokio::test]
async fn a_paused_task_begins_nothing_and_makes_up_for_nothing() {
    let stage = Stage::new().await;
    let task = stage.task("t", HOURLY, "", Some(stage.now())).await.task;
    let tasks = &stage.backend.tasks;
    tasks.set_state(&task, TaskState::Paused, Some(stage.now()), &stage.author()).await.unwrap();
    stage.minutes_pass(600);
    assert_eq!(stage.pass().await.actions, Vec::<String>::new());
    tasks.set_state(&task, TaskState::Active, Some(stage.now()), &stage.author()).await.unwrap();
    stage.pass().await;
    assert!(stage.summary("t").await.unwrap().run.is_some());
    let runs = tasks.operations(&task.id, None, 10).await.unwrap().0;
    assert_eq!(runs.len(), 1);
}

#[tokio::test]
async fn a_cancelled_run_is_settled_and_its_uploads_are_closed() {
    let stage = Stage::new().await;
    let task = stage.task("t", HOURLY, "", Some(stage.now())).await;
    stage.pass().await;
    stage.take(&task).await;
    let run = stage.find("t", 3, Phase::Listed).await;
    stage.settle("t", &run, 1, State::Copied).await;
    stage.backend.tasks.cancel_run(&task.task, &run, &stage.author()).await.unwrap();
    stage.pass().await;
    assert_eq!(stage.backend.ledger.run(&run).await.unwrap().unwrap().phase, Phase::Cancelled);
    let jobs = stage.take(&task).await;
    assert_eq!(jobs.iter().map(|job| job.verb.as_str()).collect::<Vec<_>>(), ["close"]);
    stage.settle("t", &run, 3, State::Cancelled).await;
    stage.pass().await;
    let ended = stage.summary("t").await.unwrap();
    let last = ended.last_run.unwrap();
    assert_eq!((ended.run, ended.cancelled.len(), last.end, last.lost), (None, 0, RunEnd::Cancelled, 0));
}

#[tokio::test]
async fn regression_uploads_are_closed_of_a_run_its_finder_cancelled() {
    let stage = Stage::new().await;
    let task = stage.task("t", HOURLY, "", Some(stage.now())).await;
    stage.pass().await;
    stage.take(&task).await;
    let run = stage.find("t", 3, Phase::Listing).await;
    stage.backend.tasks.cancel_run(&task.task, &run, &stage.author()).await.unwrap();
    let ledger = &stage.backend.ledger;
    let recorded = ledger.run(&run).await.unwrap().unwrap();
    shared::ledger::cancel(ledger, &recorded, "cancelled", "finder").await.unwrap();
    stage.settle("t", &run, 3, State::Cancelled).await;
    stage.pass().await;
    assert_eq!(stage.summary("t").await.unwrap().last_run.unwrap().end, RunEnd::Cancelled);
    let jobs = stage.take(&task).await;
    assert_eq!(jobs.iter().map(|job| job.verb.as_str()).collect::<Vec<_>>(), ["close"]);
}

#[tokio::test]
async fn passes_over_an_idle_fleet_write_nothing() {
    let stage = Stage::new().await;
    for name in ["a", "b", "c"] {
        stage.task(name, "schedule = \"cron 0 3 1 1 *\"", "", Some(Timestamp(i64::MAX))).await;
    }
    let before = (stage.backend.tasks.summaries().await.unwrap(), stage.backend.tasks.fleet_record().await.unwrap());
    for _ in 0..5 {
        assert_eq!(stage.pass().await.actions, Vec::<String>::new());
    }
    let after = (stage.backend.tasks.summaries().await.unwrap(), stage.backend.tasks.fleet_record().await.unwrap());
    assert_eq!(before, after);
}

#[tokio::test]
async fn samples_are_recorded_of_tasks_with_work_alone() {
    let stage = Stage::new().await;
    let busy = stage.task("busy", HOURLY, "", Some(stage.now())).await;
    let idle = stage.task("idle", "", "", None).await;
    stage.pass().await;
    let run = stage.find("busy", 3, Phase::Listed).await;
    stage.settle("busy", &run, 2, State::Copied).await;
    stage.pass().await;
    stage.pass().await;
    let samples = async |id: &str| stage.backend.tasks.samples(id, 0, u64::MAX >> 1, 10).await.unwrap();
    let of_busy = samples(&busy.task.id).await;
    assert_eq!(of_busy.len(), 2, "one a minute");
    assert_eq!((of_busy[0].run.as_deref(), of_busy[0].settled.copied), (Some(run.as_str()), 2));
    assert_eq!(of_busy[0].found.enqueued, 3);
    assert_eq!(samples(&idle.task.id).await, []);
    for (machine, age) in [("one", 42), ("two", 7)] {
        let event_ages = [(idle.task.id.clone(), age)].into();
        stage.backend.tasks.beat(&Heartbeat { event_ages, ..heartbeat(machine, 1) }).await.unwrap();
    }
    stage.pass().await;
    let ages: Vec<_> = samples(&idle.task.id).await.iter().map(|sample| sample.event_age).collect();
    assert_eq!(ages, [Some(42)], "the highest of all workers");
}

#[tokio::test]
async fn a_request_without_a_task_is_withdrawn_after_a_day() {
    let stage = Stage::new().await;
    let task = stage.task("t", "", "", None).await;
    let requested = stage.operation(&task, "of-nobody", OperationKind::Plan, "");
    let of_nobody = Operation { task: OPERATIONS.to_owned(), version: 0, ..requested };
    stage.backend.tasks.request(&of_nobody).await.unwrap();
    let end = async || stage.backend.tasks.operation(OPERATIONS, "of-nobody").await.unwrap().unwrap().end;
    stage.minutes_pass(24 * 60 - 2);
    stage.pass().await;
    assert_eq!(end().await, None, "not before");
    stage.pass().await;
    let end = end().await.expect("it has ended");
    assert_eq!(end.result, "\"no worker carried it out within a day\"");
}
