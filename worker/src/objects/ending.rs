//! How the work on one object ends: settled, again, or carried on by others.

use std::collections::BTreeSet;
use std::time::Duration;

use shared::digest::Checksum;
use shared::ledger::{Outcome, Settlement, State, WRONG_BYTES_REMAIN};
use shared::object::{Attributes, ETag, ObjectInfo, Tags, Timestamp};
use shared::objects::job::{Job, JobObject, Restoring};
use shared::store::Upload;
use shared::{Error, ErrorKind, Result, metrics};

use crate::context::Context;

/// How the work on one object ended, for now.
pub(crate) enum Ending {
    /// It is settled, as this outcome says, and these uploads are to be ended once that is recorded.
    Settled(Outcome, Uploads),
    /// It failed, and is worth another attempt.
    Again(Error),
    /// It is archived, and is being restored.
    Restoring(Restoring),
    /// Queue or ledger failed, which is no fault of the object's: its job must come again.
    Unrecorded(Error),
    /// Its store fails altogether: it is done again when that is well, and has not used up an attempt.
    Held,
    /// Too many others wait for the same work: it is to come again after this.
    Later(Duration),
    /// Something else stands in its place: it is to come again, as one that may wait for deletes.
    Blocked,
    /// Other jobs carry it on and will settle it (a giant's parts).
    HandedOver,
}

/// What is known of the uploads of a settled object's key.
pub(crate) enum Uploads {
    /// There was none.
    None,
    /// This one was completed: only its record is left.
    Completed(Box<Upload>),
    /// There may be some, of this delivery or of an earlier one.
    Unknown,
}

impl Uploads {
    /// The completed upload, if that is what is known.
    pub fn completed(&self) -> Option<&Upload> {
        match self {
            Uploads::Completed(upload) => Some(upload),
            Uploads::None | Uploads::Unknown => None,
        }
    }
}

/// What a copy wrote.
pub(crate) struct Copied {
    /// The object as it was read.
    pub object: JobObject,
    /// The destination's description of it, as far as it goes into the outcome.
    pub etag: Option<ETag>,
    /// Of the bytes.
    pub checksum: Option<Checksum>,
    /// What was compared.
    pub verified: String,
    /// The upload that it was completed from.
    pub upload: Option<Box<Upload>>,
    /// What the source said of it besides, as far as that was read.
    pub told: SourceSnapshot,
}

/// What a source says of an object besides its bytes. What was not read is not compared.
#[derive(Debug, Clone, Default)]
pub(crate) struct SourceSnapshot {
    /// Headers and user metadata, as the destination spells them.
    pub attributes: Option<Attributes>,
    /// Tags; `None` also where the destination cannot have them.
    pub tags: Option<Tags>,
}

/// How one try at one version ended.
pub(crate) enum Try {
    Copied(Copied),
    HandedOver,
    /// It is archived, as its description says.
    Archived(ObjectInfo),
    /// A newer run is at the object, and settles it for itself.
    Superseded,
}

/// Longest delay of a message (Amazon SQS `DelaySeconds`).
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(900);

/// The outcome of a copy.
pub(crate) fn copied(context: &Context, job: &Job, copied: Copied, started: Timestamp) -> Outcome {
    context.wrong_bytes.take(&copied.object.key);
    let outcome = context.outcome(job, &copied.object, started, State::Copied);
    Outcome { etag: copied.etag, checksum: copied.checksum, verified: Some(copied.verified), ..outcome }
}

/// An outcome that a reason or an error explains.
pub(crate) fn explained(mut outcome: Outcome, reason: Option<&str>, error: Option<&Error>) -> Outcome {
    outcome.reason = reason.map(str::to_owned);
    outcome.error = error.map(ToString::to_string);
    outcome
}

/// The reason of an outcome after whose error the destination may hold wrong bytes.
pub(crate) fn wrong_bytes(error: &Error) -> Option<&'static str> {
    error.leaves_wrong_bytes().then_some(WRONG_BYTES_REMAIN)
}

/// What a failed attempt leads to: another one, or an outcome that says why not.
pub(crate) fn failed(
    context: &Context,
    job: &Job,
    object: &JobObject,
    started: Timestamp,
    uploads: Uploads,
    error: Error,
) -> Ending {
    if error.is_backend() {
        return Ending::Unrecorded(error);
    }
    if context.is_store_outage(&error) {
        return Ending::Held;
    }
    if error.kind() == ErrorKind::PassedOver {
        let outcome = context.outcome(job, object, started, State::Skipped);
        return Ending::Settled(explained(outcome, Some(error.message()), None), uploads);
    }
    let error = match context.wrong_bytes.take(&object.key) || object.suspect {
        true if !error.leaves_wrong_bytes() => {
            error.and("an earlier attempt left wrong bytes at the destination").leaving_wrong_bytes()
        }
        _ => error,
    };
    let hopeless = matches!(
        error.kind(),
        ErrorKind::Denied
            | ErrorKind::Unrepresentable
            | ErrorKind::Invalid
            | ErrorKind::Unsupported
            | ErrorKind::NoSuchContainer
            | ErrorKind::TooManyParts
            | ErrorKind::RangeIgnored
    );
    if hopeless || job.attempt >= context.options.attempts {
        let outcome = context.outcome(job, object, started, State::Failed);
        return Ending::Settled(explained(outcome, wrong_bytes(&error), Some(&error)), uploads);
    }
    Ending::Again(error)
}

/// Records outcomes of one origin job, then tells those that were not counted before, whose places come back.
pub(crate) async fn settle(context: &Context, settlement: &Settlement<'_>) -> Result<BTreeSet<u32>> {
    if settlement.outcomes.is_empty() {
        return Ok(BTreeSet::new());
    }
    let new = context.ledger.settle(settlement).await?;
    let counted = settlement.outcomes.iter().filter(|(place, _)| new.contains(place));
    let counted: Vec<&Outcome> = counted.map(|(_, outcome)| outcome).collect();
    counted.iter().for_each(|outcome| metrics::settled(outcome));
    if let Some(report) = &context.report {
        report(&counted);
    }
    Ok(new)
}

/// The delay before the attempt after `attempt`: fourfold each time.
pub(crate) fn retry_delay(first: Duration, attempt: u32) -> Duration {
    first.saturating_mul(4u32.saturating_pow(attempt - 1)).min(MAX_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_fourfold_up_to_the_queues_limit() {
        let delay = |attempt| retry_delay(Duration::from_secs(5), attempt).as_secs();
        assert_eq!([delay(1), delay(2), delay(3), delay(30)], [5, 20, 80, 900]);
    }
}
