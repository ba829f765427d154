//! The result of a run, for people and, as the last line of standard output, for programs.

use std::io::IsTerminal as _;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use shared::ledger::{Run, Settled};
use shared::objects::reasons::{ARCHIVED, COALESCED, OUT_OF_SCOPE};
use shared::terminal;

use crate::exit::{Exit, Failure};
use crate::share::{Share, WorkDone};
use crate::verbosity::note;
use crate::{layout, object_log, stdout};

/// A run's totals. The JSON's fields are what scripts rely on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSummary {
    /// The run.
    pub run: String,
    /// Source objects listed.
    pub listed: u64,
    /// Objects that this command copied.
    pub copied: u64,
    /// Objects that this command deleted at the destination.
    pub deleted: u64,
    /// Objects that needed nothing: unchanged when they were listed, or when their turn came.
    pub skipped: u64,
    /// Of those, objects that are archived and were not asked for.
    pub archived: u64,
    /// Of the skipped, events of what is not the task's.
    #[serde(skip_serializing_if = "is_zero")]
    pub out_of_scope: u64,
    /// Of the skipped, events that the work for another event of the key has covered.
    #[serde(skip_serializing_if = "is_zero")]
    pub coalesced: u64,
    /// Objects left out by filters.
    pub filtered: u64,
    /// Objects given up.
    pub failed: u64,
    /// Objects that could not be compared, because a store failed: they were left as they are.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_judged: u64,
    /// Objects that a run with other options has cancelled.
    #[serde(skip_serializing_if = "is_zero")]
    pub cancelled: u64,
    /// Folders and names of either side that could not be listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub unlisted: u64,
    /// Bytes that this command copied.
    pub bytes: u64,
    /// What an earlier command had done for the run before it was interrupted.
    #[serde(skip_serializing_if = "WorkDone::is_none")]
    pub earlier: WorkDone,
    /// Wall time of this process's share of the run.
    pub seconds: f64,
    /// What most of this is from.
    #[serde(skip)]
    settled: Settled,
}

impl RunSummary {
    /// The totals of a run that this command worked on for `time`. Copies and deletes are its own; what was found, skipped
    /// and failed is the whole run's.
    pub fn of(run: &Run, share: &Share, time: Duration) -> Self {
        let WorkDone { copied, deleted, bytes } = share.own(run);
        RunSummary {
            run: run.start.id.clone(),
            listed: run.found.listed,
            copied,
            deleted,
            skipped: run.found.unchanged + run.settled.skipped,
            archived: run.settled.skipped_by.of(ARCHIVED),
            out_of_scope: run.settled.skipped_by.of(OUT_OF_SCOPE),
            coalesced: run.settled.skipped_by.of(COALESCED),
            filtered: run.found.filtered,
            failed: run.settled.failed,
            not_judged: run.found.not_judged,
            cancelled: run.settled.cancelled,
            unlisted: run.found.unlisted,
            bytes,
            earlier: share.before(run),
            seconds: (time.as_secs_f64() * 1e3).round() / 1e3,
            settled: Settled { copied, deleted, bytes, ..run.settled.clone() },
        }
    }

    /// The exit code of a run that came to its end.
    pub fn exit(&self) -> Exit {
        if self.failed + self.not_judged + self.unlisted > 0 { Exit::SomeFailed } else { Exit::InSync }
    }

    /// Prints it: as JSON to standard output, or as a line to standard error.
    pub fn print(&self, json: bool) -> Result<(), Failure> {
        object_log::flush();
        if json {
            return stdout::line(serde_json::to_string(self).expect("a summary is representable as JSON"));
        }
        let mut parts = vec![format!("{} listed", terminal::count(self.listed))];
        parts.extend(settled(&self.settled, self.skipped));
        parts.extend(counted_if_any(self.not_judged, "not compared"));
        parts.extend(counted_if_any(self.filtered, "filtered out"));
        parts.extend(counted_if_any(self.earlier.copied, "copied by an earlier command"));
        parts.extend(counted_if_any(self.earlier.deleted, "deleted by an earlier command"));
        if let Some(last) = parts.last_mut() {
            let time = terminal::elapsed(Duration::from_secs_f64(self.seconds));
            *last += &format!(" in {time} (run {})", terminal::run_id(&self.run));
        }
        let columns = if std::io::stderr().is_terminal() { layout::columns() } else { usize::MAX };
        note(layout::lines_of(&parts, columns));
        Ok(())
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// So many of them, if there are any, in words.
pub fn counted_if_any(count: u64, what: &str) -> Option<String> {
    (count > 0).then(|| format!("{} {what}", terminal::count(count)))
}

/// What became of objects, of which `skipped` needed nothing, in parts. Only copies are named when there are none.
pub fn settled(settled: &Settled, skipped: u64) -> Vec<String> {
    let apart: u64 = NAMED.iter().map(|(reason, _)| settled.skipped_by.of(reason)).sum();
    let up_to_date = skipped.saturating_sub(apart);
    let mut parts = vec![format!("{} copied ({})", terminal::count(settled.copied), terminal::bytes(settled.bytes))];
    parts.extend(counted_if_any(settled.deleted, "deleted"));
    parts.extend(counted_if_any(up_to_date, "already up to date"));
    parts.extend(reasons(settled));
    parts.extend(counted_if_any(settled.failed, "failed"));
    parts.extend(counted_if_any(settled.cancelled, "cancelled"));
    parts
}

/// How many objects were skipped for each reason that is counted apart and that there was.
pub fn reasons(settled: &Settled) -> Vec<String> {
    NAMED.iter().filter_map(|(reason, _)| counted_if_any(settled.skipped_by.of(reason), reason)).collect()
}

/// The reasons that are shown apart, with the names of their counters in JSON.
const NAMED: [(&str, &str); 3] = [(ARCHIVED, "archived"), (OUT_OF_SCOPE, "out_of_scope"), (COALESCED, "coalesced")];

/// A run's counters as JSON: by reason, and those under names of their own that scripts rely on.
pub fn settled_json(settled: &Settled) -> Value {
    let mut counters = serde_json::to_value(settled).expect("counters are representable as JSON");
    for (reason, name) in NAMED {
        counters[name] = settled.skipped_by.of(reason).into();
    }
    counters
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::ledger::{Found, Phase};

    use crate::fixtures;

    #[test]
    fn regression_a_summary_names_unchanged_objects_and_omits_zeros() {
        let synced = Settled { copied: 12, bytes: 938 << 10, ..Settled::default() };
        assert_eq!(settled(&synced, 17_988), ["12 copied (938 KiB)", "17,988 already up to date"]);
        assert_eq!(settled(&Settled::default(), 0), ["0 copied (0 B)"]);
        let mut all = Settled { deleted: 1, failed: 4, cancelled: 5, ..synced };
        for (reason, count) in [(ARCHIVED, 2), (OUT_OF_SCOPE, 1_000), (COALESCED, 3)] {
            all.skipped_by.add(reason, count);
        }
        let parts = [
            "1 deleted",
            "995 already up to date",
            "2 archived",
            "1,000 out of scope",
            "3 coalesced",
            "4 failed",
            "5 cancelled",
        ];
        assert_eq!(settled(&all, 2_000)[1..], parts);
    }

    fn run(id: &str, phase: Phase, copied: u64) -> Run {
        let found = Found { listed: 10, enqueued: 10, ..Found::default() };
        let settled = Settled { copied, failed: 1, bytes: 5 * copied, ..Settled::default() };
        fixtures::run(id, phase, found, settled)
    }

    #[test]
    fn regression_a_summary_counts_what_its_command_did() {
        let done = |copied| WorkDone { copied, deleted: 0, bytes: 5 * copied };
        let mut share = Share::since(&[run("resumed", Phase::Listed, 4), run("done", Phase::Listed, 9)]);
        let resumed = RunSummary::of(&run("resumed", Phase::Listed, 7), &share, Duration::ZERO);
        assert_eq!((resumed.copied, resumed.bytes, resumed.earlier), (3, 15, done(4)));
        assert_eq!((resumed.failed, resumed.listed), (1, 10), "of the whole run");
        // An interrupted retry is finished first, then a new run follows.
        share.finished(&run("resumed", Phase::Listed, 7));
        let new = RunSummary::of(&run("new", Phase::Listed, 2), &share, Duration::ZERO);
        assert_eq!((new.copied, new.bytes, new.earlier), (5, 25, done(0)));
        assert!(!serde_json::to_string(&new).unwrap().contains("earlier"));
    }
}
