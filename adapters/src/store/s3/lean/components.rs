//! The SDK's transport, without its client.

use aws_config::SdkConfig;
use aws_sdk_s3::config::endpoint::{DefaultResolver, ResolveEndpoint as _};
use aws_smithy_runtime::client::auth::no_auth::{NO_AUTH_SCHEME_ID, NoAuthScheme};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::identity::no_auth::NoAuthIdentityResolver;
use aws_smithy_runtime::client::retries::strategy::NeverRetryStrategy;
use aws_smithy_runtime_api::client::auth::SharedAuthScheme;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::http::{HttpClient as _, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use crate::aws::CONNECT_TIMEOUT;

/// The connector of a configuration's HTTP client, as the SDK's own requests use it.
///
/// The client reads clock and timer from the components. The others are those that no request needs: the SDK does not
/// build components without them.
pub(super) fn connector(config: &SdkConfig) -> Option<SharedHttpConnector> {
    let mut builder = RuntimeComponents::builder("lean")
        .with_endpoint_resolver(Some(DefaultResolver::new().into_shared_resolver()))
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![NO_AUTH_SCHEME_ID])))
        .with_auth_scheme(SharedAuthScheme::new(NoAuthScheme::default()))
        .with_identity_cache(Some(IdentityCache::lazy().build()))
        .with_identity_resolver(NO_AUTH_SCHEME_ID, SharedIdentityResolver::new(NoAuthIdentityResolver::new()))
        .with_retry_strategy(Some(NeverRetryStrategy::new()));
    builder.set_time_source(config.time_source());
    builder.set_sleep_impl(config.sleep_impl());
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build();
    Some(config.http_client()?.http_connector(&settings, &builder.build().ok()?))
}
