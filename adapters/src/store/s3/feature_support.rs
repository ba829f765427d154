//! What a store turns out to understand.

use std::sync::atomic::{AtomicU8, Ordering};

use shared::store::Support;

/// Refusals that are believed: one may be some proxy's, or a store's that just has other troubles.
const BELIEVED: u8 = 2;

/// The thing was understood once, which no refusal can take back.
const UNDERSTOOD: u8 = u8::MAX;

/// What a store's answers have told of one thing that not all understand: refusals, or success.
#[derive(Debug, Default)]
pub(super) struct LearnedSupport(AtomicU8);

/// Whether a store understands one thing: by its profile, or as learned where that does not know.
///
/// Many may learn at once. A refusal counts only if the same request passes without the thing. What is
/// learned falsely by faults costs speed or a cheaper check, and never makes a wrong answer right.
#[derive(Debug, Clone, Copy)]
pub(super) struct FeatureSupport<'a> {
    support: Support,
    learned: &'a LearnedSupport,
}

impl LearnedSupport {
    /// With what the profile says.
    pub fn with(&self, support: Support) -> FeatureSupport<'_> {
        FeatureSupport { support, learned: self }
    }
}

impl FeatureSupport<'_> {
    /// Whether to ask for it.
    pub fn is_asked_for(self) -> bool {
        match self.support {
            Support::Yes => true,
            Support::No => false,
            Support::Unknown => self.is_sure() || self.learned.0.load(Ordering::Relaxed) < BELIEVED,
        }
    }

    /// Whether it is known to be understood.
    pub fn is_sure(self) -> bool {
        self.support == Support::Yes || self.learned.0.load(Ordering::Relaxed) == UNDERSTOOD
    }

    /// The store has understood it.
    pub fn understood(self) {
        self.learned.0.store(UNDERSTOOD, Ordering::Relaxed);
    }

    /// The store has refused what passes without it.
    pub fn refused(self) {
        let count = |seen| (seen < BELIEVED).then(|| seen + 1);
        let _ = self.learned.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_believed_when_it_comes_twice_and_never_after_a_success() {
        let learned = LearnedSupport::default();
        let feature_support = learned.with(Support::Unknown);
        feature_support.refused();
        assert!(feature_support.is_asked_for(), "one refusal may be a fault");
        feature_support.refused();
        assert!(!feature_support.is_asked_for());
        let learned = LearnedSupport::default();
        let feature_support = learned.with(Support::Unknown);
        feature_support.refused();
        feature_support.understood();
        (0..300).for_each(|_| feature_support.refused());
        assert!(feature_support.is_asked_for() && feature_support.is_sure());
    }

    #[test]
    fn what_is_known_beforehand_is_not_learned() {
        let learned = LearnedSupport::default();
        learned.with(Support::No).understood();
        assert!(!learned.with(Support::No).is_asked_for());
        let learned = LearnedSupport::default();
        (0..9).for_each(|_| learned.with(Support::Yes).refused());
        assert!(learned.with(Support::Yes).is_asked_for());
    }
}
