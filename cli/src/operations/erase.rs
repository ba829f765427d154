//! Removes the records of a task that is being deleted.

use std::time::{Duration, Instant};

use adapters::open::Backend;
use serde::{Deserialize, Serialize};
use shared::Result;
use shared::terminal;

use super::AGAIN_AFTER;
use super::job::SliceBounds;
use super::slice::{SliceCheckpoint, SliceEnd};

/// How long one call of the ledger removes. A worker that drains ends the slice after it.
const CALL: Duration = Duration::from_secs(2);

/// How far the removal is.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Erasing {
    /// Records that were removed. Those of a slice that was cut off are not counted.
    records: u64,
    /// From where the ledger goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Removes records until there are no more, or the slice ends. The result is an [`Erasing`]. Cut off anywhere, the next
/// slice goes on from the last checkpoint: records that are gone stay so. It needs no store: credentials that are gone keep
/// no records.
pub async fn slice(
    backend: &Backend,
    task: &str,
    checkpoint: &SliceCheckpoint,
    bounds: &SliceBounds,
) -> Result<SliceEnd> {
    let mut erasing: Erasing = match checkpoint.state() {
        Ok(erasing) => erasing,
        Err(error) => return Ok(SliceEnd::failed(error)),
    };
    loop {
        match backend.records.erase(task, erasing.next.as_deref(), CALL).await {
            Ok(erased) => {
                erasing = Erasing { records: erasing.records.saturating_add(erased.records), next: erased.next };
            }
            // The queue, or the job, is tried again by the worker as long as the ledger as a whole fails. A call that this
            // removal alone makes may be denied: the message says so, and others go on.
            Err(error) if error.kind() == shared::ErrorKind::Denied => {
                let progress = format!("trying again in {} s: {error}", AGAIN_AFTER.as_secs());
                return Ok(SliceEnd::continued(progress, &erasing, AGAIN_AFTER));
            }
            Err(error) => return Err(error),
        }
        if erasing.next.is_none() {
            return Ok(SliceEnd::succeeded(&erasing));
        }
        if bounds.stop.is_cancelled() || Instant::now() >= bounds.until {
            let progress = format!("{} removed", terminal::counted(erasing.records, "record"));
            return Ok(SliceEnd::continued(progress, &erasing, Duration::ZERO));
        }
    }
}
