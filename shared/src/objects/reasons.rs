//! Why an object was skipped, or failed in a way that later runs treat in their own way.

use crate::ErrorKind;
use crate::ledger::Outcome;

/// An object that was skipped because it is archived.
pub const ARCHIVED: &str = "archived";

/// An event of another bucket, or of a key outside of the task's prefix.
pub const OUT_OF_SCOPE: &str = "out of scope";

/// An event of a key that the task's filters leave out.
pub const FILTERED: &str = "left out by a filter";

/// An event of a removal, of a task that follows writes alone.
pub const NOT_FOLLOWED: &str = "removals are not followed";

/// An event whose key the destination has as the source does. The outcome describes what is there, as that of a copy
/// does.
pub const IN_SYNC: &str = "in sync";

/// An event that the work for another event of its key has covered.
pub const COALESCED: &str = "coalesced";

/// The source does not have the object any more.
pub const GONE: &str = "gone from the source";

/// What was to be deleted is at the source again.
pub const BACK_AT_SOURCE: &str = "the source has it again";

/// Size or age lie outside the bounds of the task.
pub const OUT_OF_BOUNDS: &str = "left out by the task's bounds";

/// A newer run works on the object, or another job on this version.
pub const TAKEN_OVER: &str = "taken over by a newer run";

/// A copy replaces what was to be deleted.
pub const LEFT_TO_COPY: &str = "a copy needs its place, and removes it";

/// A delete that was given up.
pub const FAILED_DELETE: &str = "delete";

/// A failed object whose destination may still hold wrong bytes: they were written, were found to be wrong, and could
/// not be removed. Size and time prove nothing about this object.
pub const WRONG_BYTES_REMAIN: &str = "wrong-bytes";

/// The reasons that are counted apart.
pub const REASONS: &[&str] = &[
    ARCHIVED,
    OUT_OF_SCOPE,
    FILTERED,
    NOT_FOLLOWED,
    IN_SYNC,
    COALESCED,
    GONE,
    BACK_AT_SOURCE,
    OUT_OF_BOUNDS,
    TAKEN_OVER,
    LEFT_TO_COPY,
    FAILED_DELETE,
    WRONG_BYTES_REMAIN,
    // Causes of failures: the kinds of errors that end an object.
    ErrorKind::Denied.as_str(),
    ErrorKind::NotFound.as_str(),
    ErrorKind::NoSuchContainer.as_str(),
    ErrorKind::NoSuchUpload.as_str(),
    ErrorKind::PreconditionFailed.as_str(),
    ErrorKind::Throttled.as_str(),
    ErrorKind::ExpiredCredentials.as_str(),
    ErrorKind::BadDigest.as_str(),
    ErrorKind::Unrepresentable.as_str(),
    ErrorKind::TooManyParts.as_str(),
    ErrorKind::RangeIgnored.as_str(),
    ErrorKind::ChecksumRequired.as_str(),
    ErrorKind::Unsupported.as_str(),
    ErrorKind::Timeout.as_str(),
    ErrorKind::Connection.as_str(),
    ErrorKind::Unavailable.as_str(),
    ErrorKind::ClockSkew.as_str(),
    ErrorKind::Conflict.as_str(),
    ErrorKind::Corrupt.as_str(),
    ErrorKind::Exhausted.as_str(),
    ErrorKind::Invalid.as_str(),
];

/// The outcome, with its reason. An event that is left out, or covered by the work for another one, says nothing about
/// its key.
pub fn with_reason(outcome: Outcome, reason: Option<&str>) -> Outcome {
    let is_only_counted = matches!(reason, Some(OUT_OF_SCOPE | FILTERED | COALESCED));
    Outcome { reason: reason.map(str::to_owned), is_only_counted, ..outcome }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{MAX_REASONS, OTHER, Reasons, State};

    #[test]
    fn the_reasons_are_few_and_none_is_the_rest() {
        assert!(REASONS.len() <= MAX_REASONS && !REASONS.contains(&OTHER));
    }

    #[test]
    fn a_failure_is_counted_by_the_kind_of_its_error() {
        let mut reasons = Reasons::default();
        let causes = ["denied", ErrorKind::Denied.as_str(), "no kind"];
        causes.iter().for_each(|cause| reasons.count(cause, REASONS));
        assert_eq!((reasons.of("denied"), reasons.of(OTHER)), (2, 1));
    }

    #[test]
    fn an_event_that_is_left_out_says_nothing_about_its_key() {
        let of_key = |reason| with_reason(Outcome::new("k".into(), State::Skipped), reason).is_of_key();
        let others = REASONS.iter().copied().filter(|reason| !of_key(Some(reason)));
        assert_eq!(others.collect::<Vec<_>>(), [OUT_OF_SCOPE, FILTERED, COALESCED]);
        assert!(of_key(None));
    }
}
