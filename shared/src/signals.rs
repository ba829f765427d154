//! Stop signals: the first one asks for an orderly end, later ones for a faster one.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Exit code of a program that was interrupted and can be started again to resume.
pub const INTERRUPTED: u8 = 3;

/// Listens for SIGINT and SIGTERM from now on. The nth signal cancels the nth token; `notice` is
/// logged with the first, as a warning, which all programs show. One signal more ends the process at once with
/// [`INTERRUPTED`]: leased jobs are unacknowledged, and records are written in whole
/// transactions, so only work is lost that will be repeated.
pub fn tokens<const N: usize>(notice: &'static str) -> io::Result<[CancellationToken; N]> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let tokens = std::array::from_fn(|_| CancellationToken::new());
    let cancelled: [CancellationToken; N] = tokens.clone();
    tokio::spawn(async move {
        for (i, token) in cancelled.iter().enumerate() {
            next(&mut interrupt, &mut terminate).await;
            if i == 0 {
                tracing::warn!("{notice}");
            }
            token.cancel();
        }
        next(&mut interrupt, &mut terminate).await;
        std::process::exit(i32::from(INTERRUPTED));
    });
    Ok(tokens)
}

/// Waits until a program should have ended by itself, `limit` after the stop signal. Its main task may then be
/// dropped in the middle of its work, as after one signal more.
pub async fn overdue(stop: &CancellationToken, limit: Duration) {
    stop.cancelled().await;
    sleep(limit).await;
}

async fn next(interrupt: &mut tokio::signal::unix::Signal, terminate: &mut tokio::signal::unix::Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
