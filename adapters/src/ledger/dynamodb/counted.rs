//! Which of an origin job's objects are counted: a set of indexes, kept as a bitmap.

/// A set of indexes in an origin job. Index `n` is bit `n % 8` of byte `n / 8`; what lies beyond the
/// bytes is not in the set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct IndexSet(Vec<u8>);

impl IndexSet {
    /// The set that [`Self::bytes`] gave.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        IndexSet(bytes)
    }

    /// The set as bytes, no longer than its last index asks for.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The indexes, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.0.len() as u32 * 8).filter(|&index| self.contains(index))
    }

    /// Whether the index is in the set.
    pub(super) fn contains(&self, index: u32) -> bool {
        self.0.get(index as usize / 8).is_some_and(|byte| byte & (1 << (index % 8)) != 0)
    }

    /// Adds an index; whether it is new.
    pub(super) fn insert(&mut self, index: u32) -> bool {
        let is_new = !self.contains(index);
        let at = index as usize / 8;
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        self.0[at] |= 1 << (index % 8);
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn places_equal_a_set_of_numbers(indexes in prop::collection::vec(0u32..3_000, 0..200), asked in 0u32..4_000) {
            let mut set = BTreeSet::new();
            let mut bitmap = IndexSet::default();
            for index in indexes {
                prop_assert_eq!(bitmap.insert(index), set.insert(index));
                bitmap = IndexSet::from_bytes(bitmap.bytes().to_vec());
            }
            prop_assert!(bitmap.iter().eq(set.iter().copied()));
            prop_assert_eq!(bitmap.contains(asked), set.contains(&asked));
            prop_assert_eq!(bitmap.bytes().len(), set.last().map_or(0, |last| *last as usize / 8 + 1));
        }
    }
}
