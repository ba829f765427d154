//! The controller, in a process that is a whole fleet.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::context::FleetContext;
use crate::controller::{self, ControllerContext};

/// How often the controller looks. More often than beside a fleet of machines: a look costs some queries of the embedded
/// database, and somebody may wait for the end of a run.
const PASS_EVERY: Duration = Duration::from_secs(10);

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
    let mut tick = interval(PASS_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        match timeout(PASS_LIMIT, controller::pass(&controller)).await {
            Ok(Ok(_)) => {}
            Ok(Err(failure)) => tracing::error!("{}", failure.message),
            Err(_) => tracing::error!("a pass of the controller took too long and was ended: the next one goes on"),
        }
    }
}
