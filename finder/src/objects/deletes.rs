//! Whether the deletes of a run may be made: a function over values, without I/O.

use shared::ledger::Found;

use crate::error::FindError;

/// Allows the deletes that a run has found, or refuses all of them. Both listings have ended well.
pub fn allow(found: &Found, max: Option<u64>) -> Result<(), FindError> {
    let deletes = found.deletes;
    let within = max.is_some_and(|max| deletes <= max);
    match max {
        _ if deletes == 0 || within => Ok(()),
        // An unmounted folder, a prefix with a typo: the one mistake that would cost everything.
        _ if found.listed == 0 => Err(FindError::EmptySource { found: deletes }),
        Some(max) => Err(FindError::TooManyDeletes { found: deletes, max }),
        None => Ok(()),
    }
}
