//! `flotilla status`: the runs, how far they are, how fast they go.

use std::time::Duration;

use serde::Serialize;
use shared::console;
use shared::ledger::{Phase, Run};
use tokio::time::{Instant, sleep};

use crate::args::LookArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::meter::{Meter, Rate, remaining};
use crate::out::Out;
use crate::records::{MAX_RUNS, Records};

/// Runs under way are looked at twice, this far apart, to tell their rates.
const LOOK: Duration = Duration::from_secs(1);

/// One run as `--json` prints it; the run's own fields beside what is derived.
#[derive(Debug, Serialize)]
struct Status<'a> {
    #[serde(flatten)]
    run: &'a Run,
    enqueued: u64,
    done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<u64>,
}

/// Prints all runs of the tasks, oldest first, or the one that is named.
pub async fn run(args: &LookArgs) -> Outcome {
    let records = Records::open(&args.records).await?;
    let mut runs = Vec::new();
    if args.records.run.is_some() {
        runs.push(records.run(args.records.run.as_deref()).await?);
    } else {
        for task in records.tasks().await? {
            runs.extend(records.ledger.runs(&task, MAX_RUNS).await.map_err(Failure::midway)?);
        }
        runs.sort_by_key(|run| run.start.started);
    }
    let meters = look_twice(&records, &mut runs).await?;
    let mut out = Out::new();
    if runs.is_empty() && !args.json {
        out.line("no runs are recorded here")?;
    }
    for (run, meter) in runs.iter().zip(&meters) {
        if args.json {
            let rate = meter.rate();
            let seconds_left = rate.and_then(|rate| remaining(run, rate)).map(|time| time.as_secs());
            let status = Status { run, enqueued: run.enqueued(), done: run.is_done(), rate, seconds_left };
            out.line(serde_json::to_string(&status).expect("a status is representable as JSON"))?;
        } else {
            print_human(&mut out, run, meter)?;
        }
    }
    out.flush()?;
    Ok(Exit::InSync)
}

async fn look_twice(records: &Records, runs: &mut [Run]) -> Result<Vec<Meter>, Failure> {
    let began = Instant::now();
    let mut meters: Vec<Meter> = Vec::new();
    for run in runs.iter() {
        let mut meter = Meter::default();
        meter.observe(began.elapsed(), run);
        meters.push(meter);
    }
    if runs.iter().all(Run::is_done) {
        return Ok(meters);
    }
    sleep(LOOK).await;
    for (run, meter) in runs.iter_mut().zip(&mut meters).filter(|(run, _)| !run.is_done()) {
        if let Some(now) = records.ledger.run(&run.start.id).await.map_err(Failure::midway)? {
            meter.observe(began.elapsed(), &now);
            *run = now;
        }
    }
    Ok(meters)
}

fn print_human(out: &mut Out, run: &Run, meter: &Meter) -> Result<(), Failure> {
    let start = &run.start;
    let (source, destination) = (console::escaped(&start.source), console::escaped(&start.destination));
    out.line(format_args!("{}  {}  {source} -> {destination}", start.id, start.started))?;
    let counters = if run.is_done() { totals(run) } else { meter.line(run) };
    out.line(format_args!("    {}: {counters}", describe(run)))?;
    match &run.error {
        Some(error) => out.line(format_args!("    {}", console::escaped(error))),
        None => Ok(()),
    }
}

/// Where a run stands, in a word or two.
fn describe(run: &Run) -> &'static str {
    match (run.phase, run.is_done()) {
        (Phase::Listing, _) => "listing",
        (Phase::Releasing, _) => "listed, enqueueing deletes",
        (Phase::Listed, false) => "copying",
        (Phase::Stopped, false) => "listing stopped, copying what was found",
        (Phase::Listed, true) => "done",
        (Phase::Stopped, true) => "stopped",
    }
}

/// The counters of a run that is done.
fn totals(run: &Run) -> String {
    let settled = &run.settled;
    format!(
        "{} listed, {} copied ({}), {} deleted, {} skipped, {} failed",
        console::count(run.found.listed),
        console::count(settled.copied),
        console::bytes(settled.bytes),
        console::count(settled.deleted),
        console::count(settled.skipped + run.found.unchanged),
        console::count(settled.failed),
    )
}
