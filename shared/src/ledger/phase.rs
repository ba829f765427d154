//! How far a run has come.

use serde::{Deserialize, Serialize};

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The finder is listing, or was interrupted while it did and will resume.
    Listing,
    /// Everything is listed and the held deletes are being enqueued.
    Releasing,
    /// Everything is enqueued.
    Listed,
    /// The finder gave up; what it had enqueued is still done, nothing was deleted.
    Stopped,
    /// A run with other options replaces this one: none of its jobs is executed any more. Its unsent and held jobs
    /// are being settled as cancelled; a later command repeats that if this one dies.
    Cancelling,
    /// As `Cancelling`, and only jobs that were sent are left. Workers settle them as cancelled.
    Cancelled,
}

impl Phase {
    /// All phases.
    pub const ALL: [Phase; 6] =
        [Phase::Listing, Phase::Releasing, Phase::Listed, Phase::Stopped, Phase::Cancelling, Phase::Cancelled];

    /// The phase as it is recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Listing => "listing",
            Phase::Releasing => "releasing",
            Phase::Listed => "listed",
            Phase::Stopped => "stopped",
            Phase::Cancelling => "cancelling",
            Phase::Cancelled => "cancelled",
        }
    }

    /// Whether a run in this phase is cancelled.
    pub fn is_cancelled(self) -> bool {
        matches!(self, Phase::Cancelling | Phase::Cancelled)
    }

    /// Whether a run moves from phase `before` to this one. A stopped run may be taken up again; a cancelled one stays
    /// cancelled.
    pub fn may_follow(self, before: Phase) -> bool {
        use Phase::{Cancelled, Cancelling, Listed, Listing, Releasing, Stopped};
        match self {
            Listing => matches!(before, Listing | Stopped),
            Releasing => matches!(before, Listing | Releasing | Stopped),
            Listed | Stopped => matches!(before, Listing | Releasing | Listed | Stopped),
            Cancelling => before != Cancelled,
            Cancelled => matches!(before, Cancelling | Cancelled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_repeated_at_will_and_never_goes_back() {
        for phase in Phase::ALL {
            assert!(phase.may_follow(phase), "{phase:?}");
            assert_eq!(serde_json::to_string(&phase).unwrap(), format!("{:?}", phase.as_str()));
        }
        for before in [Phase::Cancelling, Phase::Cancelled] {
            for phase in Phase::ALL.into_iter().filter(|phase| !phase.is_cancelled()) {
                assert!(!phase.may_follow(before), "{before:?} -> {phase:?}");
            }
        }
        assert!(!Phase::Listing.may_follow(Phase::Listed) && !Phase::Releasing.may_follow(Phase::Listed));
    }
}
