//! Sizes in bytes as people write them: `64MiB`, `5GB`, `1048576`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number of bytes. Reads a whole number with `K`, `M`, `G`, `T` or `KiB`, `MiB`, `GiB`, `TiB` (powers of 1,024; the
/// short form is that of rclone and s5cmd), with `B`, `kB`, `MB`, `GB`, `TB` (powers of 1,000), all in any case, or
/// with nothing for bytes. Prints the long forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Units, the largest first within each family, so that printing picks the shortest form.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Short forms, which are read and not printed.
const SHORT_UNITS: [(&str, u64); 4] = [("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("T", 1 << 40)];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = |why: &str| Err(format!("{text:?} is not a size: {why}"));
        let text = text.trim();
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let unit = unit.trim();
        if number.is_empty() || unit.starts_with('.') {
            return refused("give a whole number of bytes, or one with a unit, such as 64MiB or 5GB");
        }
        let factor = if unit.is_empty() {
            1
        } else {
            let Some((_, factor)) =
                UNITS.into_iter().chain(SHORT_UNITS).find(|(name, _)| name.eq_ignore_ascii_case(unit))
            else {
                return refused(
                    "give it a unit of K, M, G, T, KiB, MiB, GiB, TiB (powers of 1,024) or B, kB, MB, GB, TB (powers of 1,000)",
                );
            };
            factor
        };
        match number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)) {
            Some(bytes) => Ok(Size(bytes)),
            None => refused("it is larger than 16 EiB"),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.into_iter().find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor)) {
            Some(("B", _)) | None => write!(f, "{}", self.0),
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
        }
    }
}

impl Serialize for Size {
    /// As a plain number: the form that every reader knows.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as \"64MiB\" or a number of bytes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Size, E> {
                Ok(Size(bytes))
            }

            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Size, E> {
                let refused = || E::custom(format!("{bytes} is not a size: it must not be negative"));
                u64::try_from(bytes).map(Size).map_err(|_| refused())
            }
        }
        from.deserialize_any(Visitor)
    }
}

/// `u64` settings that are sizes, for `#[serde(with = …)]`.
pub(super) mod required {
    use super::*;

    pub fn serialize<S: Serializer>(bytes: &u64, to: S) -> Result<S::Ok, S::Error> {
        Size(*bytes).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        Ok(Size::deserialize(from)?.0)
    }
}

/// `Option<u64>` settings that are sizes, for `#[serde(with = …)]`.
pub(super) mod optional {
    use super::*;

    pub fn serialize<S: Serializer>(bytes: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        bytes.map(Size).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        Ok(Option::<Size>::deserialize(from)?.map(|size| size.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read_in_powers_of_1000_and_1024() {
        for (text, bytes) in [
            ("0", 0),
            ("1048576", 1 << 20),
            ("64MiB", 64 << 20),
            ("64 mib", 64 << 20),
            ("5GB", 5_000_000_000),
            ("5gb", 5_000_000_000),
            ("1kB", 1_000),
            ("7B", 7),
            ("16777215TiB", 16_777_215 << 40),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused_with_a_remedy() {
        for (text, part) in [
            ("", "whole number"),
            ("MiB", "whole number"),
            ("-1", "whole number"),
            ("1.5GiB", "whole number"),
            ("64 bytes", "KiB"),
            ("99999999999999999999", "larger"),
            ("16777216TiB", "larger"),
        ] {
            let error = text.parse::<Size>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn regression_sizes_are_read_as_rclone_and_s5cmd_spell_them() {
        for (text, bytes) in [("10M", 10 << 20), ("1K", 1 << 10), ("2g", 2 << 30), ("3 T", 3 << 40)] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_size_survives_printing_and_reading(bytes in any::<u64>(), shift in 0u32..63) {
            for size in [Size(bytes), Size(bytes >> shift << shift)] {
                prop_assert_eq!(size.to_string().parse(), Ok(size));
            }
        }
    }
}
