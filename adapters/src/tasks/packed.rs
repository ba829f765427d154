//! Texts as they are kept: compressed by zlib.

use shared::tasks::{MAX_PACKED_BYTES, MAX_TEXT_BYTES};
use shared::zlib::{InflateError, deflate, inflate};
use shared::{Error, ErrorKind, Result};

/// A text, compressed. `what` names it in the refusal of one that is too large.
pub(super) fn pack(what: &str, text: &str) -> Result<Vec<u8>> {
    let refused = |bytes: usize, limit: usize, how: &str| {
        let message = format!(
            "{bytes} bytes{how} are more than the limit of {limit}: put long lists into an object or a file, and name that"
        );
        Error::new(ErrorKind::Unrepresentable, "keep", what, message)
    };
    if text.len() > MAX_TEXT_BYTES {
        return Err(refused(text.len(), MAX_TEXT_BYTES, ""));
    }
    let packed = deflate(text.as_bytes());
    if packed.len() > MAX_PACKED_BYTES {
        return Err(refused(packed.len(), MAX_PACKED_BYTES, " (compressed)"));
    }
    Ok(packed)
}

/// The text of compressed bytes; the reason if they are none.
pub(super) fn unpack(packed: &[u8]) -> Result<String, String> {
    let text = inflate(packed, MAX_TEXT_BYTES).map_err(|error| match error {
        InflateError::Invalid(error) => format!("a kept text is invalid: {error}"),
        InflateError::TooLong(_) => "a kept text is too long".to_owned(),
    })?;
    String::from_utf8(text).map_err(|error| format!("a kept text is invalid: {error}"))
}

/// Whether a text is read as it was kept.
pub(crate) fn keeps_texts() -> bool {
    let text = "a text of a task\n".repeat(1_000);
    pack("text", &text).is_ok_and(|packed| packed.len() < text.len() && unpack(&packed).as_ref() == Ok(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};
    use shared::digest::to_hex;

    proptest! {
        #[test]
        fn a_text_is_read_as_it_was_kept(text in any::<String>(), times in 1usize..50) {
            let text = text.repeat(times);
            prop_assert_eq!(unpack(&pack("text", &text).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn a_text_at_the_limit_is_kept_and_a_longer_one_refused() {
        let text = "a".repeat(MAX_TEXT_BYTES);
        assert_eq!(unpack(&pack("text", &text).unwrap()).unwrap(), text);
        let error = pack("definition", &format!("{text}a")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unrepresentable);
        assert!(error.to_string().contains("definition") && error.to_string().contains("name that"), "{error}");
    }

    #[test]
    fn a_text_is_refused_by_its_compressed_size() {
        let text: String = (0..10_000u32).map(|n| to_hex(&Sha256::digest(n.to_be_bytes()))).collect();
        assert!(pack("result", &text).unwrap_err().to_string().contains("(compressed)"));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert!(unpack(b"not zlib").unwrap_err().contains("invalid"));
        assert!(unpack(&deflate(&vec![b'a'; MAX_TEXT_BYTES * 3])).unwrap_err().contains("too long"));
    }
}
