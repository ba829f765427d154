//! When a run entered its phases.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Phase;
use crate::object::Timestamp;

/// When a run entered each of its phases for the first time, by the clocks of the programs that moved it on: those may
/// differ by some seconds. A run that is taken up again keeps the times that it has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhaseTimes(BTreeMap<Phase, Timestamp>);

impl PhaseTimes {
    /// Those of a run that begins to list.
    pub fn begun(at: Timestamp) -> PhaseTimes {
        PhaseTimes(BTreeMap::from([(Phase::Listing, at)]))
    }

    /// The run enters a phase; a later entry changes nothing.
    pub fn enter(&mut self, phase: Phase, at: Timestamp) {
        self.0.entry(phase).or_insert(at);
    }

    /// When the run entered a phase first.
    pub fn of(&self, phase: Phase) -> Option<Timestamp> {
        self.0.get(&phase).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_keeps_the_time_of_its_first_entry() {
        let mut times = PhaseTimes::begun(Timestamp(1));
        times.enter(Phase::Listed, Timestamp(5));
        times.enter(Phase::Listed, Timestamp(9));
        assert_eq!(times.of(Phase::Listed), Some(Timestamp(5)));
        assert_eq!(times.of(Phase::Lost), None);
        let text = serde_json::to_string(&times).unwrap();
        assert_eq!(serde_json::from_str::<PhaseTimes>(&text).unwrap(), times, "{text}");
    }
}
