//! Why an object was skipped, or failed in a way that later runs treat in their own way.

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
    use crate::ledger::{MAX_REASONS, OTHER, State};

    #[test]
    fn the_reasons_are_few_and_none_is_the_rest() {
        assert!(REASONS.len() <= MAX_REASONS && !REASONS.contains(&OTHER));
    }

    #[test]
    fn an_event_that_is_left_out_says_nothing_about_its_key() {
        let of_key = |reason| with_reason(Outcome::new("k".into(), State::Skipped), reason).is_of_key();
        let others = REASONS.iter().copied().filter(|reason| !of_key(Some(reason)));
        assert_eq!(others.collect::<Vec<_>>(), [OUT_OF_SCOPE, FILTERED, COALESCED]);
        assert!(of_key(None));
    }
}
