//! The store's clock, from the `Date` of its answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use shared::Result;
use shared::object::Timestamp;

/// How far the store's clock is ahead of ours, ms; 0 until the first answer.
///
/// An answer's `Date` (RFC 9110 §6.6.1) is the time at which it was made, cut to whole seconds, and it is read
/// later. So the time here is never too late, and too early by at most that second and the transit time.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock(Arc<AtomicI64>);

impl Clock {
    /// The time at the store.
    pub fn now(&self) -> Timestamp {
        Timestamp(Timestamp::now().0.saturating_add(self.0.load(Ordering::Relaxed)))
    }

    /// Notes the `Date` of an answer that was received at `received`.
    pub fn note(&self, date: Timestamp, received: Timestamp) {
        self.0.store(date.0.saturating_sub(received.0), Ordering::Relaxed);
    }

    /// As [`note`](Self::note), of an answer that has just come. An invalid date changes nothing.
    fn see(&self, date: &str) {
        if let Some(date) = http_date(date) {
            self.note(date, Timestamp::now());
        }
    }
}

/// Reads a date of HTTP, such as `Sun, 09 Sep 2001 01:46:40 GMT`.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    DateTime::from_str(text, Format::HttpDate).ok()?.to_millis().ok().map(Timestamp)
}

/// Sees every answer of the client.
impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "the store's clock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.see(date);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_the_stores_once_it_has_answered() {
        let clock = Clock::default();
        assert!((clock.now().0 - Timestamp::now().0).abs() < 5_000);
        for nonsense in ["", "yesterday", "2001-09-09T01:46:40Z"] {
            clock.see(nonsense);
        }
        assert!((clock.now().0 - Timestamp::now().0).abs() < 5_000);
        clock.see("Sun, 09 Sep 2001 01:46:40 GMT");
        assert!((clock.now().0 - 1_000_000_000_000).abs() < 5_000, "{}", clock.now());
    }
}
