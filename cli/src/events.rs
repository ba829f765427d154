//! `flotilla events`: lets the source bucket send its changes to the task's queue.

use adapters::open;
use shared::config::Config;
use shared::terminal;

use crate::args::EventsArgs;
use crate::exit::{CommandResult, Exit, Failure};

/// Adds missing parts. Repeating it changes nothing.
pub async fn run(args: &EventsArgs) -> CommandResult {
    let config = Config::read(&args.config)?;
    let lines = match args.eventbridge {
        false => open::subscribe(&config).await,
        true => open::subscribe_by_eventbridge(&config).await,
    };
    for line in lines.map_err(Failure::usage)? {
        println!("{}", terminal::escaped(&line));
    }
    Ok(Exit::InSync)
}
