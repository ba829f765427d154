//! Which kind of store it is, as far as its answers tell.

use std::sync::{Arc, OnceLock};

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;

use super::Bucket;
use super::baseline::Baseline;
use crate::Result;

/// The row of the baseline, once something has been answered.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    endpoint: &'static Baseline,
    learned: Arc<OnceLock<&'static Baseline>>,
}

impl Kind {
    /// What is known by the endpoint alone.
    pub fn of(endpoint: &'static Baseline) -> Kind {
        let learned = OnceLock::new();
        if !endpoint.is_guess {
            let _ = learned.set(endpoint);
        }
        Kind { endpoint, learned: Arc::new(learned) }
    }

    /// What holds before and after: all rows that an answer may name agree on it.
    pub fn endpoint(&self) -> &'static Baseline {
        self.endpoint
    }

    /// `None` as long as nothing has been answered.
    pub fn learned(&self) -> Option<&'static Baseline> {
        self.learned.get().copied()
    }
}

/// The client shows it every answer. The first good one counts: an error may be some proxy's.
impl Intercept for Kind {
    fn name(&self) -> &'static str {
        "kind of store"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        if answer.status().is_success() && self.learned.get().is_none() {
            let _ = self.learned.set(Baseline::by_server(answer.headers().get("server").unwrap_or_default()));
        }
        Ok(())
    }
}

impl Bucket {
    /// The row that counts. Costs one request if nothing has been answered yet; two at once may
    /// both ask, and learn the same.
    pub(super) async fn baseline(&self) -> Result<&'static Baseline> {
        if self.kind.learned().is_none() {
            self.probe().await?;
        }
        Ok(self.kind.learned().unwrap_or(self.kind.endpoint()))
    }
}
