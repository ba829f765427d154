//! Job bodies as they are kept: compressed, because each KiB of an item counts as a write.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::item::MAX_ITEM_BYTES;

/// Most bytes that are read: an item's worth of bodies, each character of which JSON may escape.
const MAX_BYTES: usize = 8 * MAX_ITEM_BYTES;

/// Bodies, compressed by zlib.
pub(super) fn deflate(bodies: &[String]) -> Vec<u8> {
    let json = serde_json::to_vec(bodies).expect("texts are representable as JSON");
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&json).expect("memory takes all bytes");
    encoder.finish().expect("memory takes all bytes")
}

/// The bodies of compressed bytes; `None` if they are none.
pub(super) fn inflate(bytes: &[u8]) -> Option<Vec<String>> {
    let mut json = Vec::new();
    // One byte more than can be: a record of another origin must not fill the memory.
    ZlibDecoder::new(bytes).take(MAX_BYTES as u64 + 1).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok().filter(|_| json.len() <= MAX_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_back_and_other_bytes_are_refused() {
        let bodies = vec![format!("{{\"key\":\"{}\"}}", "k".repeat(10_000)), "\u{1}".to_owned(), String::new()];
        let bytes = deflate(&bodies);
        assert!(bytes.len() < 200, "{} bytes", bytes.len());
        assert_eq!(inflate(&bytes), Some(bodies));
        assert_eq!((inflate(b"not zlib"), inflate(&deflate(&["x".repeat(MAX_BYTES)]))), (None, None));
    }
}
