//! Since when the queues of each task were never seen empty.
//!
//! SQS removes a message after 14 days, and its depth names no age. A message is at most as old as the last look that
//! found the queues of its task empty. An idle or paused task is read once an hour: its messages may be an hour older.

use std::collections::BTreeMap;

use super::memory::ControllerMemory;
use super::seen::{Seen, TaskSeen};

const MINUTES_OF_HOUR: u64 = 60;

/// By task id, the minute since 1970 at which its queues were first seen with messages, and never empty since. A task
/// whose queues were not read now keeps its minute.
pub fn since(seen: &Seen, before: &ControllerMemory) -> BTreeMap<String, u64> {
    let of = |task: &TaskSeen| {
        let id = &task.summary.task.id;
        let known = before.waiting_since.get(id).copied();
        let minute = match task.waiting() {
            Some(0) => None,
            Some(_) => Some(known.unwrap_or(seen.minute())),
            None => known.filter(|_| !task.is_gone),
        };
        minute.map(|minute| (id.clone(), minute))
    };
    seen.tasks.iter().filter_map(of).collect()
}

/// Hours since the earliest of these minutes. A clock that went back gives 0.
pub fn hours(since: &BTreeMap<String, u64>, minute: u64) -> u64 {
    let earliest = since.values().min().copied().unwrap_or(minute);
    minute.saturating_sub(earliest) / MINUTES_OF_HOUR
}
