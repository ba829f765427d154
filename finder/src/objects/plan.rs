//! The dry run: the walk of a run, with a journal that only counts.
//!
//! A plan that is stopped keeps sums and checkpoints ([`PlanProgress`]), from which the next call goes on. At the point
//! where it was stopped a page is listed twice, and counted twice, as a run that is resumed lists it.

mod compression;
mod counted;
mod estimate;
mod looks;
mod outcomes;
mod progress;
mod requests;
mod show;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use shared::config::{self, Find};
use shared::filter::Filter;
use shared::ledger::Checkpoint;
use shared::object::{Timestamp, Uncarried};
use shared::store::{Store, copy_source};
use shared::sync::lock;
use tokio_util::sync::CancellationToken;

use crate::error::FindError;
use crate::objects::deletes;
use crate::objects::listing::Sides;
use crate::objects::policy::Reason;
use crate::objects::walk::Walk;
use crate::planner::Planned;
use crate::run::context::{RunContext, RunRef};
use crate::run::journal::Journal;
use crate::run::progress::Progress;

use counted::Counted;
pub use estimate::{Cost, Requests};
use estimate::{Tally, Terms};
pub use progress::PlanProgress;
use progress::kept;
use requests::SideRequests;

/// What a run would do. Prints for people, serialises for programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Source location.
    pub source: String,
    /// Destination location.
    pub destination: String,
    /// Objects listed at the source.
    pub listed: u64,
    /// Objects listed at the destination.
    pub listed_destination: u64,
    /// Objects that are in sync.
    pub unchanged: u64,
    /// Source objects left out by filters.
    pub filtered: u64,
    /// Objects that could not be compared, because a store failed.
    pub not_judged: u64,
    /// Objects to copy.
    pub copies: u64,
    /// Their bytes.
    pub copy_bytes: u64,
    /// Objects to copy, by reason; reasons that did not occur are left out.
    pub reasons: Vec<(Reason, u64)>,
    /// Objects to delete at the destination.
    pub deletes: u64,
    /// The first keys to copy in key order, at most 10.
    #[serde(default)]
    pub copy_keys: Vec<String>,
    /// The first keys to delete in key order, at most 10.
    #[serde(default)]
    pub delete_keys: Vec<String>,
    /// Why a run would refuse to delete, if it would.
    pub deletes_refused: Option<String>,
    /// Folders and names of either side that could not be listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlisted: u64,
    /// Jobs to enqueue.
    pub jobs: u64,
    /// Those of them that copy.
    pub copy_jobs: u64,
    /// Requests and what they cost.
    #[serde(flatten)]
    pub cost: Cost,
}

/// What finding costs a side: as much as it has cost the plan, and the probe at the beginning. With a prefix, the source
/// is asked for the object of that name.
fn finding([pages, heads, tags]: [u64; 3], prefix: &str) -> SideRequests {
    SideRequests { list: pages + 1, head: heads + u64::from(!prefix.is_empty()), tags, ..SideRequests::default() }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What decides on the requests of copying from one store to the other.
async fn terms(source: &Store, destination: &Store, options: &Find, work: &config::Work) -> Terms {
    let by_service = work.server_side_copy && copy_source(&**source, "", &**destination).is_some();
    let describes = by_service && !work.strict && source.may_lose().await != Uncarried::default();
    Terms {
        work: work.clone(),
        describes: describes || work.strict,
        looks_again: work.look_again == Some(true),
        metadata: options.metadata,
        by_service,
        source: source.capabilities().clone(),
        destination: destination.capabilities().clone(),
    }
}

/// Finds what a run would do, and writes nothing anywhere. A destination that does not exist yet counts
/// as empty. How objects would be copied (`work`) decides on the number of requests alone.
pub async fn plan(
    source: Store,
    destination: Store,
    options: &Find,
    work: &config::Work,
    stop: CancellationToken,
    progress: Arc<Progress>,
) -> Result<Plan, FindError> {
    go_on(&mut PlanProgress::default(), source, destination, (options, work), stop, progress).await
}

/// As [`plan`], from `so_far` on. If it is stopped (`Interrupted`), `so_far` has all that was decided; after any other end
/// it is of no use.
pub async fn go_on(
    so_far: &mut PlanProgress,
    source: Store,
    destination: Store,
    (options, work): (&Find, &config::Work),
    stop: CancellationToken,
    progress: Arc<Progress>,
) -> Result<Plan, FindError> {
    let (from, asked_source) = Counted::of(source.clone());
    let (to, asked_destination) = Counted::of(destination.clone());
    let sides = Sides { source: from, destination: to, destination_may_be_missing: true };
    let terms = terms(&source, &destination, options, work).await;
    let began = *so_far.began.get_or_insert_with(Timestamp::now);
    let journal = Arc::new(Counting::from(so_far, terms));
    let run = RunContext {
        names: RunRef { task: "plan".into(), run: "plan".into(), definition: 0 },
        journal: journal.clone(),
        progress: progress.clone(),
        // Apart from `stop`, which leaves each range time to keep what it has decided.
        abort: CancellationToken::new(),
        stop,
    };
    let filter = Arc::new(Filter::load(options, Some(began))?);
    // What a run copies again because its key is suspect is not in its plan.
    let walk = Arc::new(Walk::new(sides, filter, options, None, run));
    let planned = walk.clone().run(so_far.checkpoints.clone()).await;
    so_far.add(&walk.copies, &asked_source, &asked_destination);
    so_far.tally = lock(&journal.tally).clone();
    so_far.checkpoints = lock(&journal.checkpoints).values().cloned().collect();
    let planned = planned?;
    progress.listing_is_done();
    progress.deletes.store(planned.found.deletes, Relaxed);
    Ok(of(so_far, &planned, (&source, &destination), options))
}

/// The plan of a walk that has ended.
fn of(so_far: &PlanProgress, planned: &Planned, (source, destination): (&Store, &Store), options: &Find) -> Plan {
    let found = planned.found;
    let mut tally = so_far.tally.clone();
    planned.deferred.iter().for_each(|checkpoint| tally.released(checkpoint.deferred));
    tally.stores.source += finding(so_far.source, source.location().prefix());
    // Whether the destination is one object is not asked.
    tally.stores.destination += finding(so_far.destination, "");
    Plan {
        source: source.location().to_string(),
        destination: destination.location().to_string(),
        listed: found.listed,
        listed_destination: found.listed_destination,
        unchanged: found.unchanged,
        filtered: found.filtered,
        not_judged: found.not_judged,
        copies: found.enqueued,
        copy_bytes: found.enqueued_bytes,
        reasons: so_far.reasons.clone(),
        deletes: found.deletes,
        copy_keys: tally.copy_keys.iter().cloned().collect(),
        delete_keys: tally.delete_keys.iter().cloned().collect(),
        deletes_refused: deletes::allow(&found, options.max_delete).err().map(|e| e.to_string()),
        unlisted: found.unlisted,
        jobs: tally.jobs,
        copy_jobs: tally.copy_jobs,
        cost: tally.cost(&found, source.location().scheme(), destination.location().scheme()),
    }
}

/// A journal that keeps sums, and the last checkpoint of each range: the jobs that a run would enqueue are made, read,
/// counted, and forgotten.
#[derive(Debug)]
struct Counting {
    tally: Mutex<Tally>,
    checkpoints: Mutex<BTreeMap<u32, Checkpoint>>,
    terms: Terms,
}

impl Counting {
    fn from(so_far: &PlanProgress, terms: Terms) -> Counting {
        let checkpoints = so_far.checkpoints.iter().map(|checkpoint| (checkpoint.id, checkpoint.clone())).collect();
        Counting { tally: Mutex::new(so_far.tally.clone()), checkpoints: Mutex::new(checkpoints), terms }
    }

    fn count(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut lock(&self.tally));
    }
}

#[async_trait]
impl Journal for Counting {
    async fn defer(&self, _range: u32, _number: u32, body: &str) -> Result<(), FindError> {
        self.count(|tally| {
            tally.deferred(body);
            tally.sent(body, &self.terms);
        });
        Ok(())
    }

    async fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), FindError> {
        self.count(|tally| tally.checkpoint(checkpoint));
        lock(&self.checkpoints).insert(checkpoint.id, kept(checkpoint));
        Ok(())
    }

    async fn send(&self, bodies: &[String]) -> Result<(), FindError> {
        bodies.iter().for_each(|body| self.count(|tally| tally.sent(body, &self.terms)));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
