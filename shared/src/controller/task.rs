//! One task in one pass.

use sha2::{Digest as _, Sha256};

use super::{MAX_RESTARTS, STILL_PASSES, UNCLAIMED_PASSES};
use crate::ledger::{Phase, Run};
use crate::object::Timestamp;
use crate::queue::Depth;
use crate::schedule::Schedule;
use crate::tasks::{Due, EndedRun, RunEnd, Summary, TaskState, Watch, run_id};

/// A run as a pass sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunView {
    /// The run.
    pub id: String,
    /// Its phase; `None`: the ledger does not know it, so it is queued.
    pub phase: Option<Phase>,
    /// Objects that were found to be copied or deleted and are not settled, deferred ones among them.
    pub unsettled: u64,
    /// Objects that were put on the queue and are not settled.
    pub waiting: u64,
    /// Objects that failed.
    pub failed: u64,
    /// Objects that could not be compared.
    pub not_judged: u64,
    /// Folders and names that could not be listed.
    pub unlisted: u64,
    /// Why it stopped, or what it refused.
    pub error: Option<String>,
    /// Changes when anything of the run changes.
    pub progress: u64,
}

impl RunView {
    /// The view of a run that the ledger does not know.
    pub fn queued(id: &str) -> RunView {
        RunView {
            id: id.to_owned(),
            phase: None,
            unsettled: 0,
            waiting: 0,
            failed: 0,
            not_judged: 0,
            unlisted: 0,
            error: None,
            progress: 0,
        }
    }

    /// The view of a run as the ledger has it.
    pub fn of(run: &Run) -> RunView {
        let counters = serde_json::to_vec(&(run.phase, run.found, &run.settled)).unwrap_or_default();
        let hash = Sha256::digest(counters);
        let progress = hash.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        RunView {
            id: run.start.id.clone(),
            phase: Some(run.phase),
            unsettled: run.unsettled(),
            waiting: run.enqueued().saturating_sub(run.settled.objects()),
            failed: run.settled.failed,
            not_judged: run.found.not_judged,
            unlisted: run.found.unlisted,
            error: run.error.clone(),
            progress,
        }
    }

    /// Its end, seen now.
    fn ended(&self, end: RunEnd, lost: u64, now: Timestamp) -> EndedRun {
        let RunView { failed, not_judged, unlisted, .. } = *self;
        let end = EndedRun { failed, lost, not_judged, unlisted, ..EndedRun::new(&self.id, end, now) };
        end.because(self.error.as_deref())
    }

    /// Whether everything was listed and compared, and no object failed.
    fn is_complete(&self) -> bool {
        self.failed == 0 && self.not_judged == 0 && self.unlisted == 0
    }
}

/// A task as a pass sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskView<'a> {
    /// The task.
    pub summary: &'a Summary,
    /// Its live run and those that are being cancelled; `None` if one of them could not be read.
    pub runs: Option<Vec<RunView>>,
    /// The counter of the finder's claim, `Some(None)` without a claim; `None` if it could not be read.
    pub claim: Option<Option<u64>>,
    /// Its queue of jobs; `None` if it could not be read. The queue of events proves nothing about a run: it may never
    /// be empty.
    pub depth: Option<Depth>,
}

/// A decision about a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskDecision {
    /// Begin a run, and then send its `find` job.
    Begin {
        /// The run's id, the same for all controllers.
        run: String,
        /// The due time that it is for; `None`: it starts again what the last run lost, as that was asked for.
        due: Option<Due>,
    },
    /// Move the due time: a run is live.
    Skip(Due),
    /// Send the `find` job of a run again.
    Find(String),
    /// Have the ledger cancel a run, or go on with that.
    Cancel(String),
    /// Have the ledger take the unsettled objects of a run for lost.
    Lose {
        /// The run.
        run: String,
        /// How many objects.
        lost: u64,
    },
    /// Record the end of a run; before that, ask for the notice of it.
    End(EndedRun),
    /// Show why the task's schedule cannot be followed.
    Unreadable(String),
}

/// The decisions about a task in the pass of minute `minute`, and the memory of the next pass. Repeated within
/// the minute it is the same, and nothing is counted twice.
pub fn decide(view: &TaskView<'_>, minute: u64, now: Timestamp) -> (Vec<TaskDecision>, Watch) {
    let watch = watch(view, minute);
    let mut decisions = Vec::new();
    if let Some(runs) = &view.runs {
        decisions.extend(runs.iter().filter_map(|run| of_run(view.summary, run, &watch, now)));
    }
    decisions.extend(begin(view.summary, now));
    (decisions, watch)
}

/// Compares this pass with the pass before.
fn watch(view: &TaskView<'_>, minute: u64) -> Watch {
    let before = view.summary.watch;
    let (Some(runs), Some(claim), Some(depth)) = (&view.runs, view.claim, view.depth) else {
        // What was not seen proves nothing: counting begins anew.
        return Watch { unclaimed: 0, empty: 0, still: 0, ..before };
    };
    if minute <= before.minute || runs.is_empty() {
        let idle = Watch { minute: minute.max(before.minute), outage: before.outage, ..Watch::default() };
        return if runs.is_empty() { idle } else { before };
    }
    let progress = runs.iter().fold(0u64, |sum, run| sum.wrapping_mul(31).wrapping_add(run.progress));
    let is_empty = depth.waiting() == 0;
    let is_unclaimed = claim.is_none() || claim == before.claim;
    let is_still = is_empty && progress == before.progress;
    let count = |holds: bool, passes: u32| if holds { passes.saturating_add(1) } else { 0 };
    Watch {
        minute,
        progress,
        claim,
        unclaimed: count(is_unclaimed, before.unclaimed),
        empty: count(is_empty, before.empty),
        still: count(is_still, before.still),
        outage: before.outage,
    }
}

/// The state machine of runs: `queued → listing → releasing → copying → done | done with failures`, all but the last two
/// → `stopped`, any → `cancelling → cancelled`.
fn of_run(summary: &Summary, run: &RunView, watch: &Watch, now: Timestamp) -> Option<TaskDecision> {
    let is_cancelled = summary.cancelled.contains(&run.id);
    let is_live = summary.run.as_ref().is_some_and(|live| live.id == run.id);
    // A paused task receives nothing: one message more would wait beside the others.
    let may_find = is_live && summary.state == TaskState::Active;
    // A `find` job that waits behind events is not seen: it is sent once in so many passes, and repeated it does no harm.
    let abandoned = watch.unclaimed.min(watch.empty);
    let is_abandoned = abandoned >= UNCLAIMED_PASSES && abandoned.is_multiple_of(UNCLAIMED_PASSES);
    let is_lost = watch.still >= STILL_PASSES;
    let end = |end: RunEnd, lost: u64| Some(TaskDecision::End(run.ended(end, lost, now)));
    let lose = |lost: u64| Some(TaskDecision::Lose { run: run.id.clone(), lost });
    match run.phase {
        // A finder that has begun and is not recorded yet has a claim.
        None if is_cancelled => {
            if watch.unclaimed > 0 {
                end(RunEnd::Cancelled, 0)
            } else {
                None
            }
        }
        Some(phase) if is_cancelled && !phase.is_cancelled() => Some(TaskDecision::Cancel(run.id.clone())),
        None | Some(Phase::Listing | Phase::Releasing) if may_find && is_abandoned => {
            Some(TaskDecision::Find(run.id.clone()))
        }
        None | Some(Phase::Listing | Phase::Releasing) => None,
        Some(Phase::Listed) if run.waiting == 0 && run.is_complete() => end(RunEnd::Done, 0),
        Some(Phase::Listed) if run.waiting == 0 => end(RunEnd::DoneWithFailures, 0),
        Some(Phase::Stopped) if run.waiting == 0 => end(RunEnd::Stopped, 0),
        Some(Phase::Cancelled) if run.waiting == 0 => end(RunEnd::Cancelled, 0),
        Some(Phase::Listed | Phase::Stopped) if is_lost => lose(run.waiting),
        // It is cancelled, whatever was lost.
        Some(Phase::Cancelled) if is_lost => end(RunEnd::Cancelled, run.waiting),
        Some(Phase::Listed | Phase::Stopped | Phase::Cancelled) => None,
        // The program that cancels it died, or never meant to do more than this. Repeated, it does no harm.
        Some(Phase::Cancelling) if watch.unclaimed > 0 => Some(TaskDecision::Cancel(run.id.clone())),
        Some(Phase::Cancelling) => None,
        Some(Phase::Lost) if is_cancelled => end(RunEnd::Cancelled, run.unsettled),
        Some(Phase::Lost) => end(RunEnd::Stopped, run.unsettled),
    }
}

/// A run that is to begin: because something was lost, or because it is due.
fn begin(summary: &Summary, now: Timestamp) -> Option<TaskDecision> {
    if summary.state != TaskState::Active {
        return None;
    }
    if let Some(seen) = summary.next_due.filter(|due| *due <= now) {
        let schedule = match summary.outline.schedule.parse::<Schedule>() {
            Ok(schedule) => schedule,
            Err(why) => return Some(TaskDecision::Unreadable(why)),
        };
        let due = Due { seen, next: schedule.next(seen, now) };
        return Some(match summary.run {
            Some(_) => TaskDecision::Skip(due),
            None => TaskDecision::Begin { run: run_id(&summary.task.id, seen), due: Some(due) },
        });
    }
    let last = summary.last_run.as_ref().filter(|last| last.has_losses())?;
    // What was asked of the lost run was asked of its version.
    let may_restart = summary.losses.in_a_row <= MAX_RESTARTS && summary.losses.version == summary.version;
    let is_free = may_restart && summary.run.is_none() && summary.cancelled.is_empty();
    // By the recorded end, so that two controllers begin one run.
    is_free.then(|| TaskDecision::Begin { run: run_id(&summary.task.id, last.ended), due: None })
}

#[cfg(test)]
mod tests;
