//! One object of a job, while this worker works on it.

use std::sync::Arc;

use shared::config::Records;
use shared::ledger::{Outcome, State, events_run};
use shared::object::Timestamp;
use shared::objects::job::{JobObject, ObjectJob, ObjectWork};
use shared::objects::reasons::{FAILED_DELETE, IN_SYNC, WRONG_BYTES_REMAIN};
use shared::{Error, ErrorKind};
use tokio::time::Instant;

use crate::objects::context::Context;
use crate::objects::settle::explained;
use crate::objects::verdict::{Copied, Skip, Uploads, Verdict};

/// What a job asks for at one key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request {
    /// The destination is to have the object.
    Copy,
    /// The destination is not to have the key, unless the source has it again.
    Delete {
        /// Whether the key may stand where a copy needs its place.
        may_block: bool,
    },
    /// The destination is to have what the source has.
    Follow {
        /// When the key changed, as far as that is known.
        time: Option<Timestamp>,
        /// Whether nothing is deleted but what this work has written.
        no_delete: bool,
    },
}

/// One object of a job, while this worker works on it. It borrows nothing: its work is a task of its own.
pub(crate) struct Item {
    pub context: Arc<Context>,
    pub job: Arc<ObjectJob>,
    pub request: Request,
    /// The object as the job names it; of a key to delete or to follow nothing else is known.
    pub object: JobObject,
    /// When this worker began.
    pub started: Timestamp,
    /// Whether the work was begun before, by another delivery or by this one: it may have had an effect.
    pub redelivered: bool,
    /// The known uploads of the key.
    pub uploads: Uploads,
    /// The source's time when this worker began.
    pub source_time: Timestamp,
    /// When a listing showed that the source does not have the key.
    pub absent_since: Option<Instant>,
    /// Whether a request for many keys has deleted the key already, in place of this item's own request.
    pub is_removed: bool,
    /// Whether the second look waits for the other objects of the job.
    pub look_waits: bool,
}

impl Item {
    /// The objects of a job in their order; none of a parts job.
    pub fn all<'a>(
        context: &'a Arc<Context>,
        job: &'a Arc<ObjectJob>,
        redelivered: bool,
    ) -> Box<dyn Iterator<Item = Item> + Send + 'a> {
        let item = move |request, object| Item {
            context: context.clone(),
            job: job.clone(),
            request,
            object,
            started: Timestamp::now(),
            redelivered,
            uploads: Uploads::None,
            source_time: Timestamp::default(),
            absent_since: None,
            is_removed: false,
            look_waits: false,
        };
        let bare = |index, key: &str| JobObject { index, key: key.to_owned(), ..JobObject::default() };
        match &job.work {
            ObjectWork::Copy { objects } => {
                Box::new(objects.iter().map(move |object| item(Request::Copy, object.clone())))
            }
            ObjectWork::Delete { objects } => Box::new(objects.iter().map(move |key| {
                let request = Request::Delete { may_block: key.may_block };
                item(request, bare(key.index, &key.key))
            })),
            ObjectWork::Changed { objects } => Box::new(objects.iter().map(move |change| {
                let request = Request::Follow { time: change.time, no_delete: change.no_delete };
                item(request, bare(change.index, &change.key))
            })),
            ObjectWork::Parts(_) => Box::new(std::iter::empty()),
        }
    }

    /// The work begins, or begins again.
    pub fn begin(&mut self) {
        self.started = Timestamp::now();
        self.source_time = self.context.objects.source.now();
        self.look_waits = false;
        self.uploads = if self.is_redone() { Uploads::Unknown } else { Uploads::None };
    }

    /// Whether the task's present filters exclude a key that may have changed. The key was judged when its event was
    /// read, perhaps by an earlier command, which had other filters; also a retry brings it back.
    pub fn is_left_out(&self) -> bool {
        let is_followed = matches!(self.request, Request::Follow { .. }) || self.job.run == events_run(&self.job.task);
        is_followed && !self.context.objects.follow.takes_key(&self.object.key)
    }

    /// Whether a key to delete may stand where a copy needs its place.
    pub fn may_block(&self) -> bool {
        matches!(self.request, Request::Delete { may_block: true })
    }

    /// Whether an earlier delivery or attempt may have written the object or begun an upload of it. A job that waited
    /// for a restore may have been sent twice.
    pub fn is_redone(&self) -> bool {
        self.redelivered || self.job.attempt > 1 || self.job.restoring.is_some()
    }

    /// An outcome in which only the end is missing.
    pub fn outcome_as(&self, state: State) -> Outcome {
        self.context.outcome(&self.job, &self.object, self.started, state)
    }

    /// The outcome that the ledger gets of a verdict; `None` if the object is not settled by it.
    pub fn outcome(&self, verdict: &Verdict) -> Option<Outcome> {
        let copied = |copied: &Copied, state| Outcome {
            detail: copied.detail().into(),
            ..self.context.outcome(&self.job, &copied.object, self.started, state)
        };
        Some(match verdict {
            Verdict::Copied(object) => copied(object, State::Copied),
            // Counted as nothing to do. The facts about the destination's object are kept.
            Verdict::InSync(object) => explained(copied(object, State::Skipped), Some(IN_SYNC), None),
            Verdict::Deleted => self.outcome_as(State::Deleted),
            Verdict::Skipped(skip) => explained(self.outcome_as(State::Skipped), Some(skip.reason()), None),
            Verdict::Failed(error) => {
                explained(self.outcome_as(State::Failed), Some(self.failure_reason(error)), Some(error))
            }
            Verdict::Archived(_)
            | Verdict::Restoring(_)
            | Verdict::HandedOver
            | Verdict::RetryAttempt(_)
            | Verdict::RetryLater(_)
            | Verdict::Blocked
            | Verdict::Suspended
            | Verdict::Unrecorded(_) => return None,
        })
    }

    /// Whether the ledger must have the object's outcome by itself: a later job reads it, or the task wants so. Workers read
    /// the outcomes of objects whose ETags cannot be compared, of redone objects, and of those that went in parts.
    pub fn needs_own_record(&self, verdict: &Verdict) -> bool {
        if self.context.objects.options.records == Records::Each || self.is_redone() {
            return true;
        }
        match verdict {
            Verdict::Copied(copied) | Verdict::InSync(copied) => {
                copied.upload.is_some() || !self.has_equal_etags(copied)
            }
            verdict => !matches!(verdict, Verdict::Deleted | Verdict::Skipped(_)),
        }
    }

    /// Whether the ETags of both sides show that the destination has this version.
    fn has_equal_etags(&self, copied: &Copied) -> bool {
        let meaning = self.context.objects.source.capabilities().etags;
        let theirs = self.context.objects.destination_capabilities().etags;
        match (&copied.object.etag, &copied.etag) {
            (Some(a), Some(b)) => meaning.compare(a, theirs, b) == Some(true),
            _ => false,
        }
    }

    /// A failed delete says that it was one, so that a retry deletes and does not copy.
    fn failure_reason(&self, error: &Error) -> &'static str {
        match self.request {
            Request::Delete { .. } => FAILED_DELETE,
            Request::Copy | Request::Follow { .. } => cause(error),
        }
    }

    /// What a failed attempt leads to.
    pub fn failed(&self, error: Error) -> Verdict {
        let context = &self.context;
        if error.is_backend() {
            return Verdict::Unrecorded(error);
        }
        if context.objects.is_store_outage(&error) {
            return Verdict::Suspended;
        }
        if error.kind() == ErrorKind::PassedOver {
            return Verdict::Skipped(Skip::PassedOver(error.message().to_owned()));
        }
        let error = match context.objects.wrong_bytes.take(&self.object.key) || self.object.suspect {
            true if !error.leaves_wrong_bytes() => {
                error.and("an earlier attempt left wrong bytes at the destination").leaving_wrong_bytes()
            }
            _ => error,
        };
        match is_permanent(error.kind()) || self.job.attempt >= context.objects.options.attempts {
            true => Verdict::Failed(error),
            false => Verdict::RetryAttempt(error),
        }
    }
}

/// Whether another attempt is of no use.
fn is_permanent(kind: ErrorKind) -> bool {
    use ErrorKind::*;
    matches!(kind, Denied | Unrepresentable | Invalid | Unsupported | NoSuchContainer | TooManyParts | RangeIgnored)
}

/// The cause of a failed copy, by which its run counts it. Wrong bytes that may remain go before the kind of error: later
/// runs must know of them.
pub(crate) fn cause(error: &Error) -> &'static str {
    match error.leaves_wrong_bytes() {
        true => WRONG_BYTES_REMAIN,
        false => error.kind().as_str(),
    }
}
