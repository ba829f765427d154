//! Outcomes counted by their reasons.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Most reasons that a kind of data counts apart. They bound the counters of a run.
pub const MAX_REASONS: usize = 64;

/// Counts outcomes whose reason is none that their kind counts apart.
pub const OTHER: &str = "other";

/// Outcomes of one state, counted by their reasons. A kind lists its reasons ([`super::Settlement::reasons`]); all
/// others are counted together as [`OTHER`], and outcomes without a reason are not counted here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reasons(BTreeMap<String, u64>);

impl Reasons {
    /// Outcomes of this reason.
    pub fn of(&self, reason: &str) -> u64 {
        self.0.get(reason).copied().unwrap_or(0)
    }

    /// Counts one more outcome, by the reasons that its kind knows.
    pub fn count(&mut self, reason: &str, known: &[&str]) {
        let is_known = known.iter().take(MAX_REASONS).any(|known| *known == reason);
        self.add(if is_known { reason } else { OTHER }, 1);
    }

    /// Adds outcomes of a reason that was counted before.
    pub fn add(&mut self, reason: &str, count: u64) {
        *self.0.entry(reason.to_owned()).or_default() += count;
    }

    /// Each reason with its outcomes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(reason, count)| (reason.as_str(), *count))
    }

    /// Whether no outcome has a reason.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::ops::AddAssign<&Reasons> for Reasons {
    fn add_assign(&mut self, other: &Reasons) {
        other.iter().for_each(|(reason, count)| self.add(reason, count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_the_kind_does_not_list_are_counted_together() {
        let mut reasons = Reasons::default();
        ["a", "x", "a", "y", ""].iter().for_each(|reason| reasons.count(reason, &["a", "b"]));
        assert_eq!((reasons.of("a"), reasons.of("b"), reasons.of(OTHER)), (2, 0, 3));
        assert_eq!(serde_json::to_string(&reasons).unwrap(), r#"{"a":2,"other":3}"#);
    }
}
