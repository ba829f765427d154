//! `flotilla status`: the runs, how far they are, how fast they go; and what became of events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use shared::ledger::rate::Rate;
use shared::ledger::{MAX_RUNS, Phase, Run, RunTransfers, events_run};
use shared::object::Timestamp;
use shared::terminal;
use tokio::time::{Instant, sleep};

use crate::args::LookArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::meter::Meter;
use crate::records::Records;
use crate::stdout::Stdout;
use crate::summary;
use crate::tasks::{self, Listed, lifetime};

/// Runs under way are looked at twice, this far apart, to measure their rates.
const LOOK: Duration = Duration::from_secs(1);

/// One run as `--json` prints it; the run's own fields beside derived ones.
#[derive(Debug, Serialize)]
struct Status<'a> {
    #[serde(flatten)]
    run: &'a Run,
    /// The run's counters, in place of its own.
    settled: Value,
    enqueued: u64,
    done: bool,
    /// Whether it is the event run of the task's events.
    events: bool,
    /// Large objects that workers transfer now.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_flight: Option<RunTransfers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<u64>,
}

/// A task as `--json` prints it.
#[derive(Debug, Serialize)]
struct TaskStatus<'a> {
    #[serde(flatten)]
    task: &'a Listed,
    /// When its oldest message is lost if none is received before.
    messages_die: Option<Timestamp>,
}

/// Prints a fleet's tasks with their live runs, and all runs of other tasks, oldest first, then those of their events;
/// or what is named.
pub async fn run(args: &LookArgs) -> CommandResult {
    let records = Records::open(&args.records.source).await?;
    let mut out = Stdout::new();
    let (tasks, mut runs) = match &args.records.run {
        Some(named) => (Vec::new(), named_runs(&records, named).await?),
        None => all_runs(&records).await?,
    };
    let dying = match records.fleet() {
        Some(fleet) => lifetime::of_tasks(fleet, &tasks).await,
        None => BTreeMap::new(),
    };
    for task in &tasks {
        let messages_die = dying.get(&task.summary.task.id).copied();
        match args.json {
            true => out.line(serde_json::to_string(&TaskStatus { task, messages_die }).expect("it is JSON"))?,
            false => {
                out.line(tasks::line(task))?;
                if let Some(at) = messages_die {
                    out.line(format!("{}: {}", task.summary.task.name, lifetime::words(&task.summary, at)))?;
                }
            }
        }
    }
    let looks = look_twice(&records, &mut runs).await?;
    if runs.is_empty() && tasks.is_empty() && !args.json {
        out.line("no runs yet")?;
    }
    for (run, Look { meter, in_flight }) in runs.iter().zip(&looks) {
        if args.json {
            let rate = meter.rate();
            let seconds_left = meter.remaining(run).map(|time| time.as_secs());
            let (enqueued, done, events) = (run.enqueued(), run.is_done(), run.is_events());
            let in_flight = in_flight.filter(|in_flight| in_flight.objects > 0);
            let settled = summary::settled_json(&run.settled);
            let status = Status { run, settled, enqueued, done, events, in_flight, rate, seconds_left };
            out.line(serde_json::to_string(&status).expect("a status is representable as JSON"))?;
        } else {
            print_human(&mut out, run, meter, *in_flight)?;
        }
    }
    out.flush()?;
    Ok(Exit::InSync)
}

/// All runs of the task of this name, or the run that the name means.
async fn named_runs(records: &Records, named: &str) -> Result<Vec<Run>, Failure> {
    match records.named_task(named).await? {
        Some(task) => of_task(records, &task.task.id).await,
        None => Ok(vec![records.run(Some(named)).await?]),
    }
}

/// The runs of a task, oldest first, then that of its events.
async fn of_task(records: &Records, task: &str) -> Result<Vec<Run>, Failure> {
    let mut runs = records.ledger.runs(task, MAX_RUNS).await.map_err(Failure::midway)?;
    runs.extend(records.ledger.run(&events_run(task)).await.map_err(Failure::midway)?);
    runs.sort_by_key(|run| (run.is_events(), run.start.started));
    Ok(runs)
}

/// The tasks of a fleet with their live runs, and all runs of tasks that are no fleet's.
async fn all_runs(records: &Records) -> Result<(Vec<Listed>, Vec<Run>), Failure> {
    let tasks = match records.fleet() {
        Some(fleet) => tasks::listed(fleet).await?,
        None => Vec::new(),
    };
    let of_fleet: BTreeSet<&str> = tasks.iter().map(|task| task.summary.task.id.as_str()).collect();
    let mut runs: Vec<Run> =
        tasks.iter().filter_map(|task| task.live.as_ref()).filter_map(|live| live.run.clone()).collect();
    for task in records.tasks().await?.iter().filter(|task| !of_fleet.contains(task.as_str())) {
        runs.extend(of_task(records, task).await?);
    }
    runs.sort_by_key(|run| (run.is_events(), run.start.started));
    Ok((tasks, runs))
}

/// What two looks at a run have shown.
#[derive(Default)]
struct Look {
    meter: Meter,
    /// Of runs that are not done.
    in_flight: Option<RunTransfers>,
}

async fn look_twice(records: &Records, runs: &mut [Run]) -> Result<Vec<Look>, Failure> {
    let began = Instant::now();
    let mut looks: Vec<Look> = Vec::new();
    for run in runs.iter() {
        let mut look = Look::default();
        if !run.is_done() {
            look.in_flight = Some(in_flight(records, run).await?);
        }
        look.observe(began.elapsed(), run);
        looks.push(look);
    }
    // Events have no end, and come when they come: there is no rate to show.
    let is_under_way = |run: &Run| !run.is_done() && !run.is_events();
    if !runs.iter().any(is_under_way) {
        return Ok(looks);
    }
    sleep(LOOK).await;
    for (run, look) in runs.iter_mut().zip(&mut looks).filter(|(run, _)| is_under_way(run)) {
        if let Some(now) = records.ledger.run(&run.start.id).await.map_err(Failure::midway)? {
            look.observe(began.elapsed(), &now);
            *run = now;
        }
    }
    Ok(looks)
}

async fn in_flight(records: &Records, run: &Run) -> Result<RunTransfers, Failure> {
    let reports = records.ledger.transfers(&run.start.id).await.map_err(Failure::midway)?;
    Ok(RunTransfers::of(&reports))
}

impl Look {
    /// The reports change every few seconds only, so both looks go by the same ones, and by the rate that they report.
    fn observe(&mut self, at: Duration, run: &Run) {
        let RunTransfers { bytes, bytes_per_second, .. } = self.in_flight.unwrap_or_default();
        // An object that has just settled may be reported still.
        let rest = run.found.enqueued_bytes.saturating_sub(run.settled.bytes);
        let under_way_bytes = if run.is_events() { 0 } else { bytes.min(rest) };
        self.meter.observe(at, run, under_way_bytes);
        self.meter.report_rate(bytes_per_second);
    }
}

fn print_human(out: &mut Stdout, run: &Run, meter: &Meter, in_flight: Option<RunTransfers>) -> Result<(), Failure> {
    let start = &run.start;
    let (source, destination) = (terminal::escaped(&start.source), terminal::escaped(&start.destination));
    let started = start.started.to_seconds();
    out.line(format_args!("{}  {started}  {source} -> {destination}", terminal::run_id(&start.id)))?;
    let counters = match (run.is_events(), run.is_done() || run.phase.is_cancelled()) {
        (true, _) => followed(run),
        (_, true) => {
            let filtered = match run.found.filtered {
                0 => String::new(),
                objects => format!(", {} filtered out", terminal::count(objects)),
            };
            format!("{} listed, {}{filtered}", terminal::count(run.found.listed), settled(run))
        }
        _ => meter.line(run),
    };
    out.line(format_args!("    {}: {counters}", describe(run)))?;
    if let Some(in_flight) = in_flight.filter(|in_flight| in_flight.objects > 0) {
        out.line(format_args!("    {}", words(&in_flight)))?;
    }
    match &run.error {
        Some(error) => out.line(format_args!("    {}", terminal::escaped(error))),
        None => Ok(()),
    }
}

/// What workers transfer now: `2 large objects in flight at 1 worker (1.20 GiB so far, 50.0 MiB/s)`.
fn words(in_flight: &RunTransfers) -> String {
    let objects = terminal::counted(in_flight.objects, "large object");
    let workers = terminal::counted(in_flight.workers, "worker");
    let bytes = terminal::bytes(in_flight.bytes);
    let rate = match in_flight.bytes_per_second {
        0 => String::new(),
        bytes => format!(", {}", terminal::rate(bytes as f64)),
    };
    format!("{objects} in flight at {workers} ({bytes} so far{rate})")
}

/// Where a run stands, in a word or two.
pub fn describe(run: &Run) -> &'static str {
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
pub fn settled(run: &Run) -> String {
    let mut parts = summary::settled(&run.settled, run.settled.skipped + run.found.unchanged);
    parts.extend(summary::counted_if_any(run.found.not_judged, "not compared"));
    parts.extend(summary::counted_if_any(run.found.unlisted, "not listed"));
    parts.join(", ")
}
