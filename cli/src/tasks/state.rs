//! `flotilla task pause` and `flotilla task resume`

use shared::config::TaskDefinition;
use shared::object::Timestamp;
use shared::schedule::Schedule;
use shared::tasks::{Change, Summary, TaskState};

use super::{author, found, gone, opened, present, wire_events};
use crate::args::NamedArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout;

/// No run begins, and workers release what they have within 15 s. Repeating it changes nothing.
pub async fn pause(args: &NamedArgs) -> CommandResult {
    // The due time stays: lists show what the task waits for.
    moved(args, TaskState::Paused, |summary| summary.next_due).await?;
    let name = &args.name;
    stdout::line(format_args!("paused task {name}: its messages are kept for 14 days; resume it before"))?;
    Ok(Exit::InSync)
}

/// Repeating it changes nothing. The task's events are wired again: somebody may have removed a rule meanwhile.
pub async fn resume(args: &NamedArgs) -> CommandResult {
    let due = moved(args, TaskState::Active, |summary| due_after_pause(summary, Timestamp::now())).await?;
    let when = super::list::next_run(due);
    stdout::line(format_args!("resumed task {}: {when}", args.name))?;
    let fleet = args.fleet.read()?;
    let tasks = opened(&fleet, false).await?;
    let summary = found(&tasks, &fleet, &args.name).await?;
    if summary.outline.events {
        wire_events(&fleet, &summary, &present(&tasks, &summary).await?).await?;
    }
    Ok(Exit::InSync)
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

async fn moved(
    args: &NamedArgs,
    state: TaskState,
    next_due: impl Fn(&Summary) -> Option<Timestamp>,
) -> Result<Option<Timestamp>, Failure> {
    let fleet = args.fleet.read()?;
    let tasks = opened(&fleet, false).await?;
    let summary = found(&tasks, &fleet, &args.name).await?;
    let due = if summary.state == state { summary.next_due } else { next_due(&summary) };
    match tasks.set_state(&summary.task, state, due, &author("")).await.map_err(Failure::usage)? {
        Change::Made => Ok(due),
        Change::Conflict(None) => Err(gone(&args.name)),
        Change::Conflict(Some(_)) => Err(deleting(&args.name)),
    }
}

/// What a task that is being deleted answers to all changes.
pub(super) fn deleting(name: &str) -> Failure {
    Failure::usage(format!("task {name:?} is being deleted: create another one"))
}

/// What a paused task answers to commands that its workers would carry out.
pub(super) fn paused(name: &str) -> Failure {
    Failure::usage(format!("task {name:?} is paused: run flotilla task resume {name} first"))
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
