//! The ledger port: the durable truth about runs and outcomes, for every kind of data.
//!
//! What only objects need is a port of its own: [`UploadLog`](crate::objects::UploadLog). So is the removal of a task's
//! records: [`TaskRecords`].
//!
//! # Contract
//!
//! - `Ok` from a call that writes means that its record is durable. After an `Err` the record may or may not be
//!   durable. Every write may be repeated, and a repetition changes nothing.
//! - Counters are exact: [`settle`](Ledger::settle) counts an item of a job once, however often and by however many
//!   workers the job is executed. A run is done exactly when its finder has listed everything and as many items are
//!   settled as were enqueued ([`Run::is_done`]).
//! - [`outcome`](Ledger::outcome) returns the last outcome recorded for a key, from any run, for as long as the ledger
//!   keeps outcomes. Outcomes that describe no key ([`Outcome::is_of_key`]) are only counted.
//! - A ledger may record outcomes that have a [`Span`] together, many in one record. [`recorded`](Ledger::recorded)
//!   reads none of those.
//! - A task's [event run](events_run) counts events by the same rules, for as long as their messages can come
//!   again. Its failures are listed for 90 days, each key once, as it failed last.
//! - A stream has one follower: [`advance`](Ledger::advance) lets one of several followers take a step, and counts the
//!   step once. A conflict is an answer, no error.
//! - Reads see every write that was answered before them (strongly consistent).
//! - The adapter retries transient failures ([`crate::retry`]).

mod cancel;
mod checkpoint;
mod claim;
mod detail;
pub mod events;
mod found;
mod options;
mod outcome;
mod phase;
mod phase_times;
mod position;
pub mod rate;
mod reasons;
mod run;
mod settled;
mod span;
mod task_records;
mod transfers;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

use crate::Result;
use crate::job::Origin;

pub use cancel::{MAX_RUNS, cancel, close_done, close_task, lose, supersede};
pub use checkpoint::Checkpoint;
pub use claim::{CLOSED, ClaimView, NO_FENCE, fence_error};
pub use detail::Detail;
pub use events::events_run;
pub use found::Found;
pub use options::RunOptions;
pub use outcome::{Outcome, Settlement, State};
pub use phase::Phase;
pub use phase_times::PhaseTimes;
pub use position::{Advance, Advanced, MAX_CURSOR_BYTES, Position};
pub use reasons::{MAX_REASONS, OTHER, Reasons};
pub use run::{Run, RunStart, RunState};
pub use settled::Settled;
pub use span::{Span, Stream};
pub use task_records::{EraseEffort, Erased, SharedTaskRecords, TaskRecords};
pub use transfers::{
    MAX_REPORTED_UPLOADS, MAX_TRANSFER_REPORTS, ReportedUpload, RunTransfers, TransferReport, TransferReports,
};

/// Most runs of a task among which [`Ledger::outcome`] searches for a key's last outcome.
pub const MAX_RUNS_SEARCHED: usize = 100;

/// A ledger that many tasks share.
pub type SharedLedger = Arc<dyn Ledger>;

/// The durable truth about runs and outcomes. See the [module's contract](self).
#[async_trait]
pub trait Ledger: TransferReports + Send + Sync + std::fmt::Debug + 'static {
    /// Whether a service charges for each write.
    fn is_charged(&self) -> bool;

    /// Makes `owner` the only finder of `task`, and returns the claim's fence. The owner renews its claim, under the
    /// same fence, by repeating the call; each renewal changes the beat.
    ///
    /// `Conflict` if another owner has the claim; the message names the owner. A claim ends with
    /// [`unclaim`](Self::unclaim), or (embedded) with the owner's process. The caller takes the claim from an owner that
    /// died by passing as `dead` the claim that it has seen unchanged for the lease: if the claim has changed since then,
    /// the call is a `Conflict`.
    async fn claim(&self, task: &str, owner: &str, dead: Option<&ClaimView>) -> Result<u64>;

    /// Ends the claim, if `owner` holds it. The next claim has a higher fence all the same.
    async fn unclaim(&self, task: &str, owner: &str) -> Result<()>;

    /// The claim on a task; `None` if nobody has it.
    async fn claimed(&self, task: &str) -> Result<Option<ClaimView>>;

    /// Names of all tasks that ever had a run, sorted; at most 10,000.
    async fn tasks(&self) -> Result<Vec<String>>;

    /// Records a new run in phase `Listing`, under this fence ([`NO_FENCE`] for a run without a finder). Repeating it
    /// changes nothing, also not the fence.
    async fn start_run(&self, start: &RunStart, fence: u64) -> Result<()>;

    /// Makes `fence` the run's fence, and returns all checkpoints of the run, by number. Each later write of a finder
    /// under a lower fence is a `Conflict` and changes nothing that was returned. `Conflict` if the run has a higher
    /// fence already, `NotFound` if there is no such run. Cut off or repeated, it is as if it was called once.
    async fn fence(&self, run: &str, fence: u64) -> Result<Vec<Checkpoint>>;

    /// Moves a run to a phase. `Conflict` if its present phase does not lead there ([`Phase::may_follow`]), or if the run
    /// has another fence than this one; `None`: the caller is no finder, and any fence will do. `error`, if given,
    /// replaces the run's error. The time at which the run enters a phase for the first time is recorded with it
    /// ([`Run::entered`]).
    async fn set_phase(&self, run: &str, phase: Phase, error: Option<&str>, fence: Option<u64>) -> Result<()>;

    /// Refuses all deferred deletes of a run: they no longer count as items to be enqueued. `Conflict` if the run has
    /// another fence than this one.
    async fn refuse_deletes(&self, run: &str, fence: u64) -> Result<()>;

    /// A run with its counters.
    async fn run(&self, run: &str) -> Result<Option<Run>>;

    /// A run's state alone: one small read, as strongly consistent as all others.
    async fn run_state(&self, run: &str) -> Result<Option<RunState>>;

    /// The runs of a task, newest first.
    async fn runs(&self, task: &str, limit: usize) -> Result<Vec<Run>>;

    /// Replaces a range's checkpoint by one with a higher version. Repeating it changes nothing. `Conflict` if another
    /// checkpoint of this version, or a later one, is recorded: the request is late. `Conflict` if the run has another
    /// fence than this one: another finder holds the claim by now.
    async fn checkpoint(&self, run: &str, checkpoint: &Checkpoint, fence: u64) -> Result<()>;

    /// All checkpoints of a run, by number.
    async fn checkpoints(&self, run: &str) -> Result<Vec<Checkpoint>>;

    /// Keeps the body of delete job `number` of range `range` until the listing has ended. Another body replaces the
    /// earlier one: a finder that died before the checkpoint that counts the job makes the job anew, perhaps with other
    /// keys. A body never replaces one of a higher fence: that is a `Conflict`.
    async fn defer(&self, run: &str, range: u32, number: u32, body: &str, fence: u64) -> Result<()>;

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

    /// The last outcome of a key: that of the newest of the task's last [`MAX_RUNS_SEARCHED`] runs that has one. Of
    /// several in one run the one with most attempts, of these the one that finished last. An outcome of the event run
    /// and one of another run: the one that finished last.
    ///
    /// `None` also where a newer run had jobs around the key so long ago that outcomes which were recorded together have
    /// expired: an older outcome may not be the last one.
    ///
    /// A ledger that records all outcomes one by one returns the one that was recorded last. This is the same one
    /// unless a settlement was late.
    async fn outcome(&self, task: &str, key: &str) -> Result<Option<Outcome>>;

    /// The last outcome of a key among those that are recorded one by one: of settlements without a [`Span`], failures,
    /// and those that [`Span::own_records`] names. One small read. Outcomes that are recorded together may be newer.
    async fn recorded(&self, task: &str, key: &str) -> Result<Option<Outcome>>;

    /// The failures of a run in a fixed order, at most `limit`. `after` is the token of the page before; the token
    /// that comes back is `None` at the end.
    async fn failures(&self, run: &str, after: Option<&str>, limit: usize) -> Result<(Vec<Outcome>, Option<String>)>;
}
