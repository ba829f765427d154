//! `flotilla init`: creates the queues and the table of a task or a fleet, for those who do not use terraform.

use adapters::open;
use shared::config::{Config, FleetFile};
use shared::terminal;

use crate::args::InitArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout;

/// Creates what does not exist. Repeating it changes nothing.
pub async fn run(args: &InitArgs) -> CommandResult {
    let config = match (&args.config, &args.fleet) {
        (Some(config), _) => Config::read(config)?,
        (None, Some(fleet)) => return fleet_of(&FleetFile::read(fleet)?).await,
        (None, None) => return Err(Failure::usage("give --config FILE or --fleet FILE")),
    };
    // Nothing is asked of them: credentials that are not there are named before anything is made.
    open::sides(&config).await.map_err(Failure::usage)?;
    for line in open::create(&config).await.map_err(Failure::usage)? {
        stdout::line(terminal::escaped(&line))?;
    }
    match (&config.queue, &config.ledger, &config.state) {
        (Some(queue), Some(ledger), _) => {
            stdout::line(format_args!("queue {} and table {} are ready", queue.name, ledger.table))?;
        }
        (_, _, Some(state)) => stdout::line(format_args!("state folder {} is ready", state.display()))?,
        _ => {}
    }
    Ok(Exit::InSync)
}

/// Creates a fleet's table and its queue of operations. Its tasks' queues are made with the tasks.
async fn fleet_of(fleet: &FleetFile) -> CommandResult {
    for line in open::create_fleet(fleet).await.map_err(Failure::usage)? {
        stdout::line(terminal::escaped(&line))?;
    }
    match (&fleet.ledger, &fleet.state) {
        (Some(ledger), _) => {
            let queue = fleet.operations_queue();
            stdout::line(format_args!("fleet {}: queue {queue} and table {} are ready", fleet.name, ledger.table))?;
        }
        (None, Some(state)) => stdout::line(format_args!("state folder {} is ready", state.display()))?,
        (None, None) => {}
    }
    Ok(Exit::InSync)
}
