//! `flotilla task run`

use control::actions::{self, Begun};
use serde_json::json;
use shared::config::RunOverrides;
use shared::terminal;

use super::actor;
use crate::args::RunArgs;
use crate::exit::{CommandResult, Exit};
use crate::stdout;

/// Begins a run of a task. Without options it is content with the first run that the task's schedule began.
pub async fn run(args: &RunArgs) -> CommandResult {
    let (actor, overrides) = (actor(&args.fleet.read()?).await?, args.overrides());
    let may_join = !args.supersede && overrides == RunOverrides::default();
    let begun = match may_join {
        true => actions::run_or_join(&actor, &args.name).await?,
        false => actions::run(&actor, &args.name, &overrides, args.supersede).await?,
    };
    let Begun { run, superseded, is_joined } = begun;
    let id = terminal::run_id(&run);
    match (args.json, is_joined) {
        (true, _) => stdout::line(json!({"task": args.name, "run": run, "superseded": superseded}))?,
        (_, true) => {
            stdout::line(format_args!("run {id} of task {} has begun by its schedule, and goes on", args.name))?
        }
        (_, false) => stdout::line(format_args!("began run {id} of task {}", args.name))?,
    }
    Ok(Exit::InSync)
}
