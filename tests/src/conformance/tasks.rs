//! The tasks port's contract, as tests over any adapter.
//!
//! Each test has a fleet of its own. A repeated call stands for one whose answer was lost.

#![allow(clippy::unwrap_used, reason = "tests, though in a library")]

mod definitions;
mod heartbeats;
mod operations;
mod runs;
mod samples;
mod sign_outs;
mod states;

pub use definitions::*;
pub use heartbeats::*;
pub use operations::*;
pub use runs::*;
pub use samples::*;
pub use sign_outs::*;
pub use states::*;

use shared::object::Timestamp;
use shared::tasks::{
    Author, BeginRun, Change, Definition, Limits, NewTask, Operation, OperationKind, Outline, SharedTasks, Summary,
    TaskRef,
};

use super::ledger::unique;

/// A test of each promise for the tasks that `setup`, an `async fn() -> (SharedTasks, Guard)`, makes.
/// The second argument names the [exceptions](super::exceptions) of the component behind the adapter.
#[macro_export]
macro_rules! tasks_suite {
    ($setup:path) => {
        $crate::tasks_suite!($setup, $crate::conformance::exceptions::NONE);
    };
    ($setup:path, $exceptions:path) => {
        $crate::promises! { tasks, $setup, $exceptions:
            a_new_task_is_active_with_its_definition
            a_name_is_taken_by_one_task
            of_many_creators_of_one_name_one_succeeds
            a_new_task_of_an_old_name_inherits_nothing
            the_second_of_two_editors_gets_the_conflict
            of_many_editors_at_once_one_succeeds
            an_edit_repeated_after_a_lost_answer_changes_nothing
            old_versions_stay_until_they_are_removed
            a_version_that_an_open_operation_refers_to_stays
            definitions_above_the_size_limit_are_refused
            only_a_task_that_is_being_deleted_is_forgotten
            more_than_a_thousand_tasks_come_by_name
            a_task_moves_between_its_states
            a_task_is_deleted_with_or_without_its_records
            limits_are_replaced_by_those_who_have_seen_them
            each_change_has_one_audit_record
            audit_records_come_in_pages_newest_first
            changes_of_all_tasks_come_newest_first
            a_due_time_begins_one_run
            of_many_controllers_at_once_one_begins_the_run
            a_run_repeated_after_its_end_does_not_begin_again
            regression_a_due_time_that_began_a_run_moves_on
            a_run_does_not_begin_beside_another
            a_superseding_run_cancels_the_live_one
            a_run_does_not_begin_for_a_paused_task_or_another_version
            a_skipped_due_time_is_shown
            a_cancelled_run_is_named_until_it_has_ended
            a_watch_is_replaced_by_one_controller_a_minute
            changes_of_different_fields_at_once_are_all_kept
            an_operation_keeps_all_its_fields
            an_operation_shows_how_far_its_step_is
            an_operation_is_stepped_by_one_worker_at_a_time
            an_operation_ends_once
            an_operation_requested_twice_is_one
            operations_come_in_pages_newest_first
            a_checkpoint_of_an_earlier_step_replaces_no_later_one
            operations_of_another_task_stay_apart
            operations_expire_after_their_end
            open_operations_come_by_class_and_time
            results_at_the_size_limit_are_kept_and_larger_ones_refused
            samples_come_by_minute_and_the_first_of_a_minute_stays
            expired_samples_are_not_returned
            a_heartbeat_replaces_the_workers_earlier_one
            a_wrong_clocks_heartbeat_is_returned_and_an_old_one_is_not
            a_fleet_record_is_replaced_by_one_controller
            a_session_that_was_ended_stays_so_until_its_time_is_over
        }
    };
}

/// A time that no record's life ends before.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

pub(crate) fn me() -> Author {
    Author::new("me", now(), "a note")
}

pub(crate) fn definition(text: &str) -> Definition {
    let outline = Outline {
        description: format!("for {text}"),
        source: "s3://source/\u{fc}".to_owned(),
        destination: "file:///destination".to_owned(),
        schedule: "every 1h".to_owned(),
        events: true,
        events_region: Some("eu-west-1".to_owned()),
        notify: true,
    };
    Definition { text: text.to_owned(), outline, limits: Limits::default() }
}

pub(crate) fn new_task(name: &str) -> NewTask {
    let task = TaskRef { name: name.to_owned(), id: unique("id") };
    NewTask { task, definition: definition("one"), next_due: Some(Timestamp(1_700_000_000_000)) }
}

/// A new task, created.
pub(crate) async fn created(tasks: &SharedTasks) -> TaskRef {
    let new = new_task("photos");
    assert_eq!(tasks.create(&new, &me()).await.unwrap(), Change::Made);
    new.task
}

pub(crate) async fn summary(tasks: &SharedTasks, task: &TaskRef) -> Summary {
    let summary = tasks.summary(&task.name).await.unwrap().unwrap();
    assert_eq!(summary.task, *task);
    summary
}

/// An operation under version 1, requested now.
pub(crate) fn operation(task: &TaskRef, id: &str, kind: OperationKind) -> Operation {
    Operation {
        id: id.to_owned(),
        task: task.id.clone(),
        kind,
        version: 1,
        who: "me".to_owned(),
        requested: now(),
        request: r#"{"compare":"size"}"#.to_owned(),
        beat: 0,
        worker: None,
        progress: None,
        end: None,
    }
}

/// Begins a run that was asked for.
pub(crate) async fn begin(tasks: &SharedTasks, task: &TaskRef, run: &str, supersedes: Option<&str>) -> Change<Summary> {
    let operation = operation(task, run, OperationKind::Find);
    let begin = BeginRun { task, operation: &operation, due: None, supersedes };
    tasks.begin_run(&begin, &me()).await.unwrap()
}

/// The present record of a conflict.
pub(crate) fn conflict<T: std::fmt::Debug>(change: Change<T>) -> T {
    match change {
        Change::Conflict(Some(present)) => *present,
        other => panic!("no conflict with a record: {other:?}"),
    }
}
