//! The ledger port: the durable truth about runs and outcomes, for every kind of data.
//!
//! What only objects need is a port of its own: [`UploadLog`](crate::objects::UploadLog).
//!
//! # Contract
//!
//! - `Ok` from a call that writes means that its record is durable. After an `Err` the record may or may not be
//!   durable. Every write may be repeated, and a repetition changes nothing.
//! - Counters are exact: [`settle`](Ledger::settle) counts an item of a job once, however often and by however many
//!   workers the job is executed. A run is done exactly when its finder has listed everything and as many items are
//!   settled as were enqueued ([`Run::is_done`]).
//! - [`outcome`](Ledger::outcome) returns the last outcome recorded for a key, from any run. Outcomes that describe no
//!   key ([`Outcome::is_of_key`]) are only counted.
//! - A task's [event run](events_run) counts events by the same rules, for as long as their messages can come
//!   again. Its failures are listed for 90 days, each key once, as it failed last.
//! - A stream has one follower: [`advance`](Ledger::advance) lets one of several followers take a step, and counts the
//!   step once. A conflict is an answer, no error.
//! - Reads see every write that was answered before them (strongly consistent).
//! - The adapter retries transient failures ([`crate::retry`]).

mod cancel;
mod checkpoint;
pub mod events;
mod found;
mod options;
mod outcome;
mod phase;
mod position;
mod run;
mod settled;
mod transfers;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::Result;
use crate::job::Origin;

pub use cancel::{MAX_RUNS, cancel, lose, supersede};
pub use checkpoint::Checkpoint;
pub use events::{COALESCED, FILTERED, IN_SYNC, OUT_OF_SCOPE, events_run};
pub use found::Found;
pub use options::RunOptions;
pub use outcome::{ARCHIVED, FAILED_DELETE, Outcome, Settlement, State, WRONG_BYTES_REMAIN};
pub use phase::Phase;
pub use position::{Advance, Advanced, MAX_CURSOR_BYTES, Position};
pub use run::{Run, RunStart, RunState};
pub use settled::Settled;
pub use transfers::{
    InFlight, MAX_REPORTED_UPLOADS, MAX_TRANSFER_REPORTS, ReportedUpload, TransferReport, TransferReports,
};

/// A ledger that many tasks share.
pub type SharedLedger = Arc<dyn Ledger>;

/// The durable truth about runs and outcomes. See the [module's contract](self).
#[async_trait]
pub trait Ledger: TransferReports + Send + Sync + std::fmt::Debug + 'static {
    /// Makes `owner` the only finder of `task` for `lease` from now. `Conflict` if another finder holds the claim; the
    /// message names it. The owner renews its claim by repeating the call. A claim ends with
    /// [`unclaim`](Self::unclaim), with the lease, or (embedded) with the process.
    async fn claim(&self, task: &str, owner: &str, lease: Duration) -> Result<()>;

    /// Ends the claim, if `owner` holds it.
    async fn unclaim(&self, task: &str, owner: &str) -> Result<()>;

    /// Names of all tasks that ever had a run, sorted; at most 10,000.
    async fn tasks(&self) -> Result<Vec<String>>;

    /// Records a new run in phase `Listing`. Repeating it changes nothing.
    async fn start_run(&self, start: &RunStart) -> Result<()>;

    /// Moves a run to a phase. `Conflict` if its present phase does not lead there ([`Phase::may_follow`]). `error`, if
    /// given, replaces the run's error.
    async fn set_phase(&self, run: &str, phase: Phase, error: Option<&str>) -> Result<()>;

    /// Refuses all deferred deletes of a run: they no longer count as items to be enqueued.
    async fn refuse_deletes(&self, run: &str) -> Result<()>;

    /// A run with its counters.
    async fn run(&self, run: &str) -> Result<Option<Run>>;

    /// A run's state alone: one small read, as strongly consistent as all others.
    async fn run_state(&self, run: &str) -> Result<Option<RunState>>;

    /// The runs of a task, newest first.
    async fn runs(&self, task: &str, limit: usize) -> Result<Vec<Run>>;

    /// Replaces a range's checkpoint by one with a higher version. Repeating it changes nothing. `Conflict` if another
    /// checkpoint of this version, or a later one, is recorded: the request is late, or another finder holds the claim
    /// by now.
    async fn checkpoint(&self, run: &str, checkpoint: &Checkpoint) -> Result<()>;

    /// All checkpoints of a run, by number.
    async fn checkpoints(&self, run: &str) -> Result<Vec<Checkpoint>>;

    /// Keeps the body of delete job `number` of range `range` until the listing has ended. Another body replaces the
    /// earlier one: a finder that died before the checkpoint that counts the job makes the job anew, perhaps with other
    /// keys.
    async fn defer(&self, run: &str, range: u32, number: u32, body: &str) -> Result<()>;

    /// The body of a delete job that [`defer`](Self::defer) keeps.
    async fn deferred(&self, run: &str, range: u32, number: u32) -> Result<Option<String>>;

    /// Records outcomes, then counts those that were not counted before. Returns the indexes that this call counted:
    /// over all calls each index comes back once, unless an answer is lost. [`failures`](Self::failures) lists the
    /// failures that were counted.
    async fn settle(&self, settlement: &Settlement<'_>) -> Result<BTreeSet<u32>>;

    /// The indexes of an origin job that are counted.
    async fn settled(&self, run: &str, origin: &Origin) -> Result<BTreeSet<u32>>;

    /// Compares the position of a stream's partition with the expected one, and sets the next one, in one transaction
    /// with the counters. Of several followers that advance from one position exactly one gets
    /// [`Advanced::Done`]; the others get [`Advanced::Conflict`], and nothing of theirs is recorded or counted.
    ///
    /// A step that is repeated under its token, because its answer was lost, is `Done` and counts once, as long as its
    /// position is the recorded one. After a later step it is a conflict like any other; the follower that took the later
    /// step read this one's position, so nothing is lost by it. `Invalid` if the cursor is too long.
    async fn advance(&self, step: &Advance<'_>) -> Result<Advanced>;

    /// The position of a stream's partition; `None` before the first step.
    async fn position(&self, task: &str, partition: &str) -> Result<Option<Position>>;

    /// The last outcome of a key.
    async fn outcome(&self, task: &str, key: &str) -> Result<Option<Outcome>>;

    /// The failures of a run in a fixed order, at most `limit`. `after` is the token of the page before; the token
    /// that comes back is `None` at the end.
    async fn failures(&self, run: &str, after: Option<&str>, limit: usize) -> Result<(Vec<Outcome>, Option<String>)>;
}
