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
mod history;
pub(crate) mod lifetime;
mod limit;
mod list;
mod live;
mod operate;
mod operation;
mod portable;
mod run;
mod show;
mod state;
mod wait;

use adapters::open::FleetBackend;
use control::Actor;
pub use list::{Listed, line, listed};
use shared::config::FleetFile;
use tokio_util::sync::CancellationToken;

use crate::args::TaskCommand;
use crate::exit::{CommandResult, Failure};

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
        TaskCommand::NotifyTest(args) => operate::notify_test(args, stop).await,
        TaskCommand::Operation(args) => operation::run(args).await,
        TaskCommand::Delete(args) => delete::run(args, stop).await,
        TaskCommand::History(args) => history::run(args).await,
    }
}

/// Opens the services of a fleet. A state folder is made by `create` alone.
async fn opened(fleet: &FleetFile, makes_state: bool) -> Result<FleetBackend, Failure> {
    if let Some(state) = fleet.state.as_ref().filter(|state| !makes_state && !state.is_dir()) {
        let why = format!(
            "--state: the state folder {} does not exist: run flotilla task create first, or give --state DIR or --fleet FILE",
            state.display()
        );
        return Err(Failure::usage(why));
    }
    FleetBackend::open(fleet).await.map_err(Failure::usage)
}

/// Opens the services of a fleet that exists.
pub(crate) async fn backend(fleet: &FleetFile) -> Result<FleetBackend, Failure> {
    opened(fleet, false).await
}

/// The user of the program, who acts on a fleet that exists.
async fn actor(fleet: &FleetFile) -> Result<Actor, Failure> {
    Ok(actor_of(backend(fleet).await?))
}

/// The user of the program, as the system names them.
pub(crate) fn actor_of(backend: FleetBackend) -> Actor {
    Actor::new(backend, who())
}

/// The name of the user, as the system has it.
pub(crate) fn who() -> String {
    let who = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    who.unwrap_or_else(|_| "flotilla".to_owned())
}
