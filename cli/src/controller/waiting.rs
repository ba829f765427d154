//! How long the oldest message of each task may have waited.
//!
//! SQS removes a message after 14 days, and its depth names no age. A message is at most as old as the last look that
//! found the queues of its task empty. An idle or paused task is read once an hour: its messages may be an hour older.
//! The queues of a task that always has work are never seen empty. Its workers report when the oldest messages were sent
//! that they received lately: SQS delivers roughly in order, so those that wait are about as old. That counts only if
//! each queue with messages has such a report: nobody receives from the other one.

use std::collections::BTreeMap;

use shared::object::Timestamp;
use shared::tasks::OldestReceived;

use super::memory::ControllerMemory;
use super::seen::{Seen, TaskSeen};

const MINUTES_OF_HOUR: u64 = 60;

/// By task id, the minute since 1970 since which its oldest message may wait. A task whose queues were not read now keeps
/// its minute.
pub fn since(seen: &Seen, before: &ControllerMemory) -> BTreeMap<String, u64> {
    let of = |task: &TaskSeen| {
        let id = &task.summary.task.id;
        let known = before.waiting_since.get(id).copied();
        let minute = match task.waiting() {
            Some(0) => None,
            Some(_) => Some(received_since(seen, task).or(known).unwrap_or(seen.minute())),
            None => known.filter(|_| !task.is_gone),
        };
        minute.map(|minute| (id.clone(), minute))
    };
    seen.tasks.iter().filter_map(of).collect()
}

/// The minute in which the oldest message was sent that workers received lately. `None`: a queue has messages, and no
/// worker reports any of it.
fn received_since(seen: &Seen, task: &TaskSeen) -> Option<u64> {
    let depths = task.depths.filter(|_| task.is_measured)?;
    // A worker's last report counts until its heartbeat is removed.
    let reports = seen.heartbeats.iter().flatten().filter_map(|beat| beat.oldest.get(&task.summary.task.id));
    let received = reports.fold(OldestReceived::default(), |oldest, report| oldest.and(report));
    let queues = [(depths.jobs, received.jobs), (depths.events, received.events)];
    let with_messages = queues.iter().filter(|(depth, _)| depth.waiting() > 0);
    let sent: Option<Vec<Timestamp>> = with_messages.map(|(_, sent)| *sent).collect();
    let minute = u64::try_from(sent?.into_iter().min()?.0 / 60_000).ok()?;
    Some(minute.min(seen.minute()))
}

/// Hours since the earliest of these minutes. A clock that went back gives 0.
pub fn hours(since: &BTreeMap<String, u64>, minute: u64) -> u64 {
    let earliest = since.values().min().copied().unwrap_or(minute);
    minute.saturating_sub(earliest) / MINUTES_OF_HOUR
}
