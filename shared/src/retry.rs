//! Retries, and their only owner: a policy per verb with its reason beside the number.
//!
//! The SDK's own retries are off. `backoff` computes the jittered exponential delays. It is unmaintained
//! (RUSTSEC-2025-0012, and `instant` below it RUSTSEC-2024-0384), so no other module uses it.

use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use backoff::backoff::Backoff as _;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use tokio::time::{Instant, sleep, timeout};

use crate::limits::LiveRate;
use crate::metrics;
use crate::{Error, ErrorKind, Result};

/// No byte and no answer for this long ends an attempt in `Timeout`, seconds. S3 answers in 30 ms;
/// completing a 10,000-part upload may take a minute or more and has its own limit.
pub const STALL_SECONDS: u64 = 30;

/// The bounds of one verb's attempts, in number and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The verb's name in metrics and errors.
    pub verb: &'static str,
    /// Most attempts, the first included.
    pub attempts: u32,
    /// Limit of one attempt.
    pub attempt: Duration,
    /// No new attempt begins after this time.
    pub total: Duration,
    /// Delay before the second attempt; it doubles from there, halved or more by jitter.
    pub first_delay: Duration,
    /// Longest delay.
    pub max_delay: Duration,
    /// Time for which calls to the queue or the ledger are repeated while these only throttle: they work, and the
    /// waiting work is not lost. Throttled answers use up neither attempts nor time. Stores have none: the limiter
    /// and the object's next attempt handle their throttling.
    pub patience: Option<Duration>,
}

/// Longest wait for a throttled queue or ledger. DynamoDB doubles a table's throughput within minutes
/// ("On-demand capacity mode", initial throughput and scaling); longer throttling needs a person.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

const fn policy(verb: &'static str, attempts: u32, attempt_s: u64, total_s: u64) -> Policy {
    Policy {
        verb,
        attempts,
        attempt: Duration::from_secs(attempt_s),
        total: Duration::from_secs(total_s),
        first_delay: Duration::from_millis(100),
        max_delay: Duration::from_secs(10),
        patience: None,
    }
}

/// Of a call to the queue or the ledger.
const fn backend(verb: &'static str, attempts: u32, attempt_s: u64, total_s: u64) -> Policy {
    Policy { patience: Some(PATIENCE), ..policy(verb, attempts, attempt_s, total_s) }
}

// A listing that fails stops the run, which costs the most: tried the longest, also through two minutes of 503s.
/// `ListObjects`
pub const LIST: Policy = policy("list", 15, STALL_SECONDS, 120);
// A user waits at a terminal: a closed port or an unknown host fails within some seconds.
/// The first request to a store
pub const PROBE: Policy = Policy { first_delay: Duration::from_millis(500), ..policy("probe", 3, 10, 20) };
// Cheap and read-only; the object is tried again by its job if this gives up.
/// `HeadObject`
pub const HEAD: Policy = policy("head", 5, STALL_SECONDS, 40);
/// `GetObject` until its headers are there
pub const GET: Policy = policy("get", 5, STALL_SECONDS, 40);
// PUT and PART: the adapter cannot send a body again. The worker does, with the policy TRANSFER (worker: whole.rs,
// multipart/part.rs).
/// `PutObject`
pub const PUT: Policy = policy("put", 1, STALL_SECONDS, 40);
/// `UploadPart`
pub const PART: Policy = policy("part", 1, STALL_SECONDS, 40);
// A create whose answer was lost leaves an upload that a worker must find: few attempts, by the worker,
// which announces each in the ledger.
/// `CreateMultipartUpload`
pub const CREATE: Policy = policy("create", 4, STALL_SECONDS, 40);
/// `ListParts`
pub const LIST_PARTS: Policy = policy("list-parts", 5, STALL_SECONDS, 60);
// As a HEAD.
/// `GetObjectTagging`
pub const TAGS: Policy = policy("tags", 5, STALL_SECONDS, 40);
/// `GetObjectAcl`, `GetBucketAcl`
pub const ACL: Policy = policy("acl", 5, STALL_SECONDS, 40);
// Read-only, and without an answer the objects are checked.
/// `GetObjectLockConfiguration`, `GetBucketWebsite`
pub const CONFIGURATION: Policy = policy("configuration", 3, 10, 20);
// Two requests have the effect of one.
/// `RestoreObject`
pub const RESTORE: Policy = policy("restore", 5, STALL_SECONDS, 40);
// Rare, and read-only; the job comes again if this gives up.
/// `ListMultipartUploads`
pub const LIST_UPLOADS: Policy = policy("list-uploads", 5, STALL_SECONDS, 60);
// S3 may take minutes to assemble a large object before it answers.
/// `CompleteMultipartUpload`
pub const COMPLETE: Policy = policy("complete", 4, 300, 600);
/// `AbortMultipartUpload`
pub const ABORT: Policy = policy("abort", 4, STALL_SECONDS, 40);
/// `DeleteObject`
pub const DELETE: Policy = policy("delete", 5, STALL_SECONDS, 40);
// As a DELETE, of up to 1,000 keys. Only the keys without a final result are sent again.
/// `DeleteObjects`
pub const DELETE_MANY: Policy = policy("delete", 5, STALL_SECONDS, 60);
// The service moves up to 5 GiB before it answers.
/// `CopyObject`, `UploadPartCopy`
pub const COPY: Policy = policy("copy", 4, 300, 600);
// A lost send loses nothing (the finder's checkpoint has the job), but stops the finder.
/// `SendMessageBatch`
pub const SEND: Policy = backend("send", 8, 10, 120);
// The worker's loop calls again.
/// `ReceiveMessage`; the time that a long poll may wait is added to the attempt's.
pub const RECEIVE: Policy = backend("receive", 3, 10, 60);
// Must end before the lease: the heartbeat runs at a third of it, and ends it by its own clock.
/// `ChangeMessageVisibility`
pub const EXTEND: Policy = backend("extend", 4, 5, 12);
// A lost acknowledgement costs one redelivery.
/// `DeleteMessage`
pub const ACKNOWLEDGE: Policy = backend("acknowledge", 6, 10, 40);
/// `GetQueueAttributes`, `DescribeTable` and their like
pub const DESCRIBE: Policy = backend("describe", 4, 10, 30);
// A user waits at a terminal, but a queue's new policy takes up to a minute to take effect everywhere.
/// Bucket notifications
pub const SUBSCRIBE: Policy = Policy { first_delay: Duration::from_secs(1), ..policy("subscribe", 12, 10, 75) };
// If an outcome cannot be recorded, its job stays unacknowledged: worth the wait.
/// Reads and writes of the ledger
pub const LEDGER: Policy = backend("ledger", 8, 10, 90);
// A body that broke off, or a refusal such as 503: the source is opened and sent again. The object's next attempt
// handles longer faults.
/// One object's or part's bytes, from opening the read to the destination's answer
pub const TRANSFER: Policy = policy("transfer", 3, 24 * 3600, 600);
/// Calls to the autoscaling group
pub const FLEET: Policy = policy("fleet", 4, 10, 30);
// The controller sends again, later: few attempts, so that a receiver that hangs does not keep it.
/// Notices to topics and webhooks
pub const NOTIFY: Policy = policy("notify", 2, 10, 15);

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

tokio::task_local! {
    /// Whether the effect of an attempt's request is unknown.
    static WAS_UNCLEAR: Cell<bool>;
    /// The limit of the requests of a call.
    static TURNS: Option<Arc<LiveRate>>;
}

/// Runs `call`: each attempt that [`run`] makes for it waits for its turn by `requests` first. Tasks that `call` spawns
/// do so if they are wrapped in [`with_turns_of_caller`].
pub async fn taking_turns<T>(requests: &Arc<LiveRate>, call: impl Future<Output = T>) -> T {
    TURNS.scope(Some(requests.clone()), call).await
}

/// A future that takes the turns of the present call, for a task that the call spawns.
pub fn with_turns_of_caller<T>(spawned: impl Future<Output = T>) -> impl Future<Output = T> {
    TURNS.scope(turns(), spawned)
}

/// The limit of the requests of the present call.
fn turns() -> Option<Arc<LiveRate>> {
    TURNS.try_with(Clone::clone).ok().flatten()
}

/// Runs `call`, and returns whether the effect of an attempt before the last one is unknown: its request may still
/// take effect.
pub async fn noting_unclear<T>(call: impl Future<Output = T>) -> (T, bool) {
    let noted = async {
        let answer = call.await;
        (answer, WAS_UNCLEAR.with(Cell::get))
    };
    WAS_UNCLEAR.scope(Cell::new(false), noted).await
}

/// Repeats `call` until it succeeds, fails permanently, or `policy` is used up; each attempt is limited
/// in time. Returns the last attempt's error.
pub async fn run<T, F, Fut>(policy: &Policy, subject: &str, mut call: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let began = Instant::now();
    // Failed attempts, and the time of the first one: both begin again after a throttled answer.
    let (mut failed, mut since) = (0, began);
    let mut delays = policy.delays();
    let turns = turns();
    loop {
        if let Some(turns) = &turns {
            let waiting = Instant::now();
            turns.take(1.0).await;
            since += waiting.elapsed();
        }
        let answer = timeout(policy.attempt, call()).await.unwrap_or_else(|_| {
            let message = format!("no answer within {} s", policy.attempt.as_secs());
            Err(Error::new(ErrorKind::Timeout, policy.verb, subject, message))
        });
        let error = match answer {
            Ok(value) => return Ok(value),
            Err(error) if policy.patience.is_some() => error.met_at_backend(),
            Err(error) => error,
        };
        if error.kind() == ErrorKind::Throttled {
            metrics::throttled(policy.verb);
        }
        let delay = delays.next_delay();
        let goes_on = match policy.patience {
            Some(patience) if error.kind() == ErrorKind::Throttled => {
                (failed, since) = (0, Instant::now());
                began.elapsed() + delay <= patience
            }
            _ => {
                failed += 1;
                let worth_it = error.is_retryable() || is_worth_a_second_look(policy, &error, failed);
                worth_it && failed < policy.attempts && since.elapsed() + delay <= policy.total
            }
        };
        if !goes_on {
            return Err(error);
        }
        if error.is_unclear() {
            // Nobody may want to know.
            let _ = WAS_UNCLEAR.try_with(|unclear| unclear.set(true));
        }
        metrics::retried(policy.verb, &error, failed, delay);
        sleep(delay).await;
    }
}

/// A new right takes some moments to reach all hosts of a service, and a refusal by queue or ledger ends the whole
/// program, not one object: worth one more request.
fn is_worth_a_second_look(policy: &Policy, error: &Error, failed: u32) -> bool {
    policy.patience.is_some() && error.kind() == ErrorKind::Denied && failed == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Allowance;

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

    /// How often a call of `policy` is asked that answers with these errors, then with the last one for ever.
    async fn asked(policy: &Policy, errors: &[ErrorKind]) -> (u32, Duration, Error) {
        let (began, mut calls) = (Instant::now(), 0);
        let result: Result<()> = run(policy, "x", || {
            calls += 1;
            let kind = errors[errors.len().min(calls) - 1];
            async move { Err(Error::new(kind, policy.verb, "x", "no")) }
        })
        .await;
        (calls as u32, began.elapsed(), result.unwrap_err())
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_backend_is_retried_ever_more_slowly() {
        for policy in [&SEND, &RECEIVE, &ACKNOWLEDGE, &LEDGER] {
            let (calls, time, error) = asked(policy, &[ErrorKind::Throttled]).await;
            assert_eq!(error.kind(), ErrorKind::Throttled);
            assert!(calls > policy.attempts && calls < 300, "{}: {calls} calls", policy.verb);
            assert!(time > PATIENCE / 2 && time <= PATIENCE, "{}: {time:?}", policy.verb);
        }
        assert_eq!(asked(&HEAD, &[ErrorKind::Throttled]).await.0, HEAD.attempts);
    }

    #[tokio::test(start_paused = true)]
    async fn throttled_answers_use_up_no_attempts_of_a_ledger() {
        let throttled = [ErrorKind::Throttled; 30];
        let errors = [&throttled[..], &[ErrorKind::Unavailable]].concat();
        // The delays stay long after so much throttling, and chance may let them reach the total time first.
        let others = asked(&LEDGER, &errors).await.0 - 30;
        assert!((4..=LEDGER.attempts).contains(&others), "{others}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_denial_by_queue_or_ledger_is_asked_about_once_more() {
        let (calls, _, error) = asked(&LEDGER, &[ErrorKind::Denied]).await;
        assert_eq!((calls, error.kind(), error.is_backend()), (2, ErrorKind::Denied, true));
        let (calls, _, error) = asked(&HEAD, &[ErrorKind::Denied]).await;
        assert_eq!((calls, error.is_backend()), (1, false));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_waits_for_its_turn_at_no_cost() {
        // Fewer requests than the policy's total time would have.
        let requests = Arc::new(LiveRate::new(Allowance::of(Some(0.02))));
        let began = Instant::now();
        let call = || async { asked(&HEAD, &[ErrorKind::Unavailable]).await.0 };
        assert_eq!(taking_turns(&requests, call()).await, HEAD.attempts);
        assert!(began.elapsed() >= Duration::from_secs(50) * HEAD.attempts, "{:?}", began.elapsed());
        let began = Instant::now();
        let spawned = taking_turns(&requests, async { tokio::spawn(with_turns_of_caller(call())).await }).await;
        assert_eq!(spawned.expect("a count"), HEAD.attempts);
        assert!(began.elapsed() >= Duration::from_secs(50) * HEAD.attempts, "{:?}", began.elapsed());
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
