//! When the messages of a task begin to die.

use std::collections::BTreeMap;
use std::time::Duration;

use adapters::open::{self, FleetBackend};
use futures::{StreamExt as _, stream};
use shared::object::Timestamp;
use shared::queue::Depth;
use shared::tasks::{Audit, Summary, TaskState};

use super::history::audits;
use super::list::Listed;

/// How long a queue keeps a message, as each of the fleet's queues is made.
const MESSAGES_KEPT: Duration = Duration::from_secs(14 * 24 * 3600);

/// Messages with which a finder pauses.
const FINDER_PAUSES_ABOVE: u64 = 100_000;

/// Tasks whose queues are read at the same time.
const TASKS_AT_ONCE: usize = 16;

/// Changes that are read to find the pause.
const CHANGES: usize = 10;

/// Of tasks that are paused or have a live run, by id: when their messages begin to die. What cannot be read is left out:
/// `task show` and `doctor` name its error.
pub async fn of_tasks(fleet: &FleetBackend, tasks: &[Listed]) -> BTreeMap<String, Timestamp> {
    let may_lose = |task: &&Listed| task.summary.state == TaskState::Paused || task.summary.run.is_some();
    let reading = tasks.iter().filter(may_lose).map(|task| async move {
        let summary = &task.summary;
        let depth = open::existing_task_queues(fleet.fleet(), summary).await.ok()?.depth().await.ok()?;
        let changes = audits(fleet, &summary.task.id, CHANGES).await.ok()?;
        Some((summary.task.id.clone(), messages_die(summary, &depth, &changes)?))
    });
    stream::iter(reading).buffer_unordered(TASKS_AT_ONCE).filter_map(|read| async move { read }).collect().await
}

/// What is lost when, and what to do.
pub fn words(summary: &Summary, at: Timestamp) -> String {
    let remedy = if summary.state == TaskState::Paused { "resume the task" } else { "start more workers" };
    format!("its oldest message may be lost from {} on: {remedy} before that", at.to_seconds())
}

/// The earliest time at which a message of a task is lost if none is received before: of a paused task, or of one whose
/// finder waits for its workers. SQS reports no message's age to its readers. So it counts from the begin of the live run,
/// whose messages are no older, else from the pause: before that, workers received what came. `None`: nothing waits, or
/// the time of the pause is not known any more.
pub fn messages_die(summary: &Summary, depth: &Depth, changes: &[Audit]) -> Option<Timestamp> {
    let is_paused = summary.state == TaskState::Paused;
    if depth.waiting() == 0 || !is_paused && depth.waiting() < FINDER_PAUSES_ABOVE {
        return None;
    }
    let paused = changes.iter().filter(|_| is_paused).find(|change| change.action == TaskState::Paused.verb());
    let oldest = match (&summary.run, paused) {
        (Some(run), Some(paused)) => run.begun.min(paused.author.at),
        (Some(run), None) => run.begun,
        (None, Some(paused)) => paused.author.at,
        (None, None) => return None,
    };
    Some(Timestamp(oldest.0.saturating_add(MESSAGES_KEPT.as_millis() as i64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::tasks::{Author, Definition, Limits, LiveRun, NewTask, Outline, TaskRef};

    const DAY: i64 = 24 * 3600 * 1000;

    fn task(state: TaskState, run: Option<i64>) -> Summary {
        let definition = Definition { text: String::new(), outline: Outline::default(), limits: Limits::default() };
        let task = TaskRef { name: "t".into(), id: "1".into() };
        let new = NewTask { task, definition, next_due: None };
        let run = run.map(|begun| LiveRun { id: "r".into(), version: 1, begun: Timestamp(begun) });
        Summary { state, run, ..Summary::of_new(&new, &Author::new("me", Timestamp(0), "")) }
    }

    #[test]
    fn messages_die_14_days_after_the_run_began_or_the_pause() {
        use TaskState::{Active, Paused};
        let change = |action: &str, at: i64| Audit {
            author: Author::new("me", Timestamp(at), ""),
            action: action.into(),
            subject: String::new(),
        };
        let changes = [change("limit", 9 * DAY), change("pause", 5 * DAY), change("pause", 2 * DAY)];
        let few = Depth { delayed: 1, ..Depth::default() };
        let many = Depth { ready: 100_000, ..Depth::default() };
        for (name, state, run, depth, changes, dies) in [
            ("nothing waits", Paused, Some(DAY), Depth::default(), &changes[..], None),
            ("paused", Paused, None, few, &changes[..], Some(19)),
            ("paused in a run", Paused, Some(DAY), few, &changes[..], Some(15)),
            ("paused, and a run was superseded later", Paused, Some(7 * DAY), few, &changes[..], Some(19)),
            ("paused long ago", Paused, None, few, &changes[..1], None),
            ("at work", Active, Some(DAY), few, &changes[..], None),
            ("the finder waits", Active, Some(3 * DAY), many, &changes[..], Some(17)),
        ] {
            assert_eq!(
                messages_die(&task(state, run), &depth, changes),
                dies.map(|day| Timestamp(day * DAY)),
                "{name}"
            );
        }
    }
}
