//! The HTTP client. Its errors name the host that did not answer.

mod congestion;

use std::error::Error as StdError;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::config_bag::ConfigBag;

use congestion::CongestionClient;

/// An HTTP client with its own pool. The process cannot share one: a pooled connection lives on the runtime that
/// opened it, and a process may have several in a row, as in tests.
pub(super) fn client() -> SharedHttpClient {
    let inner = aws_smithy_http_client::Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring));
    SharedHttpClient::new(Named(inner.build_with_resolver(Names)))
}

/// An HTTP client for a store: as [`client`], with the congestion control that the environment names.
pub(super) fn store_client() -> SharedHttpClient {
    match congestion::chosen() {
        Some(algorithm) => SharedHttpClient::new(Named(SharedHttpClient::new(CongestionClient::new(algorithm)))),
        None => client(),
    }
}

/// Resolves names by the system, and all names below `localhost` as this machine (RFC 6761 §6.3), which some systems
/// leave to programs: the buckets of a local store have these names.
#[derive(Debug, Clone)]
struct Names;

impl ResolveDns for Names {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            if is_localhost(name) {
                return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
            }
            // A name has no port; the caller sets the port of each address.
            let found = tokio::net::lookup_host((name, 0)).await.map_err(ResolveDnsError::new)?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// A request without an answer, and its host.
#[derive(Debug)]
pub(super) struct Unanswered {
    /// Host and port, as in the URL.
    pub host: String,
    source: BoxError,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer from {}", self.host)
    }
}

impl StdError for Unanswered {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

/// Adds [`Unanswered`] to a client's errors.
#[derive(Debug)]
struct Named<T>(T);

impl HttpClient for Named<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Named(self.0.http_connector(settings, components)))
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_base_client_config(components, config)
    }

    fn validate_final_config(&self, components: &RuntimeComponents, config: &ConfigBag) -> Result<(), BoxError> {
        self.0.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

impl HttpConnector for Named<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri = request.uri();
        let host = uri.split_once("://").map_or(uri, |(_, rest)| rest);
        let host = host.split(['/', '?']).next().unwrap_or_default().to_owned();
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move { answer.await.map_err(|error| named(error, host)) })
    }
}

fn named(error: ConnectorError, host: String) -> ConnectorError {
    let (timeout, user, io, kind) = (error.is_timeout(), error.is_user(), error.is_io(), error.as_other());
    let source = BoxError::from(Unanswered { host, source: error.into_source() });
    match (timeout, user, io) {
        (true, ..) => ConnectorError::timeout(source),
        (_, true, _) => ConnectorError::user(source),
        (_, _, true) => ConnectorError::io(source),
        _ => ConnectorError::other(source, kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_below_localhost_are_this_machine() {
        for (name, is_local) in
            [("localhost", true), ("bucket.localhost", true), ("B.LocalHost.", true), ("notlocalhost", false)]
        {
            assert_eq!(is_localhost(name), is_local, "{name}");
        }
        let found = Names.resolve_dns("bucket.localhost").await.unwrap();
        assert!(found.iter().all(|address| address.is_loopback()) && !found.is_empty());
    }
}
