//! Refuses empty answers.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Refuses successful answers without a body, for requests that are always answered by a JSON object, at least `{}`. The
/// SDK takes an empty body for an object without fields: an existing item or tag would be missing.
#[derive(Debug)]
pub(crate) struct NoEmptyAnswers;

impl Intercept for NoEmptyAnswers {
    fn name(&self) -> &'static str {
        "NoEmptyAnswers"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let empty = response.body().bytes().is_some_and(<[u8]>::is_empty);
        if response.status().is_success() && empty { Err("it is empty".into()) } else { Ok(()) }
    }
}
