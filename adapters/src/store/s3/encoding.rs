//! Keys in URLs: the encoding of listings, and of a copy's source.

/// Decodes a key of a listing; `None` if the encoding is invalid or the key is not UTF-8.
///
/// A plus is a space: Amazon and most others encode a space so, some as `%20`, SeaweedFS in both ways on one
/// page. All of them encode a plus as `%2B`.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                (high * 16 + low) as u8
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Appends a value of a query, encoded: escapes all but RFC 3986's unreserved characters.
pub(super) fn append_query(url: &mut String, text: &str) {
    append(url, text, false);
}

/// Encodes a key as a path in a URL: escapes all but RFC 3986's unreserved characters and `/`.
pub(super) fn encode_path(key: &str) -> String {
    let mut path = String::with_capacity(key.len());
    append_path(&mut path, key);
    path
}

/// Appends a key as [`encode_path`] encodes it.
pub(super) fn append_path(url: &mut String, key: &str) {
    append(url, key, true);
}

fn append(url: &mut String, text: &str, keeps_slash: bool) {
    use std::fmt::Write as _;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keeps_slash && byte == b'/';
    for byte in text.bytes() {
        if is_plain(byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amazons_spelling_of_awkward_keys_is_read_exactly() {
        for (text, key) in [
            ("a+b", "a b"),
            ("a%20b", "a b"),
            ("a%2Bb", "a+b"),
            ("a%252Fb", "a%2Fb"),
            ("a//b", "a//b"),
            ("%01%0D%0A", "\u{1}\r\n"),
            ("a%C2%A0b", "a\u{a0}b"),
            ("%F0%9F%98%80", "😀"),
        ] {
            assert_eq!(decode(text).as_deref(), Some(key), "{text}");
        }
    }

    #[test]
    fn what_is_not_well_encoded_is_refused() {
        for text in ["%", "%2", "%zz", "%FF", "a%+1"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_key_survives_encoding(key in any::<String>()) {
            prop_assert_eq!(decode(&encode_path(&key)), Some(key));
        }
    }
}
