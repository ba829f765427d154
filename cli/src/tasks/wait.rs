//! Waits for the end of an operation.

use std::time::Duration;

use adapters::open::FleetBackend;
use control::actions::goes_on;
use shared::tasks::{Heartbeat, Operation, OperationEnd, OperationKind};
use shared::terminal;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::exit::Failure;
use crate::verbosity::note;

/// The first look comes after this time.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// The longest time between two looks.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_secs(5);

/// Workers report themselves every 5 s: those that are silent for this long are taken for dead.
const SILENT_AFTER: Duration = Duration::from_secs(20);

/// A controller looks once a minute, and a look takes a while.
const CONTROLLER_LOOKS_EVERY: Duration = Duration::from_secs(90);

/// Waits for the end of an operation that was requested. `None`: interrupted; the operation goes on.
pub async fn until_end(
    backend: &FleetBackend,
    name: &str,
    requested: &Operation,
    stop: &CancellationToken,
) -> Result<Option<OperationEnd>, Failure> {
    let Operation { id, task, .. } = requested;
    let midway = |error| Failure::midway(error).hint(&goes_on(name, requested));
    let (mut delay, mut said, mut workers, mut controller) =
        (LOOK_AFTER, None, Workers::default(), Controller::new(backend.fleet().state.is_some()));
    loop {
        tokio::select! {
            () = sleep(delay) => {}
            () = stop.cancelled() => {
                note(format_args!("Interrupted. {}", goes_on(name, requested)));
                return Ok(None);
            }
        }
        delay = (delay * 3 / 2).min(LOOK_AT_MOST_EVERY);
        // Read-only: the port repeats what fails.
        let Some(operation) = backend.tasks.operation(task, id).await.map_err(midway)? else {
            return Err(Failure::midway(format!("operation {id} is gone: its task was deleted")));
        };
        if operation.end.is_some() {
            return Ok(operation.end);
        }
        let progress = operation.progress.filter(|text| !text.is_empty());
        if let Some(progress) = progress.filter(|text| said.as_ref() != Some(text)) {
            note(terminal::escaped(&progress));
            said = Some(progress);
        }
        if operation.beat == 0 && operation.kind == OperationKind::Notify {
            controller.wait();
        } else if operation.beat == 0 {
            let heartbeats = backend.tasks.heartbeats().await.map_err(midway)?;
            if let Some(why) = workers.complaint(heartbeats, task, backend.fleet().state.is_some()) {
                note(why);
            }
        }
    }
}

/// The controller, while it has not begun the operation.
struct Controller {
    is_local: bool,
    since: Instant,
    has_complained: bool,
}

impl Controller {
    fn new(is_local: bool) -> Controller {
        Controller { is_local, since: Instant::now(), has_complained: false }
    }

    /// Says once that nobody may begin it.
    fn wait(&mut self) {
        if self.since.elapsed() < CONTROLLER_LOOKS_EVERY || self.has_complained {
            return;
        }
        self.has_complained = true;
        let start = if self.is_local { "flotilla serve --state DIR" } else { "flotilla controller --fleet FILE" };
        note(format!("waiting: no controller looks at the fleet; start one with {start}"));
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
