//! Operations on tasks that are not created yet, and probes of all tasks: jobs on the fleet's own queue, whose requests
//! hold the definition. A task that no worker can open has no other way to be probed.

use std::sync::Arc;
use std::time::Duration;

use adapters::open::Backend;
use async_trait::async_trait;
use shared::config::TaskDefinition;
use shared::queue::Queue;
use shared::tasks::OPERATIONS;
use shared::{Error, ErrorKind, Result};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use worker::{Activity, Stop, Worker};

use super::backoff::Backoff;
use super::context::{FleetContext, Gate};
use crate::kinds::{self, Opening};
use crate::operations::{OpenedTask, OpenedTasks, OperationExecutor};

/// The queue must answer within this time.
const OPEN_LIMIT: Duration = Duration::from_secs(60);

/// Receives from the fleet's queue of operations until the program ends. What fails is tried again.
pub async fn keep(context: Arc<FleetContext>) {
    let mut backoff = Backoff::default();
    while let Some(drain) = next(&context).await {
        let delay = match receive(&context, drain).await {
            Ok(()) => {
                backoff.reset();
                continue;
            }
            Err(why) => {
                let delay = backoff.next();
                tracing::warn!("cannot serve the fleet's operations, trying again in {} s: {why}", delay.as_secs());
                delay
            }
        };
        tokio::select! {
            () = sleep(delay) => {}
            () = context.stop.drain.cancelled() => return,
        }
    }
}

/// Waits until this machine takes work. The token is cancelled when it takes no more; `None`: the program ends.
async fn next(context: &FleetContext) -> Option<CancellationToken> {
    let mut gate = context.gate.subscribe();
    tokio::select! {
        open = gate.wait_for(|gate| *gate == Gate::Open) => open.ok().map(drop)?,
        () = context.stop.drain.cancelled() => return None,
    }
    if context.stop.drain.is_cancelled() {
        return None;
    }
    let drain = context.stop.drain.child_token();
    let closes = drain.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = gate.wait_for(|gate| *gate == Gate::Closed) => closes.cancel(),
            () = closes.cancelled() => {}
        }
    });
    Some(drain)
}

async fn receive(context: &Arc<FleetContext>, drain: CancellationToken) -> Result<(), String> {
    let opened = timeout(OPEN_LIMIT, context.backend.operations_queue()).await;
    let queue = opened.map_err(|_| "its queue did not answer")?.map_err(|error| error.to_string())?;
    let machine = context.fleet().work.settings();
    let ledger = context.backend.ledger.clone();
    let definitions = Arc::new(Definitions { context: context.clone(), queue: queue.clone() });
    let operations = OperationExecutor::new(definitions, context.backend.tasks.clone(), context.worker.clone());
    let worker = Worker::new(OPERATIONS, &context.worker, queue, ledger, machine).with(operations);
    let worker = as_one_of_many(worker, context);
    let stop = Stop { drain: drain.clone(), abort: context.stop.abort.child_token() };
    let ended = worker.run(stop).await;
    drain.cancel();
    ended.map_err(|why| why.to_string())
}

/// Has the machine count what the worker leases, and the worker poll as those of busy tasks do: 180 requests an hour,
/// for an answer within seconds to somebody who waits. Its queue's depth is nobody's measure of the tasks.
fn as_one_of_many(worker: Worker, context: &FleetContext) -> Worker {
    // Where a poll costs nothing they are not distributed.
    let turns = context.polls.clone().unwrap_or_default().of_task(OPERATIONS);
    turns.set_busy(true);
    Worker { activity: Activity::of_task(&context.activity), turns: Some(turns), ..worker }
}

/// Opens the definitions that requests hold.
struct Definitions {
    context: Arc<FleetContext>,
    queue: Queue,
}

#[async_trait]
impl OpenedTasks for Definitions {
    async fn opened(&self, version: u32, _: Opening) -> Result<Arc<OpenedTask>> {
        Err(invalid(format!("the request must hold the definition: it names version {version} of none")))
    }

    fn backend(&self) -> Option<&Backend> {
        None
    }

    fn name(&self) -> &str {
        OPERATIONS
    }

    async fn of_definition(&self, definition: &str) -> Result<Arc<OpenedTask>> {
        let definition = TaskDefinition::parse(definition).map_err(|why| invalid(why.to_string()))?;
        let config = definition.on(self.context.fleet(), OPERATIONS);
        let kind = kinds::open(&config, Opening::Unprobed, None).await.map_err(invalid)?;
        let backend = self.context.backend.with(self.queue.clone(), None);
        Ok(Arc::new(OpenedTask { config, backend, kind }))
    }
}

fn invalid(why: String) -> Error {
    Error::new(ErrorKind::Invalid, "open", "definition", why)
}
