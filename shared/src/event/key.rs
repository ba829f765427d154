//! How a format spells keys.

use super::json::quoted;

/// How a format encodes a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Not at all.
    Literal,
    /// As `application/x-www-form-urlencoded` does: `%XX` for a byte, `+` for a space.
    Form,
    /// The vendor does not say. There are two readings then, wherever they differ.
    Unsaid,
}

/// The keys that `raw` may stand for, most likely first.
pub(super) fn readings(raw: &str, encoding: Encoding) -> Result<Vec<String>, String> {
    let decoded = || form_decoded(raw).ok_or_else(|| format!("key {} is not URL-encoded UTF-8", quoted(raw)));
    Ok(match encoding {
        Encoding::Literal => vec![raw.to_owned()],
        Encoding::Form => vec![decoded()?],
        Encoding::Unsaid => match decoded() {
            Ok(key) if key != raw => vec![raw.to_owned(), key],
            _ => vec![raw.to_owned()],
        },
    })
}

/// The text without its URL encoding; `None` if a `%` has no two hexadecimal digits after it, or the
/// bytes are not UTF-8.
fn form_decoded(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
