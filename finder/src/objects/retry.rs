//! The planner of a retry: its source of work is the ledger's list of a run's failures, not a listing.

use std::collections::BTreeSet;

use async_trait::async_trait;
use shared::job::Origin;
use shared::ledger::{Checkpoint, Found, Outcome, Run, RunOptions, SharedLedger};
use shared::object::{Pin, Timestamp};
use shared::objects::ObjectDetail;
use shared::objects::job::{JobChange, JobKey, JobObject, ObjectJob, ObjectWork};
use shared::objects::reasons::{FAILED_DELETE, WRONG_BYTES_REMAIN};
use shared::{Error, ErrorKind, Result};

use crate::error::FindError;
use crate::planner::{Planned, Planner};
use crate::run::context::{RunContext, RunRef};

/// Objects of one job. A key has at most 1,024 bytes, and JSON makes at most six of each: 32 keys always fit one
/// message, and one page of failures is one checkpoint.
const JOB_OBJECTS: usize = 32;

/// Failures of a page among which some keys are looked for.
const SOUGHT_AT_ONCE: usize = 1_000;

/// Pages without a chosen key after which the place is recorded: a slice that ends before that reads them again.
const RECORDED_AFTER: u32 = 100;

/// Plans a run that enqueues the failed objects of an earlier run again.
#[derive(Debug)]
pub struct RetryPlanner {
    failed: Run,
    options: RunOptions,
    ledger: SharedLedger,
    /// The keys to retry; `None`: all.
    keys: Option<BTreeSet<String>>,
}

impl RetryPlanner {
    /// Retries the failures of this run under the options that its task has now.
    pub fn new(failed: Run, options: RunOptions, ledger: SharedLedger) -> Self {
        let options = RunOptions { retries: Some(failed.start.id.clone()), ..options };
        RetryPlanner { failed, options, ledger, keys: None }
    }

    /// Retries the failures of these keys alone. Each slice of one run must be given the same keys.
    pub fn of_keys(self, keys: Option<Vec<String>>) -> Self {
        RetryPlanner { keys: keys.map(BTreeSet::from_iter), ..self }
    }
}

impl RetryPlanner {
    /// The next failures that are retried: those of one job at most. Slow, throttled or cut off: the adapter tries again.
    /// Repeated: it only reads.
    async fn page(&self, after: Option<&str>) -> Result<(Vec<Outcome>, Option<String>)> {
        let id = &self.failed.start.id;
        let Some(keys) = &self.keys else { return self.ledger.failures(id, after, JOB_OBJECTS).await };
        for size in [SOUGHT_AT_ONCE, JOB_OBJECTS] {
            let (mut page, next) = self.ledger.failures(id, after, size).await?;
            page.retain(|outcome| keys.contains(&outcome.key));
            if page.len() <= JOB_OBJECTS {
                return Ok((page, next));
            }
            // More than one job: the same place in smaller pages, each of which is one checkpoint.
        }
        Err(Error::new(ErrorKind::Corrupt, "retry", id, "a page of failures is longer than was asked for"))
    }
}

#[async_trait]
impl Planner for RetryPlanner {
    fn source(&self) -> String {
        self.failed.start.source.clone()
    }

    fn destination(&self) -> String {
        self.failed.start.destination.clone()
    }

    fn options(&self) -> RunOptions {
        self.options.clone()
    }

    async fn plan(&self, run: &RunContext, checkpoints: Vec<Checkpoint>) -> Result<Planned, FindError> {
        let mut checkpoint = checkpoints.into_iter().next().unwrap_or_default();
        let mut passed = 0_u32;
        while !checkpoint.done {
            if run.stop.is_cancelled() || run.abort.is_cancelled() {
                return Err(FindError::Interrupted);
            }
            let after = checkpoint.cursor.take();
            let (page, next) = self.page(after.as_deref()).await.map_err(FindError::Ledger)?;
            passed = if page.is_empty() { passed + 1 } else { 0 };
            if page.is_empty() && next.is_some() && !passed.is_multiple_of(RECORDED_AFTER) {
                checkpoint.cursor = next;
                continue;
            }
            let found = advance(&mut checkpoint, &self.failed, &run.names, &page, next).map_err(FindError::Ledger)?;
            run.commit(&mut checkpoint, None).await?;
            run.progress.seen(&found);
            run.progress.sent(&found);
        }
        Ok(Planned { found: checkpoint.found, deferred: Vec::new() })
    }
}

/// Moves the checkpoint over one page of failures: counters, cursor and jobs. Returns what the page adds to the
/// counters.
fn advance(
    checkpoint: &mut Checkpoint,
    failed: &Run,
    names: &RunRef,
    page: &[Outcome],
    next: Option<String>,
) -> Result<Found> {
    let (changes, others): (Vec<&Outcome>, Vec<&Outcome>) = page.iter().partition(|_| failed.is_events());
    let (deletes, copies): (Vec<&Outcome>, Vec<&Outcome>) =
        others.into_iter().partition(|outcome| outcome.reason.as_deref() == Some(FAILED_DELETE));
    for (page, work) in [(&copies, copy(&copies)?), (&deletes, delete(&deletes)), (&changes, change(&changes))] {
        if !page.is_empty() {
            checkpoint.outbox.push(job(names, checkpoint.jobs, page.len(), work).to_body());
            checkpoint.jobs += 1;
        }
    }
    let objects = page.len() as u64;
    let enqueued_bytes = page.iter().map(|outcome| outcome.size).sum::<u64>();
    let found = Found { listed: objects, enqueued: objects, enqueued_bytes, ..Found::default() };
    checkpoint.found += found;
    checkpoint.done = next.is_none();
    checkpoint.cursor = next;
    Ok(found)
}

/// Failed copies, of the versions that failed: a worker that finds another version copies that. The time of the last
/// write is not recorded, nor needed: a read reports it.
fn copy(page: &[&Outcome]) -> Result<ObjectWork> {
    let object = |(index, outcome): (u32, &&Outcome)| {
        let Pin { etag, version } = ObjectDetail::read(outcome)?.source;
        Ok(JobObject {
            index,
            key: outcome.key.clone(),
            size: outcome.size,
            modified: Timestamp::default(),
            etag,
            version,
            storage_class: None,
            // Something else than the bytes may have failed.
            refresh: true,
            suspect: outcome.reason.as_deref() == Some(WRONG_BYTES_REMAIN),
            blocked: 0,
            restarts: 0,
        })
    };
    Ok(ObjectWork::Copy { objects: (0..).zip(page).map(object).collect::<Result<_>>()? })
}

/// Failed deletes.
fn delete(page: &[&Outcome]) -> ObjectWork {
    let key = |(index, outcome): (u32, &&Outcome)| JobKey { index, key: outcome.key.clone(), may_block: true };
    ObjectWork::Delete { objects: (0..).zip(page).map(key).collect() }
}

/// Keys whose events failed, maybe long ago: workers make the destination equal to the source as it is now.
fn change(page: &[&Outcome]) -> ObjectWork {
    let change = |(index, outcome): (u32, &&Outcome)| JobChange {
        index,
        key: outcome.key.clone(),
        time: None,
        no_delete: false,
    };
    ObjectWork::Changed { objects: (0..).zip(page).map(change).collect() }
}

fn job(names: &RunRef, number: u32, objects: usize, work: ObjectWork) -> ObjectJob {
    let origin = Origin { id: format!("retry-{number}"), items: objects as u32 };
    ObjectJob { definition: names.definition, ..ObjectJob::new(&names.task, &names.run, origin, work) }
}

#[cfg(test)]
mod tests;
