//! Keys under work at which the destination may hold wrong bytes.
//!
//! One try may write wrong bytes that cannot be removed, and the next one fail before it writes: then the last error
//! says nothing of them. A key is here from such a try to the end of the attempt, so the set is no larger than the number
//! of objects under work. From one attempt to the next the job carries the fact ([`JobObject::suspect`]).
//!
//! [`JobObject::suspect`]: shared::job::JobObject::suspect

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The keys.
#[derive(Debug, Default)]
pub(crate) struct WrongBytes(Mutex<BTreeSet<String>>);

impl WrongBytes {
    /// The destination may hold wrong bytes under this key.
    pub fn remain(&self, key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
    }

    /// The attempt at this key has ended. Says whether wrong bytes may have remained.
    pub fn take(&self, key: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key)
    }
}
