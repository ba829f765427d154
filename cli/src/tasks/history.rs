//! `flotilla task history`

use std::collections::BTreeMap;
use std::time::Duration;

use adapters::open::FleetBackend;
use control::views::{self, PhaseEntry};
use serde::Serialize;
use shared::ledger::{MAX_RUNS, Run};
use shared::tasks::{Audit, EndedRun, Operation, OperationKind, Summary};
use shared::terminal;

use super::actor;
use crate::args::HistoryArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::fleet::CATCH_UP;
use crate::status;
use crate::stdout::Stdout;
use crate::verbosity::note;

/// Operations read at a time.
const PAGE: usize = 100;

/// A run, from both records of it.
#[derive(Debug, Default, Serialize)]
struct Past {
    /// Who asked for it, and its end; kept for 90 days.
    operation: Option<Operation>,
    /// What was found and settled.
    run: Option<Run>,
}

/// Prints the runs of a task, or its changes, the newest first.
pub async fn run(args: &HistoryArgs) -> CommandResult {
    let actor = actor(&args.fleet.read()?).await?;
    let (backend, summary) = (&actor.backend, actor.summary(&args.name).await?);
    if args.changes { changes(args, backend, &summary).await } else { runs(args, backend, &summary).await }
}

async fn runs(args: &HistoryArgs, backend: &FleetBackend, summary: &Summary) -> CommandResult {
    let past = past(backend, &summary.task.id, args.limit as usize).await?;
    if past.is_empty() && !args.json {
        note(format_args!("task {} has no runs yet", args.name));
    }
    let mut out = Stdout::new();
    for (id, past) in past.iter().rev() {
        match args.json {
            true => out.line(serde_json::to_string(past).expect("a run is representable as JSON"))?,
            false => out.line(line(id, past))?,
        }
    }
    out.flush()?;
    Ok(Exit::InSync)
}

/// The newest runs of a task, by id, which sorts by time.
async fn past(backend: &FleetBackend, id: &str, limit: usize) -> Result<BTreeMap<String, Past>, Failure> {
    let mut past: BTreeMap<String, Past> = BTreeMap::new();
    for run in backend.ledger.runs(id, limit.min(MAX_RUNS)).await.map_err(Failure::midway)? {
        let id = run.start.id.clone();
        past.entry(id).or_default().run = Some(run);
    }
    let (mut after, mut begun) = (None, 0);
    loop {
        let (page, next) = backend.tasks.operations(id, after.as_deref(), PAGE).await.map_err(Failure::midway)?;
        for operation in page {
            if matches!(operation.kind, OperationKind::Find | OperationKind::Retry) && begun < limit {
                begun += 1;
                let id = operation.id.clone();
                past.entry(id).or_default().operation = Some(operation);
            }
        }
        after = next;
        if after.is_none() || begun >= limit {
            break;
        }
    }
    while past.len() > limit {
        past.pop_first();
    }
    Ok(past)
}

/// A run for people: id, begun, by whom, end, counters, time in each state. Fields are parted by tabs.
fn line(id: &str, past: &Past) -> String {
    let Past { operation, run } = past;
    let begun = operation.as_ref().map(|operation| operation.requested).or(run.as_ref().map(|run| run.start.started));
    let begun = begun.map_or_else(|| "at an unknown time".to_owned(), |begun| begun.to_seconds().to_string());
    let who = operation.as_ref().map_or_else(
        || "by an unknown program".to_owned(),
        |operation| {
            if operation.who == CATCH_UP {
                // Of changes that nobody may have seen.
                return CATCH_UP.to_owned();
            }
            let what = if operation.kind == OperationKind::Retry { "retry " } else { "" };
            format!("{what}by {}", terminal::escaped(&operation.who))
        },
    );
    let ended = operation.as_ref().and_then(|operation| operation.end.as_ref());
    let recorded = ended.and_then(|end| serde_json::from_str::<EndedRun>(&end.result).ok());
    let end = match (ended, &recorded) {
        (Some(end), Some(recorded)) => format!("ended {} {}", end.at.to_seconds(), recorded.words()),
        (Some(end), None) => format!("ended {}", end.at.to_seconds()),
        (None, _) => run.as_ref().map_or("queued", status::describe).to_owned(),
    };
    let mut fields = vec![terminal::run_id(id).to_owned(), begun, who, end];
    fields.extend(
        run.as_ref().map(|run| format!("{} listed, {}", terminal::count(run.found.listed), status::settled(run))),
    );
    fields.extend(durations(&views::phases(operation.as_ref(), run.as_ref())));
    let error = run.as_ref().and_then(|run| run.error.clone()).or_else(|| recorded.and_then(|end| end.error));
    fields.extend(error.map(|error| terminal::escaped(&error)));
    fields.join("\t")
}

/// How long a run was in each state that it left.
fn durations(phases: &[PhaseEntry]) -> Option<String> {
    let pairs = phases.iter().zip(phases.iter().skip(1));
    let words = pairs.filter_map(|(entry, next)| {
        let time = u64::try_from(next.entered.0 - entry.entered.0).ok().filter(|ms| *ms > 0)?;
        Some(format!("{} {}", entry.state.as_str(), terminal::time(Duration::from_millis(time))))
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| words.join(", "))
}

async fn changes(args: &HistoryArgs, backend: &FleetBackend, summary: &Summary) -> CommandResult {
    let mut out = Stdout::new();
    for audit in audits(backend, &summary.task.id, args.limit as usize).await? {
        match args.json {
            true => out.line(serde_json::to_string(&audit).expect("a change is representable as JSON"))?,
            false => out.line(change(&audit))?,
        }
    }
    out.flush()?;
    Ok(Exit::InSync)
}

/// The newest changes of a task.
pub(super) async fn audits(backend: &FleetBackend, id: &str, limit: usize) -> Result<Vec<Audit>, Failure> {
    let (mut audits, mut after) = (Vec::new(), None);
    while audits.len() < limit {
        let page = PAGE.min(limit - audits.len());
        let (read, next) = backend.tasks.audits(Some(id), after.as_deref(), page).await.map_err(Failure::midway)?;
        audits.extend(read);
        after = next;
        if after.is_none() {
            break;
        }
    }
    Ok(audits)
}

/// A change for people. Fields are parted by tabs.
pub(super) fn change(audit: &Audit) -> String {
    let Audit { author, action, subject, .. } = audit;
    let what = format!("{action} {}", terminal::run_id(subject));
    let what = terminal::escaped(what.trim_end()).to_string();
    let mut fields = vec![author.at.to_seconds().to_string(), terminal::escaped(&author.who).to_string(), what];
    if !author.note.is_empty() {
        fields.push(terminal::escaped(&author.note).to_string());
    }
    fields.join("\t")
}
