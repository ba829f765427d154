//! `flotilla failures`: the objects of a run that were given up, with their errors.

use shared::ledger::{Outcome, SharedLedger};
use shared::terminal;

use crate::args::LookArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::records::Records;
use crate::stdout::Stdout;
use crate::verbosity::note;

/// Failures read from the ledger at a time.
const PAGE: usize = 500;

/// Prints a run's failures, one a line: key, attempts, error.
pub async fn run(args: &LookArgs) -> CommandResult {
    let records = Records::open(&args.records.source).await?;
    let run = records.run(args.records.run.as_deref()).await?;
    if run.settled.failed == 0 && !args.json {
        note(format_args!("run {} has no failed objects", terminal::run_id(&run.start.id)));
    }
    let mut out = Stdout::new();
    let mut after = None;
    loop {
        let (page, next) =
            records.ledger.failures(&run.start.id, after.as_deref(), PAGE).await.map_err(Failure::midway)?;
        for outcome in &page {
            let line = if args.json {
                serde_json::to_string(outcome).expect("an outcome is representable as JSON")
            } else {
                line(outcome)
            };
            out.line(line)?;
        }
        after = next;
        if after.is_none() || out.is_closed() {
            out.flush()?;
            return Ok(Exit::InSync);
        }
    }
}

/// One failure for people. Fields are parted by tabs, which no escaped key holds.
fn line(outcome: &Outcome) -> String {
    let error = outcome.error.as_deref().unwrap_or("no reason recorded");
    let attempts = terminal::counted(outcome.attempts.into(), "attempt");
    format!("{}\t{attempts}\t{}", terminal::escaped(&outcome.key), terminal::escaped(error))
}

/// Prints the first failures of a run to standard error, and how to see the rest.
pub async fn print_first(ledger: &SharedLedger, run: &str, failed: u64, rest: &str) {
    const SHOWN: usize = 10;
    let Ok((first, _)) = ledger.failures(run, None, SHOWN).await else { return };
    for outcome in &first {
        terminal::say(format_args!("failed: {}", line(outcome)));
    }
    if failed > first.len() as u64 {
        terminal::say(format_args!("and {} more: {rest}", terminal::count(failed - first.len() as u64)));
    }
}
