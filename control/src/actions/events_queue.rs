//! The queue of events that a task of a fleet with a state folder names: it is of one task.

use shared::config::TaskDefinition;

use super::actor::Actor;
use crate::refusal::{Code, Refusal};

/// Refuses a definition whose queue of events another task names: SQS delivers each event to one of the two, which
/// settles it as out of its scope, and the other task never receives it.
///
/// Two callers at the same moment may both pass: each then reads the tasks before the other one records its own.
pub async fn check(actor: &Actor, definition: &TaskDefinition) -> Result<(), Refusal> {
    let Some(queue) = definition.bucket_queue() else { return Ok(()) };
    for summary in actor.tasks().summaries().await.map_err(Refusal::service)? {
        let name = &summary.task.name;
        if *name == definition.task || !summary.outline.events {
            continue;
        }
        if definition.shares_events_queue(&actor.definition(&summary).await?) {
            let what = format!("task {name:?} receives the events of queue {:?}", queue.name);
            let remedy = "give each task a queue of its own, and let the bucket send to both, by SNS or EventBridge";
            return Err(Refusal::new(Code::QueueShared, what).of_setting("events-queue").remedy(remedy));
        }
    }
    Ok(())
}
