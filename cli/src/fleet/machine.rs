//! The machine of a worker: its notices, and its end.

use std::sync::Arc;
use std::time::Duration;

use shared::fleet::{Ended, Fleet, Interruption};
use tokio::time::{Instant, sleep, timeout};

use super::context::{FleetContext, Gate};

/// How often it is looked whether the machine is idle, and whether it has drained.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A group that has accepted the end of a machine announces it to the machine within this time.
const NOTICE_LIMIT: Duration = Duration::from_secs(90);

/// Waits until the worker is to end: the program was asked to, or the machine is about to go.
///
/// A machine of a group that has nothing to do for the idle time, or that the group advises to replace, drains and asks
/// the group to end it. If the group refuses, because it is at its minimum, the machine receives again.
pub async fn until_end(context: &Arc<FleetContext>, group: &Arc<dyn Fleet>) {
    let idle_exit = context.fleet().group.as_ref().map(|_| context.fleet().work.idle_exit);
    loop {
        let began = Instant::now();
        let why = tokio::select! {
            () = context.stop.drain.cancelled() => return,
            why = group.interrupted() => match why {
                Interruption::Rebalance => "the group advises to replace this machine",
                Interruption::Spot => return announce("a spot interruption"),
                Interruption::ScaleIn => return announce("the autoscaling group"),
            },
            () = idle(context, began, idle_exit) => "no work",
        };
        tracing::info!("{why}: draining, then ending this machine");
        let is_going = tokio::select! {
            is_going = end_machine(context, &**group) => is_going,
            () = context.stop.drain.cancelled() => return,
        };
        if is_going {
            // The lifecycle hook waits from the notice on. The provider may also be faster than the group.
            let _ = timeout(NOTICE_LIMIT, group.interrupted()).await;
            return;
        }
        context.open();
    }
}

fn announce(who: &str) {
    tracing::warn!("{who} is about to terminate this machine: finishing or releasing its jobs");
}

/// Drains, then asks the group to end this machine and to want one less. Returns whether the machine goes.
///
/// The group's answer is the arbiter: of two workers that decide at the same moment, with the group above its minimum by
/// one, one is refused. Slow, cut off or failed: the machine receives again; if it was done all the same, the group's
/// notice ends the worker.
async fn end_machine(context: &FleetContext, group: &dyn Fleet) -> bool {
    context.gate.send_replace(Gate::Closed);
    while context.statuses().iter().any(|(_, status)| status.receives()) {
        sleep(LOOK_EVERY / 10).await;
    }
    match group.end().await {
        Ok(Ended::Going) => return true,
        Ok(Ended::Refused) => tracing::info!("the group is at its minimum: receiving jobs again"),
        Err(error) => tracing::warn!(%error, "could not end this machine: receiving jobs again"),
    }
    false
}

/// Waits until nothing was leased and no message came for `limit` since `began`; without a limit, for ever.
async fn idle(context: &FleetContext, mut began: Instant, limit: Option<Duration>) {
    let Some(limit) = limit else { return std::future::pending().await };
    loop {
        if *context.activity.leases().borrow() > 0 {
            began = Instant::now();
        }
        let last = context.activity.last_message().map_or(began, |last| last.max(began));
        if last.elapsed() >= limit {
            return;
        }
        sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests;
