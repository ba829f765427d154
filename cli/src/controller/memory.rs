//! The record that controllers keep from one pass to the next.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::controller::{machines, operations};

/// The fleet's record, as JSON. Another release may have written it: what is missing begins anew.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ControllerMemory {
    /// The minute of the pass. Of two controllers in one minute one is counted.
    pub minute: u64,
    /// The machines of the group.
    pub machines: machines::GroupMemory,
    /// The operations that are not done.
    pub operations: operations::OperationsMemory,
    /// Jobs that one machine does in five minutes, by task id.
    pub targets: BTreeMap<String, u64>,
    /// Messages in the dead letters of tasks that have some, by task id: the queues of an idle task are read once an hour.
    pub dead: BTreeMap<String, u64>,
    /// By task id, the minute since which the task's oldest message may wait.
    pub waiting_since: BTreeMap<String, u64>,
    /// Whether the fleet had work.
    pub is_active: bool,
}

impl ControllerMemory {
    /// Reads the record. One that is no record of ours is as none: what it counted is counted anew.
    pub fn read(text: &str) -> ControllerMemory {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// The record's text.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("the record is representable as JSON")
    }

    /// Whether it says no more than `before`, but for the time: then it is not written, and an idle fleet writes
    /// nothing. While launches fail, time counts.
    pub fn is_as(&self, before: &ControllerMemory) -> bool {
        let without_time = |memory: &ControllerMemory| {
            let machines = machines::GroupMemory { minute: 0, since_launch: 0, ..memory.machines.clone() };
            ControllerMemory { minute: 0, machines, ..memory.clone() }
        };
        self.machines.failed_launches == 0 && without_time(self) == without_time(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_as_written_and_time_alone_writes_none() {
        let mut memory = ControllerMemory { minute: 5, ..ControllerMemory::default() };
        memory.targets.insert("t".into(), 300);
        memory.machines.since_launch = 4;
        assert_eq!(ControllerMemory::read(&memory.text()), memory);
        for other in ["", "{}", "[]", "null", r#"{"minute":"x"}"#] {
            assert_eq!(ControllerMemory::read(other), ControllerMemory::default(), "{other}");
        }
        let mut later = ControllerMemory { minute: 6, ..memory.clone() };
        later.machines.since_launch = 5;
        assert!(later.is_as(&memory));
        later.machines.failed_launches = 3;
        assert!(!later.is_as(&memory), "time counts");
        later.machines.failed_launches = 0;
        later.targets.clear();
        assert!(!later.is_as(&memory));
    }
}
