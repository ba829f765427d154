//! `flotilla task run`

use control::actions::{self, Begun};
use serde_json::json;
use shared::terminal;

use super::actor;
use crate::args::RunArgs;
use crate::exit::{CommandResult, Exit};
use crate::stdout;

/// Begins a run of a task.
pub async fn run(args: &RunArgs) -> CommandResult {
    let actor = actor(&args.fleet.read()?).await?;
    let Begun { run, superseded } = actions::run(&actor, &args.name, &args.overrides(), args.supersede).await?;
    match args.json {
        true => stdout::line(json!({"task": args.name, "run": run, "superseded": superseded}))?,
        false => stdout::line(format_args!("began run {} of task {}", terminal::run_id(&run), args.name))?,
    }
    Ok(Exit::InSync)
}
