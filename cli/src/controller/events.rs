//! Repairs how buckets send their events to tasks: a command may have been killed while it made the rules, or somebody
//! may have removed one.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use shared::config::TaskDefinition;
use shared::location::Location;
use shared::tasks::{Summary, TaskState};
use shared::{Error, ErrorKind, Result};
use tokio::time::timeout;

use super::context::ControllerContext;
use super::report::PassReport;
use super::seen::Seen;

/// Each task is looked at once in so many minutes: a look costs half a dozen requests.
pub const EVERY_MINUTES: u64 = 60;

/// A bucket or queue that is slower is looked at again after that.
const LIMIT: Duration = Duration::from_secs(60);

/// Most edits of a task that are followed while its events are wired.
const MAX_EDITS: usize = 3;

/// Buckets that are looked at at the same time: a slow one keeps no other waiting.
const BUCKETS_AT_ONCE: usize = 16;

/// Wires the events of the tasks whose minute it is. Tasks of one bucket come one after the other: each reads the bucket's
/// rules, and writes all of them.
pub async fn repair(context: &ControllerContext, seen: &Seen, report: &mut PassReport) {
    let mut buckets: BTreeMap<String, Vec<Summary>> = BTreeMap::new();
    for task in seen.tasks.iter().map(|task| &task.summary) {
        let is_followed = task.outline.events && task.state != TaskState::Deleting;
        if is_followed && minute_of(&task.task.id) == seen.minute() % EVERY_MINUTES {
            buckets.entry(bucket_of(task)).or_default().push(task.clone());
        }
    }
    let repairing = buckets.into_values().map(|tasks| wire_all(context, tasks));
    let repaired: Vec<_> = stream::iter(repairing).buffer_unordered(BUCKETS_AT_ONCE).collect().await;
    for (name, answer) in repaired.into_iter().flatten() {
        report.noted(&format!("check the events of task {name}"), answer);
    }
}

/// Wires the events of some tasks, one after the other.
async fn wire_all(context: &ControllerContext, tasks: Vec<Summary>) -> Vec<(String, Result<()>)> {
    let mut wired = Vec::new();
    for task in tasks {
        let answer = timeout(LIMIT, wire(context, &task)).await.unwrap_or_else(|_| Err(too_slow(&task)));
        wired.push((task.task.name, answer));
    }
    wired
}

/// The bucket of a task's source; an outline of a later release stands for itself.
fn bucket_of(task: &Summary) -> String {
    let source = &task.outline.source;
    source.parse::<Location>().map_or_else(|_| source.clone(), |location| location.bucket().to_owned())
}

/// Unwires the events of a task that is being removed, once more: a repair may have wired them after the command that
/// deletes the task undid them. What another try may mend fails, and the next pass tries again; anything else, like a
/// right or credentials that are gone, keeps no task.
pub async fn leave(context: &ControllerContext, task: &Summary) -> Result<()> {
    if !task.outline.events {
        return Ok(());
    }
    let unwired = async {
        match definition(context, task).await? {
            Some(definition) => context.queues.unwire_events(task, &definition).await,
            None => Ok(()),
        }
    };
    match timeout(LIMIT, unwired).await.unwrap_or_else(|_| Err(too_slow(task))) {
        Err(error) if !error.is_retryable() => {
            let how = "remove the bucket's rule for the task, if there is one";
            tracing::warn!(task = task.task.name, %error, "the source bucket may send events to a queue that is gone: {how}");
            Ok(())
        }
        unwired => unwired,
    }
}

fn too_slow(task: &Summary) -> Error {
    Error::new(ErrorKind::Timeout, "subscribe", &task.task.name, format!("no answer within {} s", LIMIT.as_secs()))
}

/// The minute of the hour in which a task is looked at: spread over tasks, the same for all controllers.
pub fn minute_of(id: &str) -> u64 {
    id.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % EVERY_MINUTES
}

/// Wires a task's events as its present definition has them. A task that was edited or deleted meanwhile is wired anew, or
/// not at all: what the command has done since the first read is not undone.
async fn wire(context: &ControllerContext, task: &Summary) -> Result<()> {
    let mut present = task.clone();
    for _ in 0..MAX_EDITS {
        let Some(definition) = definition(context, &present).await? else { return Ok(()) };
        context.queues.wire_events(&present, &definition).await?;
        match context.tasks.summary(&task.task.name).await? {
            Some(now) if now.task != task.task || now.state == TaskState::Deleting => {
                return context.queues.unwire_events(task, &definition).await;
            }
            None => return context.queues.unwire_events(task, &definition).await,
            Some(now) if now.version == present.version => return Ok(()),
            Some(now) => present = now,
        }
    }
    Ok(())
}

/// The present definition; `None`: it is being edited.
async fn definition(context: &ControllerContext, task: &Summary) -> Result<Option<TaskDefinition>> {
    let Some(text) = context.tasks.definition(&task.task.id, task.version).await? else { return Ok(None) };
    let unreadable = |why: shared::config::ConfigError| {
        Error::new(ErrorKind::Invalid, "subscribe", &task.task.name, format!("its definition cannot be read: {why}"))
    };
    TaskDefinition::parse(&text).map(Some).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_looked_at_in_different_minutes_of_the_hour() {
        let minutes: std::collections::BTreeSet<u64> =
            (0..600).map(|_| minute_of(&uuid::Uuid::now_v7().to_string())).collect();
        assert!(minutes.len() > 40 && minutes.iter().all(|minute| *minute < EVERY_MINUTES), "{minutes:?}");
    }
}
