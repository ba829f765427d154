//! Operations and their results.

use shared::ErrorKind;
use shared::object::Timestamp;
use shared::tasks::{
    Change, MAX_PROGRESS_CHARS, MAX_TEXT_BYTES, OPERATIONS_KEPT, Operation, OperationClass, OperationEnd,
    OperationKind, OperationState, OperationVerdict, SharedTasks, TaskRef,
};

use super::{conflict, now, operation};
use crate::conformance::ledger::unique;

/// A task that is not created: operations do not need it to be.
fn task() -> TaskRef {
    TaskRef { name: "photos".to_owned(), id: unique("id") }
}

fn end(result: &str) -> OperationEnd {
    OperationEnd { verdict: OperationVerdict::Succeeded, at: now(), result: result.to_owned() }
}

async fn all(tasks: &SharedTasks, task: &TaskRef, limit: usize) -> Vec<Operation> {
    let (mut all, mut token) = (Vec::new(), None);
    // More pages than any test here fills: a token that never ends must not hang it.
    for _ in 0..1_000 {
        let (page, next) = tasks.operations(&task.id, token.as_deref(), limit).await.unwrap();
        assert!(page.len() <= limit);
        all.extend(page);
        token = next;
        if token.is_none() {
            return all;
        }
    }
    panic!("operations never end");
}

/// Of each kind, in each state.
pub async fn an_operation_keeps_all_its_fields(tasks: SharedTasks) {
    let task = task();
    for kind in OperationKind::ALL {
        let id = unique(kind.as_str());
        let queued = Operation { version: 0, ..operation(&task, &id, kind) };
        tasks.request(&queued).await.unwrap();
        assert_eq!(tasks.operation(&task.id, &id).await.unwrap().as_ref(), Some(&queued));
        let step = tasks.step(&task.id, &id, 0, "w\u{fc}", "1 %").await.unwrap();
        assert_eq!(step, Change::Made);
        let end = end(r#"{"copied":1}"#);
        assert_eq!(tasks.finish(&task.id, &id, &end).await.unwrap(), Change::Made);
        let done = Operation {
            beat: 1,
            worker: Some("w\u{fc}".to_owned()),
            progress: Some("1 %".to_owned()),
            end: Some(end),
            ..queued
        };
        assert_eq!(tasks.operation(&task.id, &id).await.unwrap(), Some(done));
    }
    assert_eq!(tasks.open_operations(OperationClass::Other, 100).await.unwrap(), []);
    assert_eq!(tasks.operation(&task.id, "none").await.unwrap(), None);
}

/// While its step is the last one.
pub async fn an_operation_shows_how_far_its_step_is(tasks: SharedTasks) {
    let task = task();
    tasks.request(&operation(&task, "o1", OperationKind::Plan)).await.unwrap();
    assert_eq!(tasks.step(&task.id, "o1", 0, "w1", "").await.unwrap(), Change::Made);
    let shown = async || {
        let operation = tasks.operation(&task.id, "o1").await.unwrap().unwrap();
        (operation.beat, operation.progress.unwrap())
    };
    for progress in ["10 keys", "20 keys", "20 keys"] {
        tasks.show_progress(&task.id, "o1", 1, progress).await.unwrap();
        assert_eq!(shown().await, (1, progress.to_owned()));
    }
    assert_eq!(tasks.step(&task.id, "o1", 1, "w2", "30 keys").await.unwrap(), Change::Made);
    tasks.show_progress(&task.id, "o1", 1, "late").await.unwrap();
    assert_eq!(shown().await, (2, "30 keys".to_owned()));
    tasks.show_progress(&task.id, "o1", 2, &"\u{fc}".repeat(MAX_PROGRESS_CHARS + 1)).await.unwrap();
    assert_eq!(shown().await.1.chars().count(), MAX_PROGRESS_CHARS);
    assert_eq!(tasks.finish(&task.id, "o1", &end("{}")).await.unwrap(), Change::Made);
    tasks.show_progress(&task.id, "o1", 2, "late").await.unwrap();
    assert_ne!(shown().await.1, "late");
    tasks.show_progress(&task.id, "unknown", 0, "of nothing").await.unwrap();
}

/// The other worker learns of it, and ends its work.
pub async fn an_operation_is_stepped_by_one_worker_at_a_time(tasks: SharedTasks) {
    let task = task();
    let queued = operation(&task, "o1", OperationKind::Verify);
    tasks.request(&queued).await.unwrap();
    for _ in 0..2 {
        assert_eq!(tasks.step(&task.id, "o1", 0, "w1", "1 %").await.unwrap(), Change::Made);
    }
    let present = conflict(tasks.step(&task.id, "o1", 0, "w2", "1 %").await.unwrap());
    assert_eq!((present.beat, present.worker.as_deref(), present.state()), (1, Some("w1"), OperationState::Running));
    // A worker that takes over names the step that it has seen.
    assert_eq!(tasks.step(&task.id, "o1", 1, "w2", "2 %").await.unwrap(), Change::Made);
    assert!(!tasks.step(&task.id, "o1", 1, "w1", "2 %").await.unwrap().is_made());
    assert_eq!(tasks.open_operations(OperationClass::Other, 10).await.unwrap()[0].worker.as_deref(), Some("w2"));
    assert_eq!(tasks.step(&task.id, "none", 0, "w1", "").await.unwrap(), Change::Conflict(None));
}

/// A second end is refused, unless it is the same.
pub async fn an_operation_ends_once(tasks: SharedTasks) {
    let task = task();
    tasks.request(&operation(&task, "o1", OperationKind::Plan)).await.unwrap();
    let first = end("{}");
    for _ in 0..2 {
        assert_eq!(tasks.finish(&task.id, "o1", &first).await.unwrap(), Change::Made);
    }
    let other = OperationEnd { verdict: OperationVerdict::Failed, ..first.clone() };
    assert_eq!(conflict(tasks.finish(&task.id, "o1", &other).await.unwrap()).end, Some(first));
    assert!(!tasks.step(&task.id, "o1", 0, "w1", "late").await.unwrap().is_made());
    assert_eq!(tasks.finish(&task.id, "none", &other).await.unwrap(), Change::Conflict(None));
}

/// Also after its end, and whatever the repetition says.
pub async fn an_operation_requested_twice_is_one(tasks: SharedTasks) {
    let task = task();
    let queued = operation(&task, "o1", OperationKind::Retry);
    for _ in 0..2 {
        tasks.request(&queued).await.unwrap();
    }
    assert_eq!(tasks.open_operations(OperationClass::Run, 10).await.unwrap(), std::slice::from_ref(&queued));
    tasks.finish(&task.id, "o1", &end("{}")).await.unwrap();
    tasks.request(&queued).await.unwrap();
    assert_eq!(tasks.open_operations(OperationClass::Run, 10).await.unwrap(), []);
    assert_eq!(tasks.operation(&task.id, "o1").await.unwrap().unwrap().state(), OperationState::Done);
}

/// By pages of any size, each once.
pub async fn operations_come_in_pages_newest_first(tasks: SharedTasks) {
    let task = task();
    let mut expected = Vec::new();
    for n in 0..23 {
        let queued = operation(&task, &format!("o{n:03}"), OperationKind::Probe);
        tasks.request(&queued).await.unwrap();
        expected.insert(0, queued);
    }
    for limit in [1, 7, 23, 100] {
        assert_eq!(all(&tasks, &task, limit).await, expected, "pages of {limit}");
    }
    assert_eq!(tasks.open_operations(OperationClass::Other, 5).await.unwrap().len(), 5);
    assert_eq!(tasks.open_operations(OperationClass::Other, 100).await.unwrap().len(), 23);
}

/// Also if their ids are alike.
pub async fn operations_of_another_task_stay_apart(tasks: SharedTasks) {
    let (one, two) = (task(), task());
    tasks.request(&operation(&one, "o1", OperationKind::Plan)).await.unwrap();
    let other = operation(&two, "o2", OperationKind::Plan);
    tasks.request(&other).await.unwrap();
    tasks.finish(&one.id, "o1", &end("{}")).await.unwrap();
    assert_eq!(all(&tasks, &one, 10).await.len(), 1);
    assert_eq!(all(&tasks, &two, 10).await, std::slice::from_ref(&other));
    assert_eq!(tasks.open_operations(OperationClass::Other, 10).await.unwrap(), [other]);
}

/// Counted from the end: the service may remove them days later.
pub async fn operations_expire_after_their_end(tasks: SharedTasks) {
    let task = task();
    let day = 24 * 3_600_000;
    let kept = i64::try_from(OPERATIONS_KEPT.as_millis()).unwrap();
    let long_ago = Timestamp(now().0 - 2 * kept);
    for (id, age) in [("o1", Some(kept + day)), ("o2", Some(kept - day)), ("o3", None)] {
        let queued = Operation { requested: long_ago, ..operation(&task, id, OperationKind::Plan) };
        tasks.request(&queued).await.unwrap();
        if let Some(age) = age {
            let end = OperationEnd { at: Timestamp(now().0 - age), ..end("{}") };
            assert_eq!(tasks.finish(&task.id, id, &end).await.unwrap(), Change::Made);
        }
    }
    assert_eq!(tasks.operation(&task.id, "o1").await.unwrap(), None);
    let found = all(&tasks, &task, 10).await;
    assert_eq!(found.iter().map(|operation| operation.id.as_str()).collect::<Vec<_>>(), ["o3", "o2"]);
    assert_eq!(tasks.open_operations(OperationClass::Other, 10).await.unwrap(), found[..1], "however old it is");
    assert_eq!(tasks.finish(&task.id, "o1", &end("{}")).await.unwrap(), Change::Conflict(None));
    assert_eq!(tasks.finish(&task.id, "o3", &end("{}")).await.unwrap(), Change::Made);
}

/// However many of another class there are.
pub async fn open_operations_come_by_class_and_time(tasks: SharedTasks) {
    let task = task();
    let first = now().0;
    for n in 0..40 {
        let kind = OperationKind::ALL[n % OperationKind::ALL.len()];
        // The ids do not sort by time.
        let id = format!("{:02}", 40 - n);
        let requested = Timestamp(first + n as i64);
        tasks.request(&Operation { requested, ..operation(&task, &id, kind) }).await.unwrap();
    }
    for class in [OperationClass::Run, OperationClass::Notice, OperationClass::Other] {
        let all = tasks.open_operations(class, 100).await.unwrap();
        assert!(all.iter().all(|operation| operation.kind.class() == class) && all.len() >= 5, "{class:?}: {all:?}");
        assert!(all.is_sorted_by_key(|operation| operation.requested), "{class:?}");
        assert_eq!(tasks.open_operations(class, 3).await.unwrap(), all[..3], "{class:?}");
    }
}

/// Refused by size, before anything is written.
pub async fn results_at_the_size_limit_are_kept_and_larger_ones_refused(tasks: SharedTasks) {
    let task = task();
    let text = "12345678".repeat(MAX_TEXT_BYTES / 8);
    let large = Operation { request: text.clone(), ..operation(&task, "o1", OperationKind::Verify) };
    tasks.request(&large).await.unwrap();
    let error = tasks.finish(&task.id, "o1", &end(&format!("{text}9"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unrepresentable, "{error}");
    assert_eq!(tasks.operation(&task.id, "o1").await.unwrap().unwrap().state(), OperationState::Queued);
    assert_eq!(tasks.finish(&task.id, "o1", &end(&text)).await.unwrap(), Change::Made);
    let done = tasks.operation(&task.id, "o1").await.unwrap().unwrap();
    assert_eq!((done.request.len(), done.end.unwrap().result.len()), (text.len(), text.len()));
    let larger = Operation { request: format!("{text}9"), ..operation(&task, "o2", OperationKind::Verify) };
    assert_eq!(tasks.request(&larger).await.unwrap_err().kind(), ErrorKind::Unrepresentable);
}

/// A slice that is delivered twice writes over what its other delivery kept.
pub async fn a_checkpoint_of_an_earlier_step_replaces_no_later_one(tasks: SharedTasks) {
    let task = task();
    assert_eq!(tasks.checkpoint(&task.id, "o1").await.unwrap(), None);
    for (step, text, is_kept) in
        [(1, "a", true), (1, "b", true), (1, "b", true), (3, "", true), (2, "late", false), (3, "\u{fc}", true)]
    {
        assert_eq!(tasks.save_checkpoint(&task.id, "o1", step, text).await.unwrap(), is_kept, "{step} {text:?}");
        let expected = if is_kept { text } else { "" };
        assert_eq!(tasks.checkpoint(&task.id, "o1").await.unwrap().as_deref(), Some(expected));
    }
    assert_eq!(tasks.checkpoint(&task.id, "o2").await.unwrap(), None);
    let large = "12345678".repeat(MAX_TEXT_BYTES / 8) + "9";
    let error = tasks.save_checkpoint(&task.id, "o1", 4, &large).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unrepresentable, "{error}");
}
