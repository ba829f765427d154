//! Programs killed at random moments, round by round, each from a seed.
//!
//! A round makes a small world, starts the real programs, kills them (SIGKILL) one to three times, sometimes
//! changes the source in between, and then lets them run to the end. What must hold then is checked in
//! [`world::Round::check`] and by each kind of round.
//!
//! `FLOTILLA_CRASH_ROUNDS` sets the number of rounds of each kind, `FLOTILLA_CRASH_SEED` the first seed, which
//! is the run's seed otherwise: with one round, it replays the round of that seed.

mod fleet;
mod moment;
mod sync;
mod world;

use std::future::Future;

use flotilla_tests::scale::{number, scale, seed};
use futures::stream::{self, StreamExt};
use tokio::sync::Semaphore;

/// Rounds of each kind: in a change's run, and with `--long`.
const ROUNDS: (u64, u64) = (8, 50);

/// What the rounds of both kinds together put on a machine at a time.
static LOAD: Semaphore = Semaphore::const_new(8);

/// The share of one round: a sync works most of the time, a fleet waits for the leases of killed workers.
const SYNC_LOAD: u32 = 2;
const FLEET_LOAD: u32 = 1;

/// Runs rounds by seed and says of those that failed how to replay them.
async fn rounds<F, Fut>(kind: &str, load: u32, round: F)
where
    F: Fn(u64) -> Fut,
    Fut: Future<Output = u32> + Send + 'static,
{
    let first = number("FLOTILLA_CRASH_SEED").unwrap_or_else(seed);
    let rounds = number("FLOTILLA_CRASH_ROUNDS").unwrap_or(scale(ROUNDS.0, ROUNDS.1));
    let ended: Vec<_> = stream::iter(first..first + rounds)
        .map(|seed| {
            let round = &round;
            async move {
                let _load = LOAD.acquire_many(load).await;
                (seed, tokio::spawn(round(seed)).await)
            }
        })
        .buffer_unordered(rounds as usize)
        .collect()
        .await;
    let kills: u32 = ended.iter().filter_map(|(_, kills)| kills.as_ref().ok()).sum();
    let failed: Vec<u64> = ended.iter().filter(|(_, kills)| kills.is_err()).map(|(seed, _)| *seed).collect();
    eprintln!("{kind}: {rounds} rounds, {kills} kills, {} failed", failed.len());
    assert!(failed.is_empty(), "replay with FLOTILLA_CRASH_ROUNDS=1 and FLOTILLA_CRASH_SEED of {failed:?}");
    assert!(u64::from(kills) >= rounds / 2, "only {kills} of the programs were killed: the rounds test nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_killed_at_random_ends_exactly_without_leftovers() {
    rounds("sync", SYNC_LOAD, sync::round).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_killed_at_random_ends_exactly_without_leftovers() {
    rounds("fleet", FLEET_LOAD, fleet::round).await;
}
