//! `flotilla task delete`

mod agreed;
mod all;

use control::actions::{self, Deleted};
use tokio_util::sync::CancellationToken;

use super::actor;
use crate::args::DeleteArgs;
use crate::exit::{CommandResult, Exit};
use crate::stdout;

/// Deletes a task, or all tasks of the fleet.
pub async fn run(args: &DeleteArgs, stop: &CancellationToken) -> CommandResult {
    let actor = actor(&args.fleet.read()?).await?;
    let Some(name) = &args.name else { return all::run(args, &actor, stop).await };
    let summary = actor.summary(name).await?;
    agreed::check(args, &actor.backend, std::slice::from_ref(&summary)).await?;
    match actions::delete(&actor, &summary, args.records).await? {
        Deleted::Gone => stdout::line(format_args!("deleted task {name}"))?,
        Deleted::Begun => {
            let records = if args.records { "its records and " } else { "" };
            let what = format!("its runs are cancelled, then {records}its queues are removed");
            stdout::line(format_args!(
                "task {name} is being deleted: {what}; flotilla task show reports the progress"
            ))?;
        }
    }
    Ok(Exit::InSync)
}
