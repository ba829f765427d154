//! `flotilla task delete`

use shared::tasks::{Change, TaskState};

use super::{author, found, opened};
use crate::args::DeleteArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::stdout;

/// Moves a task to `deleting`, and removes it if none of its runs is left to be settled. Repeated, it goes on.
pub async fn run(args: &DeleteArgs) -> Outcome {
    let fleet = args.fleet.read()?;
    let tasks = opened(&fleet, false).await?;
    let task = found(&tasks, &fleet, &args.name).await?.task;
    let moved = tasks.set_state(&task, TaskState::Deleting, None, &author("")).await.map_err(Failure::usage)?;
    if !moved.is_made() {
        // It is gone, or another has its name.
        return Err(Failure::usage(format!("task {:?} was deleted by somebody else", args.name)));
    }
    // Read after the move: no run begins any more.
    let runs = match tasks.summary(&args.name).await.map_err(Failure::midway)? {
        Some(summary) if summary.task == task => summary.run.iter().len() + summary.cancelled.len(),
        _ => 0,
    };
    if runs > 0 {
        let what = format!("task {} is being deleted: its run is cancelled first", args.name);
        stdout::line(format_args!("{what}; run the same command later to remove it"))?;
        return Ok(Exit::InSync);
    }
    match tasks.forget(&task, &author("")).await.map_err(Failure::midway)? {
        Change::Made => stdout::line(format_args!("deleted task {}", args.name))?,
        Change::Conflict(_) => return Err(Failure::midway(format!("task {:?} is in use: try again", args.name))),
    }
    Ok(Exit::InSync)
}
