//! `flotilla task list`

use shared::object::Timestamp;
use shared::tasks::{EndedRun, RunEnd, Summary};
use shared::terminal;

use super::opened;
use crate::args::ListArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::stdout::Stdout;
use crate::verbosity::note;

/// Prints the tasks, one a line.
pub async fn run(args: &ListArgs) -> Outcome {
    let fleet = args.fleet.read()?;
    let summaries = opened(&fleet, false).await?.summaries().await.map_err(Failure::usage)?;
    if summaries.is_empty() && !args.json {
        note(format_args!("fleet {} has no tasks", fleet.name));
    }
    let mut out = Stdout::new();
    for summary in &summaries {
        if args.json {
            out.line(serde_json::to_string(summary).expect("a summary is representable as JSON"))?;
        } else {
            out.line(line(summary))?;
        }
    }
    out.flush()?;
    Ok(Exit::InSync)
}

/// A task for people: name, state, next run, last run, locations. Fields are parted by tabs.
fn line(summary: &Summary) -> String {
    let outline = &summary.outline;
    let state = match &summary.run {
        Some(run) => format!("{}, run {}", summary.state.as_str(), terminal::run_id(&run.id)),
        None => summary.state.as_str().to_owned(),
    };
    let locations = format!("{} -> {}", terminal::escaped(&outline.source), terminal::escaped(&outline.destination));
    [summary.task.name.clone(), state, next_run(summary.next_due), last_run(summary.last_run.as_ref()), locations]
        .join("\t")
}

/// When a task runs next.
pub(super) fn next_run(due: Option<Timestamp>) -> String {
    due.map_or_else(|| "no next run".to_owned(), |due| format!("next run {}", due.to_seconds()))
}

/// How a task's last run ended.
pub(super) fn last_run(last: Option<&EndedRun>) -> String {
    let Some(last) = last else { return "never ran".to_owned() };
    let how = match last.end {
        RunEnd::Done => "done".to_owned(),
        RunEnd::DoneWithFailures => format!("done, {} failed", terminal::count(last.failed)),
        RunEnd::Stopped if last.lost > 0 => format!("stopped, {} lost", terminal::count(last.lost)),
        RunEnd::Stopped => "stopped".to_owned(),
        RunEnd::Cancelled if last.lost > 0 => format!("cancelled, {} lost", terminal::count(last.lost)),
        RunEnd::Cancelled => "cancelled".to_owned(),
    };
    format!("last run {} {how}", last.ended.to_seconds())
}
