//! The controller, in a process that is a whole fleet.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::context::FleetContext;
use crate::controller::{self, ControllerContext};

/// How often the controller looks. More often than beside a fleet of machines: a look costs some queries of the embedded
/// database, and somebody may wait for the end of a run.
const PASS_EVERY: Duration = Duration::from_secs(10);

/// The same while a run is live: its end is recorded by a pass, and somebody may wait for it.
const LIVE_PASS_EVERY: Duration = Duration::from_secs(2);

/// How often it is asked whether a run is live.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The time from the begin of a pass to the next one is at least so many times its length: the controller takes a small
/// part of the machine, however many tasks there are.
const LENGTH_FACTOR: u32 = 10;

/// A pass that takes longer is ended: the next one goes on.
const PASS_LIMIT: Duration = Duration::from_secs(10 * 60);

/// Controls the fleet until it is dropped. A pass may end between any two of its writes: the next one goes on.
pub async fn keep(context: Arc<FleetContext>) {
    let controller = loop {
        match ControllerContext::of(&context.backend, false).await {
            Ok(controller) => break controller,
            Err(error) => tracing::error!(%error, "could not start the controller: trying again in a minute"),
        }
        sleep(Duration::from_secs(60)).await;
    };
    loop {
        let began = Instant::now();
        match timeout(PASS_LIMIT, controller::pass(&controller)).await {
            Ok(Ok(_)) => {}
            Ok(Err(failure)) => tracing::error!("{}", failure.message),
            Err(_) => tracing::error!("a pass of the controller took too long and was ended: the next one goes on"),
        }
        let took = began.elapsed();
        while began.elapsed() < time_between(context.statuses().iter().any(|(_, status)| status.has_run()), took) {
            sleep(LOOK_EVERY).await;
        }
    }
}

/// The time from the begin of a pass that took so long to the next one.
fn time_between(has_runs: bool, took: Duration) -> Duration {
    let every = if has_runs { LIVE_PASS_EVERY } else { PASS_EVERY };
    every.max(took.saturating_mul(LENGTH_FACTOR).min(PASS_EVERY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_run_is_looked_at_more_often_unless_passes_are_long() {
        let (seconds, millis) = (Duration::from_secs, Duration::from_millis);
        for (has_runs, took, expected) in [
            (true, millis(20), seconds(2)),
            (false, millis(20), seconds(10)),
            (true, millis(600), seconds(6)),
            (true, seconds(3), seconds(10)),
        ] {
            assert_eq!(time_between(has_runs, took), expected, "{has_runs} {took:?}");
        }
    }
}
