//! Everything about one task.

use std::time::Duration;

use adapters::open;
use control::views::messages_die;
use shared::ledger::events_run;
use shared::object::Timestamp;
use shared::queue::Depth;
use shared::tasks::Summary;

use crate::Console;
use crate::api::page::time;
use crate::api::task::{Queues, Task};
use crate::problem::Problem;
use crate::view::{self, Names, RunRecords};

/// Operations, workers and changes that are shown.
const SHOWN: usize = 10;

/// Queues that do not answer within this time are shown as unreadable.
const QUEUES_LIMIT: Duration = Duration::from_secs(10);

/// Reads everything about a task.
pub async fn task(console: &Console, summary: &Summary) -> Result<Task, Problem> {
    let (backend, id) = (console.backend(), &summary.task.id);
    let heartbeats = console.recent().heartbeats(&backend.tasks).await?;
    let events = events_run(id);
    let (item, depth, operations, changes, events) = tokio::join!(
        view::item(backend, summary, &heartbeats),
        depth(console, summary),
        backend.tasks.operations(id, None, SHOWN),
        backend.tasks.audits(Some(id), None, SHOWN),
        backend.ledger.run(&events),
    );
    let ((operations, _), (changes, _)) = (operations?, changes?);
    let event_run = events?.map(|run| {
        let (id, task, name) = (run.start.id.clone(), id.clone(), Some(summary.task.name.clone()));
        view::run(RunRecords { id, task, name, run: Some(run), ..RunRecords::default() })
    });
    let names = Names::of(std::slice::from_ref(summary));
    let jobs = |heartbeat: &&shared::tasks::Heartbeat| heartbeat.jobs.get(id).copied().unwrap_or(0);
    let mut busy: Vec<_> = heartbeats.iter().filter(|heartbeat| jobs(heartbeat) > 0).collect();
    busy.sort_by_key(|heartbeat| std::cmp::Reverse(jobs(heartbeat)));
    let now = Timestamp::now();
    Ok(Task {
        item: item?,
        messages_die: depth.as_ref().ok().and_then(|depth| messages_die(summary, depth, &changes)).map(time),
        queues: depth.as_ref().ok().map(|depth| Queues {
            ready: depth.ready,
            leased: depth.leased,
            delayed: depth.delayed,
            dead: depth.dead,
        }),
        queues_error: depth.err(),
        event_run,
        workers: busy.into_iter().take(SHOWN).map(|heartbeat| view::worker(heartbeat, &names, now)).collect(),
        operations: operations.iter().map(view::operation).collect(),
        changes: changes.iter().map(view::change).collect(),
    })
}

/// The messages on the task's queues. Read-only: slow or cut off, the answer says so.
async fn depth(console: &Console, summary: &Summary) -> Result<Depth, String> {
    let read = async {
        let queues = open::existing_task_queues(console.backend().fleet(), summary).await?;
        queues.depth().await
    };
    match tokio::time::timeout(QUEUES_LIMIT, read).await {
        Ok(depth) => depth.map_err(|error| error.to_string()),
        Err(_) => Err("the queues did not answer within 10 s".to_owned()),
    }
}
