//! Guesses about keys between two keys.
//!
//! Byte order of UTF-8 is the order of code points, so all of this is done on `char`s.

/// The first character that byte order and the order of UTF-16 do not agree about: its units sort above
/// those of all characters beyond U+FFFF.
const UNSURE: char = '\u{e000}';

/// A key between `cursor` and `end`, both exclusive, that starts with `prefix`, as both do; with no `end`,
/// the prefix's keys reach as far as characters of the kind that stands there (digits, letters of one
/// case, …). `None` where no key of reasonable length lies between.
///
/// Behind the prefix it holds no character from `UNSURE` on, so that byte order and the order of UTF-16
/// part all keys alike. A store that lists in the latter, against all documents, is found out by keys out
/// of order within a range; cut elsewhere, each range could come in order and keys be in none of them.
pub fn middle(prefix: &str, cursor: &str, end: Option<&str>) -> Option<String> {
    guess(prefix, cursor, end).filter(|key| key[prefix.len()..].chars().all(|c| c < UNSURE))
}

fn guess(prefix: &str, cursor: &str, end: Option<&str>) -> Option<String> {
    let common = match end {
        Some(end) => common_bytes(cursor, end),
        None => prefix.len(),
    };
    let low = cursor[common..].chars().next();
    if let Some(end) = end {
        let high = end[common..].chars().next()?;
        if let Some(c) = between(low, high) {
            return Some(format!("{}{c}", &cursor[..common]));
        }
        // Neighbours: cut where the second one's branch begins, if it has more than one key.
        let branch = common + high.len_utf8();
        if end.len() > branch {
            return Some(end[..branch].to_owned());
        }
    }
    // Within the first one's branch, at the first place that leaves room.
    let from = if end.is_some() { common + low?.len_utf8() } else { common };
    cursor[from..].char_indices().find_map(|(at, c)| {
        let c = between(Some(c), ceiling(c))?;
        Some(format!("{}{c}", &cursor[..from + at]))
    })
}

/// A key beyond `cursor`, not much farther than `cursor` is from `first`: where the end is unknown, what was met is the
/// only measure. It differs from `cursor` one place before the first place in which `first` does, or in an earlier
/// place where that one has no room. `None` if no place has room: [`middle`] then guesses.
///
/// Keys in the rest of the range are met by the range that begins there, which goes on in the same way: the distance
/// grows with each cut.
pub fn beyond(prefix: &str, first: &str, cursor: &str) -> Option<String> {
    let differ = common_bytes(first, cursor);
    let places = cursor.char_indices().take_while(|(at, _)| *at < differ).skip_while(|(at, _)| *at < prefix.len());
    let key = places.collect::<Vec<_>>().into_iter().rev().find_map(|(at, c)| {
        let c = between(Some(c), ceiling(c)).filter(|_| c.is_alphanumeric())?;
        Some(format!("{}{c}", &cursor[..at]))
    })?;
    key[prefix.len()..].chars().all(|c| c < UNSURE).then_some(key)
}

/// How much is left between `cursor` and `end`, in units of what lies between `first` and `cursor`.
/// Infinite where `first` and `cursor` are too close to estimate it.
pub fn share_left(prefix: &str, first: &str, cursor: &str, end: Option<&str>) -> f64 {
    let skip = match end {
        Some(end) => common_bytes(first, end),
        None => prefix.len(),
    };
    let at = |key: &str| fraction(&key.as_bytes()[skip.min(key.len())..]);
    let (met, left) = (at(cursor) - at(first), end.map_or(1.0, at) - at(cursor));
    if met > 0.0 { (left / met).max(0.0) } else { f64::INFINITY }
}

/// Bytes as digits of a number between 0 and 1. Six of them fill an `f64`.
fn fraction(bytes: &[u8]) -> f64 {
    bytes.iter().take(7).rev().fold(0.0, |sum, byte| (sum + f64::from(*byte)) / 256.0)
}

/// Length of the longest common prefix, in whole characters.
fn common_bytes(a: &str, b: &str) -> usize {
    a.char_indices().zip(b.chars()).find(|((_, a), b)| a != b).map_or(a.len().min(b.len()), |((at, _), _)| at)
}

/// A character halfway between two, exclusive, that any store takes: no control character, no
/// surrogate, nothing that XML forbids.
fn between(low: Option<char>, high: char) -> Option<char> {
    let low = low.map_or(0x20, |c| c as u32).max(0x20);
    let half = low + (high as u32).checked_sub(low)? / 2;
    let legal = |c: &char| !c.is_control() && !matches!(*c, '\u{fffe}' | '\u{ffff}');
    // 2,050 code points downwards are more than the longest run of illegal ones.
    (low + 1..=half).rev().take(2_050).filter_map(char::from_u32).find(legal)
}

/// The end of the kind of character that `c` is.
fn ceiling(c: char) -> char {
    match c {
        '0'..='9' => ':',
        'A'..='Z' => '[',
        'a'..='z' => '{',
        '\0'..='\x7e' => '\x7f',
        '\x7f'..='\u{7ff}' => '\u{800}',
        '\u{800}'..='\u{d7ff}' => '\u{e000}',
        '\u{e000}'..='\u{ffff}' => '\u{10000}',
        _ => char::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cut_without_an_end_lands_near_the_keys_that_were_met() {
        for (prefix, first, cursor, expected) in [
            ("", "object-0000", "object-0019", Some("object-05")),
            ("", "object-0000", "object-0919", Some("object-5")),
            ("", "object-9000", "object-9919", Some("objecw")),
            ("", "d-900/00/01", "d-900/03/01", Some("d-900/5")),
            ("i/", "i/a", "i/b", None),
            ("i/", "i/0", "i/01", Some("i/5")),
        ] {
            assert_eq!(beyond(prefix, first, cursor).as_deref(), expected, "{first} {cursor}");
        }
    }

    #[test]
    fn a_cut_lands_where_keys_are_likely() {
        for (prefix, cursor, end, expected) in [
            ("", "a", None, Some("n")),
            ("img/", "img/0001", None, Some("img/5")),
            ("img/", "img/9999", None, None),
            ("", "a1", Some("a9"), Some("a5")),
            ("", "a5", Some("b7"), Some("b")),
            ("", "a5", Some("b"), Some("a7")),
            ("", "a", Some("a5"), Some("a*")),
            ("", "a", Some("a!"), None),
        ] {
            assert_eq!(middle(prefix, cursor, end).as_deref(), expected, "{cursor} {end:?}");
        }
    }

    #[test]
    fn the_rest_is_estimated_from_what_was_listed() {
        assert_eq!(share_left("", "a0", "a1", Some("a3")), 2.0);
        assert_eq!(share_left("", "same", "same", None), f64::INFINITY);
        assert!(share_left("p/", "p/0", "p/\u{10ffff}", None) < 0.2);
    }

    #[test]
    fn regression_a_cut_is_alike_in_byte_order_and_utf_16_order() {
        let keys = ["a", "z", "\u{d7ff}", "\u{e000}", "\u{fffd}", "\u{10000}", "\u{1f600}", "\u{10ffff}"];
        let utf16 = |key: &str| key.encode_utf16().collect::<Vec<_>>();
        for (cursor, end) in keys.iter().flat_map(|cursor| keys.map(|end| (*cursor, end))) {
            let end = (cursor < end).then_some(end);
            let Some(cut) = middle("", cursor, end) else { continue };
            for key in keys {
                assert_eq!(*key <= *cut, utf16(key) <= utf16(&cut), "{key:?} and {cut:?}");
            }
        }
        assert!(middle("", "a", Some("\u{10000}")).is_some());
    }

    proptest! {
        #[test]
        fn a_middle_lies_between_whatever_the_keys_are(prefix in "[ab]{0,2}", cursor in any::<String>(), end in any::<Option<String>>()) {
            let cursor = format!("{prefix}{cursor}");
            let end = end.map(|end| format!("{prefix}{end}"));
            prop_assume!(end.as_ref().is_none_or(|end| cursor < *end));
            if let Some(middle) = middle(&prefix, &cursor, end.as_deref()) {
                prop_assert!(cursor < middle && middle.starts_with(&prefix));
                prop_assert!(middle.chars().all(|c| c < UNSURE));
                prop_assert!(end.is_none_or(|end| middle < end));
            }
            let first: String = cursor.chars().take(1).collect();
            prop_assert!(share_left(&prefix, &first.max(prefix.clone()), &cursor, None) >= 0.0);
        }
    }
}
