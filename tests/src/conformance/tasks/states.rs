//! States, limits and the record of changes.

use futures::future::join_all;
use shared::object::Timestamp;
use shared::tasks::{Audit, Author, Change, Definition, Limits, SharedTasks, TaskState, Watch};

use super::{begin, conflict, created, definition, me, new_task, summary};

/// `active ⇄ paused`, both → `deleting`, which is final.
pub async fn a_task_moves_between_its_states(tasks: SharedTasks) {
    let task = created(&tasks).await;
    let (first, second) = (Some(Timestamp(1_700_000_000_000)), Some(Timestamp(1_700_000_000_005)));
    for (state, given, due) in [
        (TaskState::Paused, None, first),
        (TaskState::Active, second, second),
        (TaskState::Paused, first, second),
        (TaskState::Active, first, second),
        (TaskState::Paused, None, second),
    ] {
        for _ in 0..2 {
            assert_eq!(tasks.set_state(&task, state, given, &me()).await.unwrap(), Change::Made);
        }
        let present = summary(&tasks, &task).await;
        assert_eq!((present.state, present.next_due), (state, due));
    }
    assert_eq!(tasks.set_state(&task, TaskState::Deleting, None, &me()).await.unwrap(), Change::Made);
    let present = conflict(tasks.set_state(&task, TaskState::Active, None, &me()).await.unwrap());
    assert_eq!(present.state, TaskState::Deleting);
    assert!(!tasks.edit(&task, 1, &definition("two"), None, &me()).await.unwrap().is_made());
    assert!(!begin(&tasks, &task, "r1", None).await.is_made());
}

/// Also if somebody deleted it without them before; nobody takes that back.
pub async fn a_task_is_deleted_with_or_without_its_records(tasks: SharedTasks) {
    let task = created(&tasks).await;
    for (records, erases) in [(false, false), (true, true), (false, true)] {
        for _ in 0..2 {
            assert_eq!(tasks.delete(&task, records, &me()).await.unwrap(), Change::Made);
            let present = summary(&tasks, &task).await;
            assert_eq!((present.state, present.erases_records), (TaskState::Deleting, erases));
        }
    }
    assert_eq!(tasks.set_state(&task, TaskState::Deleting, None, &me()).await.unwrap(), Change::Made);
    assert!(summary(&tasks, &task).await.erases_records);
    let subjects: Vec<String> =
        audits(&tasks, Some(&task.id), 10).await.into_iter().map(|audit| audit.subject).collect();
    assert_eq!(subjects[..2], ["with its records", ""]);
}

/// Without an edit of the definition.
pub async fn limits_are_replaced_by_those_who_have_seen_them(tasks: SharedTasks) {
    let task = created(&tasks).await;
    let limits = Limits { machines: Some(3), bandwidth: Some(u64::MAX), requests: Some(100) };
    for _ in 0..2 {
        assert_eq!(tasks.set_limits(&task, &Limits::default(), &limits, &me()).await.unwrap(), Change::Made);
    }
    let others = Limits { machines: Some(1), ..Limits::default() };
    let present = conflict(tasks.set_limits(&task, &Limits::default(), &others, &me()).await.unwrap());
    assert_eq!((present.limits, present.version), (limits, 1));
    // An edit has limits of its own.
    let edited = Definition { limits: others, ..definition("two") };
    assert_eq!(tasks.edit(&task, 1, &edited, None, &me()).await.unwrap(), Change::Made);
    assert_eq!(summary(&tasks, &task).await.limits, others);
}

async fn audits(tasks: &SharedTasks, id: Option<&str>, limit: usize) -> Vec<Audit> {
    let (mut all, mut token) = (Vec::new(), None);
    // More pages than any test here fills: a token that never ends must not hang it.
    for _ in 0..100 {
        let (page, next) = tasks.audits(id, token.as_deref(), limit).await.unwrap();
        assert!(page.len() <= limit);
        all.extend(page);
        token = next;
        if token.is_none() {
            return all;
        }
    }
    panic!("audit records never end");
}

/// Who, when, what; a repeated change has no second one, a refused change has none.
pub async fn each_change_has_one_audit_record(tasks: SharedTasks) {
    let task = created(&tasks).await;
    for _ in 0..2 {
        tasks.edit(&task, 1, &definition("two"), None, &me()).await.unwrap();
        tasks.set_state(&task, TaskState::Paused, None, &me()).await.unwrap();
    }
    tasks.set_state(&task, TaskState::Active, None, &me()).await.unwrap();
    tasks.edit(&task, 1, &definition("refused"), None, &me()).await.unwrap();
    let somebody = Author::new("somebody", super::now(), "raise the limit");
    let limits = Limits { machines: Some(3), ..Limits::default() };
    tasks.set_limits(&task, &Limits::default(), &limits, &somebody).await.unwrap();
    tasks.cancel_run(&task, "r1", &me()).await.unwrap();
    let found = audits(&tasks, Some(&task.id), 100).await;
    let words: Vec<_> = found.iter().map(|audit| (audit.action.as_str(), audit.subject.as_str())).collect();
    let mut expected = [("create", ""), ("edit", "2"), ("pause", ""), ("resume", ""), ("limit", ""), ("cancel", "r1")];
    expected.reverse();
    assert_eq!(words, expected);
    assert_eq!(found[1].author, somebody);
}

/// By pages of any size, each record once.
pub async fn audit_records_come_in_pages_newest_first(tasks: SharedTasks) {
    let task = created(&tasks).await;
    for n in 0..7 {
        let state = if n % 2 == 0 { TaskState::Paused } else { TaskState::Active };
        tasks.set_state(&task, state, None, &me()).await.unwrap();
    }
    let all = audits(&tasks, Some(&task.id), 100).await;
    assert_eq!((all.len(), all[7].action.as_str()), (8, "create"));
    for limit in [1, 3, 8] {
        assert_eq!(audits(&tasks, Some(&task.id), limit).await, all, "pages of {limit}");
    }
    // Its life is over: 500 days ago.
    let old = Author::new("me", Timestamp(super::now().0 - 500 * 24 * 3_600_000), "");
    tasks.set_state(&task, TaskState::Active, None, &old).await.unwrap();
    assert_eq!(audits(&tasks, Some(&task.id), 100).await, all);
}

/// Each once, also those of a task that is gone.
pub async fn changes_of_all_tasks_come_newest_first(tasks: SharedTasks) {
    let (mut created_tasks, mut all) = (Vec::new(), Vec::new());
    for name in ["a", "b", "c"] {
        let new = new_task(name);
        tasks.create(&new, &me()).await.unwrap();
        all.push((name.to_owned(), "create".to_owned()));
        created_tasks.push(new.task);
    }
    for task in &created_tasks {
        tasks.set_state(task, TaskState::Paused, None, &me()).await.unwrap();
        all.push((task.name.clone(), "pause".to_owned()));
    }
    let (last, redrive) = (&created_tasks[2], "redrive".to_owned());
    tasks.record(&Audit { task: last.clone(), author: me(), action: redrive, subject: String::new() }).await.unwrap();
    tasks.delete(last, false, &me()).await.unwrap();
    tasks.forget(last, &me()).await.unwrap();
    all.extend(["redrive", "delete", "forget"].map(|action| (last.name.clone(), action.to_owned())));
    all.reverse();
    let old = Author::new("me", Timestamp(super::now().0 - 500 * 24 * 3_600_000), "");
    tasks.set_state(&created_tasks[0], TaskState::Active, None, &old).await.unwrap();
    for limit in [1, 4, 9, 100] {
        let found = audits(&tasks, None, limit).await;
        let found: Vec<_> = found.into_iter().map(|audit| (audit.task.name, audit.action)).collect();
        assert_eq!(found, all, "pages of {limit}");
    }
}

/// Nobody's change is lost because another's came in between.
pub async fn changes_of_different_fields_at_once_are_all_kept(tasks: SharedTasks) {
    let task = created(&tasks).await;
    let limits = Limits { machines: Some(3), ..Limits::default() };
    let watch = Watch { minute: 7, progress: 9, ..Watch::default() };
    // The same limits, so that the order does not matter.
    let edited = Definition { limits, ..definition("two") };
    let cancelled: Vec<String> = (0..6).map(|n| format!("r{n}")).collect();
    let cancels = cancelled.iter().map(async |run: &String| tasks.cancel_run(&task, run, &me()).await.unwrap());
    let (edited, limited, watched, cancels) = futures::join!(
        async { tasks.edit(&task, 1, &edited, None, &me()).await.unwrap() },
        async { tasks.set_limits(&task, &Limits::default(), &limits, &me()).await.unwrap() },
        async { tasks.watch(&task, 0, &watch).await.unwrap() },
        join_all(cancels),
    );
    assert!(edited.is_made() && limited.is_made() && watched.is_made());
    assert!(cancels.iter().all(Change::is_made));
    let present = summary(&tasks, &task).await;
    assert_eq!((present.version, present.limits, present.watch), (2, limits, watch));
    assert_eq!(present.cancelled, cancelled.into_iter().collect());
    // The limits are recorded once where the edit was first.
    let records = audits(&tasks, Some(&task.id), 100).await.len();
    assert!((8..=9).contains(&records), "{records}");
}
