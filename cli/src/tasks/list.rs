//! `flotilla task list`

use adapters::open::FleetBackend;
use control::views::{Live, live};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use shared::object::Timestamp;
use shared::tasks::Summary;
use shared::terminal;

use super::backend;
use super::live::{WorkerError, errors, words};
use crate::args::ListArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout::Stdout;
use crate::verbosity::note;

/// Live runs that are read at once.
const RUNS_AT_ONCE: usize = 8;

/// A task as a list has it.
#[derive(Debug, Serialize)]
pub struct Listed {
    #[serde(flatten)]
    pub summary: Summary,
    /// How its live run stands.
    pub live: Option<Live>,
    /// Why workers cannot open it.
    pub errors: Vec<WorkerError>,
}

/// Prints the tasks, one a line.
pub async fn run(args: &ListArgs) -> CommandResult {
    let fleet = args.fleet.read()?;
    let backend = backend(&fleet).await?;
    let mut out = Stdout::new();
    let listed = listed(&backend).await?;
    if listed.is_empty() && !args.json {
        note(format_args!("fleet {} has no tasks", fleet.name));
    }
    for task in &listed {
        if args.json {
            out.line(serde_json::to_string(task).expect("a task is representable as JSON"))?;
        } else {
            out.line(line(task))?;
        }
    }
    out.flush()?;
    Ok(Exit::InSync)
}

/// All tasks of a fleet, by name. One read for each live run, beside two for the fleet.
pub async fn listed(backend: &FleetBackend) -> Result<Vec<Listed>, Failure> {
    let (summaries, heartbeats) =
        futures::try_join!(backend.tasks.summaries(), backend.tasks.heartbeats()).map_err(Failure::usage)?;
    let heartbeats = &heartbeats;
    let listed = stream::iter(summaries).map(|summary| async move {
        let live = live(backend, &summary).await.map_err(Failure::midway)?;
        let errors = errors(heartbeats, &summary.task.id);
        Ok::<_, Failure>(Listed { summary, live, errors })
    });
    listed.buffered(RUNS_AT_ONCE).try_collect().await
}

/// A task for people: name, state, next run, last run, locations, errors. Fields are parted by tabs.
pub fn line(task: &Listed) -> String {
    let Listed { summary, live, errors } = task;
    let outline = &summary.outline;
    let mut state = summary.state.as_str().to_owned();
    if let (Some(run), Some(live)) = (&summary.run, live) {
        state += &format!(", run {} {}", terminal::run_id(&run.id), words(live));
    }
    let locations = format!("{} -> {}", terminal::escaped(&outline.source), terminal::escaped(&outline.destination));
    let mut fields = vec![summary.task.name.clone(), state, next_run(summary.next_due), last_run(summary), locations];
    if let [first, rest @ ..] = &errors[..] {
        let more = if rest.is_empty() { String::new() } else { format!(" (and {} workers more)", rest.len()) };
        fields.push(format!("worker {}: {}{more}", terminal::escaped(&first.worker), terminal::escaped(&first.error)));
    }
    fields.join("\t")
}

/// When a task runs next.
pub(super) fn next_run(due: Option<Timestamp>) -> String {
    due.map_or_else(|| "no next run".to_owned(), |due| format!("next run {}", due.to_seconds()))
}

/// How a task's last run ended.
pub(super) fn last_run(summary: &Summary) -> String {
    let Some(last) = &summary.last_run else {
        let has_begun = summary.run.is_some() || !summary.cancelled.is_empty();
        return if has_begun { "its first run has not ended" } else { "never ran" }.to_owned();
    };
    let how = match last.error.as_ref().map(|error| terminal::escaped(error)) {
        // "cancelled by ada" says it all.
        Some(why) if why.starts_with(&last.words()) => why,
        Some(why) => format!("{}: {why}", last.words()),
        None => last.words(),
    };
    format!("last run {} {how}", last.ended.to_seconds())
}
