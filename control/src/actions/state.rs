//! Pauses and resumes tasks.

use shared::config::TaskDefinition;
use shared::object::Timestamp;
use shared::schedule::Schedule;
use shared::tasks::{Change, Summary, TaskState};

use super::actor::{Actor, deleting, gone};
use crate::refusal::Refusal;

/// A task that was resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// When it runs next.
    pub next_due: Option<Timestamp>,
    /// How its events come, for the user. If they could not be wired, the task is resumed all the same.
    pub wired: Result<Option<String>, Refusal>,
}

/// No run begins, and workers release what they have within 15 s. Repeating it changes nothing.
pub async fn pause(actor: &Actor, name: &str) -> Result<(), Refusal> {
    // The due time stays: lists show what the task waits for.
    move_to(actor, name, TaskState::Paused, |summary| summary.next_due).await.map(drop)
}

/// Repeating it changes nothing. The task's events are wired again: somebody may have removed a rule meanwhile.
pub async fn resume(actor: &Actor, name: &str) -> Result<Resumed, Refusal> {
    let due = |summary: &Summary| due_after_pause(summary, Timestamp::now());
    let next_due = move_to(actor, name, TaskState::Active, due).await?;
    Ok(Resumed { next_due, wired: wire_again(actor, name).await })
}

async fn wire_again(actor: &Actor, name: &str) -> Result<Option<String>, Refusal> {
    let summary = actor.summary(name).await?;
    match summary.outline.events {
        true => actor.wire_events(&summary, &actor.definition(&summary).await?).await,
        false => Ok(None),
    }
}

/// When a task that is resumed at `now` runs next. Runs that were due in the meantime are not made up for, but for the
/// only one of `once`.
fn due_after_pause(summary: &Summary, now: Timestamp) -> Option<Timestamp> {
    let due = summary.next_due?;
    match summary.outline.schedule.parse::<Schedule>() {
        Ok(schedule @ (Schedule::Every(_) | Schedule::Cron(_))) if due <= now => schedule.next(due, now),
        _ => Some(due),
    }
}

async fn move_to(
    actor: &Actor,
    name: &str,
    state: TaskState,
    next_due: impl Fn(&Summary) -> Option<Timestamp>,
) -> Result<Option<Timestamp>, Refusal> {
    let summary = actor.summary(name).await?;
    let due = if summary.state == state { summary.next_due } else { next_due(&summary) };
    match actor.tasks().set_state(&summary.task, state, due, &actor.author("")).await.map_err(Refusal::service)? {
        Change::Made => Ok(due),
        Change::Conflict(None) => Err(gone(name)),
        Change::Conflict(Some(_)) => Err(deleting(name)),
    }
}

/// The due time after an edit: anew for another schedule, else as before.
pub(super) fn due_after_edit(
    summary: &Summary,
    before: &TaskDefinition,
    after: &TaskDefinition,
    now: Timestamp,
) -> Option<Timestamp> {
    match &after.schedule {
        schedule if *schedule == before.schedule => summary.next_due,
        Some(schedule) => schedule.first(now),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::tasks::{Author, Definition, Limits, NewTask, Outline, TaskRef};

    const MINUTE: i64 = 60_000;

    fn task(schedule: &str, due: i64) -> Summary {
        let outline = Outline { schedule: schedule.into(), ..Outline::default() };
        let new = NewTask {
            task: TaskRef { name: "t".into(), id: "1".into() },
            definition: Definition { text: String::new(), outline, limits: Limits::default() },
            next_due: Some(Timestamp(due)),
        };
        Summary::of_new(&new, &Author::new("me", Timestamp(0), ""))
    }

    #[test]
    fn a_resumed_task_makes_up_for_no_run_but_a_first_one() {
        for (schedule, due, now, next) in [
            ("every 10m", 10 * MINUTE, 5 * MINUTE, 10 * MINUTE),
            ("every 10m", 10 * MINUTE, 35 * MINUTE, 40 * MINUTE),
            ("cron 0 * * * *", 60 * MINUTE, 150 * MINUTE, 180 * MINUTE),
            ("once", 10 * MINUTE, 35 * MINUTE, 10 * MINUTE),
        ] {
            let next_due = due_after_pause(&task(schedule, due), Timestamp(now));
            assert_eq!(next_due, Some(Timestamp(next)), "{schedule} due {due}, resumed {now}");
        }
        assert_eq!(due_after_pause(&Summary { next_due: None, ..task("once", 0) }, Timestamp(1)), None);
    }
}
