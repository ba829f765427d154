//! `flotilla plan` and `sync --dry-run`: the work of a sync, counted. Writes nothing anywhere, so the
//! destination is neither prepared nor does it have to exist if it is a folder.

use std::sync::Arc;

use adapters::open;
use finder::{FindError, Plan};
use shared::config::{Config, Work};
use shared::location::Scheme;
use shared::store::Store;
use tokio_util::sync::CancellationToken;

use crate::exit::{CommandResult, Exit, Failure};
use crate::object_source;
use crate::stdout;

/// Prints the plan of a task.
pub async fn show(config: Config, json: bool, stop: CancellationToken) -> CommandResult {
    let Some(config) = object_source::resolve(config, &stop).await? else { return Ok(Exit::Interrupted) };
    let config = &config;
    let (source, destination) = open::sides(config).await.map_err(Failure::side)?;
    match destination.location().scheme() {
        Scheme::File => open::probe_source(&source).await,
        _ => open::probe_both_listings(&source, &destination).await,
    }
    .map_err(Failure::side)?;
    match of(config, source, destination, stop).await {
        Ok(plan) => print(&plan, json),
        Err(FindError::Interrupted) => Ok(Exit::Interrupted),
        Err(error @ FindError::Filter(_)) => Err(Failure::usage(error)),
        Err(error) => Err(Failure::midway(error)),
    }
}

/// The plan of a task. Makes nothing, and expects that its stores answer.
pub async fn of(
    config: &Config,
    source: Store,
    destination: Store,
    stop: CancellationToken,
) -> Result<Plan, FindError> {
    let work = Work { look_again: Some(config.looks_again()), ..config.objects.work.clone() };
    finder::plan(source, destination, &config.objects.find, &work, stop, Arc::default()).await
}

/// Prints a plan, and ends as its run would end.
pub fn print(plan: &Plan, json: bool) -> CommandResult {
    if json {
        stdout::line(serde_json::to_string(plan).expect("a plan is representable as JSON"))?;
    } else {
        stdout::line(plan)?;
    }
    if let Some(refused) = &plan.deletes_refused {
        return Err(Failure::midway(refused));
    }
    Ok(if plan.unlisted + plan.not_judged > 0 { Exit::SomeFailed } else { Exit::InSync })
}
