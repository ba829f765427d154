//! The states that a run went through, with times.

use serde::Serialize;
use shared::ledger::{Phase, Run};
use shared::object::Timestamp;
use shared::tasks::{EndedRun, Operation};

use super::RunState;

/// A state of a run, and when it was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PhaseEntry {
    /// The state.
    pub state: RunState,
    /// When the run entered it.
    pub entered: Timestamp,
}

/// The states that a run has entered so far, each once, the earliest first. An end without the run's operation, as of
/// `flotilla sync`, is the time of the last object. Times come from the clocks of several machines: one that is earlier
/// than its predecessor's counts as that.
pub fn phases(operation: Option<&Operation>, run: Option<&Run>) -> Vec<PhaseEntry> {
    let mut entries: Vec<PhaseEntry> = Vec::new();
    let mut add = |state: RunState, at: Option<Timestamp>| {
        let Some(at) = at else { return };
        let entered = entries.last().map_or(at, |last| last.entered.max(at));
        entries.push(PhaseEntry { state, entered });
    };
    add(RunState::Queued, operation.map(|operation| operation.requested));
    let at = |phase: Phase| run.and_then(|run| run.entered.of(phase));
    if run.is_none_or(|run| !run.is_events()) {
        add(RunState::Listing, at(Phase::Listing));
    }
    add(RunState::Releasing, at(Phase::Releasing));
    // Also a finder that gave up leaves objects to be copied.
    add(RunState::Copying, at(Phase::Listed).or(at(Phase::Stopped)));
    add(RunState::Cancelling, at(Phase::Cancelling).or(at(Phase::Cancelled)));
    let end = operation.and_then(|operation| operation.end.as_ref());
    let ended = end.and_then(|end| serde_json::from_str::<EndedRun>(&end.result).ok());
    let state = ended.map_or_else(|| RunState::of(run), |ended| RunState::ended(ended.end));
    let last = run.filter(|run| run.is_done()).and_then(last_of);
    match end {
        // The controller sees the end up to a minute later.
        Some(end) => add(state, last.filter(|last| *last <= end.at).or(Some(end.at))),
        None => add(state, last),
    }
    entries
}

/// When the last object of a run that is done was settled, or its last phase began, if that was later.
fn last_of(run: &Run) -> Option<Timestamp> {
    let entered = Phase::ALL.into_iter().filter_map(|phase| run.entered.of(phase)).max();
    run.settled.last.max(entered)
}

#[cfg(test)]
mod tests {
    use shared::ledger::{Found, PhaseTimes, RunStart, Settled};
    use shared::tasks::{Author, OperationEnd, OperationKind, OperationVerdict, RunEnd};

    use super::*;

    fn run(phase: Phase, entered: &[(Phase, i64)], settled: Settled) -> Run {
        let (id, task) = ("r".to_owned(), "t".to_owned());
        let start = RunStart {
            id,
            task,
            source: String::new(),
            destination: String::new(),
            options: Default::default(),
            started: Timestamp(10),
        };
        let mut times = PhaseTimes::begun(Timestamp(10));
        entered.iter().for_each(|(phase, at)| times.enter(*phase, Timestamp(*at)));
        Run { start, phase, entered: times, error: None, found: Found { enqueued: 2, ..Found::default() }, settled }
    }

    fn operation(end: Option<(RunEnd, i64)>) -> Operation {
        let author = Author::new("ada", Timestamp(5), "");
        let mut operation = Operation::queued("r".into(), ("t", 1), OperationKind::Find, String::new(), &author);
        operation.end = end.map(|(end, at)| OperationEnd {
            verdict: OperationVerdict::Succeeded,
            result: serde_json::to_string(&EndedRun::new("r", end, Timestamp(at))).unwrap(),
            at: Timestamp(at),
        });
        operation
    }

    fn shown(operation: Option<&Operation>, run: Option<&Run>) -> Vec<(&'static str, i64)> {
        phases(operation, run).iter().map(|entry| (entry.state.as_str(), entry.entered.0)).collect()
    }

    #[test]
    fn a_run_shows_the_states_it_went_through() {
        use Phase::{Cancelled, Cancelling, Listed, Listing, Lost, Releasing, Stopped};
        let all = |last| Settled { copied: 2, last: Some(Timestamp(last)), ..Settled::default() };
        assert_eq!(shown(None, None), []);
        assert_eq!(shown(Some(&operation(None)), None), [("queued", 5)]);
        let listing = run(Listing, &[], Settled::default());
        assert_eq!(shown(Some(&operation(None)), Some(&listing)), [("queued", 5), ("listing", 10)]);

        let done = run(Listed, &[(Releasing, 20), (Listed, 21)], all(30));
        let steps = [("queued", 5), ("listing", 10), ("releasing", 20), ("copying", 21), ("done", 30)];
        assert_eq!(shown(Some(&operation(Some((RunEnd::Done, 55)))), Some(&done)), steps);
        // The end is not recorded yet, or never is.
        assert_eq!(shown(None, Some(&done)), steps[1..]);

        let stopped = run(Stopped, &[(Stopped, 20)], all(30));
        let end = operation(Some((RunEnd::Stopped, 40)));
        assert_eq!(shown(Some(&end), Some(&stopped))[2..], [("copying", 20), ("stopped", 30)]);
        let lost = run(Lost, &[(Listed, 20), (Lost, 90)], Settled::default());
        let end = operation(Some((RunEnd::Stopped, 91)));
        assert_eq!(shown(Some(&end), Some(&lost))[2..], [("copying", 20), ("stopped", 90)]);
        let cancelled = run(Cancelled, &[(Cancelling, 20), (Cancelled, 21)], all(15));
        let end = operation(Some((RunEnd::Cancelled, 40)));
        assert_eq!(shown(Some(&end), Some(&cancelled))[2..], [("cancelling", 20), ("cancelled", 21)]);
    }

    #[test]
    fn no_state_is_entered_before_the_one_before_it() {
        // The finder's clock is behind the one of who asked.
        let mut listed = run(Phase::Listed, &[(Phase::Listed, 4)], Settled::default());
        listed.entered = PhaseTimes::begun(Timestamp(2));
        listed.entered.enter(Phase::Listed, Timestamp(7));
        assert_eq!(shown(Some(&operation(None)), Some(&listed)), [("queued", 5), ("listing", 5), ("copying", 7)]);
    }
}
