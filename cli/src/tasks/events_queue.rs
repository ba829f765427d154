//! The queue of events that a task of a fleet with a state folder names: it is of one task.

use shared::config::TaskDefinition;
use shared::tasks::SharedTasks;

use super::present;
use crate::exit::Failure;

/// Refuses a definition whose queue of events another task names: SQS delivers each event to one of the two, which
/// settles it as out of its scope, and the other task never receives it.
///
/// Two commands at the same moment may both pass: each then reads the tasks before the other one records its own.
pub async fn check(tasks: &SharedTasks, definition: &TaskDefinition) -> Result<(), Failure> {
    let Some(queue) = definition.bucket_queue() else { return Ok(()) };
    for summary in tasks.summaries().await.map_err(Failure::usage)? {
        let name = &summary.task.name;
        if *name == definition.task || !summary.outline.events {
            continue;
        }
        if definition.shares_events_queue(&present(tasks, &summary).await?) {
            let why = format!("events-queue: task {name:?} receives the events of queue {:?}", queue.name);
            let how = "give each task a queue of its own, and let the bucket send to both, by SNS or EventBridge";
            return Err(Failure::usage(format!("{why}: {how}")));
        }
    }
    Ok(())
}
