//! `flotilla init`: creates the queue and the table of a task, for those who do not use terraform.

use shared::config::Config;
use shared::console;
use shared::open;

use crate::args::InitArgs;
use crate::exit::{Exit, Failure, Outcome};

/// Creates what does not exist. Repeating it changes nothing.
pub async fn run(args: &InitArgs) -> Outcome {
    let config = Config::read(&args.config)?;
    for line in open::create(&config).await.map_err(Failure::usage)? {
        println!("{}", console::escaped(&line));
    }
    match (&config.queue, &config.ledger, &config.state) {
        (Some(queue), Some(ledger), _) => println!("queue {} and table {} are ready", queue.name, ledger.table),
        (_, _, Some(state)) => println!("state folder {} is ready", state.display()),
        _ => {}
    }
    Ok(Exit::InSync)
}
