//! Builds the AWS SDK's configurations and reads its errors; nothing else does.
//!
//! The SDK's retries, its stalled-stream protection and its cache of credentials are off: [`shared::retry`],
//! the adapters and `renewed` own them. One HTTP client, and so one connection pool, serves a connection and the
//! provider of its credentials.

mod credentials;
mod empty;
mod errors;
mod http;
mod http_feedback;
mod identity;
mod renewed;

use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::identity::IdentityCache;
use aws_config::imds;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use credentials::Spelling;
pub(crate) use empty::NoEmptyAnswers;
pub(crate) use errors::error_of_key;
pub(crate) use errors::{NO_CREDENTIALS, allow};
pub use errors::{error_at, error_from};
use http_feedback::ConnectionState;
pub(crate) use http_feedback::Waited;
pub(crate) use identity::{DateSeen, identity};
use shared::config::Connection;
use shared::{Error, ErrorKind, Result};

/// Longest wait for a TCP connection and its TLS handshake. A healthy one takes some round trips of up to 0.3 s
/// each; a lost packet costs 1 s more, a second one 2 s more.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for the machine's metadata service. Where it exists it answers in milliseconds. It is asked at most
/// twice, for the region and for credentials, so `default` on a machine without it fails within 3 s.
const METADATA_TIMEOUT: Duration = Duration::from_millis(1_200);

/// The region if nothing names one.
const DEFAULT_REGION: &str = "us-east-1";

/// The environment's endpoint for `s3://` locations that name none: `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`, as
/// in other programs; none if `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is `true`.
pub fn ambient_s3_endpoint() -> Option<String> {
    endpoint_among(|name| std::env::var(name).ok())
}

fn endpoint_among(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let is_off =
        variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let named = |name| variable(name).filter(|url| !url.is_empty());
    if is_off { None } else { named("AWS_ENDPOINT_URL_S3").or_else(|| named("AWS_ENDPOINT_URL")) }
}

/// The SDK's configuration for a connection.
///
/// Checks everything that needs no request to the service: the form of endpoint and credentials, and that the
/// variables, file, profile or secret of the credentials exist and are valid.
pub async fn sdk_config(connection: &Connection) -> Result<SdkConfig> {
    // Boxed: the SDK's futures are large, and the caller's futures contain them.
    Box::pin(configured(connection, false, http::client())).await
}

/// As [`sdk_config`], with requests that obey the [rate limit](shared::limits::rate) of their endpoint.
pub async fn rate_limited_sdk_config(connection: &Connection) -> Result<SdkConfig> {
    Box::pin(configured(connection, true, http::store_client())).await
}

/// As [`rate_limited_sdk_config`], over a test's HTTP client.
#[cfg(test)]
pub(crate) async fn sdk_config_over(connection: &Connection, http: SharedHttpClient) -> Result<SdkConfig> {
    Box::pin(configured(connection, true, http)).await
}

async fn configured(connection: &Connection, is_rate_limited: bool, http: SharedHttpClient) -> Result<SdkConfig> {
    let spelling = connection.credentials.as_deref().unwrap_or("default").parse::<Spelling>()?;
    if let Some(url) = &connection.endpoint_url {
        check_endpoint(url)?;
    }
    let region = match &connection.region {
        Some(region) => Region::new(region.clone()),
        None => ambient_region(&spelling, &http).await,
    };
    // Secrets and roles are Amazon's: their region is this machine's, not that of a foreign store.
    let home = match connection.endpoint_url.is_some() && spelling.is_amazons() {
        true => ambient_region(&spelling, &http).await,
        false => region.clone(),
    };
    let credentials = spelling.provider(&home, &http).await?;
    let connection_state =
        ConnectionState { credentials: credentials.clone(), is_rate_limited, ..ConnectionState::default() };
    let mut loader = loader(&http, connection_state).region(region);
    loader = match credentials {
        Some(credentials) => loader.credentials_provider(credentials),
        None => loader.no_credentials(),
    };
    if let Some(url) = &connection.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Spelling::Profile(name) = &spelling {
        loader = loader.profile_name(name);
    }
    Ok(loader.load().await)
}

/// The common part of all configurations.
fn loader(http: &SharedHttpClient, connection_state: ConnectionState) -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_feedback::client(http, connection_state))
        .identity_cache(IdentityCache::no_cache())
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build())
}

/// The region of the environment, the profile or, for `default` credentials, this machine.
async fn ambient_region(spelling: &Spelling, http: &SharedHttpClient) -> Region {
    let mut profile = ProfileFileRegionProvider::builder();
    if let Spelling::Profile(name) = spelling {
        profile = profile.profile_name(name);
    }
    let mut chain = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new()).or_else(profile.build());
    if spelling.asks_the_machine() {
        chain = chain.or_else(ImdsRegionProvider::builder().imds_client(metadata_client(http)).build());
    }
    chain.region().await.unwrap_or(Region::from_static(DEFAULT_REGION))
}

/// An HTTP client for requests that are not the SDK's.
pub(crate) fn http_client() -> SharedHttpClient {
    http::client()
}

/// The base of the SDK's credential providers.
fn provider_config(region: Option<Region>, http: &SharedHttpClient) -> ProviderConfig {
    ProviderConfig::without_region().with_http_client(http.clone()).with_region(region)
}

/// A client of this machine's metadata service that gives up soon.
fn metadata_client(http: &SharedHttpClient) -> imds::Client {
    metadata_builder(http).build()
}

/// As [`metadata_client`], at `url` if one is given.
pub(crate) fn metadata_client_at(url: Option<&str>) -> Result<imds::Client> {
    let http = http::client();
    let Some(url) = url else { return Ok(metadata_client(&http)) };
    check_endpoint(url)?;
    let builder = metadata_builder(&http).endpoint(url);
    Ok(builder.map_err(|e| Error::new(ErrorKind::Invalid, "configure", "metadata-url", e.to_string()))?.build())
}

fn metadata_builder(http: &SharedHttpClient) -> imds::client::Builder {
    imds::Client::builder().configure(&provider_config(None, http)).max_attempts(2).operation_timeout(METADATA_TIMEOUT)
}

/// An endpoint is `http://` or `https://` with a host and, at most, a port and a path.
fn check_endpoint(url: &str) -> Result<()> {
    let refuse = |why: &str| {
        // Does not show a URL that may contain a password.
        let shown = if url.contains('@') { "the endpoint" } else { url };
        Err(Error::new(ErrorKind::Invalid, "configure", "endpoint-url", format!("{shown}: {why}")))
    };
    let Ok(uri) = url.parse::<::http::Uri>() else {
        return refuse("not a URL: give http://HOST:PORT or https://HOST");
    };
    match (uri.scheme_str(), uri.authority()) {
        (Some("http" | "https"), Some(authority)) if authority.as_str().contains('@') => {
            refuse("must not contain credentials: give them by the credentials setting")
        }
        (Some("http" | "https"), Some(_)) if uri.query().is_some() => refuse("must not have a query"),
        (Some("http" | "https"), Some(_)) => Ok(()),
        _ => refuse("must start with http:// or https:// and name a host"),
    }
}

#[cfg(test)]
mod tests;
