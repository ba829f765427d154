//! Retries, and their only owner: a policy per verb with its reason beside the number.
//!
//! The SDK's own retries are off. This is the only module that uses `backoff`, which is
//! unmaintained (RUSTSEC-2025-0012, and `instant` below it RUSTSEC-2024-0384): it stays because the
//! project's card names it, for the arithmetic of jittered exponential delays and nothing else.

use std::future::Future;
use std::time::Duration;

use backoff::backoff::Backoff as _;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use tokio::time::{Instant, sleep, timeout};

use crate::metrics;
use crate::{Error, ErrorKind, Result};

/// No byte and no answer for this long ends an attempt in `Timeout`, seconds. S3 answers in 30 ms;
/// completing a 10,000-part upload may take a minute or more and has a limit of its own.
pub const STALL_SECONDS: u64 = 30;

/// How often, and for how long, one verb is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The verb's name in metrics and errors.
    pub verb: &'static str,
    /// Most attempts, the first included.
    pub attempts: u32,
    /// Limit of one attempt.
    pub attempt: Duration,
    /// No new attempt is begun after this long.
    pub total: Duration,
    /// Delay before the second attempt; it doubles from there, halved or more by jitter.
    pub first_delay: Duration,
    /// Longest delay.
    pub max_delay: Duration,
}

const fn policy(verb: &'static str, attempts: u32, attempt_s: u64, total_s: u64) -> Policy {
    Policy {
        verb,
        attempts,
        attempt: Duration::from_secs(attempt_s),
        total: Duration::from_secs(total_s),
        first_delay: Duration::from_millis(100),
        max_delay: Duration::from_secs(10),
    }
}

// A listing that fails stops the run, which costs the most: tried the longest.
/// `ListObjects`
pub const LIST: Policy = policy("list", 8, STALL_SECONDS, 120);
// Someone waits at a terminal: a closed port or an unknown host fails within some seconds.
/// The first request to a store
pub const PROBE: Policy = Policy { first_delay: Duration::from_millis(500), ..policy("probe", 3, 10, 20) };
// Cheap and read-only; the object is tried again by its job if this gives up.
/// `HeadObject`
pub const HEAD: Policy = policy("head", 5, STALL_SECONDS, 40);
/// `GetObject` until its headers are there
pub const GET: Policy = policy("get", 5, STALL_SECONDS, 40);
// Bodies cannot be sent again from inside the adapter; the worker opens the source anew.
/// `PutObject`
pub const PUT: Policy = policy("put", 1, STALL_SECONDS, 40);
/// `UploadPart`
pub const PART: Policy = policy("part", 1, STALL_SECONDS, 40);
// A create whose answer was lost leaves an orphan: few attempts; orphans are swept by age.
/// `CreateMultipartUpload`
pub const CREATE: Policy = policy("create", 4, STALL_SECONDS, 40);
/// `ListParts`
pub const LIST_PARTS: Policy = policy("list-parts", 5, STALL_SECONDS, 60);
// S3 may take minutes to assemble a large object before it answers.
/// `CompleteMultipartUpload`
pub const COMPLETE: Policy = policy("complete", 4, 300, 600);
/// `AbortMultipartUpload`
pub const ABORT: Policy = policy("abort", 4, STALL_SECONDS, 40);
/// `DeleteObject`
pub const DELETE: Policy = policy("delete", 5, STALL_SECONDS, 40);
// The service moves up to 5 GiB before it answers.
/// `CopyObject`, `UploadPartCopy`
pub const COPY: Policy = policy("copy", 4, 300, 600);
// Losing a send loses nothing (the finder's checkpoint holds the job), but stops the finder.
/// `SendMessageBatch`
pub const SEND: Policy = policy("send", 8, STALL_SECONDS, 120);
// The worker's loop comes back by itself; long polls take 20 s of the attempt.
/// `ReceiveMessage`
pub const RECEIVE: Policy = policy("receive", 3, 25 + STALL_SECONDS, 60);
// Must end before the lease does: the heartbeat runs at a third of it.
/// `ChangeMessageVisibility`
pub const EXTEND: Policy = policy("extend", 4, 5, 12);
// A lost acknowledgement costs one redelivery.
/// `DeleteMessage`
pub const ACKNOWLEDGE: Policy = policy("acknowledge", 6, 10, 40);
/// `GetQueueAttributes`, `DescribeTable` and their like
pub const DESCRIBE: Policy = policy("describe", 4, 10, 30);
// Someone waits at a terminal, but a queue's new policy takes up to a minute to hold everywhere.
/// Bucket notifications
pub const SUBSCRIBE: Policy = Policy { first_delay: Duration::from_secs(1), ..policy("subscribe", 12, 10, 75) };
// An outcome that cannot be recorded keeps its job unacknowledged: worth waiting for.
/// Reads and writes of the ledger
pub const LEDGER: Policy = policy("ledger", 8, 10, 90);
// A body that broke off is opened anew at once; what lasts longer is for the next job.
/// One object's or part's bytes, from opening the read to the destination's answer
pub const TRANSFER: Policy = policy("transfer", 3, 24 * 3600, 600);
/// Calls to the autoscaling group
pub const FLEET: Policy = policy("fleet", 4, 10, 30);

impl Policy {
    /// The delays between this policy's attempts.
    pub fn delays(&self) -> Delays {
        Delays(
            ExponentialBackoffBuilder::new()
                .with_initial_interval(self.first_delay.mul_f64(0.75))
                .with_randomization_factor(0.5)
                .with_multiplier(2.0)
                .with_max_interval(self.max_delay)
                .with_max_elapsed_time(None)
                .build(),
        )
    }
}

/// Jittered, growing delays.
#[derive(Debug)]
pub struct Delays(ExponentialBackoff);

impl Delays {
    /// The next delay.
    pub fn next_delay(&mut self) -> Duration {
        self.0.next_backoff().unwrap_or(self.0.max_interval)
    }
}

/// Does `call` until it succeeds, fails for good, or `policy` is used up; each attempt is limited
/// in time. The error that comes out is the last attempt's.
pub async fn run<T, F, Fut>(policy: &Policy, subject: &str, mut call: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let started = Instant::now();
    let mut delays = policy.delays();
    for attempt in 1.. {
        let answer = timeout(policy.attempt, call()).await.unwrap_or_else(|_| {
            let message = format!("no answer within {} s", policy.attempt.as_secs());
            Err(Error::new(ErrorKind::Timeout, policy.verb, subject, message))
        });
        let error = match answer {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if error.kind() == ErrorKind::Throttled {
            metrics::throttled(policy.verb);
        }
        let delay = delays.next_delay();
        if !error.is_retryable() || attempt >= policy.attempts || started.elapsed() + delay > policy.total {
            return Err(error);
        }
        metrics::retried(policy.verb, &error, attempt, delay);
        sleep(delay).await;
    }
    unreachable!("the loop ends by returning")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    async fn attempts_of(kind: ErrorKind) -> u32 {
        let calls = Cell::new(0);
        let result: Result<()> = run(&HEAD, "x", || {
            calls.set(calls.get() + 1);
            async { Err(Error::new(kind, "head", "x", "no")) }
        })
        .await;
        assert_eq!(result.unwrap_err().kind(), kind);
        calls.get()
    }

    #[tokio::test(start_paused = true)]
    async fn a_transient_error_is_tried_as_often_as_its_verb_allows() {
        assert_eq!(attempts_of(ErrorKind::Unavailable).await, HEAD.attempts);
    }

    #[tokio::test(start_paused = true)]
    async fn a_final_error_is_tried_once() {
        assert_eq!(attempts_of(ErrorKind::Denied).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_without_an_answer_ends_in_a_timeout() {
        let result: Result<()> = run(&HEAD, "x", std::future::pending).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn no_attempt_begins_after_the_total_time() {
        let started = Instant::now();
        let _: Result<()> = run(&LIST, "x", std::future::pending).await;
        assert!(started.elapsed() <= LIST.total + LIST.attempt);
    }
}
