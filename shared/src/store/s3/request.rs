//! What some kinds of stores want their requests to look like.

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

use super::kind::Kind;

/// The client shows it every request.
#[derive(Debug)]
pub(super) struct Spelling(pub Kind);

impl Intercept for Spelling {
    fn name(&self) -> &'static str {
        "spelling of requests"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if !self.0.row().takes_x_id {
            let plain = without_x_id(context.request().uri());
            context.request_mut().set_uri(plain)?;
        }
        Ok(())
    }

    /// Behind the signature, which does not cover what is added here.
    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let reads = settings.load::<Metadata>().is_some_and(|call| matches!(call.name(), "GetObject" | "HeadObject"));
        if let Some(encoding) = self.0.row().accept_encoding.filter(|_| reads) {
            context.request_mut().headers_mut().insert("accept-encoding", encoding);
        }
        Ok(())
    }
}

/// The URL without the SDK's name for the operation. Keys cannot hold a bare `?` there, or a bare `&`.
fn without_x_id(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else { return url.to_owned() };
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("x-id=")).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_the_operation_is_taken_out_of_a_url() {
        for (url, plain) in [
            ("https://h/b/k", "https://h/b/k"),
            ("https://h/b/k?x-id=GetObject", "https://h/b/k"),
            (
                "https://h/b/x-id=1?partNumber=1&x-id=UploadPart&uploadId=x-id=2",
                "https://h/b/x-id=1?partNumber=1&uploadId=x-id=2",
            ),
        ] {
            assert_eq!(without_x_id(url), plain);
        }
    }
}
