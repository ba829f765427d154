//! Operations that are not done: those whose message is lost, and notices that are to be sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{STILL_PASSES, UNCLAIMED_PASSES};
use crate::tasks::{Operation, OperationKind};

/// How an operation looked in the pass before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OperationMemory {
    /// Its counter of steps.
    pub beat: u64,
    /// Passes in a row in which it did not change.
    pub unchanged: u32,
}

/// The operations of a fleet that are not done, by task id and operation.
pub type OperationsMemory = BTreeMap<String, OperationMemory>;

/// A decision about an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationDecision {
    /// Send its job again: no worker has it.
    Send {
        /// The task's id.
        task: String,
        /// The operation.
        id: String,
    },
    /// Send the notice: record a step from `seen` first. Of two controllers one records it, and sends.
    Notify {
        /// The task's id.
        task: String,
        /// The operation.
        id: String,
        /// The counter of steps.
        seen: u64,
    },
}

/// The decisions about the open operations, and the memory of the next pass. `is_empty` says of a task (by its
/// id) whether its queue of events, or that of the fleet's operations, shows no message; `None` if that could not be
/// read, or if nobody receives. A queue that never becomes empty may hide that a job was lost: it is sent again later.
pub fn decide(
    open: &[Operation],
    before: &OperationsMemory,
    is_empty: impl Fn(&str) -> Option<bool>,
) -> (Vec<OperationDecision>, OperationsMemory) {
    let (mut decisions, mut memory) = (Vec::new(), OperationsMemory::new());
    for operation in open.iter().filter(|operation| operation.end.is_none()) {
        let name = format!("{}/{}", operation.task, operation.id);
        let known = before.get(&name).filter(|known| known.beat == operation.beat);
        let unchanged = known.map_or(0, |known| known.unchanged.saturating_add(1));
        let (task, id, seen) = (operation.task.clone(), operation.id.clone(), operation.beat);
        let decision = match operation.kind {
            // Runs are decided with their tasks.
            OperationKind::Find => None,
            // A controller that recorded a step and died sent nothing, or could not record that it did.
            OperationKind::Notify if seen == 0 || unchanged >= notice_pause(seen) => {
                Some(OperationDecision::Notify { task, id, seen })
            }
            OperationKind::Notify => None,
            _ if unchanged < UNCLAIMED_PASSES => None,
            _ => match is_empty(&task) {
                Some(is_empty) if is_empty || unchanged >= STILL_PASSES => Some(OperationDecision::Send { task, id }),
                _ => None,
            },
        };
        // An operation that was sent again has as many passes as at first.
        let unchanged = if decision.is_some() { 0 } else { unchanged };
        decisions.extend(decision);
        memory.insert(name, OperationMemory { beat: seen, unchanged });
    }
    (decisions, memory)
}

/// Passes between two attempts at a notice: 3, 6, 12 … up to 96, which makes some twenty attempts in a day. An attempt is
/// one step, and if it failed a second one, with the reason.
fn notice_pause(steps: u64) -> u32 {
    UNCLAIMED_PASSES << steps.div_ceil(2).saturating_sub(1).min(5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Timestamp;
    use crate::tasks::{OperationEnd, OperationVerdict};

    fn operation(kind: OperationKind, beat: u64) -> Operation {
        Operation {
            id: "o".into(),
            task: "t".into(),
            kind,
            version: 1,
            who: "me".into(),
            requested: Timestamp(1),
            request: String::new(),
            beat,
            worker: None,
            progress: None,
            end: None,
        }
    }

    /// Passes until something is decided, at most 100.
    fn passes(open: &Operation, is_empty: Option<bool>) -> Option<(usize, OperationDecision)> {
        let mut memory = OperationsMemory::new();
        for pass in 0..100 {
            let (mut decisions, next) = decide(std::slice::from_ref(open), &memory, |_| is_empty);
            if let Some(decision) = decisions.pop() {
                return Some((pass, decision));
            }
            memory = next;
        }
        None
    }

    #[test]
    fn regression_a_lost_operation_does_not_wait_for_a_backlog() {
        let send = OperationDecision::Send { task: "t".into(), id: "o".into() };
        assert_eq!(passes(&operation(OperationKind::Verify, 0), Some(false)), Some((10, send)));
    }

    #[test]
    fn an_operation_whose_message_is_lost_is_sent_again() {
        let send = OperationDecision::Send { task: "t".into(), id: "o".into() };
        for kind in [OperationKind::Plan, OperationKind::Verify, OperationKind::Probe, OperationKind::Retry] {
            for beat in [0, 5] {
                assert_eq!(passes(&operation(kind, beat), Some(true)), Some((3, send.clone())), "{kind:?}");
            }
            let later = passes(&operation(kind, 0), Some(false));
            assert_eq!(later, Some((10, send.clone())), "a message may be its own");
            assert_eq!(passes(&operation(kind, 0), None), None, "nobody knows");
        }
        assert_eq!(passes(&operation(OperationKind::Find, 0), Some(true)), None);
    }

    #[test]
    fn a_notice_is_sent_at_once_and_again_if_its_sender_died() {
        let notify = |seen| OperationDecision::Notify { task: "t".into(), id: "o".into(), seen };
        assert_eq!(passes(&operation(OperationKind::Notify, 0), None), Some((0, notify(0))));
        for (steps, pause) in [(1, 3), (2, 3), (3, 6), (4, 6), (6, 12), (12, 96), (200, 96)] {
            assert_eq!(passes(&operation(OperationKind::Notify, steps), None), Some((pause, notify(steps))));
        }
        let end = OperationEnd { verdict: OperationVerdict::Succeeded, at: Timestamp(2), result: String::new() };
        assert_eq!(passes(&Operation { end: Some(end), ..operation(OperationKind::Notify, 1) }, None), None);
    }

    #[test]
    fn an_operation_that_moves_on_is_left_alone() {
        let mut memory = OperationsMemory::new();
        for beat in 0..20 {
            let (decisions, next) = decide(&[operation(OperationKind::Verify, beat)], &memory, |_| Some(true));
            assert_eq!(decisions, []);
            memory = next;
        }
        assert_eq!(decide(&[], &memory, |_| Some(true)), (vec![], OperationsMemory::new()), "memory does not grow");
    }
}
