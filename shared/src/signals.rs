//! Being told to stop: the first signal asks to end in good order, the second ends at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code of a program that was interrupted and can be started again to go on.
pub const INTERRUPTED: u8 = 3;

/// Listens for SIGINT and SIGTERM. The first cancels the token that is returned, and prints `notice`
/// to standard error. The second ends the process at once with [`INTERRUPTED`]: jobs are
/// unacknowledged and records written in whole transactions, so it loses only work to be done again.
pub fn stop_token(notice: &'static str) -> std::io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        for signals in 1.. {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if signals > 1 {
                std::process::exit(i32::from(INTERRUPTED));
            }
            eprintln!("{notice}");
            stopped.cancel();
        }
    });
    Ok(stop)
}
