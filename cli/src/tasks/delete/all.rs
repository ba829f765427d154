//! `flotilla task delete --all`: before a fleet is destroyed.

use std::collections::BTreeSet;
use std::time::Duration;

use adapters::open::FleetBackend;
use control::Actor;
use control::actions::{Deleted, delete};
use shared::tasks::Summary;
use shared::terminal;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::agreed;
use crate::args::DeleteArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout;
use crate::verbosity::note;

/// The time between two looks at what is left. A controller needs some passes.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Deletes all tasks, and waits until they are gone: exit 1, with their names, if some are still there after `--wait`.
/// A task that somebody creates meanwhile is named, and not deleted: nobody agreed to that.
pub async fn run(args: &DeleteArgs, actor: &Actor, stop: &CancellationToken) -> CommandResult {
    let backend = &actor.backend;
    let tasks = backend.tasks.summaries().await.map_err(Failure::usage)?;
    if tasks.is_empty() {
        stdout::line(format_args!("fleet {} has no tasks", actor.fleet().name))?;
        return Ok(Exit::InSync);
    }
    for Summary { task, outline, .. } in &tasks {
        let locations = format!("{} -> {}", outline.source, outline.destination);
        note(format_args!("task {} ({}) goes", task.name, terminal::escaped(&locations)));
    }
    agreed::check(args, backend, &tasks).await?;
    let mut failed = BTreeSet::new();
    for summary in &tasks {
        let name = &summary.task.name;
        match delete(actor, summary, args.records).await {
            Ok(Deleted::Gone) => stdout::line(format_args!("deleted task {name}"))?,
            Ok(Deleted::Begun) => note(format_args!("task {name} is being deleted")),
            // The others go all the same.
            Err(refusal) => {
                note(format_args!("task {name} stays: {refusal}"));
                failed.insert(name.clone());
            }
        }
    }
    let until = Instant::now() + Duration::from_secs(u64::from(args.wait) * 60);
    wait(backend, tasks, &failed, until, stop).await
}

/// Waits for the tasks whose deletion has begun.
async fn wait(
    backend: &FleetBackend,
    mut waited: Vec<Summary>,
    failed: &BTreeSet<String>,
    until: Instant,
    stop: &CancellationToken,
) -> CommandResult {
    loop {
        // Read-only: the port repeats what fails.
        let present = backend.tasks.summaries().await.map_err(Failure::midway)?;
        let is_there = |summary: &Summary| present.iter().any(|now| now.task == summary.task);
        for gone in waited.iter().filter(|summary| !is_there(summary)) {
            stdout::line(format_args!("deleted task {}", gone.task.name))?;
        }
        waited.retain(is_there);
        if waited.iter().all(|summary| failed.contains(&summary.task.name)) || Instant::now() >= until {
            let left: Vec<&str> = present.iter().map(|summary| summary.task.name.as_str()).collect();
            if left.is_empty() {
                return Ok(Exit::InSync);
            }
            let why = "flotilla task show reports what each one waits for; then run the same command";
            return Err(Failure::midway(format!("tasks that are still there: {}: {why}", left.join(", "))));
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => {
                let count = terminal::counted(waited.len() as u64, "task");
                note(format_args!("Interrupted. {count} go on being deleted; run the same command to wait for them."));
                return Ok(Exit::Interrupted);
            }
        }
    }
}
