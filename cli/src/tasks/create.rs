//! `flotilla task create`

use std::time::Duration;

use adapters::open;
use shared::ErrorKind;
use shared::config::{FleetFile, FollowedEvents, TaskDefinition};
use shared::object::Timestamp;
use shared::tasks::{Change, NewTask, SharedTasks, TaskRef};
use shared::terminal;
use tokio::time::{Instant, sleep};

use super::{author, events_queue, found, opened, wire_events};
use crate::args::CreateArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout;
use crate::verbosity::note;

/// How long SQS refuses the name of a queue that was deleted, and some time more.
const NAME_REFUSED: Duration = Duration::from_secs(75);

/// Pause between two tries to make a queue whose name SQS refuses.
const TRY_PAUSE: Duration = Duration::from_secs(5);

/// Records a task, then makes its queues. Nothing is asked of its stores. If the command ends in between, the program
/// that serves the fleet makes the queues.
pub async fn run(args: &CreateArgs) -> CommandResult {
    let (fleet, definition) = (args.fleet()?, args.definition()?);
    let tasks = match opened(&fleet, true).await {
        Err(failure) if fleet.ledger.is_some() => {
            // The table may be missing; if it cannot be made either, the reason is that of making it.
            let lines = open::create_fleet(&fleet).await.map_err(|_| failure)?;
            lines.iter().try_for_each(|line| stdout::line(terminal::escaped(line)))?;
            opened(&fleet, true).await?
        }
        other => other?,
    };
    create(&tasks, &fleet, &definition).await
}

/// Creates a task of this definition.
pub(super) async fn create(tasks: &SharedTasks, fleet: &FleetFile, definition: &TaskDefinition) -> CommandResult {
    definition.check_on(fleet)?;
    events_queue::check(tasks, definition).await?;
    let next_due = definition.schedule.as_ref().and_then(|schedule| schedule.first(Timestamp::now()));
    let task = TaskRef { name: definition.task.clone(), id: uuid::Uuid::now_v7().to_string() };
    let new = NewTask { task, definition: definition.kept()?, next_due };
    let name = &definition.task;
    match tasks.create(&new, &author("")).await.map_err(Failure::usage)? {
        Change::Made => {}
        Change::Conflict(_) => {
            return Err(Failure::usage(format!("fleet {:?} has a task {name:?}: give another name", fleet.name)));
        }
    }
    make_queues(tasks, fleet, name).await?;
    if definition.events != FollowedEvents::Off {
        wire_events(fleet, &found(tasks, fleet, name).await?, definition).await?;
    }
    let due = match next_due {
        Some(due) if due <= Timestamp::now() => "its first run is due now".to_owned(),
        Some(due) => format!("its first run is due at {}", due.to_seconds()),
        None => "it runs when asked to".to_owned(),
    };
    stdout::line(format_args!("created task {}: {due}", terminal::escaped(name)))?;
    Ok(Exit::InSync)
}

/// Makes the queues of a new task. SQS refuses a name for 60 s after a queue of that name was deleted: waits for it.
async fn make_queues(tasks: &SharedTasks, fleet: &FleetFile, name: &str) -> Result<(), Failure> {
    let task = found(tasks, fleet, name).await?;
    let began = Instant::now();
    loop {
        let error = match open::create_task_queues(fleet, &task).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        if error.kind() != ErrorKind::Conflict || began.elapsed() > NAME_REFUSED {
            let hint = "the task is recorded; a worker makes its queues when this is mended";
            return Err(Failure::midway(error).hint(hint));
        }
        if began.elapsed() < TRY_PAUSE {
            note(format_args!("waiting for SQS: {}", terminal::escaped(error.message())));
        }
        sleep(TRY_PAUSE).await;
    }
}
