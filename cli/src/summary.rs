//! What a run came to, for people and, as the last line of standard output, for programs.

use std::time::Duration;

use serde::Serialize;
use shared::console;
use shared::ledger::{ARCHIVED, COALESCED, OUT_OF_SCOPE, Run, Settled};

use crate::exit::{Exit, Failure};
use crate::out;

/// A run's totals. The JSON's fields are what scripts rely on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The run.
    pub run: String,
    /// Source objects listed.
    pub listed: u64,
    /// Objects copied.
    pub copied: u64,
    /// Objects deleted at the destination.
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
    /// Objects given up.
    pub failed: u64,
    /// Objects that could not be compared, because a store failed: they were left as they are.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_judged: u64,
    /// Bytes copied.
    pub bytes: u64,
    /// Wall time of this process's share of the run.
    pub seconds: f64,
    /// What most of this is from.
    #[serde(skip)]
    settled: Settled,
}

impl Summary {
    /// The totals of a run that this process worked on for `time`.
    pub fn of(run: &Run, time: Duration) -> Self {
        Summary {
            run: run.start.id.clone(),
            listed: run.found.listed,
            copied: run.settled.copied,
            deleted: run.settled.deleted,
            skipped: run.found.unchanged + run.settled.skipped,
            archived: run.settled.archived,
            out_of_scope: run.settled.out_of_scope,
            coalesced: run.settled.coalesced,
            failed: run.settled.failed,
            not_judged: run.found.not_judged,
            bytes: run.settled.bytes,
            seconds: (time.as_secs_f64() * 1e3).round() / 1e3,
            settled: run.settled,
        }
    }

    /// The exit code of a run that came to its end.
    pub fn exit(&self) -> Exit {
        if self.failed > 0 || self.not_judged > 0 { Exit::SomeFailed } else { Exit::InSync }
    }

    /// Prints it: as JSON to standard output, or as a line to standard error.
    pub fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            return out::line(serde_json::to_string(self).expect("a summary is representable as JSON"));
        }
        console::say(format_args!(
            "{} listed, {} copied ({}), {} deleted, {}, {} failed{} in {:.1} s (run {})",
            console::count(self.listed),
            console::count(self.copied),
            console::bytes(self.bytes),
            console::count(self.deleted),
            skipped(self.skipped, &self.settled),
            console::count(self.failed),
            not_compared(self.not_judged),
            self.seconds,
            self.run,
        ));
        Ok(())
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// How many objects could not be compared, if there are any, in words.
pub fn not_compared(count: u64) -> String {
    if count == 0 { String::new() } else { format!(", {} not compared", console::count(count)) }
}

/// How many objects were skipped, and how many of them for which [reasons], in words.
pub fn skipped(all: u64, settled: &Settled) -> String {
    match reasons(settled).as_slice() {
        [] => format!("{} skipped", console::count(all)),
        reasons => format!("{} skipped ({})", console::count(all), reasons.join(", ")),
    }
}

/// How many objects were skipped for each reason that is counted apart and that there was.
pub fn reasons(settled: &Settled) -> Vec<String> {
    let counts = [(settled.archived, ARCHIVED), (settled.out_of_scope, OUT_OF_SCOPE), (settled.coalesced, COALESCED)];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    counts.map(|(count, reason)| format!("{} {reason}", console::count(count))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_was_skipped_the_reasons_that_there_were_are_told() {
        assert_eq!(skipped(7, &Settled::default()), "7 skipped");
        let archived = Settled { archived: 2, ..Settled::default() };
        assert_eq!(skipped(7, &archived), "7 skipped (2 archived)");
        let all = Settled { out_of_scope: 1_000, coalesced: 3, ..archived };
        assert_eq!(skipped(2_000, &all), "2,000 skipped (2 archived, 1,000 out of scope, 3 coalesced)");
    }
}
