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
//! # Looks
//!
//! A worker may not know yet that the run is cancelled, or may have been stopped for an hour: it opens an upload. It does
//! so only within [`OPENS_WITHIN`] of a read that shows the run, and the task, as not closed, after it has announced it, and it
//! waits no longer than [`CREATE`] for the answer (`multipart/orphaned_uploads.rs`). So the log is looked at up to three
//! times, and no two clocks are compared:
//!
//! 1. at once, after the run or the task is closed;
//! 2. [`ANNOUNCED_AFTER`] later: what was not announced by now is not opened any more. Without an announcement or a record
//!    that is all;
//! 3. [`ANSWERED_AFTER`] later: what was announced is open by now, or never will be. Only this look forgets the
//!    announcements.
//!
//! # Races
//!
//! A worker that completes its upload, or records another one, meanwhile: its own job ends both, as it is redelivered. It
//! finds its upload gone: it asks for the state of the run.

use std::ops::AddAssign;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use shared::ledger::{Outcome, Phase, Settlement, SharedLedger, State, close_task};
use shared::object::Timestamp;
use shared::objects::reasons::REASONS;
use shared::objects::{Intents, OpenUploads, SharedUploadLog, UploadRecord};
use shared::retry::CREATE;
use shared::store::{Store, Upload};
use shared::{Error, ErrorKind, Result, metrics};
use tokio_util::sync::CancellationToken;

use crate::engine::runs::OPENS_WITHIN;
use crate::objects::multipart::orphaned_uploads::cannot;

/// All uploads that may still be opened in the name of a closed run or task are announced after this time.
pub const ANNOUNCED_AFTER: Duration = OPENS_WITHIN.saturating_add(Duration::from_secs(3));

/// All uploads that were announced are open after this time, or never will be: twice as long as a worker waits for an
/// answer, and the time in which it may send the request.
pub const ANSWERED_AFTER: Duration = OPENS_WITHIN.saturating_add(CREATE.attempt.saturating_mul(2));

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
    /// Which of the looks it is.
    pub look: Look,
    /// Whether this look has met an upload, or an announcement of one.
    pub has_met: bool,
    /// The upload log's token of the next page; `None`: the first.
    pub after: Option<String>,
    /// What was closed before it.
    pub closed: Closed,
}

/// A look at the upload log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Look {
    /// The first one.
    #[default]
    First,
    /// By now all uploads that may still be opened are announced.
    Announced,
    /// By now all of them are open, or never will be.
    Last,
}

impl Look {
    /// The next look, and the time before it; `None`: this one was the last.
    fn next(self, has_met: bool) -> Option<(Look, Duration)> {
        match self {
            Look::First => Some((Look::Announced, ANNOUNCED_AFTER)),
            Look::Announced if has_met => Some((Look::Last, ANSWERED_AFTER)),
            Look::Announced | Look::Last => None,
        }
    }
}

/// How a call of [`UploadCloser::close`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseStep {
    /// Nothing is open any more, but for what was kept.
    Done,
    /// The same look goes on, at once.
    Continues,
    /// The next look begins after this time, and not before.
    Waits(Duration),
}

/// What became of an abort.
enum Aborted {
    Gone,
    Kept(KeptUpload),
}

impl UploadCloser {
    /// Closes uploads until the present look is through, `stop` is cancelled, or it is `until`. A task is closed first; a
    /// run is closed by the caller. An error leaves `closing` at the page that failed: a repeated call begins there.
    pub async fn close(&self, closing: &mut Closing, stop: &CancellationToken, until: Instant) -> Result<CloseStep> {
        let counts = self.begin(closing).await?;
        loop {
            let (page, next) = self.upload_log.uploads_of_task(&self.task, closing.after.as_deref(), PAGE).await?;
            let ours = page.into_iter().map(|open| self.ours(open)).filter(|open| open.is_some());
            let look = closing.look;
            let ends: Vec<_> = ours.flatten().map(|open| self.end(open, look, counts)).collect();
            closing.has_met |= !ends.is_empty();
            let mut ends = stream::iter(ends).buffer_unordered(ENDS_AT_ONCE);
            let mut closed = Closed::default();
            while let Some(ended) = ends.next().await {
                closed += ended?;
            }
            closing.closed += closed;
            closing.after = next;
            if closing.after.is_none() {
                break;
            }
            if stop.is_cancelled() || Instant::now() >= until {
                return Ok(CloseStep::Continues);
            }
        }
        let Some((look, delay)) = closing.look.next(closing.has_met) else { return Ok(CloseStep::Done) };
        // What is kept is met again.
        let closed = Closed { aborted: closing.closed.aborted, ..Closed::default() };
        *closing = Closing { look, closed, ..Closing::default() };
        Ok(CloseStep::Waits(delay))
    }

    /// Whether objects are counted. Those of a run that lost its messages were counted as lost.
    async fn begin(&self, closing: &mut Closing) -> Result<bool> {
        let Some(run) = &self.run else {
            // Repeated, it changes nothing.
            close_task(&self.ledger, &self.task).await?;
            return Ok(true);
        };
        let state = self.ledger.run_state(run).await?;
        if state.is_none() {
            // No worker opens an upload in the name of a run that the ledger does not know.
            closing.look = Look::Last;
        }
        Ok(state.is_none_or(|state| state.phase != Phase::Lost))
    }

    fn is_ours(&self, run: &str) -> bool {
        self.run.as_deref().is_none_or(|ours| ours == run)
    }

    /// The record and the announcements of a key that are of the run; `None` if there is neither.
    fn ours(&self, open: OpenUploads) -> Option<OpenUploads> {
        let record = open.record.filter(|record| self.is_ours(&record.run));
        let intents = open.intents.filter(|intents| self.is_ours(&intents.run));
        (record.is_some() || intents.is_some()).then_some(OpenUploads { record, intents, ..open })
    }

    /// Aborts the uploads of a key that are open, or may be.
    async fn end(&self, open: OpenUploads, look: Look, counts: bool) -> Result<Closed> {
        let mut closed = Closed::default();
        let mut intents = open.intents;
        if let Some(record) = open.record {
            let aborted = self.abort(&record.upload).await?;
            if counts {
                self.count(&record).await?;
            }
            match aborted {
                Aborted::Gone => {
                    closed.aborted += 1;
                    intents = self.upload_log.close_upload(&self.task, &record.upload).await?;
                }
                Aborted::Kept(kept) => closed += kept.into(),
            }
        }
        if let Some(intents) = intents.filter(|intents| self.is_ours(&intents.run)) {
            closed += self.end_intended(&open.key, &intents, look).await?;
        }
        Ok(closed)
    }

    /// Aborts the uploads of a key that were announced and are not recorded. Uploads that were open before, those of
    /// other keys, and those without a time are others'.
    async fn end_intended(&self, key: &str, intents: &Intents, look: Look) -> Result<Closed> {
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
        if closed.kept == 0 && look == Look::Last {
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
