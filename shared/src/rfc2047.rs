//! Text beyond ASCII in headers: the encoded words of RFC 2047.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The text with its encoded words read. Anything but a well-formed word of UTF-8 or US-ASCII stays as it is.
pub fn decode(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("=?") {
        let (before, tail) = rest.split_at(at);
        plain.push_str(before);
        match word(tail) {
            Some((text, after)) => {
                plain.push_str(&text);
                // Space between two words is not part of the text (§6.2).
                let next = after.trim_start_matches([' ', '\t']);
                rest = if word(next).is_some() { next } else { after };
            }
            None => {
                plain.push_str("=?");
                rest = &tail[2..];
            }
        }
    }
    plain + rest
}

/// The text of the word that `text` begins with, and what comes after it (§2: `=?charset?encoding?text?=`).
fn word(text: &str) -> Option<(String, &str)> {
    let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (encoded, after) = rest.split_once("?=")?;
    // A language may follow the charset (RFC 2231 §5).
    let charset = charset.split('*').next().unwrap_or_default();
    if !["utf-8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known)) {
        return None;
    }
    let bytes = match encoding {
        "B" | "b" => BASE64.decode(encoded).ok()?,
        "Q" | "q" => quoted(encoded)?,
        _ => return None,
    };
    Some((String::from_utf8(bytes).ok()?, after))
}

/// The "Q" encoding (§4.2).
fn quoted(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'_' => b' ',
            b'=' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            byte => byte,
        });
    }
    Some(bytes)
}

/// The text as one encoded word, unless a header can hold it as it is: printable ASCII without a space
/// at either end.
pub fn encode(text: &str) -> String {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && text.trim() == text {
        return text.to_owned();
    }
    format!("=?UTF-8?B?{}?=", BASE64.encode(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_read_and_all_else_is_left_alone() {
        for (text, plain) in [
            ("=?UTF-8?B?w7w=?=", "ü"),
            ("=?utf-8?q?=C3=BC_=3D?=", "ü ="),
            ("a =?UTF-8?B?w6k=?= \t=?UTF-8?Q?=C3=A9?= b", "a éé b"),
            ("=?UTF-8*de?Q?x?=", "x"),
            ("=?ISO-8859-1?Q?=FC?=", "=?ISO-8859-1?Q?=FC?="),
            ("=?UTF-8?Q?=FC?=", "=?UTF-8?Q?=FC?="),
            ("=?UTF-8?B?*?=", "=?UTF-8?B?*?="),
            ("=?UTF-8?X?a?=", "=?UTF-8?X?a?="),
            ("=?=?UTF-8?B?w7w=?=", "=?ü"),
            ("=?", "=?"),
            ("plain", "plain"),
            ("ü", "ü"),
        ] {
            assert_eq!(decode(text), plain, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_survives_as_a_header_of_ascii(text in any::<String>()) {
            let encoded = encode(&text);
            prop_assert!(encoded.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            // A text that looks like a word means the same as that word.
            prop_assert_eq!(decode(&encoded), if encoded == text { decode(&text) } else { text });
        }

        #[test]
        fn any_text_is_decoded_without_a_panic(text in "(=\\?|\\?=|[?=_a-zA-Z8é-])*") {
            let _ = decode(&text);
        }
    }
}
