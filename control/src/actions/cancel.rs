//! Cancels runs.

use shared::ErrorKind;
use shared::ledger::Phase;
use shared::tasks::{Change, Summary, TaskState};
use shared::terminal;

use super::actor::{Actor, gone};
use crate::refusal::{Code, Refusal};

/// A run that is being cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelling {
    /// The run.
    pub run: String,
    /// The state of its task: nobody settles the objects of a paused one.
    pub state: TaskState,
}

/// Cancels the live run. Repeated, or after a crash in between, it goes on; if it is not repeated, the controller does.
pub async fn cancel(actor: &Actor, name: &str) -> Result<Cancelling, Refusal> {
    let summary = actor.summary(name).await?;
    let Some(run) = newest(&summary) else {
        return Err(Refusal::new(Code::NoSuchRun, format!("task {name:?} has no run to cancel")));
    };
    cancel_run(actor, &summary, run).await
}

/// Cancels a run of a task that has not ended.
pub async fn cancel_run(actor: &Actor, summary: &Summary, run: &str) -> Result<Cancelling, Refusal> {
    let name = &summary.task.name;
    let is_live = summary.run.as_ref().is_some_and(|live| live.id == run);
    if !is_live && !summary.cancelled.contains(run) {
        return Err(Refusal::new(Code::RunEnded, format!("run {} of task {name:?} has ended", terminal::run_id(run))));
    }
    match actor.tasks().cancel_run(&summary.task, run, &actor.author("")).await.map_err(Refusal::service)? {
        Change::Made => {}
        Change::Conflict(None) => return Err(gone(name)),
        Change::Conflict(Some(_)) => {
            let what = format!("too many runs of task {name:?} are being cancelled");
            return Err(Refusal::new(Code::TooMany, what).remedy("wait for one to end"));
        }
    }
    mark_cancelled(actor, run).await?;
    Ok(Cancelling { run: run.to_owned(), state: summary.state })
}

/// The live run, or the newest of those that are being cancelled.
fn newest(summary: &Summary) -> Option<&str> {
    let live = summary.run.as_ref().map(|run| run.id.as_str());
    live.or_else(|| summary.cancelled.iter().next_back().map(String::as_str))
}

/// Marks a run in the ledger, where workers read it before they execute its jobs, without a pass of the controller.
/// The finder, or the controller, settles what stands in the ledger. A run that the ledger does not know yet has no
/// jobs: its finder reads the task first.
pub(super) async fn mark_cancelled(actor: &Actor, run: &str) -> Result<(), Refusal> {
    let ledger = &actor.backend.ledger;
    let Some(known) = ledger.run(run).await.map_err(recorded)? else { return Ok(()) };
    if known.phase.is_cancelled() || known.is_done() {
        return Ok(());
    }
    let why = format!("cancelled by {}", actor.who);
    match ledger.set_phase(run, Phase::Cancelling, Some(&why), None).await {
        // Somebody else cancelled it, or it ended, since it was read.
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
        other => other.map_err(recorded),
    }
}

fn recorded(error: shared::Error) -> Refusal {
    Refusal::midway(error).hint("the run is marked as cancelled: the controller goes on with it")
}
