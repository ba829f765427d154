//! Closes the uploads of a run, or of a task that is being deleted.
//!
//! The looks of [`UploadCloser`] are slices: the queue delays the next one. A job that the controller sends again, because
//! it took the delayed one for lost, comes after three of its passes, two minutes: later than the longest delay.

use std::time::Duration;

use control::request;
use shared::Result;
use shared::store::Store;
use shared::tasks::CloseRequest;
use shared::terminal;
use worker::{CloseStep, Closing, UploadCloser};

use super::job::SliceBounds;
use super::slice::{SliceCheckpoint, SliceEnd};
use super::{AGAIN_AFTER, OpenedTask};

/// Closes uploads until there are no more, or the slice ends. The result is a [`worker::Closed`]: uploads that the
/// destination refuses to abort are named in it, and their records stay.
pub async fn slice(
    opened: &OpenedTask,
    destination: &Store,
    request: &str,
    checkpoint: &SliceCheckpoint,
    bounds: &SliceBounds,
    owner: &str,
) -> Result<SliceEnd> {
    let CloseRequest { run } = match request::read(request) {
        Ok(request) => request,
        Err(why) => return Ok(SliceEnd::failed(why)),
    };
    let mut closing: Closing = match checkpoint.state() {
        Ok(closing) => closing,
        Err(error) => return Ok(SliceEnd::failed(error)),
    };
    let closer = UploadCloser {
        task: opened.config.task.clone(),
        run,
        destination: destination.clone(),
        ledger: opened.backend.ledger.clone(),
        upload_log: opened.backend.upload_log.clone(),
        worker: owner.to_owned(),
    };
    let ended = closer.close(&mut closing, &bounds.stop, bounds.until).await;
    let so_far = terminal::counted(closing.closed.aborted, "upload");
    match ended {
        Ok(CloseStep::Done) => Ok(SliceEnd::succeeded(&closing.closed)),
        Ok(CloseStep::Continues) => Ok(SliceEnd::continued(format!("{so_far} closed"), &closing, Duration::ZERO)),
        Ok(CloseStep::Waits(delay)) => {
            let progress = format!("{so_far} closed, looking again in {} s for late ones", delay.as_secs());
            Ok(SliceEnd::continued(progress, &closing, delay))
        }
        Err(error) if error.is_backend() => Err(error),
        // The store fails: its uploads stay open until it works again.
        Err(error) => {
            let progress = format!("{so_far} closed, trying again in {} s: {error}", AGAIN_AFTER.as_secs());
            Ok(SliceEnd::continued(progress, &closing, AGAIN_AFTER))
        }
    }
}
