//! `flotilla task`: the tasks of a fleet.
//!
//! The commands change records, and send jobs. What serves a fleet reads them, and acts.

mod cancel;
mod clone;
mod create;
mod delete;
mod edit;
mod editor;
mod ended;
mod events_queue;
mod history;
mod limit;
mod list;
mod live;
mod operate;
mod operation;
mod run;
mod show;
mod state;
mod wait;

use adapters::open;
pub use list::{Listed, line, listed};
pub use run::begin;
use shared::config::{FleetFile, FollowedEvents, TaskDefinition, TaskLimits};
use shared::object::Timestamp;
use shared::tasks::{Author, SharedTasks, Summary};
use shared::terminal;
use tokio_util::sync::CancellationToken;

use crate::args::TaskCommand;
use crate::exit::{CommandResult, Failure};
use crate::stdout;

/// Carries out a command.
pub async fn run(command: &TaskCommand, stop: &CancellationToken) -> CommandResult {
    match command {
        TaskCommand::Create(args) => create::run(args).await,
        TaskCommand::List(args) => list::run(args).await,
        TaskCommand::Show(args) => show::run(args).await,
        TaskCommand::Edit(args) => edit::run(args).await,
        TaskCommand::Clone(args) => clone::run(args).await,
        TaskCommand::Run(args) => run::run(args).await,
        TaskCommand::Pause(args) => state::pause(args).await,
        TaskCommand::Resume(args) => state::resume(args).await,
        TaskCommand::Cancel(args) => cancel::run(args).await,
        TaskCommand::Limit(args) => limit::run(args).await,
        TaskCommand::Plan(args) => operate::plan(args, stop).await,
        TaskCommand::Verify(args) => operate::verify(args, stop).await,
        TaskCommand::Probe(args) => operate::probe(args, stop).await,
        TaskCommand::Operation(args) => operation::run(args).await,
        TaskCommand::Delete(args) => delete::run(args, stop).await,
        TaskCommand::History(args) => history::run(args).await,
    }
}

/// Opens the tasks of a fleet. A state folder is made by `create` alone.
async fn opened(fleet: &FleetFile, makes_state: bool) -> Result<SharedTasks, Failure> {
    if let Some(state) = fleet.state.as_ref().filter(|state| !makes_state && !state.is_dir()) {
        let why = format!(
            "--state: the state folder {} does not exist: run flotilla task create first, or give --state DIR or --fleet FILE",
            state.display()
        );
        return Err(Failure::usage(why));
    }
    open::tasks(fleet).await.map_err(Failure::usage)
}

/// Opens the services of a fleet that exists.
async fn backend(fleet: &FleetFile) -> Result<open::FleetBackend, Failure> {
    opened(fleet, false).await?;
    open::FleetBackend::open(fleet).await.map_err(Failure::usage)
}

/// The task of a name.
async fn found(tasks: &SharedTasks, fleet: &FleetFile, name: &str) -> Result<Summary, Failure> {
    let missing =
        || Failure::usage(format!("fleet {:?} has no task {name:?}: flotilla task list names all tasks", fleet.name));
    tasks.summary(name).await.map_err(Failure::usage)?.ok_or_else(missing)
}

/// The text of a task's present definition.
async fn text(tasks: &SharedTasks, summary: &Summary) -> Result<String, Failure> {
    let text = tasks.definition(&summary.task.id, summary.version).await.map_err(Failure::usage)?;
    // An edit between the two reads may have removed the version.
    text.ok_or_else(|| Failure::midway(format!("task {:?} is being changed: try again", summary.task.name)))
}

/// A task's present definition, with the limits that hold now.
pub(crate) async fn present(tasks: &SharedTasks, summary: &Summary) -> Result<TaskDefinition, Failure> {
    let (name, text) = (&summary.task.name, text(tasks, summary).await?);
    let definition = TaskDefinition::parse(&text).map_err(|why| {
        Failure::usage(format!("the definition of task {name:?} cannot be read ({why}): use the version that wrote it"))
    })?;
    let shared::tasks::Limits { machines, bandwidth, requests } = summary.limits;
    Ok(TaskDefinition { limits: TaskLimits { machines, bandwidth, requests }, ..definition })
}

/// Makes the source bucket send the events that a task follows.
async fn wire_events(fleet: &FleetFile, summary: &Summary, definition: &TaskDefinition) -> Result<(), Failure> {
    let name = &summary.task.name;
    let wired = open::wire_events(fleet, summary, definition).await.map_err(|error| {
        let events = if definition.events == FollowedEvents::Create { "create" } else { "create-delete" };
        let again = format!("flotilla task edit {name} --events {events}");
        Failure::midway(error).hint(&format!("task {name} is recorded, without events: then run {again}"))
    })?;
    wired.map_or(Ok(()), |line| stdout::line(terminal::escaped(&line)))
}

/// Somebody else deleted the task, or its name is another task's by now.
fn gone(name: &str) -> Failure {
    Failure::usage(format!("task {name:?} was deleted by somebody else"))
}

/// Who uses the program, as the system names them.
fn author(note: &str) -> Author {
    Author::new(who(), Timestamp::now(), note)
}

fn who() -> String {
    let who = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    who.unwrap_or_else(|_| "flotilla".to_owned())
}
