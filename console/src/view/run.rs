//! A run, from all records of it.

use control::views;
use shared::config;
use shared::ledger::rate::Rate;
use shared::ledger::{self, RunTransfers};
use shared::tasks::{self, OperationKind};

use super::progress;
use crate::api::page::time;
use crate::api::run::Phase;
use crate::api::runs::{Run, RunKind, RunOverrides};

/// The records of a run.
#[derive(Debug, Default)]
pub struct RunRecords {
    /// Its id.
    pub id: String,
    /// The task's id.
    pub task: String,
    /// The task's name.
    pub name: Option<String>,
    /// Who asked for it, and its end.
    pub operation: Option<tasks::Operation>,
    /// What was found and settled.
    pub run: Option<ledger::Run>,
    /// Its rate.
    pub rate: Option<Rate>,
    /// What workers transfer now.
    pub transfers: Option<RunTransfers>,
}

/// A run, from its records.
pub fn run(records: RunRecords) -> Run {
    let RunRecords { id, task, name, operation, run, rate, transfers } = records;
    let end = operation.as_ref().and_then(|operation| operation.end.as_ref());
    let ended = end.and_then(|end| serde_json::from_str::<tasks::EndedRun>(&end.result).ok());
    let under_way = transfers.map_or(0, |transfers| transfers.bytes);
    let mut shown = progress(run.as_ref(), moving(rate, transfers), under_way);
    if let Some(ended) = &ended {
        shown.state = views::RunState::ended(ended.end).into();
        shown.error = shown.error.or_else(|| ended.error.clone());
        (shown.rate, shown.seconds_left) = (None, None);
    } else if run.is_none() {
        shown.progress = operation.as_ref().and_then(|operation| operation.progress.clone());
    }
    let phases = views::phases(operation.as_ref(), run.as_ref());
    let kind = match (&run, &operation) {
        (Some(run), _) if run.is_events() => RunKind::Events,
        (_, Some(operation)) if operation.kind == OperationKind::Retry => RunKind::Retry,
        _ => RunKind::Find,
    };
    Run {
        id,
        task: name,
        task_id: task,
        kind,
        version: operation.as_ref().map(|operation| operation.version),
        source: run.as_ref().map(|run| run.start.source.clone()),
        destination: run.as_ref().map(|run| run.start.destination.clone()),
        who: operation.as_ref().map(|operation| operation.who.clone()),
        begun: operation.as_ref().map(|operation| time(operation.requested)),
        started: run.as_ref().map(|run| time(run.start.started)),
        ended: end.map(|end| time(end.at)),
        phases: phases.iter().map(|entry| Phase { state: entry.state.into(), entered: time(entry.entered) }).collect(),
        lost: ended.as_ref().map_or(0, |ended| ended.lost),
        progress: shown,
        transfers: transfers.filter(|transfers| transfers.objects > 0).map(Into::into),
        overrides: operation.filter(|_| kind == RunKind::Find).and_then(|operation| overrides(&operation.request)),
    }
}

/// The rate with what workers report of large objects, whose bytes are in no counter yet.
fn moving(rate: Option<Rate>, transfers: Option<RunTransfers>) -> Option<Rate> {
    let reported = transfers.map_or(0, |transfers| transfers.bytes_per_second) as f64;
    match rate {
        Some(rate) => Some(Rate { bytes: rate.bytes + reported, ..rate }),
        None => (reported > 0.0).then_some(Rate { objects: 0.0, bytes: reported }),
    }
}

fn overrides(request: &str) -> Option<RunOverrides> {
    let overrides = config::RunOverrides::parse(request).ok().filter(|all| *all != config::RunOverrides::default())?;
    let compare = overrides.compare.and_then(|compare| serde_json::to_value(compare).ok());
    Some(RunOverrides {
        compare: compare.and_then(|compare| compare.as_str().map(str::to_owned)),
        delete: overrides.delete,
        max_delete: overrides.max_delete,
        filters: overrides.filters,
        min_size: overrides.min_size,
        max_size: overrides.max_size,
        min_age: overrides.min_age.map(|age| age.as_secs()),
        max_age: overrides.max_age.map(|age| age.as_secs()),
    })
}
