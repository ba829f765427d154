//! Which of an origin job's objects are counted: a set of places, kept as a bitmap.

/// A set of places in an origin job. Place `n` is bit `n % 8` of byte `n / 8`; what lies beyond the
/// bytes is not in the set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Places(Vec<u8>);

impl Places {
    /// The set that [`Self::bytes`] gave.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        Places(bytes)
    }

    /// The set as bytes, no longer than its last place asks for.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The places, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.0.len() as u32 * 8).filter(|&place| self.contains(place))
    }

    /// Whether the place is in the set.
    pub(super) fn contains(&self, place: u32) -> bool {
        self.0.get(place as usize / 8).is_some_and(|byte| byte & (1 << (place % 8)) != 0)
    }

    /// Adds a place; whether it is new.
    pub(super) fn insert(&mut self, place: u32) -> bool {
        let is_new = !self.contains(place);
        let at = place as usize / 8;
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        self.0[at] |= 1 << (place % 8);
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
        fn places_equal_a_set_of_numbers(places in prop::collection::vec(0u32..3_000, 0..200), asked in 0u32..4_000) {
            let mut set = BTreeSet::new();
            let mut bitmap = Places::default();
            for place in places {
                prop_assert_eq!(bitmap.insert(place), set.insert(place));
                bitmap = Places::from_bytes(bitmap.bytes().to_vec());
            }
            prop_assert!(bitmap.iter().eq(set.iter().copied()));
            prop_assert_eq!(bitmap.contains(asked), set.contains(&asked));
            prop_assert_eq!(bitmap.bytes().len(), set.last().map_or(0, |last| *last as usize / 8 + 1));
        }
    }
}
