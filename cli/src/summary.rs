//! What a run came to, for people and, as the last line of standard output, for programs.

use std::time::Duration;

use serde::Serialize;
use shared::console;
use shared::ledger::Run;

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
    /// Objects given up.
    pub failed: u64,
    /// Bytes copied.
    pub bytes: u64,
    /// Wall time of this process's share of the run.
    pub seconds: f64,
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
            failed: run.settled.failed,
            bytes: run.settled.bytes,
            seconds: (time.as_secs_f64() * 1e3).round() / 1e3,
        }
    }

    /// The exit code of a run that came to its end.
    pub fn exit(&self) -> Exit {
        if self.failed > 0 { Exit::SomeFailed } else { Exit::InSync }
    }

    /// Prints it: as JSON to standard output, or as a line to standard error.
    pub fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            return out::line(serde_json::to_string(self).expect("a summary is representable as JSON"));
        }
        console::say(format_args!(
            "{} listed, {} copied ({}), {} deleted, {} skipped, {} failed in {:.1} s (run {})",
            console::count(self.listed),
            console::count(self.copied),
            console::bytes(self.bytes),
            console::count(self.deleted),
            console::count(self.skipped),
            console::count(self.failed),
            self.seconds,
            self.run,
        ));
        Ok(())
    }
}
