//! The result for one object: one type, from the copy of a version up to the ledger and the queue.
//!
//! | verdict | ledger | queue |
//! |---|---|---|
//! | `Copied`, `InSync`, `Deleted`, `Skipped`, `Failed` | the outcome | |
//! | `RetryAttempt` | | the object, as its next attempt |
//! | `RetryLater`, `Blocked`, `Restoring` | | the object, in the same attempt |
//! | `HandedOver` | parts jobs record the outcome | parts jobs, sent already |
//! | `Unrecorded` | | the job comes again, because it is not acknowledged |
//! | `Archived`, `Suspended` | are never written: [`conclude`] and [`batch`] resolve them | |
//!
//! [`conclude`]: crate::objects::reconcile::conclude
//! [`batch`]: crate::objects::batch

use std::time::Duration;

use shared::Error;
use shared::digest::Checksum;
use shared::object::{ETag, ObjectInfo};
use shared::objects::ObjectDetail;
use shared::objects::job::{JobObject, Restoring};
use shared::objects::reasons::{
    ARCHIVED, BACK_AT_SOURCE, COALESCED, FILTERED, GONE, LEFT_TO_COPY, OUT_OF_BOUNDS, TAKEN_OVER,
};
use shared::store::Upload;

use crate::objects::metadata::snapshot::SourceSnapshot;

/// What became of one object.
pub(crate) enum Verdict {
    /// The destination was written, and has this object.
    Copied(Box<Copied>),
    /// The destination had this object already.
    InSync(Box<Copied>),
    /// The key was deleted at the destination.
    Deleted,
    /// Nothing was done, for this reason.
    Skipped(Skip),
    /// It failed, and another attempt is of no use.
    Failed(Error),
    /// The source's object is archived, as its description says.
    Archived(Box<ObjectInfo>),
    /// The source's object is being restored.
    Restoring(Restoring),
    /// Other jobs carry it on and settle it (a giant's parts).
    HandedOver,
    /// It failed, and another attempt may help.
    RetryAttempt(Error),
    /// Too many others wait for the same work: it comes again after this time.
    RetryLater(Duration),
    /// Other keys block it: it comes again, as an object that may wait for deletes.
    Blocked,
    /// Its store fails for every object: it is done again when the store works, and uses up no attempt.
    Suspended,
    /// Queue or ledger failed, which is no fault of the object's: its job must come again.
    Unrecorded(Error),
}

impl Verdict {
    /// Whether it is recorded as `skipped`.
    pub fn is_skip(&self) -> bool {
        matches!(self, Verdict::InSync(_) | Verdict::Skipped(_))
    }

    /// Whether source and destination agree at the key now, or nothing is to be done there.
    pub fn is_settled_well(&self) -> bool {
        matches!(self, Verdict::Copied(_) | Verdict::InSync(_) | Verdict::Deleted | Verdict::Skipped(_))
    }

    /// Whether the destination was written.
    pub fn has_written(&self) -> bool {
        matches!(self, Verdict::Copied(_) | Verdict::Deleted)
    }
}

/// Why nothing was done for an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Skip {
    /// The source does not have it, and nothing was to be deleted.
    Gone,
    /// The source has again what was to be deleted.
    BackAtSource,
    /// The task's filter leaves out the key.
    Filtered,
    /// The task's filter leaves out the source's object, by its size or time.
    OutOfBounds,
    /// Another event's work covers it.
    Coalesced,
    /// A newer run works on the object, or another job on this version.
    TakenOver,
    /// A copy replaces what was to be deleted.
    LeftToCopy,
    /// It is archived, and the task restores nothing.
    Archived,
    /// The source passes it over, for this reason.
    PassedOver(String),
}

impl Skip {
    /// The reason in the ledger.
    pub fn reason(&self) -> &str {
        match self {
            Skip::Gone => GONE,
            Skip::BackAtSource => BACK_AT_SOURCE,
            Skip::Filtered => FILTERED,
            Skip::OutOfBounds => OUT_OF_BOUNDS,
            Skip::Coalesced => COALESCED,
            Skip::TakenOver => TAKEN_OVER,
            Skip::LeftToCopy => LEFT_TO_COPY,
            Skip::Archived => ARCHIVED,
            Skip::PassedOver(reason) => reason,
        }
    }
}

/// An object as a copy wrote it, or as it was found at the destination.
pub(crate) struct Copied {
    /// The source's object as it was read.
    pub object: JobObject,
    /// The destination's tag.
    pub etag: Option<ETag>,
    /// Of the bytes.
    pub checksum: Option<Checksum>,
    /// What was compared.
    pub verified: String,
    /// The upload that was completed, if it went in parts.
    pub upload: Option<Box<Upload>>,
    /// Attributes and tags of the source's object, as far as they were read.
    pub snapshot: SourceSnapshot,
}

impl Copied {
    /// The detail of its outcome.
    pub fn detail(&self) -> ObjectDetail {
        ObjectDetail {
            source: self.object.pin(),
            etag: self.etag.clone(),
            checksum: self.checksum.clone(),
            verified: Some(self.verified.clone()),
        }
    }
}

/// The known uploads of a settled object's key.
#[derive(Default)]
pub(crate) enum Uploads {
    /// There was none.
    #[default]
    None,
    /// This upload was completed: only its record is left.
    Completed(Box<Upload>),
    /// There may be some, of this delivery or of an earlier one.
    Unknown,
}

impl Uploads {
    /// The completed upload, if there is one.
    pub fn completed(&self) -> Option<&Upload> {
        match self {
            Uploads::Completed(upload) => Some(upload),
            Uploads::None | Uploads::Unknown => None,
        }
    }
}
