//! The controller's passes, in a process that is a whole fleet.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::context::Context;

/// How often the controller looks.
const PASS_EVERY: Duration = Duration::from_secs(60);

/// Passes until it is dropped. A pass may end between any two of its writes: the next one goes on.
pub async fn keep(context: Arc<Context>) {
    let mut tick = interval(PASS_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        pass(&context).await;
    }
}

async fn pass(_context: &Context) {}
