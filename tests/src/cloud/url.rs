//! Percent-encoding, as the wire has it.

use std::fmt::Write as _;

/// Decodes once; `None` if it is not well encoded. A plus is a plus.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                (high * 16 + low) as u8
            }
            byte => byte,
        });
    }
    Some(bytes)
}

/// Decodes to text.
pub(crate) fn decode_text(text: &str) -> Option<String> {
    String::from_utf8(decode(text)?).ok()
}

/// Encodes all but RFC 3986's unreserved characters, and `/` where asked.
pub(crate) fn encode(bytes: &[u8], keeps_slash: bool) -> String {
    escape(bytes, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keeps_slash && byte == b'/')
}

/// Encodes a key as Amazon's listings do: a space is a plus.
pub(crate) fn encode_listed(text: &str) -> String {
    escape(text.as_bytes(), |byte| byte.is_ascii_alphanumeric() || b"-._*/ ".contains(&byte)).replace(' ', "+")
}

fn escape(bytes: &[u8], is_kept: impl Fn(u8) -> bool) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len()), |mut text, byte| {
        match is_kept(*byte) {
            true => text.push(char::from(*byte)),
            false => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
        text
    })
}

/// The pairs of a query or a form (`x-amz-tagging`), decoded; a plus is a space.
pub(crate) fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode_text(&name.replace('+', " "))?, decode_text(&value.replace('+', " "))?))
        })
        .collect()
}
