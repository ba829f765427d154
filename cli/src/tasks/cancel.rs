//! `flotilla task cancel`

use shared::ErrorKind;
use shared::ledger::{Phase, SharedLedger};
use shared::tasks::{Change, Summary};
use shared::terminal;

use super::{author, backend, found, gone, who};
use crate::args::NamedArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::stdout;

/// Cancels the live run. Repeated, or after a crash in between, it goes on; if it is not repeated, the controller does.
pub async fn run(args: &NamedArgs) -> Outcome {
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
    let (id, name) = (terminal::run_id(run), &args.name);
    stdout::line(format_args!("cancelling run {id} of task {name}: what is left of it is settled as cancelled"))?;
    Ok(Exit::InSync)
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
