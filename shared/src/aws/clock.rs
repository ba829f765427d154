//! The time by which requests are signed: this machine's, corrected by what a service says of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_async::time::TimeSource;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// Services refuse requests signed more than 15 minutes off ("RequestTimeTooSkewed"), some 5. A difference
/// below this is no reason for any refusal; the SDKs take the same bound.
const SKEWED: Duration = Duration::from_secs(4 * 60);

/// A clock; clones share the correction.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock(Arc<AtomicI64>);

impl Clock {
    /// Takes over the service's time from an answer's `Date` (RFC 9110 §6.6.1), if it is far enough from
    /// ours to have been the reason for a refusal. Says whether it was.
    pub fn learn(&self, date: Option<&str>) -> bool {
        let Some(theirs) = date.and_then(|text| DateTime::from_str(text, Format::HttpDate).ok()) else { return false };
        let theirs_ms = theirs.secs() * 1000;
        if theirs_ms.abs_diff(millis(self.now())) < SKEWED.as_millis() as u64 {
            return false;
        }
        let correction_ms = theirs_ms - millis(SystemTime::now());
        self.0.store(correction_ms, Ordering::Relaxed);
        tracing::warn!(correction_s = correction_ms / 1000, "this machine's clock is wrong: signing by the service's");
        true
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        let correction_ms = self.0.load(Ordering::Relaxed);
        let by = Duration::from_millis(correction_ms.unsigned_abs());
        let now = SystemTime::now();
        let corrected = if correction_ms < 0 { now.checked_sub(by) } else { now.checked_add(by) };
        corrected.unwrap_or(now)
    }
}

fn millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(time: SystemTime) -> String {
        DateTime::from(time).fmt(Format::HttpDate).unwrap()
    }

    #[test]
    fn a_clock_is_set_by_a_time_far_from_its_own_and_by_no_other() {
        let clock = Clock::default();
        let hour = Duration::from_secs(3600);
        for (theirs, learnt) in [
            (SystemTime::now() + Duration::from_secs(60), false),
            (SystemTime::now() + 3 * hour, true),
            (SystemTime::now() + 3 * hour, false),
            (SystemTime::now() - 30 * hour, true),
        ] {
            assert_eq!(clock.clone().learn(Some(&date(theirs))), learnt);
            let off = millis(clock.now()).abs_diff(millis(theirs));
            assert!(off < 62_000, "{off} ms from the service's time");
        }
        assert!(!clock.learn(None) && !clock.learn(Some("yesterday")));
    }
}
