//! Ids that are derived: of runs that begin by schedule, and of operations of a run or a task.

use sha2::{Digest as _, Sha256};

use crate::digest::to_hex;
use crate::object::Timestamp;

/// The id of the run of a task (by its id) that is due at a time. Two controllers make the same one. It has the form of a
/// UUID of version 7, so it sorts by time among all runs of the task.
pub fn run_id(task: &str, due: Timestamp) -> String {
    let millis = u64::try_from(due.0).unwrap_or(0) & 0xffff_ffff_ffff;
    let mut hash = Sha256::new();
    hash.update(millis.to_be_bytes());
    hash.update(task);
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&hash.finalize()[..10]);
    bytes[6] = 0x70 | bytes[6] & 0x0f;
    bytes[8] = 0x80 | bytes[8] & 0x3f;
    let hex = to_hex(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Whether a run of the task (by its id) began by the task's schedule.
pub fn is_by_schedule(task: &str, run: &str) -> bool {
    run_id(task, time_of(run)) == run
}

/// The id of something that a run or a task has one of, by the id of that: for example the notice of a run's end. All
/// callers make the same one. It has the time of `id`.
pub fn derived_id(id: &str, what: &str) -> String {
    run_id(&format!("{id}/{what}"), time_of(id))
}

/// The time in an id; 1970 of one that has none.
fn time_of(id: &str) -> Timestamp {
    let digits: String = id.chars().filter(|digit| *digit != '-').take(12).collect();
    Timestamp(i64::from_str_radix(&digits, 16).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_run_id_has_the_form_of_other_run_ids() {
        let id = run_id("task", Timestamp(1_700_000_000_000));
        assert_eq!(id, run_id("task", Timestamp(1_700_000_000_000)));
        assert!(id.starts_with("018bcfe5-6800-7"), "{id}");
        assert_eq!(id.len(), 36);
    }

    #[test]
    fn a_run_by_schedule_is_known_by_its_id() {
        let run = run_id("task", Timestamp(1_700_000_000_000));
        assert!(is_by_schedule("task", &run));
        let asked_for = "018bcfe5-6800-7000-8000-000000000000";
        for other in [&*derived_id(&run, "retry"), asked_for, "", "é"] {
            assert!(!is_by_schedule("task", other), "{other}");
        }
        assert!(!is_by_schedule("other", &run));
    }

    #[test]
    fn a_derived_id_has_the_time_of_its_run() {
        let run = run_id("task", Timestamp(1_700_000_000_000));
        let (close, notice) = (derived_id(&run, "close"), derived_id(&run, "notice"));
        assert!(close.starts_with("018bcfe5-6800-7") && notice.starts_with("018bcfe5-6800-7"), "{close} {notice}");
        assert!(close != notice && close != run);
        assert_eq!(close, derived_id(&run, "close"));
        assert_eq!(derived_id("no id", "close").len(), 36);
    }

    proptest! {
        #[test]
        fn run_ids_sort_by_due_time_and_differ_by_task(
            a in 0i64..253_402_300_799_000, b in 0i64..253_402_300_799_000
        ) {
            let (first, second) = (run_id("task", Timestamp(a)), run_id("task", Timestamp(b)));
            prop_assert_eq!(first.cmp(&second), a.cmp(&b));
            prop_assert_ne!(run_id("another", Timestamp(a)), first);
        }
    }
}
