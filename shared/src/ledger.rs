//! The ledger port: the durable truth about runs and objects, and its adapters.
//!
//! # Contract
//!
//! - `Ok` from a call that writes means that its record is durable. After an `Err` it may or may not
//!   be; every write may be repeated, and a repetition changes nothing.
//! - Counters are exact: [`settle`](Ledger::settle) counts an object of a job once, however often
//!   and by however many workers the job is executed. A run is done exactly when its finder has
//!   listed everything and as many objects are settled as were enqueued ([`Run::is_done`]).
//! - [`outcome`](Ledger::outcome) gives the last one recorded for a key, from whatever run. Outcomes that are no
//!   key's ([`Outcome::is_of_key`]) are counted only.
//! - A task's [event run](events_run) counts events by the same rules, for as long as their messages can come
//!   again. Its failures are listed for 90 days, each key once, as it failed last.
//! - Reads see every write that was answered before them (strongly consistent).
//! - Transient failures are retried inside the adapter ([`crate::retry`]).

mod cancel;
pub mod events;
mod options;
mod part_set;
mod phase;
mod suspects;
mod transfers;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::acl::Acl;
use crate::digest::Checksum;
use crate::job::Origin;
use crate::object::{Attributes, ETag, Pin, Tags, Timestamp};
use crate::store::{Encryption, KeyRange, Upload};

pub use cancel::{MAX_RUNS, cancel, lose, supersede};
pub use events::{COALESCED, FILTERED, IN_SYNC, OUT_OF_SCOPE, events_run};
pub use options::RunOptions;
pub use part_set::PartSet;
pub use phase::Phase;
pub use suspects::{Suspect, SuspectKeys};
pub use transfers::{
    InFlight, MAX_REPORTED_UPLOADS, MAX_TRANSFER_REPORTS, ReportedUpload, TransferReport, TransferReports,
};

/// A ledger shared by many tasks.
pub type SharedLedger = Arc<dyn Ledger>;

/// What is known of a run from its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStart {
    /// Unique; sorts by time of start among the runs of one task.
    pub id: String,
    /// The task.
    pub task: String,
    /// Source location, for people.
    pub source: String,
    /// Destination location, for people.
    pub destination: String,
    /// The options that it began under. A run with other options cancels it.
    pub options: RunOptions,
    /// When it began.
    pub started: Timestamp,
}

/// A run, with its counters added up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// What is known from its start.
    #[serde(flatten)]
    pub start: RunStart,
    /// How far its finder has come.
    pub phase: Phase,
    /// Why the finder gave up, or what it refused (such as too many deletes).
    pub error: Option<String>,
    /// Sum over the finder's checkpoints.
    pub found: Found,
    /// Sum over the settled objects.
    pub settled: Settled,
}

impl Run {
    /// Objects that were put on the queue by the run; events are put there by others.
    pub fn enqueued(&self) -> u64 {
        let deletes = match self.phase {
            // All deletes of a cancelled run are settled: as cancelled, where they were not made before.
            Phase::Releasing | Phase::Listed | Phase::Cancelling | Phase::Cancelled | Phase::Lost => self.found.deletes,
            Phase::Listing | Phase::Stopped => 0,
        };
        self.found.enqueued + deletes
    }

    /// Whether the finder is through and every enqueued object is settled, or lost. Events are never through.
    pub fn is_done(&self) -> bool {
        if self.phase == Phase::Lost {
            return true;
        }
        let is_through = matches!(self.phase, Phase::Listed | Phase::Stopped | Phase::Cancelled);
        is_through && !self.is_events() && self.settled.objects() >= self.enqueued()
    }

    /// Objects that were found to be copied or deleted and are not settled.
    pub fn unsettled(&self) -> u64 {
        (self.found.enqueued + self.found.deletes).saturating_sub(self.settled.objects())
    }
}

/// What the finder met, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    /// Objects listed at the source (after filters by key).
    pub listed: u64,
    /// Objects listed at the destination.
    pub listed_destination: u64,
    /// Objects that were in sync already.
    pub unchanged: u64,
    /// Source objects left out by filters.
    pub filtered: u64,
    /// Objects on both sides that could not be compared, because a store failed: nothing is done about them.
    pub not_judged: u64,
    /// Objects enqueued to be copied.
    pub enqueued: u64,
    /// Their bytes.
    pub enqueued_bytes: u64,
    /// Objects to be deleted, held back until the listing has ended well. Zero once refused.
    pub deletes: u64,
    /// Folders and names of either side that could not be listed.
    pub unlisted: u64,
}

impl std::ops::AddAssign for Found {
    fn add_assign(&mut self, other: Found) {
        self.listed += other.listed;
        self.listed_destination += other.listed_destination;
        self.unchanged += other.unchanged;
        self.filtered += other.filtered;
        self.not_judged += other.not_judged;
        self.enqueued += other.enqueued;
        self.enqueued_bytes += other.enqueued_bytes;
        self.deletes += other.deletes;
        self.unlisted += other.unlisted;
    }
}

/// What became of the enqueued objects, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settled {
    /// Objects copied.
    pub copied: u64,
    /// Objects deleted at the destination.
    pub deleted: u64,
    /// Objects that needed nothing when their turn came, or could not be read because they are archived.
    pub skipped: u64,
    /// Of those, the archived ones.
    pub archived: u64,
    /// Of the skipped, events of what is not the task's.
    pub out_of_scope: u64,
    /// Of the skipped, events that the work for another event of the key has covered.
    pub coalesced: u64,
    /// Objects given up.
    pub failed: u64,
    /// Objects that a run with other options has cancelled.
    pub cancelled: u64,
    /// Bytes of the copied objects.
    pub bytes: u64,
    /// When the last of them was settled.
    pub last: Option<Timestamp>,
}

impl Settled {
    /// All settled objects.
    pub fn objects(&self) -> u64 {
        self.copied + self.deleted + self.skipped + self.failed + self.cancelled
    }

    /// Takes one more outcome into account.
    pub fn count(&mut self, outcome: &Outcome) {
        match outcome.state {
            State::Copied => {
                self.copied += 1;
                self.bytes += outcome.size;
            }
            State::Deleted => self.deleted += 1,
            State::Skipped => {
                self.skipped += 1;
                match outcome.reason.as_deref() {
                    Some(ARCHIVED) => self.archived += 1,
                    Some(OUT_OF_SCOPE) => self.out_of_scope += 1,
                    Some(COALESCED) => self.coalesced += 1,
                    _ => {}
                }
            }
            State::Failed => self.failed += 1,
            State::Cancelled => self.cancelled += 1,
        }
        self.last = self.last.max(Some(outcome.finished));
    }
}

impl std::ops::AddAssign for Settled {
    fn add_assign(&mut self, other: Settled) {
        self.copied += other.copied;
        self.deleted += other.deleted;
        self.skipped += other.skipped;
        self.archived += other.archived;
        self.out_of_scope += other.out_of_scope;
        self.coalesced += other.coalesced;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.bytes += other.bytes;
        self.last = self.last.max(other.last);
    }
}

/// Where the listing of one key range stands. One record holds cursor, counters and outbox, so that
/// one write moves all three: a finder that dies between this write and the sending finds the jobs
/// in the outbox, sends them (again) and lists on after the cursor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The range's number within the run.
    pub id: u32,
    /// Grows with each checkpoint of the range, from 1.
    #[serde(default)]
    pub version: u64,
    /// Where the range begins. It ends where the next one (by key order) begins, so splitting a range
    /// is one write: the new range's first checkpoint.
    pub range: KeyRange,
    /// Everything up to and including this key is accounted for here.
    pub cursor: Option<String>,
    /// The range is listed to its end.
    pub done: bool,
    /// Counters up to the cursor.
    pub found: Found,
    /// Copy jobs made so far: the next one's number.
    pub jobs: u32,
    /// Delete jobs held so far: the next one's number.
    pub held: u32,
    /// Bodies of jobs that the cursor covers and that may not have been sent yet; at most one
    /// message's worth, [`crate::queue::MAX_BODY_BYTES`] together.
    pub outbox: Vec<String>,
}

impl Checkpoint {
    /// Why it is not written, where a later one is there.
    pub fn conflict(&self, run: &str) -> String {
        format!("range {} of run {run} has a later checkpoint: another finder works on the task", self.id)
    }
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Written to the destination.
    Copied,
    /// Removed from the destination.
    Deleted,
    /// Nothing to do when its turn came; [`Outcome::reason`] says why.
    Skipped,
    /// Given up; [`Outcome::error`] says why.
    Failed,
    /// Its run was cancelled before its turn came. It says nothing of the key.
    Cancelled,
}

impl State {
    /// The state as metrics and reports spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Copied => "copied",
            State::Deleted => "deleted",
            State::Skipped => "skipped",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
        }
    }
}

/// The [`Outcome::reason`] of an object that was skipped because it is archived.
pub const ARCHIVED: &str = "archived";

/// The [`Outcome::reason`] of a delete that was given up.
pub const FAILED_DELETE: &str = "delete";

/// The [`Outcome::reason`] of a failed object whose destination may still hold wrong bytes: they were written, were
/// found to be wrong, and could not be removed. Size and time say nothing of such an object.
pub const WRONG_BYTES_REMAIN: &str = "wrong-bytes";

/// The record of an object when it settles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Key relative to the task's locations.
    pub key: String,
    /// What became of it.
    pub state: State,
    /// Why it was skipped, in a word or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Bytes.
    pub size: u64,
    /// The source's entity tag and version that were read.
    #[serde(default)]
    pub source: Pin,
    /// The destination's entity tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<ETag>,
    /// The checksum of the bytes, by the algorithm that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// What was compared to know that the bytes are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<String>,
    /// Attempts at it, this one included.
    pub attempts: u32,
    /// Why it was given up, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Who settled it.
    pub worker: String,
    /// When the attempt began.
    pub started: Timestamp,
    /// When it settled.
    pub finished: Timestamp,
}

/// Outcomes of some objects of one origin job, to be recorded and counted.
#[derive(Debug, Clone)]
pub struct Settlement<'a> {
    /// The task.
    pub task: &'a str,
    /// The run that counts them.
    pub run: &'a str,
    /// The origin job.
    pub origin: &'a Origin,
    /// The objects' places in the origin job, with their outcomes; each place at most once.
    pub outcomes: &'a [(u32, Outcome)],
}

/// An open upload of a giant object that the whole fleet works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRecord {
    /// The task.
    pub task: String,
    /// The run that counts the object.
    pub run: String,
    /// The origin job that counts the object.
    pub origin: Origin,
    /// The object's place in it.
    pub index: u32,
    /// The destination's upload; its key is relative.
    pub upload: Upload,
    /// The version that all parts are read from.
    pub source: Pin,
    /// When the source was last written.
    pub modified: Timestamp,
    /// Bytes of the object.
    pub size: u64,
    /// Bytes of each part but the last.
    pub part_bytes: u64,
    /// Headers and user metadata given at its creation.
    pub attributes: Attributes,
    /// Tags given at its creation.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Storage class given at its creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// Access given at its creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<Acl>,
    /// Encryption given at its creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// Whether the parts are cut as the source's own were, so that its ETag can be made of them.
    #[serde(default)]
    pub same_parts: bool,
    /// Whole-object checksum that the source keeps, where it does.
    pub checksum: Option<Checksum>,
    /// Attempt at the object, from 1.
    pub attempt: u32,
    /// When it was opened, by the destination's clock.
    pub opened: Timestamp,
}

impl UploadRecord {
    /// Number of parts.
    pub fn part_count(&self) -> u32 {
        self.size.div_ceil(self.part_bytes) as u32
    }
}

/// Uploads of a key that were to be created and that no record names: because an answer was lost, or
/// because someone died or was too late between creating and recording. They may be open at the
/// destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intents {
    /// How many; at least one.
    pub count: u32,
    /// All of them were created after this, by the destination's clock.
    pub since: Timestamp,
}

/// What is open of a key, or may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUploads {
    /// The key.
    pub key: String,
    /// The upload that is recorded.
    pub record: Option<UploadRecord>,
    /// Uploads that no record names.
    pub intents: Option<Intents>,
}

/// A part that is at the destination, with the checksum of its bytes as they were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    /// From 1.
    pub number: u32,
    /// The tag that the destination gave it: should it hold another part by now, it is not this one.
    pub etag: ETag,
    /// Of the part's bytes as they passed; `None` where the service copied them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// MD5 of its bytes, where the source's own parts are told by theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<Checksum>,
    /// How it is known that the destination holds them.
    #[serde(default)]
    pub proof: Proof,
}

/// How it is known that the destination holds the bytes that were sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// It is not known yet: what was written must be read again.
    #[default]
    None,
    /// The destination verified a checksum that was sent along, or told one that was compared.
    Destination,
    /// The service copied them by itself.
    Service,
}

/// What a worker needs to know of a run before it executes one of its jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunState {
    /// How far the run has come.
    pub phase: Phase,
    /// The options that it began under.
    pub options: RunOptions,
}

/// The durable truth about runs and objects. See the [module's contract](self).
#[async_trait]
pub trait Ledger: SuspectKeys + TransferReports + Send + Sync + std::fmt::Debug + 'static {
    /// Makes `owner` the only finder of `task` for `lease` from now; `Conflict`, naming the other, if
    /// someone else is. Repeated by the owner it renews. Ends with [`unclaim`](Self::unclaim), with
    /// the lease, or (embedded) with the process.
    async fn claim(&self, task: &str, owner: &str, lease: Duration) -> Result<()>;

    /// Ends the claim, if `owner` holds it.
    async fn unclaim(&self, task: &str, owner: &str) -> Result<()>;

    /// Names of all tasks that ever had a run, sorted; at most 10,000.
    async fn tasks(&self) -> Result<Vec<String>>;

    /// Records a new run in phase `Listing`. Repeating it changes nothing.
    async fn start_run(&self, start: &RunStart) -> Result<()>;

    /// Moves a run on; `Conflict` if its phase does not lead there ([`Phase::may_follow`]). `error` replaces the run's
    /// error where given.
    async fn set_phase(&self, run: &str, phase: Phase, error: Option<&str>) -> Result<()>;

    /// Takes back all held deletes of a run: they are no longer counted as to be enqueued.
    async fn refuse_deletes(&self, run: &str) -> Result<()>;

    /// A run with its counters.
    async fn run(&self, run: &str) -> Result<Option<Run>>;

    /// A run's state alone: one small read, as strongly consistent as all others.
    async fn run_state(&self, run: &str) -> Result<Option<RunState>>;

    /// The runs of a task, newest first.
    async fn runs(&self, task: &str, limit: usize) -> Result<Vec<Run>>;

    /// Writes a range's checkpoint over its earlier one, which has a lower version. Written twice it is the same.
    /// `Conflict` where another one of this version or a later one is there: a request that is late, or a finder whose
    /// claim is another's by now.
    async fn checkpoint(&self, run: &str, checkpoint: &Checkpoint) -> Result<()>;

    /// All checkpoints of a run, by number.
    async fn checkpoints(&self, run: &str) -> Result<Vec<Checkpoint>>;

    /// MetadataSupport the body of a delete job, number `number` of range `range`, until the listing has ended.
    /// Repeated with another body, it replaces the earlier one: a finder that died before the checkpoint
    /// that counts the job makes it anew, perhaps with other keys.
    async fn hold(&self, run: &str, range: u32, number: u32, body: &str) -> Result<()>;

    /// A held job's body.
    async fn held(&self, run: &str, range: u32, number: u32) -> Result<Option<String>>;

    /// Records outcomes, then counts those of them that were not counted before. Returns the places that
    /// were newly counted: over all calls each place comes back once, unless an answer was lost.
    /// Failures that are counted are listed by [`failures`](Self::failures).
    async fn settle(&self, settlement: &Settlement<'_>) -> Result<BTreeSet<u32>>;

    /// The places of an origin job that are counted.
    async fn settled(&self, run: &str, origin: &Origin) -> Result<BTreeSet<u32>>;

    /// The last outcome of a key.
    async fn outcome(&self, task: &str, key: &str) -> Result<Option<Outcome>>;

    /// The failed objects of a run in a fixed order, `limit` at a time; `after` is the last
    /// page's token. The token is `None` at the end.
    async fn failures(&self, run: &str, after: Option<&str>, limit: usize) -> Result<(Vec<Outcome>, Option<String>)>;

    /// Says that an upload of this key is about to be created at the destination, whose clock shows `now`.
    /// Every single try counts: one whose answer is lost may have made an upload. Called twice, it counts
    /// twice, which costs whoever looks after it one look too many.
    async fn intend_upload(&self, task: &str, key: &str, now: Timestamp) -> Result<()>;

    /// The uploads of this key that were intended and that no record names.
    async fn intents(&self, task: &str, key: &str) -> Result<Option<Intents>>;

    /// Forgets the intents of a key that were `seen`, unless there are more by now.
    async fn clear_intents(&self, task: &str, key: &str, seen: &Intents) -> Result<()>;

    /// Records an open upload, which fulfils one intent, unless one is recorded for its task and key: then
    /// that one comes back.
    async fn open_upload(&self, record: &UploadRecord) -> Result<UploadRecord>;

    /// The open upload of a key.
    async fn upload(&self, task: &str, key: &str) -> Result<Option<UploadRecord>>;

    /// What is open of these keys, or may be; keys of which nothing is known are left out. Any number of keys, in any
    /// order.
    async fn open_uploads(&self, task: &str, keys: &[&str]) -> Result<Vec<OpenUploads>>;

    /// Adds parts that are at the destination; any number of them. Returns the set of parts that are recorded now, empty
    /// if the upload is closed: of all who add parts, the last one sees the whole set. `known` is the set that the
    /// caller saw last; a stale one costs a read.
    async fn record_parts(&self, task: &str, upload: &Upload, parts: &[PartRecord], known: &PartSet)
    -> Result<PartSet>;

    /// The set of recorded parts, empty if the upload is closed.
    async fn part_set(&self, task: &str, upload: &Upload) -> Result<PartSet>;

    /// What is recorded of an upload's parts, by number. A part that was sent twice, by two workers or because its
    /// answer was lost, may come twice: the destination tells which of them it has.
    async fn recorded_parts(&self, task: &str, upload: &Upload) -> Result<Vec<PartRecord>>;

    /// Forgets an upload and its parts, if it is still the one recorded for its key. The intents of the
    /// key stay, and come back.
    async fn close_upload(&self, task: &str, upload: &Upload) -> Result<Option<Intents>>;
}
