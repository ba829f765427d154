//! The worker's loop: the tasks that run beside its jobs, and its end.

use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use shared::job::ParseError;
use shared::{Error, metrics};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::engine::context::{Engine, LaneContext};
use crate::engine::executor::Outage;
use crate::engine::machine::Machine;
use crate::engine::receive::receive_all;
use crate::engine::stop::Stop;
use crate::engine::worker::Worker;

/// How often a worker looks whether bytes have moved.
const MOVED_LOOK: Duration = Duration::from_secs(5);

/// How often the queue's depth is measured.
const DEPTH_INTERVAL: Duration = Duration::from_secs(15);

/// The reason why a worker ended without a stop signal. Displays as one line.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// Queue or ledger fail for good.
    #[error("{0}")]
    Backend(Error),
    /// A store has failed for every item for longer than the worker was to wait.
    #[error("{0}")]
    Outage(Outage),
    /// The queue has jobs that only a later release can execute.
    #[error("{0}")]
    Outdated(ParseError),
}

impl Worker {
    /// Works until a stop signal, or until queue or ledger fail permanently, or a store for too long. On `stop.drain`
    /// it takes no more jobs and finishes its leased jobs within `machine.drain`. It releases the remaining jobs then,
    /// or on `stop.abort`.
    pub async fn run(self, stop: Stop) -> Result<(), WorkError> {
        let lanes = LaneContext::all(self, stop.drain.clone());
        let engine = &lanes[0].engine.clone();
        // Ends with the worker, however that ends.
        let mut beside = JoinSet::new();
        beside.spawn(abort_in_time(stop.clone(), engine.machine.drain));
        // Of many tasks the controller measures the depth, of all together and once for all workers.
        if engine.turns.is_none() && engine.metrics.is_none() {
            beside.spawn(watch_depth(lanes.clone()));
        }
        beside.spawn(watch_bytes(engine.clone()));
        let reporting = beside.spawn(report_transfers(engine.clone()));
        let machine = Machine { fleet: engine.fleet.clone() };
        let attending = beside.spawn(attend(machine.clone(), engine.clone(), stop.clone()));
        let mut jobs: Vec<JoinSet<()>> = lanes.iter().map(|_| JoinSet::new()).collect();
        let receiving = lanes.iter().zip(&mut jobs).map(|(lane, jobs)| receive_all(lane, &stop, jobs));
        let received = tokio::select! {
            received = try_join_all(receiving) => match (received, engine.activity.outdated()) {
                (Ok(_), Some(error)) => Err(WorkError::Outdated(error.clone())),
                (received, _) => received.map(drop),
            },
            outage = engine.executors.first_outage() => {
                stop.drain.cancel();
                stop.abort.cancel();
                Err(WorkError::Outage(outage))
            }
        };
        drain(engine, &stop, &mut jobs).await;
        reporting.abort();
        engine.transfer_reporter.end(&*engine.ledger).await;
        attending.abort();
        machine.leave().await;
        received
    }
}

/// From the first word on, not from when the last poll has ended.
async fn abort_in_time(stop: Stop, limit: Duration) {
    stop.drain.cancelled().await;
    sleep(limit).await;
    stop.abort.cancel();
}

/// Waits for the leased jobs, which are released on `stop.abort`.
async fn drain(engine: &Engine, stop: &Stop, jobs: &mut [JoinSet<()>]) {
    let finish = async |jobs: &mut [JoinSet<()>]| {
        for jobs in jobs {
            while jobs.join_next().await.is_some() {}
        }
    };
    tokio::select! {
        () = finish(jobs) => return,
        () = stop.abort.cancelled() => {}
        // Where the worker ends by itself nobody has said when.
        () = sleep(engine.machine.drain) => stop.abort.cancel(),
    }
    if timeout(engine.release_time, finish(jobs)).await.is_err() {
        tracing::warn!("could not release some jobs: they will be redelivered when their leases end");
    }
    for jobs in jobs {
        jobs.shutdown().await;
    }
}

/// Measures the depth of all lanes' queues together.
async fn watch_depth(lanes: Vec<Arc<LaneContext>>) {
    loop {
        match try_join_all(lanes.iter().map(|lane| lane.queue.depth())).await {
            Ok(depths) => metrics::queue_depth(&depths.into_iter().sum()),
            Err(error) => tracing::debug!(%error, "the queue's depth is unknown"),
        }
        sleep(DEPTH_INTERVAL).await;
    }
}

/// Notes that bytes have moved: a large object takes longer than any poll, and settles nothing meanwhile.
async fn watch_bytes(engine: Arc<Engine>) {
    let mut last = engine.moved.bytes();
    loop {
        sleep(MOVED_LOOK).await;
        let now = engine.moved.bytes();
        let before = std::mem::replace(&mut last, now);
        if before != now {
            engine.activity.moved();
            engine.metrics.iter().for_each(|task| task.transferred(now.saturating_sub(before)));
        }
    }
}

/// Attends to the machine for as long as it is polled.
async fn attend(machine: Machine, engine: Arc<Engine>, stop: Stop) {
    tokio::join!(
        machine.keep_protected(engine.activity.leases()),
        machine.drain_in_time(&stop.drain),
        machine.prolong(&stop.drain),
    );
}

async fn report_transfers(engine: Arc<Engine>) {
    engine.transfer_reporter.keep(&*engine.ledger, &engine.moved).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::receive::POLL;

    #[test]
    fn regression_the_documented_cost_of_idle_workers_is_true() {
        let a_minute = |every: Duration| 60 / every.as_secs();
        // Measuring the depth takes a request for the queue and one for its dead-letter queue.
        let (depth, polls) = (2 * a_minute(DEPTH_INTERVAL), a_minute(POLL));
        let requests = (depth + polls) * 43_200;
        let usd = requests as f64 * 0.40 / 1e6;
        let line = format!(
            "({depth} + {polls}) a minute × 43,200 = {} requests a month, ${usd:.2}",
            shared::terminal::count(requests)
        );
        let document = include_str!("../../../docs/operations.md");
        assert!(document.contains(&line), "{line}");
    }
}
