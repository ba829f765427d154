//! The fleet port's contract, as tests over any adapter.

use std::time::Duration;

use shared::fleet::Fleet;

/// Checks the contract on a machine that stays for now.
pub async fn check(fleet: &dyn Fleet) {
    for busy in [true, true, false, false, true] {
        fleet.protect(busy).await.expect("protecting may be repeated");
    }
    let interrupted = tokio::time::timeout(Duration::from_millis(500), fleet.interrupted()).await;
    assert!(interrupted.is_err(), "a machine that stays is never interrupted");
    for _ in 0..2 {
        fleet.prolong().await.expect("prolonging may be repeated");
        fleet.leave().await.expect("leaving may be repeated");
    }
}
