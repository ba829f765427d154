//! Cancelling runs: a run with other options replaces every earlier one of its task that is not done.
//!
//! The phase is written first: from then on no worker executes a job of the run. Then the jobs that stand in the ledger
//! (outboxes, deferred deletes) are settled as cancelled. Jobs on the queue are settled by the workers that receive them.
//! Objects are counted by origin and index, so that a job which stands in the ledger and on the queue counts once, and
//! a cancellation that is cut off is repeated from its beginning.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    CLOSED, Checkpoint, NO_FENCE, Outcome, Phase, Run, RunOptions, RunStart, Settlement, SharedLedger, State,
    events_run,
};
use crate::job::Job;
use crate::object::Timestamp;
use crate::terminal;
use crate::{Error, ErrorKind, Result};

/// Runs of a task that are looked at, newest first. A run that is not done keeps later ones of the same options from
/// beginning, so that all that are not done are among them.
pub const MAX_RUNS: usize = 100;

/// A worker executes a job that it once received for 12 hours at most: the longest lease of SQS. Twice that, for clocks
/// that are apart.
const EXECUTED_FOR: Duration = Duration::from_secs(24 * 3600);

/// Most runs that are looked at to be closed: more than begin in [`EXECUTED_FOR`].
const MOST_CLOSED: usize = 6_400;

/// Why a run is cancelled by a later one.
const OTHER_OPTIONS: &str = "cancelled: a run with other options has started";

/// Jobs that are settled at once: each is at most one message in memory.
const JOBS_AT_ONCE: usize = 8;

/// Cancels every run of the task that is not done and must not go on when a run with these options begins, ends
/// cancellations that were cut off, and closes done runs with other options. The caller holds the task's claim. Returns the runs as they were when they were
/// cancelled just now, newest first.
pub async fn supersede(ledger: &SharedLedger, task: &str, options: &RunOptions, owner: &str) -> Result<Vec<Run>> {
    let mut cancelled = Vec::new();
    let runs = ledger.runs(task, MAX_RUNS).await?;
    for (age, run) in runs.iter().enumerate() {
        if run.phase == Phase::Cancelling {
            cancel(ledger, run, OTHER_OPTIONS, owner).await?;
        } else if !run.phase.is_cancelled() && !run.is_done() && !goes_on(run, age, options) {
            cancel(ledger, run, OTHER_OPTIONS, owner).await?;
            cancelled.push(run.clone());
        }
    }
    close(ledger, task, runs, options).await?;
    Ok(cancelled)
}

/// Closes the task's done runs with other options, for a caller that decides which run is live, before it begins a run
/// with these options. Usually one read.
pub async fn close_done(ledger: &SharedLedger, task: &str, options: &RunOptions) -> Result<()> {
    match ledger.runs(task, 1).await?.first() {
        Some(newest) if newest.start.options.digest != options.digest => {
            close(ledger, task, ledger.runs(task, MAX_RUNS).await?, options).await
        }
        _ => Ok(()),
    }
}

/// Closes the done runs with other options among these, newest first. A job of theirs that comes twice, or that a worker
/// still executes although another message has settled its items, must not write under those options.
///
/// Runs before one with the same options, and before a closed one, were closed when that one began or was closed. The
/// oldest is closed first: the next command repeats the rest of a pass that was cut off.
///
/// More runs are read where all of these are to be closed, and began within [`EXECUTED_FOR`]: a task may have a run a
/// minute.
async fn close(ledger: &SharedLedger, task: &str, mut runs: Vec<Run>, options: &RunOptions) -> Result<()> {
    let mut limit = MAX_RUNS;
    let done = loop {
        let (done, are_all) = open_done(ledger, &runs, options).await?;
        if !are_all || runs.len() < limit || limit >= MOST_CLOSED || !is_within_a_lease(&runs) {
            break done;
        }
        limit *= 4;
        runs = ledger.runs(task, limit).await?;
    };
    for run in done.into_iter().rev() {
        ledger.fence(&run, CLOSED).await?;
    }
    Ok(())
}

/// The done runs with other options that are to be closed, newest first, and whether earlier ones may be too.
async fn open_done(ledger: &SharedLedger, runs: &[Run], options: &RunOptions) -> Result<(Vec<String>, bool)> {
    let mut done = Vec::new();
    for run in runs {
        if run.start.options.digest == options.digest {
            return Ok((done, false));
        }
        match ledger.run_state(&run.start.id).await? {
            Some(state) if state.phase.is_cancelled() => {}
            Some(state) if state.is_closed => return Ok((done, false)),
            Some(_) if run.is_done() => done.push(run.start.id.clone()),
            _ => {}
        }
    }
    Ok((done, true))
}

/// Whether the oldest of these runs, newest first, began so late that a worker may still execute a job of it.
fn is_within_a_lease(runs: &[Run]) -> bool {
    let (newest, oldest) = (runs.first(), runs.last());
    let times =
        newest.zip(oldest).map(|(newest, oldest)| newest.start.started.0.saturating_sub(oldest.start.started.0));
    times.is_none_or(|apart_ms| apart_ms < EXECUTED_FOR.as_millis() as i64)
}

/// Whether the jobs of a run, the newest of its task if its `age` is 0, are executed when a run with these options
/// begins.
fn goes_on(run: &Run, age: usize, options: &RunOptions) -> bool {
    let is_listed = !matches!(run.phase, Phase::Listing | Phase::Releasing);
    // A full run resumes the newest one, unless that is a retry, and finds what all others have left to enqueue.
    let is_resumable = options.retries.is_some() || age == 0 && run.start.options.retries.is_none();
    run.start.options.digest == options.digest && (is_listed || is_resumable)
}

/// Records that messages of a run are lost, so that it keeps no later one from beginning. Returns how many objects they
/// named.
pub async fn lose(ledger: &SharedLedger, run: &Run) -> Result<u64> {
    let lost = run.enqueued().saturating_sub(run.settled.objects());
    let why =
        format!("stopped: {} lost, because the queue has no more jobs of the run", terminal::counted(lost, "object"));
    ledger.set_phase(&run.start.id, Phase::Lost, Some(&why), None).await?;
    Ok(lost)
}

/// Closes the event run of a task that is being deleted, which stands for the task: from then on no worker opens an upload
/// in the task's name, of whatever run. Repeated, or cut off between the two writes, it changes nothing more.
pub async fn close_task(ledger: &SharedLedger, task: &str) -> Result<()> {
    let (id, source, destination) = (events_run(task), String::new(), String::new());
    let (options, started) = (RunOptions::default(), Timestamp::now());
    // A task without events has none yet.
    let start = RunStart { id: id.clone(), task: task.to_owned(), source, destination, options, started };
    ledger.start_run(&start, NO_FENCE).await?;
    ledger.fence(&id, CLOSED).await.map(drop)
}

/// Cancels one run. Slow, or cut off: no job of the run is executed from the first write on, and the next command
/// repeats the rest.
pub async fn cancel(ledger: &SharedLedger, run: &Run, why: &str, owner: &str) -> Result<()> {
    let id = &run.start.id;
    // The first cancellation has recorded its reason.
    let why = Some(why).filter(|_| run.phase != Phase::Cancelling);
    ledger.set_phase(id, Phase::Cancelling, why, None).await?;
    // A finder that is at work on it learns of the phase later; from here on its writes are refused.
    let checkpoints = ledger.fence(id, CLOSED).await?;
    let has_deletes = ledger.run(id).await?.is_some_and(|run| run.found.deletes > 0);
    for checkpoint in checkpoints {
        settle_checkpoint(ledger, run, checkpoint, has_deletes, owner).await?;
    }
    ledger.set_phase(id, Phase::Cancelled, None, None).await
}

async fn settle_checkpoint(
    ledger: &SharedLedger,
    run: &Run,
    checkpoint: Checkpoint,
    has_deletes: bool,
    owner: &str,
) -> Result<()> {
    for body in &checkpoint.outbox {
        settle(ledger, run, body, owner).await?;
    }
    let deferred = if has_deletes { checkpoint.deferred } else { 0 };
    let settle_deferred = |number| async move {
        let body = ledger.deferred(&run.start.id, checkpoint.id, number).await?;
        let missing = || {
            let message = format!("delete job {number} of range {} is missing from the ledger", checkpoint.id);
            Error::new(ErrorKind::Corrupt, "cancel", &run.start.id, message)
        };
        settle(ledger, run, &body.ok_or_else(missing)?, owner).await
    };
    stream::iter(0..deferred).map(settle_deferred).buffer_unordered(JOBS_AT_ONCE).try_collect().await
}

/// Settles the items of a job as cancelled. A job that stands in the ledger has all items of its origin.
async fn settle(ledger: &SharedLedger, run: &Run, body: &str, owner: &str) -> Result<()> {
    let job = Job::parse(body).map_err(|why| {
        Error::new(ErrorKind::Corrupt, "cancel", &run.start.id, format!("a recorded job is invalid: {why}"))
    })?;
    let outcome = cancelled(job.attempt, owner, Timestamp::now());
    let outcomes: Vec<(u32, Outcome)> = (0..job.origin.items).map(|index| (index, outcome.clone())).collect();
    let settlement = Settlement {
        task: &job.task,
        run: &job.run,
        origin: &job.origin,
        reasons: &[],
        outcomes: &outcomes,
        span: None,
    };
    ledger.settle(&settlement).await.map(drop)
}

/// The outcome of an item whose run was cancelled before its turn came. It is counted, and is no key's last outcome, so
/// that it needs no key, which the kind alone could read.
fn cancelled(attempts: u32, owner: &str, now: Timestamp) -> Outcome {
    Outcome {
        attempts,
        worker: owner.to_owned(),
        started: now,
        finished: now,
        ..Outcome::new(String::new(), State::Cancelled)
    }
}
