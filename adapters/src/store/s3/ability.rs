//! What a store turns out to understand.

use std::sync::atomic::{AtomicU8, Ordering};

use shared::provider::Support;

/// Refusals that are believed: one may be some proxy's, or a store's that just has other troubles.
const BELIEVED: u8 = 2;

/// The thing was understood once, which no refusal can take back.
const UNDERSTOOD: u8 = u8::MAX;

/// What a store's answers have told of one thing that not all understand: refusals, or success.
#[derive(Debug, Default)]
pub(super) struct Learned(AtomicU8);

/// Whether a store understands one thing: by its row, or as learned where that does not know.
///
/// Many may learn at once. A refusal counts only if the same request passes without the thing. What is
/// learned falsely by faults costs speed or a cheaper check, and never makes a wrong answer right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ability<'a> {
    support: Support,
    learned: &'a Learned,
}

impl Learned {
    /// With what the row says.
    pub fn with(&self, support: Support) -> Ability<'_> {
        Ability { support, learned: self }
    }
}

impl Ability<'_> {
    /// Whether to ask for it.
    pub fn is_asked_for(self) -> bool {
        match self.support {
            Support::Yes => true,
            Support::No => false,
            Support::Unsure => self.is_sure() || self.learned.0.load(Ordering::Relaxed) < BELIEVED,
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
        let learned = Learned::default();
        let ability = learned.with(Support::Unsure);
        ability.refused();
        assert!(ability.is_asked_for(), "one refusal may be a fault");
        ability.refused();
        assert!(!ability.is_asked_for());
        let learned = Learned::default();
        let ability = learned.with(Support::Unsure);
        ability.refused();
        ability.understood();
        (0..300).for_each(|_| ability.refused());
        assert!(ability.is_asked_for() && ability.is_sure());
    }

    #[test]
    fn what_is_known_beforehand_is_not_learned() {
        let learned = Learned::default();
        learned.with(Support::No).understood();
        assert!(!learned.with(Support::No).is_asked_for());
        let learned = Learned::default();
        (0..9).for_each(|_| learned.with(Support::Yes).refused());
        assert!(learned.with(Support::Yes).is_asked_for());
    }
}
