//! One reading of a folder: the smallest names after a cursor, a bounded number of them.

use std::collections::BinaryHeap;

/// One reading of a folder.
pub(super) struct Pass {
    limit: usize,
    cursor: Option<String>,
    smallest: BinaryHeap<String>,
    more: bool,
}

impl Pass {
    pub(super) fn new(limit: usize, cursor: Option<String>) -> Self {
        Pass { limit, cursor, smallest: BinaryHeap::new(), more: false }
    }

    /// Keeps the name if it comes after the cursor, is among the smallest, and is wanted.
    pub(super) fn offer(&mut self, name: String, is_wanted: impl FnOnce(&str) -> bool) {
        let is_full = self.smallest.len() >= self.limit;
        if self.cursor.as_ref().is_some_and(|cursor| name <= *cursor) {
            return;
        }
        if is_full && self.smallest.peek().is_some_and(|largest| name > *largest) {
            self.more = true;
            return;
        }
        if !is_wanted(&name) {
            return;
        }
        self.smallest.push(name);
        if is_full {
            self.smallest.pop();
            self.more = true;
        }
    }

    /// The names, the first one last; and whether there are more.
    pub(super) fn finish(self) -> (Vec<String>, bool) {
        let mut names = self.smallest.into_sorted_vec();
        names.reverse();
        (names, self.more)
    }
}
