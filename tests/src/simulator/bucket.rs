//! Buckets whose names describe their objects: `LAYOUT-COUNTxSIZE`, with anything behind a further `-`.
//!
//! `flat-1000000x10240` has a million objects of 10 KiB in one folder; `deep-1000000x10240-b` has them in folders of a
//! hundred, those in folders of a hundred; `real-1000000x10240` has them in folders of a thousand, under names that do not
//! compress, as programs make them. Each other name is a bucket that is empty until something is written.

use std::fmt::Write as _;

/// Objects that are computed from numbers, in key order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arithmetic {
    layout: Layout,
    /// Number of objects.
    pub count: u64,
    /// Bytes of each.
    pub size: u64,
}

/// How keys are made of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Flat,
    Deep,
    Real,
}

impl Arithmetic {
    /// The objects that a bucket's name describes.
    pub fn of(bucket: &str) -> Option<Arithmetic> {
        let mut words = bucket.split('-');
        let layout = match words.next()? {
            "flat" => Layout::Flat,
            "deep" => Layout::Deep,
            "real" => Layout::Real,
            _ => return None,
        };
        let (count, size) = words.next()?.split_once('x')?;
        Some(Arithmetic { layout, count: count.parse().ok()?, size: size.parse().ok()? })
    }

    /// Writes the key of an object. Keys ascend with their numbers.
    pub fn key(self, number: u64, key: &mut String) {
        key.clear();
        let _ = match self.layout {
            Layout::Flat => write!(key, "object-{number:012}"),
            Layout::Deep => write!(key, "{:08}/{:02}/object-{number:012}", number / 10_000, number / 100 % 100),
            Layout::Real => {
                // Digits of the golden ratio: they look random.
                let mixed = (number ^ number << 31).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
                write!(key, "data/{:06}/{number:09}-{mixed:012x}.json", number / 1_000)
            }
        };
    }

    /// Whether there is an object with this key.
    pub fn has(self, key: &str) -> bool {
        let digits = match self.layout {
            Layout::Real => key.rsplit('/').next().and_then(|name| name.split('-').next()),
            Layout::Flat | Layout::Deep => key.rsplit('-').next(),
        };
        let Some(number) = digits.and_then(|digits| digits.parse().ok()) else { return false };
        let mut found = String::new();
        self.key(number, &mut found);
        number < self.count && found == key
    }

    /// The number of the first object whose key is not before `bound`, or after it if `is_excluded`.
    pub fn lower_bound(self, bound: &str, is_excluded: bool) -> u64 {
        let (mut low, mut high) = (0, self.count);
        let mut key = String::new();
        while low < high {
            let middle = low + (high - low) / 2;
            self.key(middle, &mut key);
            if key.as_str() < bound || is_excluded && key == bound { low = middle + 1 } else { high = middle }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_describes_its_objects() {
        for (name, described) in [
            ("flat-10x5", Some((Layout::Flat, 10, 5))),
            ("deep-1000000x10240-b", Some((Layout::Deep, 1_000_000, 10_240))),
            ("real-1x1", Some((Layout::Real, 1, 1))),
            ("sink-a", None),
            ("flat-10", None),
            ("flat-axb", None),
        ] {
            let expected = described.map(|(layout, count, size)| Arithmetic { layout, count, size });
            assert_eq!(Arithmetic::of(name), expected, "{name}");
        }
    }

    #[test]
    fn keys_ascend_and_are_found() {
        for name in ["flat-20500x1", "deep-20500x1", "real-20500x1"] {
            let bucket = Arithmetic::of(name).unwrap();
            let (mut last, mut key) = (String::new(), String::new());
            for number in 0..bucket.count {
                bucket.key(number, &mut key);
                assert!(last < key && bucket.has(&key));
                if number % 997 == 0 {
                    assert_eq!(bucket.lower_bound(&key, false), number);
                    assert_eq!(bucket.lower_bound(&key, true), number + 1);
                    assert_eq!(bucket.lower_bound(&format!("{key}\0"), false), number + 1);
                }
                last.clone_from(&key);
            }
            assert_eq!((bucket.lower_bound("", false), bucket.lower_bound("z", false)), (0, bucket.count));
            assert!(!bucket.has("object-000000020500") && !bucket.has("x") && !bucket.has("object-1"));
        }
    }
}
