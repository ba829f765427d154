//! `flotilla task cancel`

use shared::ErrorKind;
use shared::ledger::{Phase, SharedLedger};
use shared::tasks::{Change, Summary, TaskState};
use shared::terminal;

use super::{author, backend, found, gone, who};
use crate::args::NamedArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout;

/// Cancels the live run. Repeated, or after a crash in between, it goes on; if it is not repeated, the controller does.
pub async fn run(args: &NamedArgs) -> CommandResult {
    let fleet = args.fleet.read()?;
    let backend = backend(&fleet).await?;
    let summary = found(&backend.tasks, &fleet, &args.name).await?;
    let Some(run) = newest(&summary) else {
        return Err(Failure::usage(format!("task {:?} has no run to cancel", args.name)));
    };
    match backend.tasks.cancel_run(&summary.task, run, &author("")).await.map_err(Failure::usage)? {
        Change::Made => {}
        Change::Conflict(None) => return Err(gone(&args.name)),
        Change::Conflict(Some(_)) => {
            let why = format!("too many runs of task {:?} are being cancelled: wait for one to end", args.name);
            return Err(Failure::usage(why));
        }
    }
    tell_workers(&backend.ledger, run).await?;
    stdout::line(words(&args.name, run, summary.state))?;
    Ok(Exit::InSync)
}

/// What becomes of the run.
fn words(name: &str, run: &str, state: TaskState) -> String {
    let id = terminal::run_id(run);
    match state {
        // Nobody receives its messages.
        TaskState::Paused => format!(
            "cancelling run {id} of task {name}: the task is paused, so what was sent of it is settled as cancelled after \
             flotilla task resume {name}"
        ),
        _ => format!("cancelling run {id} of task {name}: what is left of it is settled as cancelled"),
    }
}

/// The live run, or the newest of those that are being cancelled.
fn newest(summary: &Summary) -> Option<&str> {
    let live = summary.run.as_ref().map(|run| run.id.as_str());
    live.or_else(|| summary.cancelled.iter().next_back().map(String::as_str))
}

/// Marks a run in the ledger, where workers read it before they execute its jobs, without a pass of the controller.
/// The finder, or the controller, settles what stands in the ledger. A run that the ledger does not know yet has no
/// jobs: its finder reads the task first.
pub(super) async fn tell_workers(ledger: &SharedLedger, run: &str) -> Result<(), Failure> {
    let Some(known) = ledger.run(run).await.map_err(marked)? else { return Ok(()) };
    if known.phase.is_cancelled() || known.is_done() {
        return Ok(());
    }
    let why = format!("cancelled by {}", who());
    match ledger.set_phase(run, Phase::Cancelling, Some(&why), None).await {
        // Somebody else cancelled it, or it ended, since it was read.
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
        other => other.map_err(marked),
    }
}

fn marked(error: shared::Error) -> Failure {
    Failure::midway(error).hint("the run is marked as cancelled: the controller goes on with it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_a_cancel_says_that_a_paused_task_settles_later() {
        let says = |state| words("t", "run", state).contains("after flotilla task resume t");
        assert_eq!(TaskState::ALL.map(says), [false, true, false]);
    }
}
