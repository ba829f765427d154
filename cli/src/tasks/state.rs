//! `flotilla task pause` and `flotilla task resume`

use control::actions;
use shared::terminal;

use super::actor;
use crate::args::NamedArgs;
use crate::exit::{CommandResult, Exit};
use crate::stdout;

/// No run begins, and workers release what they have within 15 s.
pub async fn pause(args: &NamedArgs) -> CommandResult {
    let name = &args.name;
    actions::pause(&actor(&args.fleet.read()?).await?, name).await?;
    stdout::line(format_args!("paused task {name}: its messages are kept for 14 days; resume it before"))?;
    Ok(Exit::InSync)
}

/// The task is served again.
pub async fn resume(args: &NamedArgs) -> CommandResult {
    let resumed = actions::resume(&actor(&args.fleet.read()?).await?, &args.name).await?;
    let when = super::list::next_run(resumed.next_due);
    stdout::line(format_args!("resumed task {}: {when}", args.name))?;
    resumed.wired?.map_or(Ok(()), |line| stdout::line(terminal::escaped(&line)))?;
    Ok(Exit::InSync)
}
