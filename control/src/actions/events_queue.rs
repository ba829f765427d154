//! The queue of events that a task of a fleet with a state folder names: it is of one task.

use std::time::Duration;

use adapters::open;
use shared::config::{FollowedEvents, TaskDefinition};
use shared::tasks::TaskRef;
use tokio::time::timeout;

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

/// An edit that waits longer for a queue leaves its tag.
const LEAVE_LIMIT: Duration = Duration::from_secs(10);

/// Makes the queue free for other tasks that the task received from before an edit: the process that serves it may be down,
/// or the task paused. One that serves it leaves the queue itself as well, which changes nothing.
///
/// Slow, cut off or failed, the tag stays, and another task is refused with the name of this one.
pub async fn leave(task: &TaskRef, before: &TaskDefinition, after: &TaskDefinition) {
    let kept = after.bucket_queue().filter(|_| after.events != FollowedEvents::Off);
    let Some(queue) = before.bucket_queue().filter(|queue| kept.as_ref() != Some(queue)) else { return };
    let why = match timeout(LEAVE_LIMIT, open::leave_bucket_queue(&queue, task)).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    let (task, queue) = (task.name.as_str(), queue.name.as_str());
    tracing::warn!(task, queue, "the queue keeps its tag flotilla:receiver: remove it by hand: {why}");
}
