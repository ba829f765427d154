//! The account and role of the credentials, and the service's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;

use super::{error_from, sdk_config};
use shared::Result;
use shared::config::Connection;
use shared::object::Timestamp;

/// The ARN of the credentials' owner, by STS.
pub(crate) async fn identity(connection: &Connection) -> Result<String> {
    let client = aws_sdk_sts::Client::new(&sdk_config(connection).await?);
    // Read-only: slow, repeated or lost, it changes nothing.
    let answer = client.get_caller_identity().send().await.map_err(|error| error_from("identify", "sts", error))?;
    Ok(answer.arn().unwrap_or("of no name").to_owned())
}

/// How far the service's clock is ahead of ours, ms, by the `Date` of its last answer.
#[derive(Debug, Clone)]
pub(crate) struct DateSeen(Arc<AtomicI64>);

const NOT_SEEN: i64 = i64::MIN;

impl Default for DateSeen {
    fn default() -> Self {
        DateSeen(Arc::new(AtomicI64::new(NOT_SEEN)))
    }
}

impl DateSeen {
    /// `None` before an answer that has a date.
    pub(crate) fn skew_ms(&self) -> Option<i64> {
        Some(self.0.load(Relaxed)).filter(|skew| *skew != NOT_SEEN)
    }
}

impl Intercept for DateSeen {
    fn name(&self) -> &'static str {
        "DateSeen"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let there = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok()?.to_millis().ok());
        if let Some(there) = there {
            self.0.store(there.saturating_sub(Timestamp::now().0), Relaxed);
        }
        Ok(())
    }
}
