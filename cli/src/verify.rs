//! `flotilla verify`: walks both sides in key order and compares each object by the strongest means
//! that both have, reading where there is no other. Changes nothing.

mod compare;
mod content;
mod walk;

use adapters::open;
use serde::{Deserialize, Serialize};
use shared::terminal;
use tokio_util::sync::CancellationToken;

use crate::args::VerifyArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::object_source;
use crate::stdout::Stdout;
use crate::verbosity::note;
pub use compare::{DifferenceKind, PairVerdict};
pub use walk::{Tally, Verification, Verified, WalkEnd};

/// One difference under one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The key.
    pub key: String,
    /// In what the two sides differ.
    pub kind: DifferenceKind,
    /// In words.
    pub what: String,
}

/// Compares, and lists what differs: exit 1 if anything does.
pub async fn run(args: &VerifyArgs, stop: CancellationToken) -> CommandResult {
    let Some(config) = object_source::resolve(args.config()?, &stop).await? else { return Ok(Exit::Interrupted) };
    let sides = open::sides(&config).await.map_err(Failure::side)?;
    open::probe_both(&sides.0, &sides.1).await.map_err(Failure::side)?;
    let mut verified = Verified::default();
    let verification = Verification::new(&config, sides, args.effort(), verified.began).map_err(Failure::usage)?;
    let mut out = Stdout::new();
    let print =
        |key: &str, verdict: &PairVerdict| lines(key, verdict).try_for_each(|line| line.print(&mut out, args.json));
    let walked = verification.walk(&mut verified, &stop, None, print).await;
    match walked {
        Ok(()) => verified.tally.finish(&mut out, args.json),
        Err(WalkEnd::Stopped) => {
            out.flush()?;
            Ok(Exit::Interrupted)
        }
        Err(WalkEnd::Listing(error)) => {
            out.flush()?;
            Err(Failure::midway(error).hint("the listing is incomplete, so nothing is verified"))
        }
        Err(WalkEnd::Taking(failure)) => Err(failure),
    }
}

/// The differences under a key.
pub fn lines(key: &str, verdict: &PairVerdict) -> impl Iterator<Item = Line> {
    let line = |difference: &compare::PairDifference| Line {
        key: key.to_owned(),
        kind: difference.kind,
        what: difference.what.clone(),
    };
    verdict.differences.iter().map(line).collect::<Vec<_>>().into_iter()
}

impl Line {
    /// Prints the difference.
    pub fn print(&self, out: &mut Stdout, json: bool) -> Result<(), Failure> {
        match json {
            true => out.line(serde_json::to_string(self).expect("a difference is representable as JSON")),
            false => out.line(format_args!("{}\t{}", terminal::escaped(&self.key), terminal::escaped(&self.what))),
        }
    }
}

impl Tally {
    /// Prints the tally: 1 if anything differs.
    pub fn finish(&self, out: &mut Stdout, json: bool) -> CommandResult {
        if json {
            out.line(serde_json::to_string(self).expect("a tally is representable as JSON"))?;
        }
        out.flush()?;
        if !json {
            self.note();
        }
        Ok(if self.different > 0 { Exit::SomeFailed } else { Exit::InSync })
    }

    fn note(&self) {
        let by: Vec<String> = self.by.iter().map(|(means, n)| format!("{} by {means}", terminal::count(*n))).collect();
        note(format_args!(
            "{} compared in {}: {} same, {} different{}{}",
            terminal::counted(self.compared, "key"),
            terminal::elapsed(self.elapsed()),
            terminal::count(self.same),
            terminal::count(self.different),
            if by.is_empty() { "" } else { "; " },
            by.join(", "),
        ));
        if self.changing > 0 {
            note(format_args!(
                "{} changed during every comparison: run again when no program writes to them",
                terminal::counted(self.changing, "object"),
            ));
        }
        if self.size_only > 0 {
            note(format_args!(
                "{} compared by size only, because the stores have no checksum in common: leave --quick out to compare their bytes",
                terminal::counted(self.size_only, "object"),
            ));
        }
    }
}
