//! Writes to the destination, until their end is known.

use std::collections::HashSet;
use std::sync::Mutex;

use shared::sync::lock;
use shared::{Error, Result};

/// Keys of writes whose end nobody saw: no more than there are objects of jobs in flight.
#[derive(Debug, Default)]
pub(crate) struct InDoubtWrites(Mutex<HashSet<String>>);

impl InDoubtWrites {
    /// A write that may take effect from now on.
    pub fn begin<'a>(&'a self, key: &'a str) -> PendingWrite<'a> {
        PendingWrite { in_doubt: self, key, may_take_effect: true }
    }

    /// Whether a write to the key is in doubt; then it is so no longer.
    pub fn take(&self, key: &str) -> bool {
        lock(&self.0).remove(key)
    }
}

/// A write in flight. Dropped before its end is known, it is in doubt.
pub(crate) struct PendingWrite<'a> {
    in_doubt: &'a InDoubtWrites,
    key: &'a str,
    may_take_effect: bool,
}

impl PendingWrite<'_> {
    /// It ended so.
    pub fn ended<T>(mut self, answer: &Result<T>) {
        self.may_take_effect = answer.as_ref().is_err_and(Error::is_unclear);
    }

    /// It was not sent whole, and takes no effect.
    pub fn broke(mut self) {
        self.may_take_effect = false;
    }
}

impl Drop for PendingWrite<'_> {
    fn drop(&mut self) {
        if self.may_take_effect {
            lock(&self.in_doubt.0).insert(self.key.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::ErrorKind;

    #[test]
    fn a_write_is_in_doubt_until_its_end_is_known() {
        let in_doubt = InDoubtWrites::default();
        let error = |kind| Err::<(), _>(Error::new(kind, "put", "k", "as the test wants it"));
        drop(in_doubt.begin("dropped"));
        in_doubt.begin("lost").ended(&error(ErrorKind::Connection));
        in_doubt.begin("late").ended(&error(ErrorKind::Timeout));
        in_doubt.begin("done").ended(&Ok(()));
        in_doubt.begin("refused").ended(&error(ErrorKind::Denied));
        in_doubt.begin("half").broke();
        for (key, is_in_doubt) in
            [("dropped", true), ("lost", true), ("late", true), ("done", false), ("refused", false), ("half", false)]
        {
            assert_eq!(in_doubt.take(key), is_in_doubt, "{key}");
            assert!(!in_doubt.take(key), "{key} is looked after once");
        }
    }
}
