//! Buckets whose requests the requester pays for (Amazon S3 "Requester Pays buckets").

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

/// Says that the requester agrees to pay.
const HEADER: &str = "x-amz-request-payer";

/// The operations of this adapter that take the header. The others are about the bucket's configuration: only its owner
/// may call them.
const TAKEN_BY: [&str; 18] = [
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateMultipartUpload",
    "DeleteObject",
    "GetObject",
    "GetObjectAcl",
    "GetObjectAttributes",
    "GetObjectTagging",
    "HeadObject",
    "ListMultipartUploads",
    "ListObjects",
    "ListObjectsV2",
    "ListParts",
    "PutObject",
    "RestoreObject",
    "UploadPart",
    "UploadPartCopy",
];

/// Adds the header to each request that takes it. Copies within the service also have it where only the source's bucket
/// needs it ([`shared::store::CopySource`]).
#[derive(Debug)]
pub(super) struct RequestPayer {
    /// Whether the requester pays.
    pub is_requester: bool,
}

impl Intercept for RequestPayer {
    fn name(&self) -> &'static str {
        "request payer"
    }

    /// Runs before signing: the signature covers the header.
    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let takes_it = |call: &Metadata| TAKEN_BY.contains(&call.name());
        if self.is_requester && settings.load::<Metadata>().is_some_and(takes_it) {
            context.request_mut().headers_mut().insert(HEADER, "requester");
        }
        Ok(())
    }
}
