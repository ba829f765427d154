//! Uploads that nobody will complete: those of a cancelled run, or of a task that is being deleted.
//!
//! A worker that executes a job of a cancelled run aborts the job's uploads. An upload whose messages are lost has no
//! such job: [`UploadCloser`] finds it in the upload log.
//!
//! # In this order, for each upload
//!
//! 1. The upload is aborted at the destination. Done and its answer lost, or done twice: it is gone, which is as good.
//! 2. Its object is counted as cancelled. The ledger counts an object once, so an object that was settled before stays
//!    as it was settled.
//! 3. Its record is removed. Killed before this, the next call finds the record and begins with the first step.
//!
//! If the destination refuses to abort, the object is counted, the record stays, and [`Closed::kept`] says why.
//!
//! # Races
//!
//! A worker may not know yet that the run is cancelled. It completes its upload, or opens another one: its own job ends
//! both, as it is redelivered. It finds its upload gone: it asks for the state of the run.

use std::ops::AddAssign;
use std::time::Instant;

use futures::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use shared::ledger::{Outcome, Settlement, SharedLedger, State};
use shared::object::Timestamp;
use shared::objects::reasons::REASONS;
use shared::objects::{Intents, OpenUploads, SharedUploadLog, UploadRecord};
use shared::store::{Store, Upload};
use shared::{Error, ErrorKind, Result, metrics};
use tokio_util::sync::CancellationToken;

use crate::objects::multipart::orphaned_uploads::cannot;

/// Uploads that are read at once, which bounds the memory.
const PAGE: usize = 200;

/// Uploads that are ended at once, by some calls each.
const ENDS_AT_ONCE: usize = 16;

/// Uploads that the result names. Others are counted.
const NAMED: usize = 100;

/// Whose uploads are closed, and by what.
#[derive(Debug, Clone)]
pub struct UploadCloser {
    /// The task.
    pub task: String,
    /// The run; `None`: all uploads of the task.
    pub run: Option<String>,
    /// Where they are open.
    pub destination: Store,
    /// What counts their objects.
    pub ledger: SharedLedger,
    /// What records them.
    pub upload_log: SharedUploadLog,
    /// The worker's name in outcomes.
    pub worker: String,
}

/// An upload that may still be open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptUpload {
    /// Its key.
    pub key: String,
    /// Why it could not be aborted, and what to do.
    pub reason: String,
}

/// What became of the uploads so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Closed {
    /// Uploads that are no longer open at the destination. One that two workers abort counts twice.
    pub aborted: u64,
    /// Keys that have an upload, or may have one, that could not be aborted.
    pub kept: u64,
    /// The first of them.
    pub named: Vec<KeptUpload>,
}

impl AddAssign for Closed {
    fn add_assign(&mut self, more: Closed) {
        self.aborted += more.aborted;
        self.kept += more.kept;
        self.named.extend(more.named);
        self.named.truncate(NAMED);
    }
}

/// How far [`UploadCloser::close`] came.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Closing {
    /// The upload log's token of the next page; `None`: the first.
    pub after: Option<String>,
    /// What was closed before it.
    pub closed: Closed,
}

/// What became of an abort.
enum Aborted {
    Gone,
    Kept(KeptUpload),
}

impl UploadCloser {
    /// Closes uploads until there are no more, `stop` is cancelled, or it is `until`; whether there are no more. An
    /// error leaves `closing` at the page that failed: a repeated call begins there.
    pub async fn close(&self, closing: &mut Closing, stop: &CancellationToken, until: Instant) -> Result<bool> {
        loop {
            let (page, next) = self.upload_log.uploads_of_task(&self.task, closing.after.as_deref(), PAGE).await?;
            let mut ends = stream::iter(page.into_iter().map(|open| self.end(open))).buffer_unordered(ENDS_AT_ONCE);
            let mut closed = Closed::default();
            while let Some(ended) = ends.next().await {
                closed += ended?;
            }
            closing.closed += closed;
            closing.after = next;
            if closing.after.is_none() {
                return Ok(true);
            }
            if stop.is_cancelled() || Instant::now() >= until {
                return Ok(false);
            }
        }
    }

    fn is_ours(&self, run: &str) -> bool {
        self.run.as_deref().is_none_or(|ours| ours == run)
    }

    /// Aborts the uploads of a key that are open, or may be.
    async fn end(&self, open: OpenUploads) -> Result<Closed> {
        let mut closed = Closed::default();
        let mut intents = open.intents;
        if let Some(record) = open.record.filter(|record| self.is_ours(&record.run)) {
            let aborted = self.abort(&record.upload).await?;
            self.count(&record).await?;
            match aborted {
                Aborted::Gone => {
                    closed.aborted += 1;
                    intents = self.upload_log.close_upload(&self.task, &record.upload).await?;
                }
                Aborted::Kept(kept) => closed += kept.into(),
            }
        }
        if let Some(intents) = intents.filter(|intents| self.is_ours(&intents.run)) {
            closed += self.end_intended(&open.key, &intents).await?;
        }
        Ok(closed)
    }

    /// Aborts the uploads of a key that were announced and are not recorded. Uploads that were open before, those of
    /// other keys, and those without a time are others'.
    async fn end_intended(&self, key: &str, intents: &Intents) -> Result<Closed> {
        let uploads = match self.destination.list_uploads(key).await {
            Ok(uploads) => uploads,
            Err(error) if is_gone(error.kind()) => Vec::new(),
            Err(error) if cannot(error.kind()) => {
                let remedy = "an upload may be open: set a lifecycle rule that aborts incomplete uploads";
                return Ok(kept(key, &error.and(remedy)).into());
            }
            Err(error) => return Err(error),
        };
        // Read after the listing: an upload that was recorded meanwhile is spared.
        let recorded = self.upload_log.upload(&self.task, key).await?.map(|record| record.upload.id);
        let mut closed = Closed::default();
        for (upload, opened) in uploads {
            // Some stores have whole seconds.
            let is_since = opened.is_some_and(|opened| opened.as_secs() >= intents.since.as_secs());
            if !is_since || Some(&upload.id) == recorded.as_ref() {
                continue;
            }
            match self.abort(&upload).await? {
                Aborted::Gone => closed.aborted += 1,
                Aborted::Kept(kept) => closed += kept.into(),
            }
        }
        if closed.kept == 0 {
            self.upload_log.clear_intents(&self.task, key, intents).await?;
        }
        Ok(closed)
    }

    /// Transient failures are retried by the store; what is left of them ends the call.
    async fn abort(&self, upload: &Upload) -> Result<Aborted> {
        match self.destination.abort_upload(upload).await {
            Ok(()) => Ok(Aborted::Gone),
            Err(error) if is_gone(error.kind()) => Ok(Aborted::Gone),
            Err(error) if cannot(error.kind()) => Ok(Aborted::Kept(kept(&upload.key, &error))),
            Err(error) => Err(error),
        }
    }

    /// Counts the object of an upload as cancelled, unless it was counted.
    async fn count(&self, record: &UploadRecord) -> Result<()> {
        let outcome = Outcome {
            size: record.size,
            attempts: record.attempt,
            worker: self.worker.clone(),
            started: record.opened,
            finished: Timestamp::now(),
            ..Outcome::new(record.upload.key.clone(), State::Cancelled)
        };
        let outcomes = [(record.index, outcome)];
        let UploadRecord { task, run, origin, .. } = record;
        let new = self
            .ledger
            .settle(&Settlement { task, run, origin, reasons: REASONS, outcomes: &outcomes, span: None })
            .await?;
        outcomes.iter().filter(|(index, _)| new.contains(index)).for_each(|(_, outcome)| metrics::settled(outcome));
        Ok(())
    }
}

/// Whether the upload does not exist: it, or its bucket, is gone.
fn is_gone(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NoSuchUpload | ErrorKind::NotFound | ErrorKind::NoSuchContainer)
}

fn kept(key: &str, error: &Error) -> KeptUpload {
    KeptUpload { key: key.to_owned(), reason: error.to_string() }
}

impl From<KeptUpload> for Closed {
    fn from(kept: KeptUpload) -> Closed {
        Closed { aborted: 0, kept: 1, named: vec![kept] }
    }
}
