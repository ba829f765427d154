//! Answers that are none.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Refuses answers of success without a body. DynamoDB's are JSON objects, `{}` at least; the SDK takes no body
/// for one without fields, by which an item would not be there, or be written, that was never asked for.
#[derive(Debug)]
pub(super) struct NoEmptyAnswers;

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
