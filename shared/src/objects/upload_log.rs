//! The upload log port: the durable record of multipart uploads at the destination.
//!
//! # Contract
//!
//! - `Ok` from a call that writes means that its record is durable. After an `Err` the record may or may not be
//!   durable. A repetition changes nothing, with one exception: [`intend_upload`](UploadLog::intend_upload) counts
//!   each call.
//! - A key of a task has at most one recorded upload. The first one stays until it is closed; of several workers that
//!   open one at the same time, all get the same one.
//! - Parts are only recorded for the recorded upload of their key. Parts that come after its close, or belong to
//!   another upload, leave nothing behind.
//! - Reads see every write that was answered before them (strongly consistent).
//! - The adapter retries transient failures ([`crate::retry`]).
//!
//! An adapter may keep the upload log and the ledger in one table or database. Neither depends on that: a call changes
//! one of them.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Intents, OpenUploads, PartRecord, PartSet, SuspectKeys, UploadRecord};
use crate::Result;
use crate::object::Timestamp;
use crate::store::Upload;

/// An upload log that many tasks share.
pub type SharedUploadLog = Arc<dyn UploadLog>;

/// The durable record of multipart uploads. See the [module's contract](self).
#[async_trait]
pub trait UploadLog: SuspectKeys {
    /// Announces that a run is about to create an upload of this key at the destination, whose clock shows `now`. Each
    /// try is announced: one whose answer is lost may have created an upload. A call that is repeated counts twice,
    /// which costs one listing of uploads too many.
    async fn intend_upload(&self, task: &str, run: &str, key: &str, now: Timestamp) -> Result<()>;

    /// The announced uploads of this key that no record names.
    async fn intents(&self, task: &str, key: &str) -> Result<Option<Intents>>;

    /// Removes the intents of a key, unless others were announced, or one was recorded, since they were `seen`.
    async fn clear_intents(&self, task: &str, key: &str, seen: &Intents) -> Result<()>;

    /// Records an open upload and takes one intent of its key off. If an upload of its key is recorded already, nothing
    /// changes, and the recorded one is returned.
    async fn open_upload(&self, record: &UploadRecord) -> Result<UploadRecord>;

    /// The recorded upload of a key.
    async fn upload(&self, task: &str, key: &str) -> Result<Option<UploadRecord>>;

    /// Recorded uploads and intents of these keys. Keys that have neither are left out. Any number of keys, in any
    /// order.
    async fn open_uploads(&self, task: &str, keys: &[&str]) -> Result<Vec<OpenUploads>>;

    /// Recorded uploads and intents of a task, in any order, at most `limit` at a time; `after` is the last page's
    /// token. The token is `None` at the end. A key that has either during the whole listing comes once.
    async fn uploads_of_task(
        &self,
        task: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<OpenUploads>, Option<String>)>;

    /// Adds parts that are at the destination; any number of them. Returns the set of parts that are recorded by then,
    /// empty if the upload is closed: of all callers that add parts, the last one gets the whole set. `known` is the
    /// set that the caller saw last; a stale one costs a read.
    async fn record_parts(&self, task: &str, upload: &Upload, parts: &[PartRecord], known: &PartSet)
    -> Result<PartSet>;

    /// The set of recorded parts, empty if the upload is closed.
    async fn part_set(&self, task: &str, upload: &Upload) -> Result<PartSet>;

    /// The recorded parts of an upload, by number. A part that was sent twice, by two workers or because an answer was
    /// lost, may come twice: a listing at the destination shows which of them it has.
    async fn recorded_parts(&self, task: &str, upload: &Upload) -> Result<Vec<PartRecord>>;

    /// Removes an upload and its parts, if it is the recorded one of its key. Intents of the key stay, and are
    /// returned.
    async fn close_upload(&self, task: &str, upload: &Upload) -> Result<Option<Intents>>;
}
