//! Machines whose worker does not live.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Passes without a first heartbeat after which a machine is replaced.
pub const LAUNCH_PASSES: u32 = 5;

/// Passes without a heartbeat after which a machine is replaced that had one.
pub const SILENT_PASSES: u32 = 10;

/// Machines in a row that were replaced without ever a heartbeat, after which launches are spaced out.
pub const FAILED_LAUNCHES: u32 = 3;

/// Passes between two launches while launches fail.
pub const LAUNCH_PAUSE_PASSES: u32 = 30;

/// What the pass before saw of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MachineMemory {
    /// The counter of its worker's heartbeat; `None`: there was none yet.
    pub counter: Option<u64>,
    /// Passes in a row in which it did not change.
    pub unchanged: u32,
}

/// What the controllers of a fleet remember of its machines.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupMemory {
    /// The minute of the pass.
    pub minute: u64,
    /// The machines of the group.
    pub machines: BTreeMap<String, MachineMemory>,
    /// Machines in a row that were replaced without ever a heartbeat.
    pub failed_launches: u32,
    /// Passes since the last launch, or since launches began to fail.
    pub since_launch: u32,
}

/// A machine of the group in a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineView {
    /// Its name in the group.
    pub id: String,
    /// Whether it is in service, and not about to go.
    pub is_in_service: bool,
    /// The counter of its worker's heartbeat; `None` without one.
    pub counter: Option<u64>,
}

/// The decisions about the machines of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decisions {
    /// Machines to be ended. With `is_smaller` the group is one smaller after each.
    pub ended: Vec<String>,
    /// Whether the group is not to replace them: nothing is ready.
    pub is_smaller: bool,
    /// Most machines that may be added now; `None`: as many as are wanted.
    pub launches: Option<u32>,
    /// Whether somebody is to be alarmed: machines do not come to work.
    pub is_alarm: bool,
}

/// The decisions about the machines of a group, and the memory of the next pass. `machines` is `None` if the
/// group or the heartbeats could not be read: then nothing is decided, and counting stands still.
pub fn decide(
    machines: Option<&[MachineView]>,
    before: &GroupMemory,
    minute: u64,
    is_ready: bool,
) -> (Decisions, GroupMemory) {
    let is_new_pass = minute > before.minute;
    let Some(machines) = machines.filter(|_| is_new_pass) else {
        return (
            Decisions { launches: launches(before), is_alarm: is_alarm(before), ..Decisions::default() },
            before.clone(),
        );
    };
    let mut decisions = Decisions { is_smaller: !is_ready, ..Decisions::default() };
    let mut memory = GroupMemory { minute, ..before.clone() };
    memory.machines.clear();
    memory.since_launch = before.since_launch.saturating_add(1);
    for machine in machines.iter().filter(|machine| machine.is_in_service) {
        let known = before.machines.get(&machine.id);
        if known.is_none() {
            memory.since_launch = 0;
        }
        let seen = remember(known, machine.counter);
        // A heartbeat proves that machines come to work.
        if seen.unchanged == 0 && seen.counter.is_some() && known.is_none_or(|known| known.counter.is_none()) {
            memory.failed_launches = 0;
        }
        let limit = if seen.counter.is_none() { LAUNCH_PASSES } else { SILENT_PASSES };
        if seen.unchanged < limit {
            memory.machines.insert(machine.id.clone(), seen);
            continue;
        }
        if seen.counter.is_none() && seen.unchanged == limit {
            memory.failed_launches = memory.failed_launches.saturating_add(1);
        }
        // It stays remembered: the next pass ends it again, should this one die before.
        memory.machines.insert(machine.id.clone(), seen);
        decisions.ended.push(machine.id.clone());
    }
    decisions.launches = launches(&memory);
    decisions.is_alarm = is_alarm(&memory);
    (decisions, memory)
}

fn remember(known: Option<&MachineMemory>, counter: Option<u64>) -> MachineMemory {
    match known {
        // A heartbeat that is gone (removed by its time) says no more than one that stands still.
        Some(known) if counter.is_none() || counter == known.counter => {
            MachineMemory { counter: known.counter, unchanged: known.unchanged.saturating_add(1) }
        }
        _ => MachineMemory { counter, unchanged: 0 },
    }
}

fn is_alarm(memory: &GroupMemory) -> bool {
    memory.failed_launches >= FAILED_LAUNCHES
}

/// How many machines may be asked for while launches fail; `None`: as many as are wanted.
fn launches(memory: &GroupMemory) -> Option<u32> {
    is_alarm(memory).then_some(u32::from(memory.since_launch >= LAUNCH_PAUSE_PASSES))
}

#[cfg(test)]
mod tests;
