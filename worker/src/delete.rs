//! Deleting at the destination what the source no longer has.

use shared::job::{Job, JobKey, JobObject};
use shared::ledger::{FAILED_DELETE, Outcome, State};
use shared::object::{Pin, Timestamp};
use shared::{ErrorKind, Result};

use crate::context::Context;
use crate::ending::{Ending, Uploads, explained, failed};
use crate::reconcile;
use crate::version::at_version;

/// Deletes one key, unless the source has it again: the finder's listing is some time old.
pub(crate) async fn delete(context: &Context, job: &Job, object: &JobObject, redelivered: bool) -> Ending {
    let started = Timestamp::now();
    // An earlier delivery may have deleted the key already, before the source had it again.
    let redone = redelivered || job.attempt > 1;
    // That earlier delivery may also have begun to copy it back.
    let uploads = || if redone { Uploads::Unknown } else { Uploads::None };
    let permit = context.transfer_permit().await;
    match source_has(context, object).await {
        Ok(None) => {}
        Ok(Some(now)) if redone => {
            drop(permit);
            return as_delete(reconcile::copy(context, job, &now, true).await);
        }
        Ok(Some(_)) => {
            let outcome = context.outcome(job, object, started, State::Skipped);
            return Ending::Settled(explained(outcome, Some("the source has it again"), None), uploads());
        }
        Err(error) => return as_delete(failed(context, job, object, started, uploads(), error)),
    }
    if let Err(error) = context.destination.delete(&object.key).await {
        return as_delete(failed(context, job, object, started, uploads(), error));
    }
    drop(permit);
    // A redelivered delete may have removed what another job wrote meanwhile: look again.
    match if redone { source_has(context, object).await } else { Ok(None) } {
        Ok(None) => Ending::Settled(context.outcome(job, object, started, State::Deleted), uploads()),
        Ok(Some(now)) => as_delete(reconcile::copy(context, job, &now, true).await),
        Err(error) => as_delete(failed(context, job, object, started, uploads(), error)),
    }
}

/// Says of a failure that it was a delete's, so that whoever tries again deletes and does not copy.
fn as_delete(ending: Ending) -> Ending {
    match ending {
        Ending::Settled(outcome, uploads) if outcome.state == State::Failed => {
            Ending::Settled(Outcome { reason: Some(FAILED_DELETE.to_owned()), ..outcome }, uploads)
        }
        other => other,
    }
}

async fn source_has(context: &Context, object: &JobObject) -> Result<Option<JobObject>> {
    match context.source.head(&object.key, &Pin::default()).await {
        Ok(info) => Ok(Some(at_version(object, &info))),
        Err(error) if error.kind() == ErrorKind::NotFound => context.source_is_there().await.map(|()| None),
        Err(error) => Err(error),
    }
}

/// A key to delete as an object of which nothing else is known.
pub(crate) fn as_object(key: &JobKey) -> JobObject {
    let JobKey { index, key } = key.clone();
    JobObject { index, key, size: 0, modified: Timestamp(0), etag: None, version: None }
}
