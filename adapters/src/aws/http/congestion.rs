//! An HTTP client for stores whose connections have a congestion control of their own.
//!
//! The SDK's client gives no access to its sockets. This one takes its place where [`VARIABLE`] names an algorithm: with
//! the same resolver, certificates and errors, and a pool for each pair of time limits, as the SDK's has. The name counts
//! for what this machine sends, so for uploads; a sender on the other side has its own.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::dns::{ResolveDns as _, ResolveDnsError};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{self, CaptureConnection, HttpInfo, capture_connection};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use shared::sync::lock;
use tokio::net::TcpStream;
use tower_service::Service;

use super::Names;

/// The environment variable with the name of an algorithm of Linux, such as `bbr`.
const VARIABLE: &str = "FLOTILLA_TCP_CONGESTION";

/// The algorithm that the environment names, if it names one.
pub(super) fn chosen() -> Option<String> {
    std::env::var(VARIABLE).ok().filter(|name| !name.is_empty())
}

/// A client whose connections have this algorithm.
#[derive(Debug)]
pub(super) struct CongestionClient {
    algorithm: Arc<str>,
    by_limits: Mutex<HashMap<Limits, SharedHttpConnector>>,
}

/// The times that a connection and an answer may take; `None`: as long as they take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Limits {
    connect: Option<Duration>,
    read: Option<Duration>,
}

impl CongestionClient {
    pub(super) fn new(algorithm: String) -> CongestionClient {
        CongestionClient { algorithm: algorithm.into(), by_limits: Mutex::default() }
    }
}

impl HttpClient for CongestionClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, _components: &RuntimeComponents) -> SharedHttpConnector {
        let limits = Limits { connect: settings.connect_timeout(), read: settings.read_timeout() };
        let mut connectors = lock(&self.by_limits);
        let connector = connectors
            .entry(limits)
            .or_insert_with(|| SharedHttpConnector::new(Pool::new(self.algorithm.clone(), limits)));
        connector.clone()
    }
}

/// Connections for requests with the same limits.
struct Pool {
    client: Client<Connecting, SdkBody>,
    read: Option<Duration>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("read", &self.read).finish_non_exhaustive()
    }
}

impl Pool {
    fn new(algorithm: Arc<str>, limits: Limits) -> Pool {
        let mut tcp = connect::HttpConnector::new_with_resolver(Resolver);
        tcp.set_nodelay(true);
        // TLS is above it.
        tcp.enforce_http(false);
        let chosen = Chosen { tcp, algorithm, is_warned: Arc::default() };
        let provider = rustls::crypto::ring::default_provider();
        let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider);
        // Without certificates plain HTTP still works, as with the SDK's client.
        let tls = tls.unwrap_or_else(|error| {
            tracing::warn!(%error, "no certificates of this machine could be read");
            HttpsConnectorBuilder::new().with_tls_config(no_roots())
        });
        let https = tls.https_or_http().enable_http1().wrap_connector(chosen);
        let connecting = Connecting { https, within: limits.connect };
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connecting);
        Pool { client, read: limits.read }
    }
}

fn no_roots() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

impl HttpConnector for Pool {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let captured = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || metadata(&captured));
        }
        let (answer, read) = (self.client.request(request), self.read);
        HttpConnectorFuture::new(async move {
            let answer = match read {
                None => answer.await,
                Some(limit) => tokio::time::timeout(limit, answer)
                    .await
                    .map_err(|_| ConnectorError::timeout(TookTooLong("answer", limit).into()))?,
            };
            let answer = answer.map_err(connector_error)?;
            let answer = HttpResponse::try_from(answer.map(SdkBody::from_body_1_x));
            answer.map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// What the SDK asks of a connection: its addresses, and to be closed.
fn metadata(captured: &CaptureConnection) -> Option<ConnectionMetadata> {
    let mut extras = http::Extensions::new();
    captured.connection_metadata().as_ref()?.get_extras(&mut extras);
    let info = extras.get::<HttpInfo>();
    let captured = captured.clone();
    let mut metadata = ConnectionMetadata::builder().proxied(false).poison_fn(move || {
        if let Some(connection) = captured.connection_metadata().as_ref() {
            connection.poison();
        }
    });
    metadata.set_local_addr(info.map(HttpInfo::local_addr)).set_remote_addr(info.map(HttpInfo::remote_addr));
    Some(metadata.build())
}

/// The meaning of an error, as the SDK's client has it.
fn connector_error(error: ClientError) -> ConnectorError {
    let is_connect = error.is_connect();
    let error = BoxError::from(error);
    if source::<TookTooLong>(&*error).is_some() {
        return ConnectorError::timeout(error);
    }
    if source::<ResolveDnsError>(&*error).is_some() {
        return ConnectorError::io(error);
    }
    let has_io = source::<std::io::Error>(&*error).is_some();
    match source::<hyper::Error>(&*error) {
        Some(hyper) if hyper.is_timeout() => ConnectorError::timeout(error),
        Some(hyper) if hyper.is_user() => ConnectorError::user(error),
        Some(hyper) if hyper.is_closed() || hyper.is_canceled() || has_io => ConnectorError::io(error),
        Some(hyper) if hyper.is_incomplete_message() => ConnectorError::other(error, Some(ErrorKind::TransientError)),
        None if is_connect || has_io => ConnectorError::io(error),
        _ => ConnectorError::other(error, None),
    }
}

fn source<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

/// Something is not there within its time.
#[derive(Debug, thiserror::Error)]
#[error("no {0} within {1:?}")]
struct TookTooLong(&'static str, Duration);

/// Opens connections with TLS, within a time.
#[derive(Clone)]
struct Connecting {
    https: HttpsConnector<Chosen>,
    within: Option<Duration>,
}

impl Service<Uri> for Connecting {
    type Response = <HttpsConnector<Chosen> as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connection, within) = (self.https.call(uri), self.within);
        async move {
            match within {
                None => connection.await,
                Some(limit) => {
                    let connected = tokio::time::timeout(limit, connection).await;
                    connected.unwrap_or_else(|_| Err(TookTooLong("connection", limit).into()))
                }
            }
        }
        .boxed()
    }
}

/// Opens connections that have the chosen algorithm.
#[derive(Clone)]
struct Chosen {
    tcp: connect::HttpConnector<Resolver>,
    algorithm: Arc<str>,
    is_warned: Arc<AtomicBool>,
}

impl Service<Uri> for Chosen {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(BoxError::from)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connection, algorithm, is_warned) = (self.tcp.call(uri), self.algorithm.clone(), self.is_warned.clone());
        async move {
            let stream = connection.await?;
            // The connection works without.
            if let Err(error) = rustix::net::sockopt::set_tcp_congestion(stream.inner(), &algorithm)
                && !is_warned.swap(true, Relaxed)
            {
                tracing::warn!(
                    "{VARIABLE}: this kernel has no {algorithm:?}, or does not allow it ({error}): connections keep the \
                     kernel's own; net.ipv4.tcp_allowed_congestion_control lists what is allowed"
                );
            }
            Ok(stream)
        }
        .boxed()
    }
}

/// The resolver of all clients, in hyper's form.
#[derive(Debug, Clone)]
struct Resolver;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ResolveDnsError;
    type Future = BoxFuture<'static, Result<Self::Response, ResolveDnsError>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), ResolveDnsError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        async move {
            let addresses = Names.resolve_dns(name.as_str()).await?;
            Ok(addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect::<Vec<_>>().into_iter())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
