//! Keys in flight at which the destination may have wrong bytes.
//!
//! One try may write wrong bytes that cannot be removed, and the next one fail before it writes: then the last error
//! says nothing of them. A key is here from such a try to the end of the attempt, so the set is no larger than the
//! number of objects under work. From one attempt to the next the job carries the fact ([`JobObject::suspect`]).
//!
//! [`JobObject::suspect`]: shared::objects::job::JobObject::suspect

use std::collections::BTreeSet;
use std::sync::Mutex;

/// Most keys that are remembered as named. Beyond, a key may be named again.
const MAX_NAMED: usize = 1_000;

/// The keys.
#[derive(Debug, Default)]
pub(crate) struct WrongBytes {
    remaining: Mutex<BTreeSet<String>>,
    /// Keys whose wrong bytes were removed and named to the user.
    named: Mutex<BTreeSet<String>>,
}

impl WrongBytes {
    /// Whether wrong bytes under this key are to be named to the user: the first time they are.
    pub fn is_first(&self, key: &str) -> bool {
        let mut named = shared::sync::lock(&self.named);
        if named.len() >= MAX_NAMED {
            named.clear();
        }
        named.insert(key.to_owned())
    }

    /// The destination may have wrong bytes at this key.
    pub fn remain(&self, key: &str) {
        shared::sync::lock(&self.remaining).insert(key.to_owned());
    }

    /// The attempt at this key has ended. Says whether wrong bytes may have remained.
    pub fn take(&self, key: &str) -> bool {
        shared::sync::lock(&self.remaining).remove(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_removed_wrong_bytes_are_named_once_a_key() {
        let bytes = WrongBytes::default();
        let named: Vec<bool> = ["a", "a", "b", "a"].into_iter().map(|key| bytes.is_first(key)).collect();
        assert_eq!(named, [true, false, true, false]);
        let all_are_first = (0..2 * MAX_NAMED).all(|n| bytes.is_first(&n.to_string()));
        assert!(all_are_first);
        assert!(bytes.named.lock().unwrap().len() <= MAX_NAMED);
    }
}
