//! Names of tasks and fleets.

use serde::{Deserialize, Serialize};

/// Most characters of a task's name. SQS takes 80 for a queue: `FLEET--TASK--events` fits.
pub const MAX_TASK_NAME_CHARS: usize = 40;

/// Most characters of a fleet's name.
pub const MAX_FLEET_NAME_CHARS: usize = 20;

/// The fleet's own queue has this instead of a task's name.
pub const OPERATIONS: &str = "operations";

/// A task: its name in the fleet, and the id that distinguishes it from an earlier task of that name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskRef {
    /// The name.
    pub name: String,
    /// Made at creation, never used again.
    pub id: String,
}

/// Why `name` is no task name, with the remedy.
pub fn check_task_name(name: &str) -> Result<(), String> {
    if name == OPERATIONS {
        return Err(format!("{name:?} is not a task name (the fleet's own queue has it): give another name"));
    }
    check("task", name, MAX_TASK_NAME_CHARS)
}

/// Why `name` is no fleet name, with the remedy.
pub fn check_fleet_name(name: &str) -> Result<(), String> {
    check("fleet", name, MAX_FLEET_NAME_CHARS)
}

/// Queue names join the two by `--`, so neither may contain it, or begin or end with `-`.
fn check(what: &str, name: &str, most: usize) -> Result<(), String> {
    let is_legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let why = if name.is_empty() {
        "it is empty"
    } else if name.chars().count() > most {
        "it is too long"
    } else if !name.chars().all(is_legal) {
        "it has another character"
    } else if name.contains("--") {
        "queue names use -- as the separator"
    } else if name.starts_with('-') || name.ends_with('-') {
        "it begins or ends with -"
    } else {
        return Ok(());
    };
    Err(format!("{name:?} is not a {what} name ({why}): use 1 to {most} of a-z, 0-9 and -, no -- and no - at the ends"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_make_illegal_queue_names_are_refused() {
        for name in ["a", "photos", "photos-2026", "0", &"x".repeat(40)] {
            assert_eq!(check_task_name(name), Ok(()), "{name}");
        }
        for (name, part) in [
            ("", "empty"),
            ("operations", "own queue"),
            ("Photos", "another character"),
            ("a_b", "another character"),
            ("a.b", "another character"),
            ("\u{fc}", "another character"),
            ("a--b", "separator"),
            ("-a", "ends with -"),
            ("a-", "ends with -"),
            (&"x".repeat(41), "too long"),
        ] {
            let error = check_task_name(name).unwrap_err();
            assert!(error.contains(part) && error.contains("is not a task name"), "{error}");
        }
        assert_eq!(check_fleet_name(&"x".repeat(20)), Ok(()));
        assert!(check_fleet_name(&"x".repeat(21)).unwrap_err().contains("is not a fleet name"));
    }
}
