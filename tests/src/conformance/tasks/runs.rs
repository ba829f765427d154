//! Runs: begin, end, and the controller's view.

use futures::future::join_all;
use shared::object::Timestamp;
use shared::tasks::{
    BeginRun, Change, Due, EndedRun, OperationClass, OperationKind, OperationState, OperationVerdict, Outage, RunEnd,
    SharedTasks, Summary, TaskRef, TaskState, Watch, run_id,
};

use super::{begin, conflict, created, definition, me, now, operation, summary};

const FIRST: Timestamp = Timestamp(1_700_000_000_000);
const SECOND: Timestamp = Timestamp(1_700_000_060_000);

/// The end of a run.
pub(crate) fn ended(run: &str) -> EndedRun {
    let end = EndedRun { failed: 3, not_judged: 2, unlisted: 1, ..EndedRun::new(run, RunEnd::DoneWithFailures, now()) };
    end.because(Some("some folders could not be listed"))
}

/// Begins the run that is due first.
async fn begin_due(tasks: &SharedTasks, task: &TaskRef) -> Change<Summary> {
    let operation = operation(task, &run_id(&task.id, FIRST), OperationKind::Find);
    let due = Some(Due { seen: FIRST, next: Some(SECOND) });
    tasks.begin_run(&BeginRun { task, operation: &operation, due, supersedes: None }, &me()).await.unwrap()
}

/// In one transaction with the next due time.
pub async fn a_due_time_begins_one_run(tasks: SharedTasks) {
    let task = created(&tasks).await;
    for _ in 0..2 {
        assert_eq!(begin_due(&tasks, &task).await, Change::Made);
    }
    let present = summary(&tasks, &task).await;
    let run = present.run.unwrap();
    assert_eq!((run.id.clone(), run.version, present.next_due), (run_id(&task.id, FIRST), 1, Some(SECOND)));
    let recorded = tasks.operation(&task.id, &run.id).await.unwrap().unwrap();
    assert_eq!((recorded.kind, recorded.state()), (OperationKind::Find, OperationState::Queued));
    assert_eq!(tasks.open_operations(OperationClass::Run, 10).await.unwrap(), [recorded]);
}

/// Each may believe that it did.
pub async fn of_many_controllers_at_once_one_begins_the_run(tasks: SharedTasks) {
    let task = created(&tasks).await;
    let begun = join_all((0..8).map(|_| begin_due(&tasks, &task))).await;
    assert!(begun.iter().all(Change::is_made));
    assert_eq!(tasks.operations(&task.id, None, 100).await.unwrap().0.len(), 1);
    assert_eq!(summary(&tasks, &task).await.next_due, Some(SECOND));
    let audits = tasks.audits(Some(&task.id), None, 100).await.unwrap().0;
    assert_eq!(audits.iter().filter(|audit| audit.action == "run").count(), 1);
}

/// Also if the first request's answer was lost for long.
pub async fn a_run_repeated_after_its_end_does_not_begin_again(tasks: SharedTasks) {
    let task = created(&tasks).await;
    assert_eq!(begin(&tasks, &task, "r1", None).await, Change::Made);
    let end = ended("r1");
    for _ in 0..2 {
        assert_eq!(tasks.end_run(&task, &end).await.unwrap(), Change::Made);
    }
    let over = summary(&tasks, &task).await;
    assert_eq!(begin(&tasks, &task, "r1", None).await, Change::Made);
    assert_eq!(summary(&tasks, &task).await, over);
    begin_due(&tasks, &task).await;
    tasks.end_run(&task, &ended(&run_id(&task.id, FIRST))).await.unwrap();
    let over = summary(&tasks, &task).await;
    assert_eq!(over.run, None);
    assert_eq!(begin_due(&tasks, &task).await, Change::Made);
    assert_eq!(summary(&tasks, &task).await, over);
    assert_eq!(tasks.open_operations(OperationClass::Run, 10).await.unwrap(), []);
}

/// Whichever of them wrote it back: else each pass would find that run there, and none would begin again.
pub async fn regression_a_due_time_that_began_a_run_moves_on(tasks: SharedTasks) {
    let task = created(&tasks).await;
    begin_due(&tasks, &task).await;
    tasks.end_run(&task, &ended(&run_id(&task.id, FIRST))).await.unwrap();
    let mut other = definition("two");
    other.outline.schedule = "every 1d".to_owned();
    assert_eq!(tasks.edit(&task, 1, &other, Some(FIRST), &me()).await.unwrap(), Change::Made);
    assert_eq!(summary(&tasks, &task).await.next_due, Some(FIRST));
    assert_eq!(begin_due(&tasks, &task).await, Change::Made);
    let present = summary(&tasks, &task).await;
    assert_eq!((present.next_due, present.run), (Some(SECOND), None));
}

/// The second one learns which run is live.
pub async fn a_run_does_not_begin_beside_another(tasks: SharedTasks) {
    let task = created(&tasks).await;
    begin(&tasks, &task, "r1", None).await;
    assert_eq!(conflict(begin(&tasks, &task, "r2", None).await).run.unwrap().id, "r1");
    assert_eq!(conflict(begin(&tasks, &task, "r2", Some("r0")).await).run.unwrap().id, "r1");
    assert_eq!(tasks.operation(&task.id, "r2").await.unwrap(), None, "nothing of the refused run is kept");
    assert_eq!(conflict(begin_due(&tasks, &task).await).next_due, Some(FIRST), "the due time stays");
}

/// In one write.
pub async fn a_superseding_run_cancels_the_live_one(tasks: SharedTasks) {
    let task = created(&tasks).await;
    begin(&tasks, &task, "r1", None).await;
    for _ in 0..2 {
        assert_eq!(begin(&tasks, &task, "r2", Some("r1")).await, Change::Made);
    }
    let present = summary(&tasks, &task).await;
    assert_eq!(present.run.unwrap().id, "r2");
    assert_eq!(present.cancelled, ["r1".to_owned()].into());
    assert_eq!(tasks.open_operations(OperationClass::Run, 10).await.unwrap().len(), 2);
}

/// For example after an edit between the controller's reading and writing.
pub async fn a_run_does_not_begin_for_a_paused_task_or_another_version(tasks: SharedTasks) {
    let task = created(&tasks).await;
    tasks.set_state(&task, TaskState::Paused, Some(FIRST), &me()).await.unwrap();
    assert_eq!(conflict(begin_due(&tasks, &task).await).state, TaskState::Paused);
    tasks.set_state(&task, TaskState::Active, Some(FIRST), &me()).await.unwrap();
    tasks.edit(&task, 1, &definition("two"), Some(FIRST), &me()).await.unwrap();
    assert_eq!(conflict(begin_due(&tasks, &task).await).version, 2);
}

/// The due time moves, and no run begins for it.
pub async fn a_skipped_due_time_is_shown(tasks: SharedTasks) {
    let task = created(&tasks).await;
    begin(&tasks, &task, "r1", None).await;
    let due = Due { seen: FIRST, next: Some(SECOND) };
    for _ in 0..2 {
        assert_eq!(tasks.skip_due(&task, &due).await.unwrap(), Change::Made);
    }
    let present = summary(&tasks, &task).await;
    assert_eq!((present.next_due, present.skipped_due), (Some(SECOND), Some(FIRST)));
    let late = Due { seen: FIRST, next: None };
    assert_eq!(conflict(tasks.skip_due(&task, &late).await.unwrap()).next_due, Some(SECOND));
}

/// Workers settle what is left of it until then.
pub async fn a_cancelled_run_is_named_until_it_has_ended(tasks: SharedTasks) {
    let task = created(&tasks).await;
    begin(&tasks, &task, "r1", None).await;
    for _ in 0..2 {
        assert_eq!(tasks.cancel_run(&task, "r1", &me()).await.unwrap(), Change::Made);
    }
    let present = summary(&tasks, &task).await;
    assert_eq!((present.cancelled.len(), present.run.unwrap().id.as_str()), (1, "r1"));
    let end = EndedRun { end: RunEnd::Cancelled, lost: 2, ..ended("r1") };
    assert_eq!(tasks.end_run(&task, &end).await.unwrap(), Change::Made);
    let present = summary(&tasks, &task).await;
    assert_eq!((present.run, present.cancelled.len(), present.last_run), (None, 0, Some(end.clone())));
    let done = tasks.operation(&task.id, "r1").await.unwrap().unwrap();
    assert_eq!(done.end, Some(end.operation_end()));
    assert_eq!(done.end.unwrap().verdict, OperationVerdict::Cancelled);
    // It has ended: nothing is left to be cancelled.
    assert_eq!(tasks.cancel_run(&task, "r1", &me()).await.unwrap(), Change::Made);
    assert!(summary(&tasks, &task).await.cancelled.is_empty());
}

/// The other one of the same minute is not counted.
pub async fn a_watch_is_replaced_by_one_controller_a_minute(tasks: SharedTasks) {
    let task = created(&tasks).await;
    let outage = Some(Outage { since: 7, passes: 5, is_noticed: true });
    let watch =
        |minute, still| Watch { minute, progress: u64::MAX, claim: Some(3), unclaimed: 1, empty: 2, still, outage };
    for _ in 0..2 {
        assert_eq!(tasks.watch(&task, 0, &watch(10, 1)).await.unwrap(), Change::Made);
    }
    assert_eq!(conflict(tasks.watch(&task, 0, &watch(10, 2)).await.unwrap()).watch, watch(10, 1));
    assert_eq!(tasks.watch(&task, 10, &watch(11, 2)).await.unwrap(), Change::Made);
    begin(&tasks, &task, "r1", None).await;
    let begun = Watch { minute: 11, outage, ..Watch::default() };
    assert_eq!(summary(&tasks, &task).await.watch, begun, "a new run is watched from its begin, an outage goes on");
}
