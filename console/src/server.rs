//! Accepts connections, within bounds, until it is asked to end.

mod stalled;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use stalled::Stalled;

/// Most connections at once. A page has one stream and some requests.
const MAX_CONNECTIONS: usize = 512;

/// A request's headers must be there after this long.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest life of a connection, so that a silent peer frees it. Streams are resumed by their readers.
const CONNECTION_LIFE: Duration = Duration::from_secs(6 * 3600);

/// A peer that takes nothing of an answer for this long frees its connection.
const STALLED_FOR: Duration = Duration::from_secs(30);

/// Connections that are open at the end may go on for this long.
const DRAIN: Duration = Duration::from_secs(3);

/// Serves the routes until `stop`.
pub async fn serve(listener: TcpListener, app: Router, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        if let Some((stream, permit)) = accepted {
            let (app, stop) = (app.clone(), stop.clone());
            connections.spawn(async move {
                converse(stream, app, stop).await;
                drop(permit);
            });
        }
    }
    let _ = timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = permits.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        // Probably out of file descriptors: some will be closed.
        Err(error) => {
            tracing::warn!(%error, "could not accept a connection to the console");
            sleep(Duration::from_secs(1)).await;
            None
        }
    }
}

async fn converse(stream: TcpStream, app: Router, stop: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(Stalled::new(stream, STALLED_FOR)), TowerToHyperService::new(app));
    let mut connection = std::pin::pin!(connection);
    // A browser that closed the connection, or sent no HTTP, is ignored.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = sleep(CONNECTION_LIFE) => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = timeout(DRAIN, connection).await;
        }
    }
}
