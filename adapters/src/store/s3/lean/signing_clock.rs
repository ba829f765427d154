//! The store's clock, as far as signatures need it.
//!
//! [`Clock`](crate::store::s3::clock::Clock) is never late, and any `Date` may make it early. A signature must be neither:
//! a store refuses one that is some minutes off. So this clock measures as the SDK's does (aws-runtime,
//! `ServiceClockSkewInterceptor`).

use std::sync::atomic::{AtomicI64, Ordering};

use aws_smithy_runtime_api::http::Headers;
use shared::object::Timestamp;

/// An answer that took longer says nothing about the clock.
const LONGEST_MS: i64 = 15 * 60 * 1000;

/// How far the store's clock is ahead of ours, ms; 0 until the first answer. Of answers at the same time the last one
/// counts.
#[derive(Debug, Default)]
pub(super) struct SigningClock(AtomicI64);

impl SigningClock {
    /// The time at the store.
    pub fn now(&self) -> Timestamp {
        Timestamp(Timestamp::now().0.saturating_add(self.0.load(Ordering::Relaxed)))
    }

    /// Notes the `Date` of an answer. The store wrote it between the two times, most likely in the middle.
    pub fn observe(&self, headers: &Headers, date: Timestamp, sent: Timestamp, received: Timestamp) {
        let elapsed = received.0.saturating_sub(sent.0).max(0);
        // With an `Age` a cache answers, by an old `Date` (RFC 9111 §5.1).
        if elapsed <= LONGEST_MS && headers.get("age").is_none() {
            self.0.store(date.0.saturating_sub(sent.0.saturating_add(elapsed / 2)), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::s3::clock::http_date;

    /// A date of the store, an hour ahead of ours.
    const DATE: &str = "Sun, 09 Sep 2001 02:46:40 GMT";
    const HOUR_MS: i64 = 3_600_000;

    fn offset(headers: &[(&'static str, &'static str)], sent: i64, received: i64) -> i64 {
        let mut all = Headers::new();
        headers.iter().for_each(|(name, value)| drop(all.insert(*name, *value)));
        let clock = SigningClock::default();
        if let Some(date) = all.get("date").and_then(http_date) {
            clock.observe(&all, date, Timestamp(sent), Timestamp(received));
        }
        clock.0.into_inner()
    }

    #[test]
    fn the_middle_of_a_request_is_the_time_of_its_date() {
        let (ours, date) = (1_000_000_000_000, ("date", DATE));
        assert_eq!(offset(&[date], ours, ours), HOUR_MS);
        assert_eq!(offset(&[date], ours - 60_000, ours + 60_000), HOUR_MS);
        assert_eq!(offset(&[date], ours, ours + 120_000), HOUR_MS - 60_000);
        // Our clock was set back during the request.
        assert_eq!(offset(&[date], ours, ours - 5_000), HOUR_MS);
    }

    #[test]
    fn an_unreliable_date_changes_no_signature() {
        let (ours, date) = (1_000_000_000_000, ("date", DATE));
        assert_eq!(offset(&[date, ("age", "0")], ours, ours), 0);
        assert_eq!(offset(&[date], ours, ours + LONGEST_MS + 1), 0);
        assert_eq!(offset(&[("date", "yesterday")], ours, ours), 0);
        assert_eq!(offset(&[], ours, ours), 0);
    }
}
