//! How far a run has come.

use serde::{Deserialize, Serialize};

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The finder is listing, or was interrupted while it did and will resume.
    Listing,
    /// Everything is listed and the deferred deletes are being enqueued.
    Releasing,
    /// Everything is enqueued.
    Listed,
    /// The finder gave up; what it had enqueued is still done, nothing was deleted.
    Stopped,
    /// A run with other options replaces this one: none of its jobs is executed any more. Its unsent and deferred jobs
    /// are being settled as cancelled; a later command repeats that if this one dies.
    Cancelling,
    /// As `Cancelling`, and only jobs that were sent are left. Workers settle them as cancelled.
    Cancelled,
    /// Nothing of it was left on the queue while objects were not settled: their messages are lost. The next run finds
    /// the objects again. A job that comes late after all is settled as cancelled.
    Lost,
}

impl Phase {
    /// All phases.
    pub const ALL: [Phase; 7] = [
        Phase::Listing,
        Phase::Releasing,
        Phase::Listed,
        Phase::Stopped,
        Phase::Cancelling,
        Phase::Cancelled,
        Phase::Lost,
    ];

    /// The phase as it is recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Listing => "listing",
            Phase::Releasing => "releasing",
            Phase::Listed => "listed",
            Phase::Stopped => "stopped",
            Phase::Cancelling => "cancelling",
            Phase::Cancelled => "cancelled",
            Phase::Lost => "lost",
        }
    }

    /// Whether no job of a run in this phase is executed any more.
    pub fn is_cancelled(self) -> bool {
        matches!(self, Phase::Cancelling | Phase::Cancelled | Phase::Lost)
    }

    /// Whether a run moves from phase `before` to this one. A stopped run may be taken up again; a cancelled one stays
    /// cancelled.
    pub fn may_follow(self, before: Phase) -> bool {
        use Phase::{Cancelled, Cancelling, Listed, Listing, Lost, Releasing, Stopped};
        match self {
            Listing => matches!(before, Listing | Stopped),
            Releasing => matches!(before, Listing | Releasing | Stopped),
            Listed | Stopped => matches!(before, Listing | Releasing | Listed | Stopped),
            Cancelling => !matches!(before, Cancelled | Lost),
            Lost => matches!(before, Listed | Stopped | Lost),
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
        for before in [Phase::Cancelling, Phase::Cancelled, Phase::Lost] {
            for phase in Phase::ALL.into_iter().filter(|phase| !phase.is_cancelled()) {
                assert!(!phase.may_follow(before), "{before:?} -> {phase:?}");
            }
        }
        assert!(!Phase::Listing.may_follow(Phase::Listed) && !Phase::Releasing.may_follow(Phase::Listed));
    }
}
