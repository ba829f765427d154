//! Begins a run of a task whose folder may have changed unseen.

use adapters::open::FleetBackend;
use control::{Actor, Code, Refusal, actions};
use shared::tasks::OperationKind;
use shared::{Error, Result};

/// Begins a run of a task under its present definition, unless one is live or the task is not active. Returns whether it
/// began.
pub async fn begin_run(backend: &FleetBackend, name: &str, id: &str, who: &str) -> Result<bool> {
    let Some(summary) = backend.tasks.summary(name).await?.filter(|summary| summary.task.id == id) else {
        return Ok(false);
    };
    let actor = Actor::new(backend.clone(), who);
    match actions::begin(&actor, &summary, OperationKind::Find, String::new(), false).await {
        Ok(_) => Ok(true),
        Err(Refusal { code: Code::Service(kind), what, .. }) => Err(Error::new(kind, "begin", name, what)),
        // It has a run, or it is not active, or somebody changed it.
        Err(_) => Ok(false),
    }
}
