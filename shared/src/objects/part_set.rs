//! The parts of an upload that are at the destination, as a bitmap.

/// A set of part numbers, from 1. Part `n` is bit `(n - 1) % 8` of byte `(n - 1) / 8`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartSet(Vec<u8>);

impl PartSet {
    /// The set that [`Self::bytes`] returned. Zeros at the end do not matter.
    pub fn from_bytes(mut bytes: Vec<u8>) -> Self {
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        PartSet(bytes)
    }

    /// The set as bytes, as short as its last part allows.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the part is in the set.
    pub fn contains(&self, number: u32) -> bool {
        let Some(at) = number.checked_sub(1) else { return false };
        self.0.get(at as usize / 8).is_some_and(|byte| byte & (1 << (at % 8)) != 0)
    }

    /// Adds a part; returns whether it is new. Number 0 is no part.
    pub fn insert(&mut self, number: u32) -> bool {
        let Some(at) = number.checked_sub(1).filter(|_| !self.contains(number)) else { return false };
        let byte = at as usize / 8;
        if byte >= self.0.len() {
            self.0.resize(byte + 1, 0);
        }
        self.0[byte] |= 1 << (at % 8);
        true
    }

    /// The number of parts.
    pub fn len(&self) -> u32 {
        self.0.iter().map(|byte| byte.count_ones()).sum()
    }

    /// Whether the set has no part.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the set has all parts of an upload of `part_count` parts.
    pub fn is_complete(&self, part_count: u32) -> bool {
        self.len() >= part_count
    }
}

impl FromIterator<u32> for PartSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut set = PartSet::default();
        for number in numbers {
            set.insert(number);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_part_set_equals_a_set_of_numbers(numbers in prop::collection::vec(1u32..=10_000, 0..200), asked in 0u32..=10_001) {
            let set: BTreeSet<u32> = numbers.iter().copied().collect();
            let mut bits = PartSet::default();
            let mut seen = BTreeSet::new();
            for number in numbers {
                prop_assert_eq!(bits.insert(number), seen.insert(number));
            }
            let mut padded = bits.bytes().to_vec();
            padded.extend([0; 3]);
            prop_assert_eq!(&PartSet::from_bytes(padded), &bits);
            prop_assert_eq!(bits.contains(asked), set.contains(&asked));
            prop_assert_eq!((bits.len() as usize, bits.is_empty()), (set.len(), set.is_empty()));
            prop_assert!(bits.is_complete(set.len() as u32) && !bits.is_complete(set.len() as u32 + 1));
        }
    }
}
