//! When the messages of a task begin to die.

use std::time::Duration;

use shared::object::Timestamp;
use shared::queue::Depth;
use shared::tasks::{Audit, Summary, TaskState};

/// How long a queue keeps a message, as each of the fleet's queues is made.
const MESSAGES_KEPT: Duration = Duration::from_secs(14 * 24 * 3600);

/// Messages with which a finder pauses.
const FINDER_PAUSES_ABOVE: u64 = 100_000;

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
            task: TaskRef { name: "t".into(), id: "t".into() },
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
