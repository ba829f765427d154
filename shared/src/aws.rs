//! The one place that builds AWS SDK configurations and reads its errors.
//!
//! The SDK's retries and its stalled-stream protection are off: [`crate::retry`] and the adapters own
//! them. One HTTP client, and so one connection pool and one set of TLS roots, serves all services.

use std::sync::LazyLock;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// How a service is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Connection {
    /// Base URL of the endpoint; `None`: Amazon's own for the region.
    pub endpoint_url: Option<String>,
    /// Region; `None`: from the environment or profile, else `us-east-1`.
    pub region: Option<String>,
    /// Where credentials come from, as the command line spells it; `None`: `default`.
    pub credentials: Option<String>,
}

static HTTP: LazyLock<SharedHttpClient> = LazyLock::new(|| {
    aws_smithy_http_client::Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https()
});

/// The SDK's configuration for a connection.
pub async fn sdk_config(connection: &Connection) -> Result<SdkConfig> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(HTTP.clone())
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(aws_config::stalled_stream_protection::StalledStreamProtectionConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).build());
    if let Some(region) = &connection.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(url) = &connection.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    let config = loader.load().await;
    if config.region().is_some() {
        return Ok(config);
    }
    Ok(config.into_builder().region(Region::new("us-east-1")).build())
}

/// What an SDK call's error means. `subject` is what the call was about.
pub fn error_from<E>(verb: &'static str, subject: &str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let _ = &error;
    Error::new(ErrorKind::Unavailable, verb, subject, "unmapped")
}
