//! Requests that Amazon publishes with their signatures: Amazon S3 "Examples: Signature calculations".

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use super::super::call::Call;
use super::super::endpoint::BucketEndpoint;
use super::Signer;
use shared::object::Timestamp;

/// The signature of [`get_object`].
pub(in crate::store::s3::lean) const GET_OBJECT_SIGNATURE: &str =
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";

/// The request "GET Object".
pub(in crate::store::s3::lean) fn get_object() -> Call<'static> {
    Call::new("GET", Some("test.txt")).header("range", Some("bytes=0-9"))
}

/// Signs a request as the examples do: their bucket, keys and time.
pub(in crate::store::s3::lean) fn signed(call: Call<'_>) -> Result<HttpRequest, BoxError> {
    let endpoint = BucketEndpoint {
        origin: "https://examplebucket.s3.amazonaws.com".into(),
        path: String::new(),
        host: "examplebucket.s3.amazonaws.com".into(),
        region: "us-east-1".into(),
        service: "s3".into(),
    };
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let credentials = Credentials::from_keys("AKIAIOSFODNN7EXAMPLE", secret, None);
    let now = Timestamp(1_369_353_600_000);
    Signer::new("us-east-1".into(), "s3".into()).request(&endpoint, call, Some(&credentials), now)
}
