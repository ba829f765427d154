//! How the live run of a task stands.

use adapters::open::FleetBackend;
use serde::Serialize;
use shared::Result;
use shared::ledger::Run;
use shared::ledger::rate::{self, Rate};
use shared::object::Timestamp;
use shared::tasks::{self, Summary};

/// The live run of a task.
#[derive(Debug, Serialize)]
pub struct Live {
    /// The run as the ledger has it; `None`: its finder has not begun.
    pub run: Option<Run>,
    /// Objects that were put on the queue.
    pub enqueued: u64,
    /// Objects and bytes a second over the last minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Estimate; `None` while there can be none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<u64>,
    /// What its finder reports while it cannot begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
}

/// Reads how the live run of a task stands: of a task without one nothing, else the run and its last samples, or what
/// its finder reports.
pub async fn live(backend: &FleetBackend, task: &Summary) -> Result<Option<Live>> {
    let Some(live) = &task.run else { return Ok(None) };
    let id = &task.task.id;
    let Some(run) = backend.ledger.run(&live.id).await? else {
        let progress = backend.tasks.operation(id, &live.id).await?.and_then(|operation| operation.progress);
        return Ok(Some(Live { run: None, enqueued: 0, rate: None, seconds_left: None, progress }));
    };
    let (from, to) = tasks::rate_minutes(Timestamp::now());
    let samples = backend.tasks.samples(id, from, to, 32).await?;
    let rate = tasks::rate(&samples, &live.id);
    let seconds_left = rate.and_then(|rate| rate::remaining(&run, 0, rate)).map(|time| time.as_secs());
    Ok(Some(Live { enqueued: run.enqueued(), run: Some(run), rate, seconds_left, progress: None }))
}
