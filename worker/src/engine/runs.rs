//! Whether the jobs of a run are executed.
//!
//! The next run with other options cancels a run at any moment, also while its jobs wait on the queue for weeks or are
//! leased. So the worker reads the run's state before it executes a job, and repeatedly during the work. The answer is
//! valid for [`VALID`]: one read for each run and that time, not for each job. A delete job reads it again before its
//! first delete.
//!
//! An error is never an answer: the job comes again later.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shared::Result;
use shared::ledger::events::is_events_run;
use shared::ledger::{Phase, RunOptions, RunState, SharedLedger, events_run};
use shared::sync::lock;
use tokio::time::{Instant, sleep_until};

use crate::engine::executor::Execution;

/// How long a run's state is believed: a run that is cancelled is worked on for so long at most.
pub(crate) const VALID: Duration = Duration::from_secs(15);

/// An upload is opened only by an answer that is no older. The program that closes the uploads of a run waits for so
/// long: the time in which a worker may not know of the cancel.
pub(crate) const OPENS_WITHIN: Duration = Duration::from_secs(5);

/// Most runs that are remembered: far more than a task has under way.
const MAX_KNOWN: usize = 64;

/// What a run's state means for its jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunVerdict {
    /// It is executed. Its run is asked about again at that time; a run of events has no end.
    Execute(Option<Instant>),
    /// Its run is cancelled, or was done when a run with other options began.
    Cancelled,
    /// The ledger does not know its run.
    Unknown,
    /// Its run has other write options than this worker.
    OtherOptions,
}

/// A run's state, and when it was read.
#[derive(Debug, Clone)]
struct Known {
    state: Option<RunState>,
    read: Instant,
}

impl Known {
    fn until(&self) -> Instant {
        self.read + VALID
    }
}

/// One run; locked while it is read, so that jobs that begin at the same time ask once.
type Entry = Arc<tokio::sync::Mutex<Option<Known>>>;

/// The runs that jobs were received of.
pub(crate) struct Runs {
    task: String,
    ledger: SharedLedger,
    known: Entries,
    /// Runs, and other tasks, that a warning was logged of.
    warned: Mutex<BTreeSet<String>>,
}

impl Runs {
    /// None known yet.
    pub fn new(task: &str, ledger: SharedLedger) -> Self {
        Runs { task: task.to_owned(), ledger, known: Mutex::default(), warned: Mutex::default() }
    }

    /// What becomes of a job now. `writes`: the digest of the write options that its run must have.
    pub async fn judge(&self, job: &dyn Execution, writes: Option<&str>) -> Result<RunVerdict> {
        let run = job.run();
        if !job.is_judged() || is_events_run(&self.task, run) {
            return Ok(RunVerdict::Execute(None));
        }
        let Known { state, read } = self.read(run, if job.deletes() { Duration::ZERO } else { VALID }).await?;
        let Some(state) = state else { return Ok(RunVerdict::Unknown) };
        Ok(match () {
            () if state.is_over() || job.deletes() && !state.options.delete => RunVerdict::Cancelled,
            () if !is_ours(writes, &state.options) => RunVerdict::OtherOptions,
            () => RunVerdict::Execute(Some(read + VALID)),
        })
    }

    /// Whether the ledger has no record of a run. An answer of the last [`VALID`] counts.
    pub async fn is_unknown(&self, run: &str) -> Result<bool> {
        Ok(!is_events_run(&self.task, run) && self.read(run, VALID).await?.state.is_none())
    }

    /// What the ledger says of a run now.
    pub async fn state(&self, run: &str) -> Result<Option<RunState>> {
        Ok(self.read(run, Duration::ZERO).await?.state)
    }

    /// Whether the finder of a run was through when the run's state was last read: then the run may be done. A run of
    /// events never is.
    pub async fn is_listed(&self, run: &str) -> Result<bool> {
        if is_events_run(&self.task, run) {
            return Ok(false);
        }
        let state = self.read(run, VALID).await?.state;
        Ok(state.is_some_and(|state| !matches!(state.phase, Phase::Listing | Phase::Releasing)))
    }

    /// Waits until a job that is executed must end because its run is cancelled. `until` is the time at which its run
    /// is asked about again. Fails when that is not answered: then nobody knows whether the job may go on.
    pub async fn cancelled(&self, run: &str, mut until: Instant) -> Result<()> {
        loop {
            sleep_until(until).await;
            let known = self.read(run, VALID).await?;
            if known.state.as_ref().is_none_or(RunState::is_over) {
                return Ok(());
            }
            until = known.until();
        }
    }

    /// Waits until an upload may be opened in a run's name, and returns until when: as the ledger answered within the
    /// last [`OPENS_WITHIN`], neither the run nor the task was closed. So a worker that was stopped for a while, or whose
    /// ledger is slow, opens none that the program does not find that closes the uploads.
    ///
    /// Of a closed run it never returns: the job is dropped when the worker notices the cancel, or loses the lease.
    pub async fn may_open_upload(&self, run: &str) -> Result<Instant> {
        loop {
            let own = match self.read(run, OPENS_WITHIN).await? {
                // It may be recorded since: the run of events is, when the first event of the task is executed.
                Known { state: None, .. } => self.read(run, Duration::ZERO).await?,
                known => known,
            };
            // The event run of a task that is being deleted is closed. Without events there may be none.
            let of_task = self.read(&events_run(&self.task), OPENS_WITHIN).await?;
            let is_over = |known: &Known| known.state.as_ref().is_some_and(RunState::is_over);
            if own.state.is_none() || is_over(&own) || is_over(&of_task) {
                return pending().await;
            }
            let until = own.read.min(of_task.read) + OPENS_WITHIN;
            if until > Instant::now() {
                return Ok(until);
            }
        }
    }

    /// A run's state, read from the ledger unless it is known. Slow: callers that ask about the same run wait for the same
    /// answer. Failed: the adapter has tried again by then, and the next one asks anew.
    async fn read(&self, run: &str, max_age: Duration) -> Result<Known> {
        read_once(&self.known, run, max_age, || self.ledger.run_state(run)).await
    }

    /// Whether a warning about this run, or other task, is the first one.
    pub fn warns_first(&self, name: &str) -> bool {
        let mut warned = lock(&self.warned);
        if warned.len() >= MAX_KNOWN {
            warned.clear();
        }
        warned.insert(name.to_owned())
    }
}

/// Whether the worker writes as the run has its items written.
fn is_ours(writes: Option<&str>, options: &RunOptions) -> bool {
    match (&options.writes, writes) {
        (Some(theirs), Some(ours)) => theirs == ours,
        _ => true,
    }
}

/// The runs by their ids.
type Entries = Mutex<BTreeMap<String, Entry>>;

/// A run's state, if it was read within `max_age`, else the answer to `ask`. With an age of zero, only the answer to a
/// question that is put from now on counts.
async fn read_once<F>(known: &Entries, run: &str, max_age: Duration, ask: impl FnOnce() -> F) -> Result<Known>
where
    F: Future<Output = Result<Option<RunState>>>,
{
    let entry = entry(known, run);
    let asked = Instant::now();
    let mut entry = entry.lock().await;
    // An answer to a question that was put after this one came is as good as one of its own.
    let is_good = |known: &Known| match max_age.is_zero() {
        true => known.read >= asked,
        false => known.read + max_age > Instant::now(),
    };
    if let Some(known) = entry.as_ref().filter(|known| is_good(known)) {
        return Ok(known.clone());
    }
    // Counted from before the question: the answer may be late.
    let read = Instant::now();
    let known = Known { state: ask().await?, read };
    *entry = Some(known.clone());
    Ok(known)
}

fn entry(known: &Entries, run: &str) -> Entry {
    let mut known = lock(known);
    if known.len() >= MAX_KNOWN && !known.contains_key(run) {
        known.clear();
    }
    known.entry(run.to_owned()).or_default().clone()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use shared::ledger::Phase;
    use shared::{Error, ErrorKind};
    use tokio::time::sleep;

    use super::*;

    /// A ledger that counts its reads.
    #[derive(Default)]
    struct Reads(Cell<u64>);

    impl Reads {
        async fn answer(&self) -> Result<Option<RunState>> {
            self.0.set(self.0.get() + 1);
            sleep(Duration::from_millis(20)).await;
            Ok(Some(RunState { phase: Phase::Listed, options: RunOptions::default(), is_closed: false }))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_runs_state_is_read_once_in_15_s_however_many_jobs_it_has() {
        let (runs, reads) = (Entries::default(), Reads::default());
        let began = Instant::now();
        while began.elapsed() < 4 * VALID {
            for run in ["a", "b"] {
                let jobs = (0..20).map(|_| read_once(&runs, run, VALID, || reads.answer()));
                futures::future::try_join_all(jobs).await.unwrap();
            }
            sleep(Duration::from_millis(500)).await;
        }
        assert!((8..=10).contains(&reads.0.get()), "{} reads of two runs in a minute", reads.0.get());
    }

    #[tokio::test(start_paused = true)]
    async fn deletes_read_the_runs_state_anew_and_together() {
        let (runs, reads) = (Entries::default(), Reads::default());
        for n in 1..=5 {
            read_once(&runs, "run", Duration::ZERO, || reads.answer()).await.unwrap();
            assert_eq!(reads.0.get(), n, "an earlier answer is not good enough");
        }
        // Who asks while an answer is on its way does not trust that one, but shares the next one.
        let jobs = (0..20).map(|_| read_once(&runs, "run", Duration::ZERO, || reads.answer()));
        futures::future::try_join_all(jobs).await.unwrap();
        assert!((6..=7).contains(&reads.0.get()), "{}", reads.0.get());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_read_is_no_answer() {
        let (runs, reads) = (Entries::default(), Reads::default());
        let fail = || async { Err(Error::new(ErrorKind::Unavailable, "ledger", "table", "away")) };
        assert!(read_once(&runs, "run", VALID, fail).await.is_err());
        assert!(read_once(&runs, "run", VALID, || reads.answer()).await.is_ok());
        assert_eq!(reads.0.get(), 1);
    }
}
