//! `flotilla verify`: walks both sides in key order and compares each object by the strongest means
//! that both have, reading where there is no other. Changes nothing.

mod compare;
mod content;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::open;
use finder::Pair;
use futures::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use shared::describe::{self, Describer};
use shared::filter::Filter;
use shared::object::Timestamp;
use shared::terminal;
use tokio_util::sync::CancellationToken;

use crate::args::VerifyArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::object_source;
use crate::stdout::Stdout;
use crate::verbosity::note;
use compare::{Kind, Sides, Verdict};
pub use content::Effort;
use content::Means;

/// One difference under one key.
#[derive(Debug, Serialize)]
struct Line<'a> {
    key: &'a str,
    kind: Kind,
    what: &'a str,
}

/// What a verification came to.
#[derive(Debug, Default, Serialize)]
struct Tally {
    /// Keys looked at.
    compared: u64,
    /// Keys with the same object on both sides.
    same: u64,
    /// Of those, objects of which nothing but the sizes was compared.
    size_only: u64,
    /// Keys that differ, or could not be compared.
    different: u64,
    /// Of those, objects that were written to under every comparison.
    changing: u64,
    /// Objects of both sides, by what their bytes were compared by.
    by: BTreeMap<String, u64>,
    /// Wall time.
    seconds: f64,
}

/// Compares, and lists what differs: exit 1 if anything does.
pub async fn run(args: &VerifyArgs, stop: CancellationToken) -> Outcome {
    let began = Instant::now();
    let Some(config) = object_source::resolve(args.config()?, &stop).await? else { return Ok(Exit::Interrupted) };
    let filter = Filter::load(&config.objects.find, Some(Timestamp::now())).map_err(Failure::usage)?;
    let (source, destination) = open::sides(&config).await.map_err(Failure::side)?;
    open::probe_both(&source, &destination).await.map_err(Failure::side)?;
    let effort = args.effort();
    let tags = describe::Tags { compared: true, required: false };
    // It takes a HEAD of each object, which a quick look does without.
    let describer =
        if effort == Effort::Quick { None } else { Describer::between(&source, &destination, tags).map(Arc::new) };
    let sides = Sides { source: source.clone(), destination: destination.clone(), effort, describer };
    let verdicts = finder::pairs(source, destination, &filter)
        .try_filter(|pair| std::future::ready(is_compared(pair)))
        .map_ok(|pair| judge(&sides, pair))
        .try_buffered(config.objects.work.concurrency);
    let mut verdicts = std::pin::pin!(verdicts);
    let mut out = Stdout::new();
    let mut tally = Tally::default();
    loop {
        let next = tokio::select! {
            next = verdicts.next() => next,
            () = stop.cancelled() => {
                out.flush()?;
                return Ok(Exit::Interrupted);
            }
        };
        match next {
            Some(Ok((key, verdict))) => tally.take(&mut out, &key, &verdict, args.json)?,
            Some(Err(error)) => {
                out.flush()?;
                return Err(Failure::midway(error).hint("the listing is incomplete, so nothing is verified"));
            }
            None => break,
        }
    }
    tally.seconds = (began.elapsed().as_secs_f64() * 1e3).round() / 1e3;
    tally.finish(&mut out, args.json)
}

/// Whether something can be said of a pair: not of an object whose counterpart is unknown, for the span
/// that covers it is reported, nor of names that the store never serves.
fn is_compared(pair: &Pair) -> bool {
    match pair {
        Pair::Unjudged(..) => false,
        Pair::Unlisted(_, unlisted) => unlisted.is_failure,
        _ => true,
    }
}

async fn judge(sides: &Sides, pair: Pair) -> shared::Result<(String, Verdict)> {
    let verdict = compare::compare(sides, &pair).await;
    Ok((pair.key().to_owned(), verdict))
}

impl Tally {
    fn take(&mut self, out: &mut Stdout, key: &str, verdict: &Verdict, json: bool) -> Result<(), Failure> {
        self.compared += 1;
        if let Some(means) = verdict.means {
            *self.by.entry(means.to_string()).or_default() += 1;
        }
        if verdict.differences.is_empty() {
            self.same += 1;
            self.size_only += u64::from(verdict.means == Some(Means::Size));
            return Ok(());
        }
        self.different += 1;
        self.changing += u64::from(verdict.differences.iter().any(|difference| difference.kind == Kind::Changing));
        verdict.differences.iter().try_for_each(|difference| {
            let what = &difference.what;
            if json {
                let line = Line { key, kind: difference.kind, what };
                out.line(serde_json::to_string(&line).expect("a difference is representable as JSON"))
            } else {
                out.line(format_args!("{}\t{}", terminal::escaped(key), terminal::escaped(what)))
            }
        })
    }

    fn finish(&self, out: &mut Stdout, json: bool) -> Outcome {
        if json {
            out.line(serde_json::to_string(self).expect("a tally is representable as JSON"))?;
        }
        out.flush()?;
        if !json {
            let by: Vec<String> =
                self.by.iter().map(|(means, n)| format!("{} by {means}", terminal::count(*n))).collect();
            note(format_args!(
                "{} compared in {}: {} same, {} different{}{}",
                terminal::counted(self.compared, "key"),
                terminal::elapsed(Duration::from_secs_f64(self.seconds)),
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
        Ok(if self.different > 0 { Exit::SomeFailed } else { Exit::InSync })
    }
}
