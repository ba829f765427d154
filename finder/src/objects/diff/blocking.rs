//! Which of the destination's keys may stand in the place of a key of the source's: a file `a` where that has `a/b`, or
//! a file `a/b` where that has `a`. Only a store that has folders cannot hold both.

use super::Merge;

impl Merge {
    /// Takes note of a key of the source's, for the keys that come after it.
    pub(super) fn note_begun(&mut self, key: &str) {
        if !self.destination.has_folders {
            return;
        }
        while self.begun.last().is_some_and(|begun| !key.starts_with(begun.as_str())) {
            self.begun.pop();
        }
        self.begun.push(key.to_owned());
    }

    /// Whether a key that only the destination has may block one of the source's. Exact, but for keys near the ends of
    /// a range and of a page: there it may be true of a key that blocks nothing.
    pub(super) fn may_block(&self, key: &str) -> bool {
        self.destination.has_folders && (self.may_have_above(key) || self.may_have_below(key))
    }

    /// Whether the source may have a file where this key needs a folder.
    fn may_have_above(&self, key: &str) -> bool {
        let mut above = key.match_indices('/').map(|(at, _)| &key[..at]);
        above.any(|above| {
            let before_range = above.starts_with(&self.range.prefix)
                && self.range.after.as_deref().is_some_and(|after| above <= after);
            before_range || self.begun.iter().any(|begun| begun == above)
        })
    }

    /// Whether the source may have keys below this one's file.
    fn may_have_below(&self, key: &str) -> bool {
        if key.ends_with('/') {
            return false;
        }
        let below = format!("{key}/");
        match self.source.next_position() {
            // The keys between, such as `a-1` between `a` and `a/b`, hide what comes after them.
            Some(next) => next.starts_with(&below) || next < below.as_str(),
            None if self.source.ended => self.range.until.as_deref().is_some_and(|until| until <= below.as_str()),
            None => true,
        }
    }
}
