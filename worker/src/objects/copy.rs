//! One object of a copy job.

use shared::ledger::State;
use shared::object::Timestamp;
use shared::objects::job::{Job, JobObject};
use shared::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::objects::archive;
use crate::objects::ending::{self, Ending, Uploads, explained, failed};
use crate::objects::reconcile::{Deletes, End, ReconcileOptions, Seen, reconcile};
use crate::objects::replace::{self, Judged};
use crate::objects::version;

/// Copies one object of a job, as the finder saw it or as it is by now.
pub(crate) async fn copy(context: &Context, job: &Job, object: &JobObject, redelivered: bool) -> Ending {
    let started = Timestamp::now();
    // A job that waited for a restore may have been sent twice.
    let redone = redelivered || job.attempt > 1 || job.restoring.is_some();
    let mut uploads = if redone { Uploads::Unknown } else { Uploads::None };
    let options = ReconcileOptions {
        look_before: redone,
        look_after: redone || context.follow.look_again,
        // An earlier delivery may have written it.
        deletes: if redone { Deletes::Mirrored } else { Deletes::Own },
        leader: None,
    };
    // Only a copy that was judged now may replace something.
    let mut wanted = JobObject { blocked: 0, ..object.clone() };
    if object.blocked > 0 {
        match replace::judge(context, job, &object.key).await {
            Ok(Judged::Free) => {}
            Ok(Judged::Wait) => return Ending::Blocked,
            Ok(Judged::Replace) => wanted.blocked = object.blocked,
            Err(error) => return failed(context, job, object, started, uploads, error),
        }
    }
    let seen = Seen::There(wanted, None);
    let end = reconcile(context, job, object, seen, options, &mut uploads).await;
    match &end {
        // What blocks it is looked at when it comes again.
        Err(error) if object.blocked == 0 && error.is_blocked() && replace::waits(context, job) => Ending::Blocked,
        _ => ending_of(context, job, object, started, uploads, end).await,
    }
}

/// What the end of a reconciliation means for an object of a job that was to write it.
pub(crate) async fn ending_of(
    context: &Context,
    job: &Job,
    object: &JobObject,
    started: Timestamp,
    uploads: Uploads,
    end: Result<End, Error>,
) -> Ending {
    let skipped = |reason, uploads| {
        let outcome = context.outcome(job, object, started, State::Skipped);
        Ending::Settled(explained(outcome, Some(reason), None), uploads)
    };
    match end {
        // What an earlier delivery has written before its outcome was recorded is this one's to count.
        Ok(End::Copied(mut copied) | End::InPlace(mut copied)) => {
            let uploads = copied.upload.take().map_or(uploads, Uploads::Completed);
            Ending::Settled(ending::copied(context, job, copied, started), uploads)
        }
        Ok(End::Deleted) => {
            let outcome = context.outcome(job, object, started, State::Deleted);
            Ending::Settled(outcome, uploads)
        }
        Ok(End::HandedOver) => Ending::HandedOver,
        Ok(End::Superseded) => skipped("taken over by a newer run", uploads),
        Ok(End::Gone) => skipped("gone from the source", uploads),
        Ok(End::Filtered) => skipped("left out by the task's bounds", uploads),
        Ok(End::Archived(info)) => {
            let now = version::at_version(object, &info);
            archive::end(context, job, &now, started, uploads, Some(info)).await
        }
        Err(error) if error.kind() == ErrorKind::Archived => {
            archive::end(context, job, object, started, uploads, None).await
        }
        Err(error) => failed(context, job, object, started, uploads, error),
    }
}
