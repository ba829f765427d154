//! Requests an operation, and waits for its end.

use std::time::Duration;

use adapters::open::FleetBackend;
use shared::queue::{Outgoing, Queue};
use shared::tasks::{Heartbeat, Operation, OperationClass, OperationEnd, OperationKind};
use shared::terminal;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::author;
use crate::exit::Failure;
use crate::verbosity::note;

/// The first look comes after this time.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// The longest time between two looks.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_secs(5);

/// Workers report themselves every 5 s: those that are silent for this long are taken for dead.
const SILENT_AFTER: Duration = Duration::from_secs(20);

/// Most operations of a task that may be requested and not done, beside its runs.
const MAX_OPEN: usize = 20;

/// The newest operations of a task, among which those that are not done are counted.
const LOOKED_THROUGH: usize = 100;

/// An operation that is to be carried out.
pub struct Request<'a> {
    /// The services of the fleet.
    pub backend: &'a FleetBackend,
    /// Where its job is sent.
    pub queue: Queue,
    /// The task's name, for people.
    pub name: &'a str,
    /// The operation.
    pub operation: Operation,
}

/// A new operation.
pub fn operation(task: &str, kind: OperationKind, version: u32, request: String) -> Operation {
    Operation::queued(uuid::Uuid::now_v7().to_string(), (task, version), kind, request, &author(""))
}

impl Request<'_> {
    /// Records the operation, then sends its job. If the command ends in between, the controller sends the job.
    pub async fn send(&self) -> Result<(), Failure> {
        self.check_open().await?;
        self.backend.tasks.request(&self.operation).await.map_err(Failure::usage)?;
        let body = self.operation.job(0).to_body();
        // Sent twice, it does no harm.
        self.queue.send(&[Outgoing::now(body)]).await.map_err(|error| {
            let recorded = "the operation is recorded: the controller sends its job in some minutes";
            Failure::midway(error).hint(&format!("{recorded}; {}", self.goes_on()))
        })
    }

    /// Refuses one more of a task with too many: all are looked through each minute. Two commands at once may exceed it.
    async fn check_open(&self) -> Result<(), Failure> {
        let (tasks, id) = (&self.backend.tasks, &self.operation.task);
        let (newest, _) = tasks.operations(id, None, LOOKED_THROUGH).await.map_err(Failure::usage)?;
        let is_open = |one: &&Operation| one.end.is_none() && one.kind.class() == OperationClass::Other;
        match newest.iter().filter(is_open).count() {
            open if open < MAX_OPEN => Ok(()),
            open => Err(Failure::usage(format!(
                "{open} operations of task {:?} are not done: wait for their ends, or start a worker",
                self.name
            ))),
        }
    }

    /// Where its result will be found by somebody who no longer waits.
    fn goes_on(&self) -> String {
        let Operation { id, kind, .. } = &self.operation;
        let (kind, name) = (kind.as_str(), self.name);
        format!("The {kind} of {name} goes on: flotilla task operation {name} {id} prints its result")
    }

    /// Waits for the end. `None`: interrupted; the operation goes on.
    pub async fn end(&self, stop: &CancellationToken) -> Result<Option<OperationEnd>, Failure> {
        let Operation { id, task, .. } = &self.operation;
        let (mut delay, mut said, mut workers) = (LOOK_AFTER, None, Workers::default());
        loop {
            tokio::select! {
                () = sleep(delay) => {}
                () = stop.cancelled() => {
                    note(format_args!("Interrupted. {}", self.goes_on()));
                    return Ok(None);
                }
            }
            delay = (delay * 3 / 2).min(LOOK_AT_MOST_EVERY);
            // Read-only: the port repeats what fails.
            let operation = self.backend.tasks.operation(task, id).await;
            let operation = operation.map_err(|error| Failure::midway(error).hint(&self.goes_on()))?;
            let Some(operation) = operation else {
                return Err(Failure::midway(format!("operation {id} is gone: its task was deleted")));
            };
            if operation.end.is_some() {
                return Ok(operation.end);
            }
            if let Some(progress) =
                operation.progress.as_ref().filter(|text| !text.is_empty() && said.as_ref() != Some(*text))
            {
                note(terminal::escaped(progress));
                said = Some(progress.clone());
            }
            if operation.beat == 0 {
                let heartbeats = self.backend.tasks.heartbeats().await;
                let heartbeats = heartbeats.map_err(|error| Failure::midway(error).hint(&self.goes_on()))?;
                if let Some(why) = workers.complaint(heartbeats, task, self.backend.fleet().state.is_some()) {
                    note(why);
                }
            }
        }
    }
}

/// What the fleet's workers report, while nobody has begun the operation.
#[derive(Default)]
struct Workers {
    seen: Vec<(String, u64)>,
    unchanged_since: Option<Instant>,
    has_complained: bool,
}

impl Workers {
    /// Why nobody may begin it, said once. Workers are alive while their counters change, by this machine's clock.
    fn complaint(&mut self, heartbeats: Vec<Heartbeat>, task: &str, is_local: bool) -> Option<String> {
        let now: Vec<_> = heartbeats.iter().map(|heartbeat| (heartbeat.worker.clone(), heartbeat.counter)).collect();
        let since = match self.unchanged_since {
            Some(since) if self.seen == now => since,
            _ => *self.unchanged_since.insert(Instant::now()),
        };
        self.seen = now;
        let nobody_works = heartbeats.is_empty() || since.elapsed() >= SILENT_AFTER;
        let error = heartbeats.iter().find_map(|h| Some((&h.worker, h.errors.get(task)?)));
        let complaint = match error {
            _ if nobody_works => {
                let start = if is_local { "flotilla serve --state DIR" } else { "worker --fleet FILE" };
                format!("waiting: no worker serves the fleet; start one with {start}")
            }
            Some((worker, error)) => {
                format!("waiting: worker {worker} cannot open the task: {}", terminal::escaped(error))
            }
            None => return None,
        };
        (!std::mem::replace(&mut self.has_complained, true)).then_some(complaint)
    }
}

#[cfg(test)]
mod tests {
    use adapters::open;
    use shared::tasks::OperationVerdict;

    use super::*;
    use crate::fixtures;

    #[tokio::test]
    async fn a_task_with_20_open_requests_takes_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let (backend, summary) = fixtures::fleet(folder.path()).await;
        let queue = open::task_queues(backend.fleet(), &summary).await.unwrap().events;
        let id = summary.task.id.as_str();
        let send = async || {
            let operation = operation(id, OperationKind::Plan, 1, String::new());
            let request = Request { backend: &backend, queue: queue.clone(), name: "t", operation };
            request.send().await.map(|()| request.operation.id)
        };
        let first = send().await.unwrap();
        for _ in 1..MAX_OPEN {
            send().await.unwrap();
        }
        let refused = send().await.unwrap_err().message;
        assert!(
            refused.starts_with("20 operations of task \"t\" are not done") && !refused.contains('\n'),
            "{refused}"
        );
        assert_eq!(backend.tasks.operations(id, None, 100).await.unwrap().0.len(), MAX_OPEN, "nothing was recorded");
        let at = shared::object::Timestamp::now();
        let end = OperationEnd { verdict: OperationVerdict::Succeeded, at, result: String::new() };
        backend.tasks.finish(id, &first, &end).await.unwrap();
        send().await.unwrap();
    }
}
