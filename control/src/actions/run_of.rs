//! The task of a run.

use shared::ledger::Run;
use shared::tasks::Summary;

use super::actor::Actor;
use crate::refusal::{Code, Refusal};

/// A run with its task.
#[derive(Debug, Clone)]
pub struct RunOf {
    /// The task.
    pub summary: Summary,
    /// The run as the ledger has it; `None`: its finder has not begun.
    pub run: Option<Run>,
}

/// The run of an id, whose task exists. Reads the summaries of the fleet, which are bounded.
pub async fn run_of(actor: &Actor, id: &str) -> Result<RunOf, Refusal> {
    let run = actor.backend.ledger.run(id).await.map_err(Refusal::service)?;
    let is_of = |summary: &Summary| match &run {
        Some(run) => summary.task.id == run.start.task,
        None => summary.run.as_ref().is_some_and(|live| live.id == id) || summary.cancelled.contains(id),
    };
    let summaries = actor.tasks().summaries().await.map_err(Refusal::service)?;
    match summaries.into_iter().find(is_of) {
        Some(summary) => Ok(RunOf { summary, run }),
        None => {
            let what = format!("no task of fleet {:?} has a run {id:?}", actor.fleet().name);
            Err(Refusal::new(Code::NoSuchRun, what).remedy("it may be the run of a task that was deleted"))
        }
    }
}
