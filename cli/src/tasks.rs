//! `flotilla task`: the tasks of a fleet.
//!
//! The commands change records. What serves a fleet reads them, and acts.

mod create;
mod delete;
mod list;
mod show;

use adapters::open;
use shared::config::FleetFile;
use shared::object::Timestamp;
use shared::tasks::{Author, SharedTasks, Summary};

use crate::args::TaskCommand;
use crate::exit::{Failure, Outcome};

/// Carries out a command.
pub async fn run(command: &TaskCommand) -> Outcome {
    match command {
        TaskCommand::Create(args) => create::run(args).await,
        TaskCommand::List(args) => list::run(args).await,
        TaskCommand::Show(args) => show::run(args).await,
        TaskCommand::Delete(args) => delete::run(args).await,
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

/// The task of a name.
async fn found(tasks: &SharedTasks, fleet: &FleetFile, name: &str) -> Result<Summary, Failure> {
    let missing =
        || Failure::usage(format!("fleet {:?} has no task {name:?}: flotilla task list names all tasks", fleet.name));
    tasks.summary(name).await.map_err(Failure::usage)?.ok_or_else(missing)
}

/// Who uses the program, as the system names them.
fn author(note: &str) -> Author {
    let who = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    Author::new(who.unwrap_or_else(|_| "flotilla".to_owned()), Timestamp::now(), note)
}
