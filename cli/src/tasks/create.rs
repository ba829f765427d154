//! `flotilla task create`

use std::time::Duration;

use adapters::open;
use control::Actor;
use control::actions::{self, Waiting};
use shared::config::TaskDefinition;
use shared::object::Timestamp;
use shared::terminal;

use super::portable::portable;
use super::{actor_of, opened};
use crate::args::CreateArgs;
use crate::exit::{CommandResult, Exit};
use crate::stdout;
use crate::verbosity::note;

/// How long SQS refuses the name of a queue that was deleted, and some time more.
const NAME_REFUSED: Duration = Duration::from_secs(75);

/// Creates a task, and the fleet's table if it is missing.
pub async fn run(args: &CreateArgs) -> CommandResult {
    let (fleet, definition) = (args.fleet()?, args.definition()?);
    let backend = match opened(&fleet, true).await {
        Err(failure) if fleet.ledger.is_some() => {
            // The table may be missing; if it cannot be made either, the reason is that of making it.
            let lines = open::create_fleet(&fleet).await.map_err(|_| failure)?;
            lines.iter().try_for_each(|line| stdout::line(terminal::escaped(line)))?;
            opened(&fleet, true).await?
        }
        other => other?,
    };
    create(&actor_of(backend), &definition).await
}

/// Creates a task of this definition.
pub(super) async fn create(actor: &Actor, definition: &TaskDefinition) -> CommandResult {
    let say = |why: &str| note(format_args!("waiting for SQS: {}", terminal::escaped(why)));
    let definition = portable(definition, actor.fleet())?;
    let created = actions::create(actor, &definition, Waiting { at_most: NAME_REFUSED, say: &say }).await?;
    created.completed?.map_or(Ok(()), |line| stdout::line(terminal::escaped(&line)))?;
    let due = match created.next_due {
        Some(due) if due <= Timestamp::now() => "its first run is due now".to_owned(),
        Some(due) => format!("its first run is due at {}", due.to_seconds()),
        None => "it runs when asked to".to_owned(),
    };
    stdout::line(format_args!("created task {}: {due}", terminal::escaped(&created.task.name)))?;
    Ok(Exit::InSync)
}
