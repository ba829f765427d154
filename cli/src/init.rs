//! `flotilla init`: creates the queue and the table of a task, for those who do not use terraform.

use adapters::open;
use shared::config::Config;
use shared::terminal;

use crate::args::InitArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::stdout;

/// Creates what does not exist. Repeating it changes nothing.
pub async fn run(args: &InitArgs) -> Outcome {
    let config = Config::read(&args.config)?;
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
