//! Definitions and their versions.

use futures::future::join_all;
use futures::{StreamExt as _, stream};
use sha2::{Digest as _, Sha256};
use shared::ErrorKind;
use shared::digest::to_hex;
use shared::tasks::{Change, MAX_TEXT_BYTES, OperationKind, SharedTasks, TaskState};

use super::{begin, conflict, created, definition, me, new_task, now, operation, summary};

/// Every field that was given comes back.
pub async fn a_new_task_is_active_with_its_definition(tasks: SharedTasks) {
    let new = new_task("photos");
    assert_eq!(tasks.summary("photos").await.unwrap(), None);
    for _ in 0..2 {
        assert_eq!(tasks.create(&new, &me()).await.unwrap(), Change::Made);
    }
    let found = summary(&tasks, &new.task).await;
    assert_eq!((found.state, found.version), (TaskState::Active, 1));
    assert_eq!((&found.outline, found.next_due), (&new.definition.outline, new.next_due));
    assert_eq!(tasks.definition(&new.task.id, 1).await.unwrap().as_deref(), Some("one"));
    assert_eq!(tasks.definition(&new.task.id, 2).await.unwrap(), None);
    assert_eq!(tasks.versions(&new.task.id).await.unwrap(), [1]);
    assert_eq!(tasks.summaries().await.unwrap(), [found]);
}

/// The second creator learns which task has the name.
pub async fn a_name_is_taken_by_one_task(tasks: SharedTasks) {
    let task = created(&tasks).await;
    let other = new_task("photos");
    assert_eq!(conflict(tasks.create(&other, &me()).await.unwrap()).task, task);
    assert_eq!(tasks.definition(&other.task.id, 1).await.unwrap(), None, "nothing of the refused task is kept");
    assert_eq!(tasks.audits(Some(&other.task.id), None, 10).await.unwrap().0, []);
}

/// All but one get the conflict.
pub async fn of_many_creators_of_one_name_one_succeeds(tasks: SharedTasks) {
    let new: Vec<_> = (0..8).map(|_| new_task("photos")).collect();
    let created = join_all(new.iter().map(|new| async { tasks.create(new, &me()).await.unwrap().is_made() })).await;
    let winners: Vec<_> = new.iter().zip(&created).filter(|(_, made)| **made).map(|(new, _)| &new.task).collect();
    assert_eq!(winners, [&summary(&tasks, winners[0]).await.task]);
}

/// Neither versions nor operations nor limits of the earlier task; and its handle changes nothing of the new one.
pub async fn a_new_task_of_an_old_name_inherits_nothing(tasks: SharedTasks) {
    let old = created(&tasks).await;
    begin(&tasks, &old, "r1", None).await;
    tasks.set_state(&old, TaskState::Deleting, None, &me()).await.unwrap();
    assert_eq!(tasks.forget(&old, &me()).await.unwrap(), Change::Made);
    assert_eq!(tasks.summary(&old.name).await.unwrap(), None);
    let new = created(&tasks).await;
    let fresh = summary(&tasks, &new).await;
    assert!(fresh.run.is_none() && fresh.cancelled.is_empty() && fresh.last_run.is_none());
    assert_eq!(tasks.operations(&new.id, None, 10).await.unwrap().0, []);
    let late = tasks.edit(&old, 1, &definition("late"), None, &me()).await.unwrap();
    assert_eq!(late, Change::Conflict(None), "an edit of the old task");
    assert_eq!(tasks.set_state(&old, TaskState::Paused, None, &me()).await.unwrap(), Change::Conflict(None));
    assert_eq!(tasks.forget(&old, &me()).await.unwrap(), Change::Made, "the old task is gone");
    assert_eq!(summary(&tasks, &new).await, fresh);
}

/// With the present record, so that it can be shown.
pub async fn the_second_of_two_editors_gets_the_conflict(tasks: SharedTasks) {
    let task = created(&tasks).await;
    assert_eq!(tasks.edit(&task, 1, &definition("two"), None, &me()).await.unwrap(), Change::Made);
    let present = conflict(tasks.edit(&task, 1, &definition("other"), Some(now()), &me()).await.unwrap());
    assert_eq!((present.version, present.outline.description.as_str()), (2, "for two"));
    assert_eq!(summary(&tasks, &task).await, present);
    assert_eq!(tasks.definition(&task.id, 2).await.unwrap().as_deref(), Some("two"));
}

/// One version comes of one seen version.
pub async fn of_many_editors_at_once_one_succeeds(tasks: SharedTasks) {
    let task = created(&tasks).await;
    let texts: Vec<String> = (0..8).map(|n| format!("text {n}")).collect();
    let edit = async |text: &String| tasks.edit(&task, 1, &definition(text), None, &me()).await.unwrap().is_made();
    let made = join_all(texts.iter().map(edit)).await;
    let winners: Vec<_> = texts.iter().zip(made).filter(|(_, made)| *made).map(|(text, _)| text.as_str()).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(tasks.definition(&task.id, 2).await.unwrap().as_deref(), Some(winners[0]));
    assert_eq!(tasks.versions(&task.id).await.unwrap(), [2, 1]);
}

/// It is known by what it wrote.
pub async fn an_edit_repeated_after_a_lost_answer_changes_nothing(tasks: SharedTasks) {
    let task = created(&tasks).await;
    for _ in 0..3 {
        assert_eq!(tasks.edit(&task, 1, &definition("two"), None, &me()).await.unwrap(), Change::Made);
    }
    assert_eq!(tasks.versions(&task.id).await.unwrap(), [2, 1]);
    assert_eq!(tasks.audits(Some(&task.id), None, 10).await.unwrap().0.len(), 2);
}

/// The present one cannot be removed.
pub async fn old_versions_stay_until_they_are_removed(tasks: SharedTasks) {
    let task = created(&tasks).await;
    for seen in 1..12 {
        let text = format!("version {}", seen + 1);
        tasks.edit(&task, seen, &definition(&text), None, &me()).await.unwrap();
    }
    assert_eq!(tasks.versions(&task.id).await.unwrap(), (1..=12).rev().collect::<Vec<_>>());
    assert_eq!(tasks.definition(&task.id, 9).await.unwrap().as_deref(), Some("version 9"));
    assert_eq!(conflict(tasks.remove_version(&task, 12).await.unwrap()).version, 12);
    for _ in 0..2 {
        assert_eq!(tasks.remove_version(&task, 9).await.unwrap(), Change::Made);
    }
    assert_eq!(tasks.definition(&task.id, 9).await.unwrap(), None);
    assert_eq!(tasks.versions(&task.id).await.unwrap().len(), 11);
}

/// A run keeps the definition that it began with.
pub async fn a_version_that_an_open_operation_refers_to_stays(tasks: SharedTasks) {
    let task = created(&tasks).await;
    begin(&tasks, &task, "r1", None).await;
    tasks.edit(&task, 1, &definition("two"), None, &me()).await.unwrap();
    assert!(!tasks.remove_version(&task, 1).await.unwrap().is_made());
    assert_eq!(tasks.definition(&task.id, 1).await.unwrap().as_deref(), Some("one"));
    tasks.end_run(&task, &super::ended("r1")).await.unwrap();
    assert_eq!(tasks.remove_version(&task, 1).await.unwrap(), Change::Made);
}

/// Refused by size, before anything is written.
pub async fn definitions_above_the_size_limit_are_refused(tasks: SharedTasks) {
    let mut new = new_task("large");
    new.definition.text = "prefix/".repeat(MAX_TEXT_BYTES / 7);
    assert_eq!(tasks.create(&new, &me()).await.unwrap(), Change::Made);
    assert_eq!(tasks.definition(&new.task.id, 1).await.unwrap(), Some(new.definition.text.clone()));
    let larger = format!("{}12345678", new.definition.text);
    let error = tasks.edit(&new.task, 1, &definition(&larger), None, &me()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unrepresentable, "{error}");
    // Within the limit, and larger than an item may be when it is compressed.
    let noise: String = (0..10_000).map(noise).collect();
    let error = tasks.edit(&new.task, 1, &definition(&noise), None, &me()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unrepresentable, "{error}");
    let mut wordy = definition("x");
    wordy.outline.description = "d".repeat(10_000);
    let error = tasks.edit(&new.task, 1, &wordy, None, &me()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unrepresentable, "{error}");
    assert_eq!(summary(&tasks, &new.task).await.version, 1);
}

/// Text that does not compress to less than half.
fn noise(n: u32) -> String {
    to_hex(&Sha256::digest(n.to_be_bytes()))
}

/// Its versions go, its audit records stay.
pub async fn only_a_task_that_is_being_deleted_is_forgotten(tasks: SharedTasks) {
    let task = created(&tasks).await;
    tasks.edit(&task, 1, &definition("two"), None, &me()).await.unwrap();
    assert_eq!(conflict(tasks.forget(&task, &me()).await.unwrap()).state, TaskState::Active);
    let probe = operation(&task, "o1", OperationKind::Probe);
    tasks.request(&probe).await.unwrap();
    tasks.set_state(&task, TaskState::Deleting, None, &me()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(tasks.forget(&task, &me()).await.unwrap(), Change::Made);
    }
    assert_eq!(tasks.versions(&task.id).await.unwrap(), [0; 0]);
    assert_eq!(tasks.definition(&task.id, 2).await.unwrap(), None);
    assert_eq!(tasks.summaries().await.unwrap(), []);
    assert_eq!(tasks.audits(Some(&task.id), None, 10).await.unwrap().0[0].action, "forget");
}

/// More than one page of any service.
pub async fn more_than_a_thousand_tasks_come_by_name(tasks: SharedTasks) {
    let names: Vec<String> = (0..1_050).map(|n| format!("task-{n:04}")).collect();
    let create = async |name: &String| {
        let mut new = new_task(name);
        new.definition.outline.description = "d".repeat(2_000);
        tasks.create(&new, &me()).await.unwrap()
    };
    let created: Vec<_> = stream::iter(names.iter().map(create)).buffer_unordered(16).collect().await;
    assert!(created.iter().all(Change::is_made));
    let found = tasks.summaries().await.unwrap();
    assert_eq!(found.iter().map(|summary| &summary.task.name).collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
}
