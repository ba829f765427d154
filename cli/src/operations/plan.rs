//! Plans a run of a task.

use std::time::Duration;

use adapters::open;
use finder::FindError;
use shared::Result;
use shared::location::Scheme;

use super::OpenedTask;
use super::job::Bounds;
use super::slice::SliceEnd;
use crate::plan;

/// Counts what a run would do. The result is what `flotilla plan --json` prints.
///
/// A plan has no checkpoint: a worker that drains leaves it to another one, which begins anew. Its lease is extended for
/// as long as it takes.
pub async fn slice(opened: &OpenedTask, bounds: &Bounds) -> Result<SliceEnd> {
    let OpenedTask { config, source, destination, .. } = opened;
    let probed = match destination.location().scheme() {
        // A folder that does not exist yet counts as empty.
        Scheme::File => open::probe_source(source).await,
        _ => open::probe_both(source, destination).await,
    };
    if let Err(unusable) = probed {
        return Ok(SliceEnd::unusable(unusable));
    }
    match plan::of(config, source.clone(), destination.clone(), bounds.stop.clone()).await {
        Ok(plan) => Ok(SliceEnd::succeeded(&plan)),
        Err(FindError::Interrupted) => Ok(SliceEnd::continued(String::new(), &(), Duration::ZERO)),
        Err(error) => Ok(SliceEnd::failed(error)),
    }
}
