//! TLS before a service that speaks plain HTTP, by a certificate that no machine trusts by itself.
//!
//! The certificates are valid from 2024 to 2123. The one of the endpoint is for `127.0.0.1`, `localhost` and the names
//! below it. The keys of the authorities are gone.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// The authority that signed the endpoint's certificate, as PEM.
pub const AUTHORITY: &str = include_str!("tls/authority.pem");

/// An authority that did not, as PEM.
pub const OTHER_AUTHORITY: &str = include_str!("tls/other-authority.pem");

const CERTIFICATE: &str = include_str!("tls/certificate.pem");
const KEY: &str = include_str!("tls/key.pem");

/// An endpoint that ends TLS and passes all bytes on. It lives on the runtime that started it, and ends when dropped.
#[derive(Debug)]
pub struct TlsEndpoint {
    /// Base URL, `https://127.0.0.1:PORT`.
    pub endpoint: String,
    accepting: JoinHandle<()>,
}

impl TlsEndpoint {
    /// Starts an endpoint before the service at `http://HOST:PORT`.
    pub async fn start(upstream: &str) -> TlsEndpoint {
        let upstream = upstream.strip_prefix("http://").expect("the service speaks plain HTTP").to_owned();
        let acceptor = TlsAcceptor::from(Arc::new(config()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        let accepting = tokio::spawn(accept(listener, acceptor, upstream));
        TlsEndpoint { endpoint: format!("https://{address}"), accepting }
    }
}

impl Drop for TlsEndpoint {
    // Aborting drops the set of connections, and with it their tasks.
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn config() -> ServerConfig {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("the certificate is PEM");
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).expect("the key is PEM");
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("the key is the certificate's")
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, upstream: String) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(pass(stream, acceptor.clone(), upstream.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Passes the bytes of one connection on, both ways. An error ends the connection, and nothing else.
async fn pass(stream: TcpStream, acceptor: TlsAcceptor, upstream: String) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut client = acceptor.accept(stream).await?;
    let mut service = TcpStream::connect(upstream).await?;
    service.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut client, &mut service).await.map(drop)
}
