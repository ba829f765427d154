//! Brings the events of a source bucket to its task's queue of events, and undoes exactly that.
//!
//! The bucket has one rule for the task, of id `flotilla-ID` (the task's id, which nobody else has), and the queue's
//! policy has one statement. Rules and statements of others are not touched. S3 has no conditional write of a bucket's
//! notifications: the configuration is read, merged, written and read again.

use crate::queue::sqs::SqsQueue;
use crate::store::s3::{EVENTS, S3Store};
use shared::config::{FleetFile, FollowedEvents, TaskDefinition};
use shared::location::Scheme;
use shared::tasks::Summary;
use shared::{ErrorKind, Result};

use super::task_queues::{events_config, owner};

/// Makes the source bucket send the events that the task follows to its queue, which must exist, or no events if it
/// follows none. Returns one line for the user, if there is something to be said. Repeating it changes nothing.
///
/// # Errors
/// `Conflict` if another rule of the bucket takes some of these events.
pub async fn wire_events(fleet: &FleetFile, task: &Summary, definition: &TaskDefinition) -> Result<Option<String>> {
    let location = &definition.source.location;
    let events: &[&str] = match (definition.events, location.scheme()) {
        (FollowedEvents::Off, _) => return unwire_events(fleet, task, definition).await.map(|()| None),
        // The machine that serves the state folder watches it.
        (_, Scheme::File) => return Ok(None),
        (_, scheme) if scheme != Scheme::S3 => {
            let how = "this provider sends events through a function: see deploy/functions/README.md";
            return Ok(Some(format!("events of {location}: {how}")));
        }
        _ if fleet.state.is_some() => {
            let how = "a fleet with a state folder has no queue that a bucket could send to: scans find its changes";
            return Ok(Some(format!("events of {location}: {how}")));
        }
        (FollowedEvents::Create, _) => &EVENTS[..1],
        (FollowedEvents::CreateDelete, _) => &EVENTS,
    };
    let queue = SqsQueue::open_owned(&events_config(fleet, task), &owner(fleet, task)).await?;
    let source = S3Store::open(&definition.source).await?;
    queue.admit_bucket(location.bucket()).await?;
    source.set_rule(&rule_name(task), &queue.arn().await?, events).await?;
    Ok(Some(format!("bucket {} sends its events to queue {}", location.bucket(), events_config(fleet, task).name)))
}

/// Makes the source bucket send no events to the task. A bucket that is gone sends none. The queue's policy goes with
/// the queue. Repeating it changes nothing.
pub async fn unwire_events(fleet: &FleetFile, task: &Summary, definition: &TaskDefinition) -> Result<()> {
    if definition.source.location.scheme() != Scheme::S3 || fleet.state.is_some() {
        return Ok(());
    }
    let removed = S3Store::open(&definition.source).await?.remove_rule(&rule_name(task)).await;
    match removed {
        Err(error) if matches!(error.kind(), ErrorKind::NoSuchContainer | ErrorKind::NotFound) => Ok(()),
        other => other,
    }
}

/// The id of the task's rule in its bucket.
fn rule_name(task: &Summary) -> String {
    format!("flotilla-{}", task.task.id)
}
