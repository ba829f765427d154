//! A slow part at the end of an upload is sent a second time, on another connection; the first answer counts.
//!
//! Over a long path with losses a connection may crawl, and the last parts with it, while the link is idle. So when all
//! parts of a call have begun, one that needs far longer than the fastest is sent once more: a hedged request (Dean and
//! Barroso, "The Tail at Scale", 2013). Both tries send the same bytes as the same part, so either may come last.

use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures::future::{Either, select};
use shared::Result;
use shared::sync::lock;
use tokio::time::{Instant, sleep};

use crate::engine::progress::{Attempt, AttemptWatch};

/// How often a part is looked at.
const TICK: Duration = Duration::from_millis(250);

/// A part is not slow before: a new connection has reached its rate by then, also over a long path, and a busy machine has
/// come to each of its tasks. A second try that is not needed costs a request, and the bytes of a part.
const LEAST: Duration = Duration::from_secs(5);

/// A slow part needs more than so many times the time of the fastest: a second try, which takes about as long as that
/// one, ends first then.
const TIMES: f64 = 2.0;

/// Whether a part of `size` bytes, of which `passed` have passed in this time, is slow beside the fastest part of its
/// call. `waited`: how long all of its bytes have been passed on.
fn is_slow(elapsed: Duration, passed: u64, size: u64, waited: Option<Duration>, fastest: Option<Duration>) -> bool {
    let Some(fastest) = fastest.filter(|_| elapsed >= LEAST) else { return false };
    if let Some(waited) = waited {
        // Megabytes may be in the kernel's buffer of a slow connection.
        return waited > fastest;
    }
    let left = size.saturating_sub(passed);
    if passed == 0 {
        return left > 0 && elapsed > fastest;
    }
    elapsed.as_secs_f64() * left as f64 / passed as f64 > TIMES * fastest.as_secs_f64()
}

/// The times of the parts of one call.
pub(crate) struct PartTimes {
    /// Parts that have not begun.
    waiting: AtomicUsize,
    /// The time of the fastest part that was sent.
    fastest: Mutex<Option<Duration>>,
}

impl PartTimes {
    /// Of a call that sends so many parts.
    pub fn of(parts: usize) -> PartTimes {
        PartTimes { waiting: AtomicUsize::new(parts), fastest: Mutex::default() }
    }

    /// Watches one of the parts, of so many bytes, until the watch is dropped.
    pub fn watch(&self, size: u64) -> PartWatch<'_> {
        PartWatch { times: self, size, present: Mutex::default() }
    }
}

/// One part of a call.
pub(crate) struct PartWatch<'a> {
    times: &'a PartTimes,
    size: u64,
    /// `None` before the first one.
    present: Mutex<Option<PresentTry>>,
}

/// The present try to send a part.
struct PresentTry {
    since: Instant,
    bytes: AttemptWatch,
    /// When all bytes were first seen to have been passed on.
    passed_on: Option<Instant>,
}

impl PartWatch<'_> {
    /// A try begins, not the second one of a slow part.
    pub fn begins(&self, counted: &Attempt) {
        let present = PresentTry { since: Instant::now(), bytes: counted.watch(), passed_on: None };
        if lock(&self.present).replace(present).is_none() {
            self.times.waiting.fetch_sub(1, SeqCst);
        }
    }

    /// The first success of `first`, which sends the part, and, once that is slow, of `again` with a permit that no
    /// transfer waits for. The other one is dropped. Of errors only that of `first` counts.
    pub async fn first_success<T, P, F>(
        &self,
        idle_permit: impl Fn() -> Option<P>,
        first: impl Future<Output = Result<T>>,
        again: impl FnOnce(P) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Option<T>>,
    {
        let mut first = pin!(first);
        let permit = tokio::select! {
            biased;
            sent = &mut first => {
                if sent.is_ok() {
                    self.sent();
                }
                return sent;
            }
            permit = self.idle_permit_once_slow(idle_permit) => permit,
        };
        let second = pin!(again(permit));
        match select(first, second).await {
            Either::Left((Ok(sent), _)) | Either::Right((Some(sent), _)) => Ok(sent),
            Either::Left((Err(error), second)) => second.await.ok_or(error),
            Either::Right((None, first)) => first.await,
        }
    }

    async fn idle_permit_once_slow<P>(&self, idle_permit: impl Fn() -> Option<P>) -> P {
        loop {
            sleep(TICK).await;
            if !self.is_slow() {
                continue;
            }
            if let Some(permit) = idle_permit() {
                tracing::debug!(size = self.size, "a part is slow: sending it a second time");
                return permit;
            }
        }
    }

    /// Whether no part of the call waits any more, and this one is slow.
    fn is_slow(&self) -> bool {
        if self.times.waiting.load(SeqCst) > 0 {
            return false;
        }
        let fastest = *lock(&self.times.fastest);
        let mut present = lock(&self.present);
        // Between two tries there is nothing to compare.
        let Some((present, passed)) = present.as_mut().and_then(|one| one.bytes.passed().map(|passed| (one, passed)))
        else {
            return false;
        };
        if passed >= self.size {
            present.passed_on.get_or_insert_with(Instant::now);
        }
        let waited = present.passed_on.map(|at| at.elapsed());
        is_slow(present.since.elapsed(), passed, self.size, waited, fastest)
    }

    /// The part was sent by its present try.
    fn sent(&self) {
        let Some(elapsed) = lock(&self.present).as_ref().map(|present| present.since.elapsed()) else { return };
        let mut fastest = lock(&self.times.fastest);
        *fastest = Some(fastest.map_or(elapsed, |fastest| fastest.min(elapsed)));
    }
}

impl Drop for PartWatch<'_> {
    fn drop(&mut self) {
        if lock(&self.present).is_none() {
            // It ended without a try from here: the service copied it.
            self.times.waiting.fetch_sub(1, SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;

    use shared::{Error, ErrorKind};
    use tokio::time::timeout;

    use super::*;
    use crate::engine::progress::TransferProgress;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_slow_part_needs_far_longer_than_the_fastest() {
        let seconds = Duration::from_secs;
        let half = Some(Duration::from_millis(500));
        for (elapsed, passed, waited, fastest, slow) in [
            (seconds(6), 4 * MIB, None, half, true),
            (seconds(6), 0, None, half, true),
            (seconds(6), 0, None, Some(seconds(7)), false),
            (seconds(7), 7 * MIB, None, half, false),
            (seconds(6), 4 * MIB, None, Some(seconds(3)), false),
            (seconds(6), 4 * MIB, None, None, false),
            (Duration::from_millis(4_999), 0, None, half, false),
            (seconds(6), 8 * MIB, Some(seconds(1)), half, true),
            (seconds(6), 8 * MIB, Some(seconds(1)), Some(seconds(1)), false),
        ] {
            let why = format!("{elapsed:?}, {passed}, {waited:?}, {fastest:?}");
            assert_eq!(is_slow(elapsed, passed, 8 * MIB, waited, fastest), slow, "{why}");
        }
        assert!(!is_slow(seconds(6), 0, 0, None, half), "nothing is left");
    }

    fn attempt() -> Attempt {
        Arc::new(TransferProgress::default()).object("r", "k", MIB).attempt()
    }

    /// Of so many parts, of which one was sent at once.
    async fn times(parts: usize) -> PartTimes {
        let times = PartTimes::of(parts);
        let (watch, counted) = (times.watch(MIB), attempt());
        watch.begins(&counted);
        watch.first_success(|| Some(()), async { Ok(()) }, |()| pending()).await.expect("it is sent");
        drop(watch);
        times
    }

    fn failed(message: &str) -> Error {
        Error::new(ErrorKind::Invalid, "part", "k", message)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_part_is_sent_a_second_time() {
        let (times, counted) = (times(2).await, attempt());
        let (watch, began) = (times.watch(MIB), Instant::now());
        watch.begins(&counted);
        let sent = watch.first_success(|| Some(7), pending::<Result<u32>>(), async |permit| Some(permit)).await;
        assert_eq!((sent.expect("the second try"), began.elapsed().as_secs()), (7, LEAST.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_try_waits_for_the_part_to_be_slow_and_alone() {
        let hour = Duration::from_secs(3600);
        for (times, permit, case) in [
            (times(2).await, None, "no permit is idle"),
            (times(3).await, Some(()), "another part of the call waits"),
            (PartTimes::of(1), Some(()), "no part was sent"),
        ] {
            let (watch, counted) = (times.watch(MIB), attempt());
            watch.begins(&counted);
            let sent = watch.first_success(|| permit, pending::<Result<()>>(), async |()| Some(()));
            assert!(timeout(hour, sent).await.is_err(), "{case}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn regression_bytes_in_the_kernels_buffer_may_be_slow_too() {
        let (times, counted) = (times(2).await, attempt());
        let (watch, began) = (times.watch(MIB), Instant::now());
        watch.begins(&counted);
        counted.passed(MIB);
        let sent = watch.first_success(|| Some(7), pending::<Result<u32>>(), async |permit| Some(permit)).await;
        assert_eq!((sent.expect("the second try"), began.elapsed().as_secs()), (7, LEAST.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_success_of_two_tries_counts() {
        let second = Duration::from_secs(1);
        for (first, again, sent) in [
            ((8_u32, Ok("first")), (30_u32, Some("again")), Ok("first")),
            ((30, Ok("first")), (2, Some("again")), Ok("again")),
            ((30, Ok("first")), (2, None), Ok("first")),
            ((8, Err("first")), (30, Some("again")), Ok("again")),
            ((8, Err("first")), (30, None), Err("first")),
            ((30, Err("first")), (2, None), Err("first")),
        ] {
            let (times, counted) = (times(2).await, attempt());
            let watch = times.watch(MIB);
            watch.begins(&counted);
            let first_try = async {
                sleep(first.0 * second).await;
                first.1.map_err(failed)
            };
            let second_try = async |()| {
                sleep(again.0 * second).await;
                again.1
            };
            let ended = watch.first_success(|| Some(()), first_try, second_try).await;
            assert_eq!(ended.map_err(|error| error.message().to_owned()), sent.map_err(str::to_owned));
        }
    }
}
