//! `flotilla task create`

use shared::object::Timestamp;
use shared::tasks::{Change, NewTask, TaskRef};
use shared::terminal;

use super::{author, opened};
use crate::args::CreateArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::stdout;

/// Records a task. Nothing is asked of its stores.
pub async fn run(args: &CreateArgs) -> Outcome {
    let (fleet, definition) = (args.fleet()?, args.definition()?);
    let tasks = opened(&fleet, true).await?;
    let next_due = definition.schedule.as_ref().and_then(|schedule| schedule.first(Timestamp::now()));
    let task = TaskRef { name: definition.task.clone(), id: uuid::Uuid::now_v7().to_string() };
    let new = NewTask { task, definition: definition.kept()?, next_due };
    match tasks.create(&new, &author("")).await.map_err(Failure::usage)? {
        Change::Made => {}
        Change::Conflict(_) => {
            let name = &definition.task;
            return Err(Failure::usage(format!("fleet {:?} has a task {name:?}: give another name", fleet.name)));
        }
    }
    let due = match next_due {
        Some(due) if due <= Timestamp::now() => "its first run is due now".to_owned(),
        Some(due) => format!("its first run is due at {}", due.to_seconds()),
        None => "it runs when asked to".to_owned(),
    };
    stdout::line(format_args!("created task {}: {due}", terminal::escaped(&definition.task)))?;
    Ok(Exit::InSync)
}
