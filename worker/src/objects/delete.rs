//! Deleting at the destination what the source no longer has.

use shared::ledger::{FAILED_DELETE, Outcome, State};
use shared::object::Timestamp;
use shared::objects::job::{Job, JobKey, JobObject, Work};

use crate::context::Context;
use crate::objects::copy::ending_of;
use crate::objects::ending::{Ending, Uploads, explained, failed};
use crate::objects::reconcile::{Deletes, ReconcileOptions, Seen, look, reconcile};
use crate::objects::replace;

/// Deletes one key, unless the source has it again: the finder's listing is some time old.
pub(crate) async fn delete(context: &Context, job: &Job, object: &JobObject, redelivered: bool) -> Ending {
    let started = Timestamp::now();
    // An earlier delivery may have deleted the key already, before the source had it again; and may have begun to
    // copy it back.
    let redone = redelivered || job.attempt > 1;
    let mut uploads = if redone { Uploads::Unknown } else { Uploads::None };
    let look_after = redone || context.follow.look_again;
    let options = ReconcileOptions { look_before: true, look_after, deletes: Deletes::Asked, leader: None };
    // An earlier delivery has asked too: what is left to a copy is so each time.
    if may_block(context, job, object.index) {
        match replace::is_needed(context, &object.key).await {
            Ok(false) => {}
            Ok(true) => {
                let outcome = context.outcome(job, object, started, State::Skipped);
                return Ending::Settled(explained(outcome, Some(LEFT_TO_A_COPY), None), uploads);
            }
            Err(error) => return as_delete(failed(context, job, object, started, uploads, error)),
        }
    }
    let seen = match look(context, object, None).await {
        Ok(Seen::There(..)) if !redone => {
            let outcome = context.outcome(job, object, started, State::Skipped);
            return Ending::Settled(explained(outcome, Some("the source has it again"), None), uploads);
        }
        Ok(seen) => seen,
        Err(error) => return as_delete(failed(context, job, object, started, uploads, error)),
    };
    let end = reconcile(context, job, object, seen, options, &mut uploads).await;
    as_delete(ending_of(context, job, object, started, uploads, end).await)
}

/// The reason of a delete that another key's copy makes.
const LEFT_TO_A_COPY: &str = "a copy needs its place, and removes it";

/// Whether a key of a delete job may stand in the place of a copy.
fn may_block(context: &Context, job: &Job, index: u32) -> bool {
    let Work::Delete { objects } = &job.work else { return false };
    let found = objects.binary_search_by_key(&index, |object| object.index);
    context.destination.capabilities().has_folders && found.is_ok_and(|at| objects[at].may_block)
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

/// A key to delete as an object of which nothing else is known.
pub(crate) fn as_object(key: &JobKey) -> JobObject {
    let JobKey { index, key, .. } = key.clone();
    JobObject { index, key, ..JobObject::default() }
}
