//! Whether queue and ledger are well, as this worker's jobs find them.
//!
//! A job that cannot be recorded comes again, and each time counts towards
//! [`shared::queue::MAX_DELIVERIES`]: a ledger that is down for a while must not use up what jobs are worth. So
//! after a failure of this kind the worker takes one job at a time, ever more slowly, until one comes to its end; and
//! if none does, the worker ends and says why.

use std::sync::Mutex;
use std::time::Duration;

use shared::sync::lock;
use shared::{Error, Result};
use tokio::time::{Instant, sleep};

/// Trouble that outlasts this ends the worker, which its supervisor sees and starts anew. A service that
/// is restarted or moved is back sooner; throttling is not trouble, and is waited for by each call.
const PATIENCE: Duration = Duration::from_secs(120);

/// Trouble that was not met again for so long is over, though nothing came by that would have shown it: longer
/// than any call goes on by [`shared::retry`].
const FORGOTTEN_AFTER: Duration = Duration::from_secs(1800);

/// The first pause; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(20);

/// What the last calls showed about queue and ledger.
#[derive(Debug, Default)]
pub(crate) struct BackendHealth(Mutex<Option<Trouble>>);

#[derive(Debug)]
struct Trouble {
    since: Instant,
    met: Instant,
    last: Error,
    pauses: u32,
}

impl BackendHealth {
    /// A job came to its end, or one could be asked for.
    pub fn works(&self) {
        *lock(&self.0) = None;
    }

    /// A call failed. What says nothing of queue and ledger themselves is passed over.
    pub fn fails(&self, error: Error) {
        if !error.is_backend() {
            return;
        }
        let now = Instant::now();
        let mut trouble = lock(&self.0);
        match &mut *trouble {
            // What no repetition mends is the reason to report, whatever fails because of it.
            Some(known) if now - known.met < FORGOTTEN_AFTER => {
                known.met = now;
                if known.last.is_retryable() {
                    known.last = error;
                }
            }
            _ => *trouble = Some(Trouble { since: now, met: now, last: error, pauses: 0 }),
        }
    }

    /// How long to wait before one more job is taken; `None` if all is well. The error, if it is no use.
    pub fn pause(&self) -> Result<Option<Duration>> {
        let mut trouble = lock(&self.0);
        let Some(known) = &mut *trouble else { return Ok(None) };
        if known.last.is_retryable() && known.since.elapsed() < PATIENCE {
            let pause = FIRST_PAUSE.saturating_mul(1 << known.pauses.min(10)).min(MAX_PAUSE);
            known.pauses += 1;
            return Ok(Some(pause));
        }
        match trouble.take() {
            Some(over) => Err(over.last),
            None => Ok(None),
        }
    }
}

/// The pause before a failed write is repeated; each next one is twice as long.
const FIRST_REPETITION: Duration = Duration::from_secs(1);
const MAX_REPETITION: Duration = Duration::from_secs(20);

/// Repeats a write of finished work while that may still succeed: a ledger that is away for a minute costs no object
/// its work. Meanwhile the worker keeps the job's lease and takes no new jobs.
#[derive(Debug)]
pub(crate) struct Repetition {
    began: Instant,
    pause: Duration,
    has_failed: bool,
}

impl Default for Repetition {
    fn default() -> Self {
        Repetition { began: Instant::now(), pause: FIRST_REPETITION, has_failed: false }
    }
}

impl Repetition {
    /// The write is done.
    pub fn succeeded(&self, backend: &BackendHealth) {
        if self.has_failed {
            backend.works();
        }
    }

    /// Waits until the write is to be repeated. A failure that no repetition mends, or that has lasted for
    /// [`PATIENCE`], comes out: then the job must come again.
    pub async fn failed(&mut self, backend: &BackendHealth, error: Error) -> Result<()> {
        if !error.is_retryable() || self.began.elapsed() >= PATIENCE {
            return Err(error);
        }
        tracing::warn!(%error, "could not record finished work: trying again");
        backend.fails(error);
        self.has_failed = true;
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(MAX_REPETITION);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::ErrorKind;
    use shared::retry::{self, Policy};

    /// As a ledger's call ends.
    async fn error(kind: ErrorKind) -> Error {
        let once = Policy { attempts: 1, patience: Some(Duration::ZERO), ..retry::LEDGER };
        let failed = || async { Err::<(), _>(Error::new(kind, "ledger", "table", "no")) };
        retry::run(&once, "table", failed).await.unwrap_err()
    }

    #[tokio::test(start_paused = true)]
    async fn lasting_trouble_slows_the_worker_then_ends_it_with_a_reason() {
        let (backend, began) = (BackendHealth::default(), Instant::now());
        let mut pauses = Vec::new();
        let over = loop {
            backend.fails(error(ErrorKind::Unavailable).await);
            match backend.pause() {
                Ok(pause) => pauses.push(pause.expect("not well")),
                Err(error) => break error,
            }
            sleep(pauses[pauses.len() - 1]).await;
        };
        assert_eq!(over.kind(), ErrorKind::Unavailable);
        assert!(pauses.is_sorted() && pauses.len() < 20, "{pauses:?}");
        assert!(began.elapsed() >= PATIENCE && began.elapsed() <= PATIENCE + MAX_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn one_job_that_comes_to_its_end_ends_the_trouble() {
        let backend = BackendHealth::default();
        for _ in 0..100 {
            backend.fails(error(ErrorKind::Timeout).await);
            assert_eq!(backend.pause().unwrap(), Some(FIRST_PAUSE));
            sleep(PATIENCE / 2).await;
            backend.works();
            assert_eq!(backend.pause().unwrap(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_final_error_is_the_reason_whatever_fails_later() {
        let backend = BackendHealth::default();
        backend.fails(error(ErrorKind::Timeout).await);
        backend.fails(error(ErrorKind::Exhausted).await);
        backend.fails(error(ErrorKind::Unavailable).await);
        assert_eq!(backend.pause().unwrap_err().kind(), ErrorKind::Exhausted);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_of_one_job_is_no_error_of_the_backend() {
        let backend = BackendHealth::default();
        backend.fails(error(ErrorKind::Invalid).await);
        backend.fails(Error::new(ErrorKind::Timeout, "get", "s3://b/k", "a store's"));
        assert_eq!(backend.pause().unwrap(), None);
    }
}
