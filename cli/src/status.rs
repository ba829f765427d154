//! `flotilla status`: the runs, how far they are, how fast they go; and what became of events.

use std::time::Duration;

use serde::Serialize;
use shared::console;
use shared::ledger::{MAX_RUNS, Phase, Run, events_run};
use tokio::time::{Instant, sleep};

use crate::args::LookArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::meter::{Meter, Rate};
use crate::out::Out;
use crate::records::Records;
use crate::summary;

/// Runs under way are looked at twice, this far apart, to tell their rates.
const LOOK: Duration = Duration::from_secs(1);

/// One run as `--json` prints it; the run's own fields beside what is derived.
#[derive(Debug, Serialize)]
struct Status<'a> {
    #[serde(flatten)]
    run: &'a Run,
    enqueued: u64,
    done: bool,
    /// Whether it is the standing run of the task's events.
    events: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<u64>,
}

/// Prints all runs of the tasks, oldest first, then those of their events; or the one that is named.
pub async fn run(args: &LookArgs) -> Outcome {
    let records = Records::open(&args.records).await?;
    let mut runs = Vec::new();
    if args.records.run.is_some() {
        runs.push(records.run(args.records.run.as_deref()).await?);
    } else {
        for task in records.tasks().await? {
            runs.extend(records.ledger.runs(&task, MAX_RUNS).await.map_err(Failure::midway)?);
            runs.extend(records.ledger.run(&events_run(&task)).await.map_err(Failure::midway)?);
        }
        runs.sort_by_key(|run| (run.is_events(), run.start.started));
    }
    let meters = look_twice(&records, &mut runs).await?;
    let mut out = Out::new();
    if runs.is_empty() && !args.json {
        out.line("no runs yet")?;
    }
    for (run, meter) in runs.iter().zip(&meters) {
        if args.json {
            let rate = meter.rate();
            let seconds_left = meter.remaining(run).map(|time| time.as_secs());
            let (enqueued, done, events) = (run.enqueued(), run.is_done(), run.is_events());
            let status = Status { run, enqueued, done, events, rate, seconds_left };
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
        meter.observe(began.elapsed(), run, 0);
        meters.push(meter);
    }
    // Events have no end, and come when they come: there is no rate to tell.
    let is_under_way = |run: &Run| !run.is_done() && !run.is_events();
    if !runs.iter().any(is_under_way) {
        return Ok(meters);
    }
    sleep(LOOK).await;
    for (run, meter) in runs.iter_mut().zip(&mut meters).filter(|(run, _)| is_under_way(run)) {
        if let Some(now) = records.ledger.run(&run.start.id).await.map_err(Failure::midway)? {
            meter.observe(began.elapsed(), &now, 0);
            *run = now;
        }
    }
    Ok(meters)
}

fn print_human(out: &mut Out, run: &Run, meter: &Meter) -> Result<(), Failure> {
    let start = &run.start;
    let (source, destination) = (console::escaped(&start.source), console::escaped(&start.destination));
    let started = start.started.to_seconds();
    out.line(format_args!("{}  {started}  {source} -> {destination}", console::run_id(&start.id)))?;
    let counters = match (run.is_events(), run.is_done() || run.phase.is_cancelled()) {
        (true, _) => followed(run),
        (_, true) => {
            let filtered = match run.found.filtered {
                0 => String::new(),
                objects => format!(", {} filtered out", console::count(objects)),
            };
            format!("{} listed, {}{filtered}", console::count(run.found.listed), settled(run))
        }
        _ => meter.line(run),
    };
    out.line(format_args!("    {}: {counters}", describe(run)))?;
    match &run.error {
        Some(error) => out.line(format_args!("    {}", console::escaped(error))),
        None => Ok(()),
    }
}

/// Where a run stands, in a word or two.
fn describe(run: &Run) -> &'static str {
    match (run.phase, run.is_done()) {
        _ if run.is_events() => "following events",
        (Phase::Listing, _) => "listing",
        (Phase::Releasing, _) => "enqueueing deletes",
        (Phase::Listed, false) => "copying",
        (Phase::Stopped, false) => "listing failed, copying the objects found before",
        (Phase::Listed, true) => "done",
        (Phase::Stopped, true) => "stopped",
        (Phase::Cancelling, _) => "cancelling",
        (Phase::Cancelled, false) => "cancelled, with jobs still on the queue",
        (Phase::Cancelled, true) => "cancelled",
        (Phase::Lost, _) => "stopped, messages were lost",
    }
}

/// What became of events so far.
fn followed(run: &Run) -> String {
    let last = run.settled.last.map(|last| format!(", last at {}", last.to_seconds()));
    settled(run) + &last.unwrap_or_default()
}

/// What became of a run's objects.
fn settled(run: &Run) -> String {
    let mut parts = summary::settled(&run.settled, run.settled.skipped + run.found.unchanged);
    parts.extend(summary::counted_if_any(run.found.not_judged, "not compared"));
    parts.join(", ")
}
