//! Job bodies and outcomes as they are kept: compressed, because each KiB of an item counts as a write.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::item::MAX_ITEM_BYTES;

/// Most bytes of JSON that are read: an item's worth of bodies, each character of which JSON may escape.
const MAX_BYTES: usize = 8 * MAX_ITEM_BYTES;

/// JSON, compressed by zlib; `None` if it is more than [`inflate`] reads.
///
/// # Panics
/// If the value has no form in JSON.
pub(super) fn deflate(value: &(impl Serialize + ?Sized)) -> Option<Vec<u8>> {
    let json = serde_json::to_vec(value).expect("the value is representable as JSON");
    if json.len() > MAX_BYTES {
        return None;
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&json).expect("memory takes all bytes");
    Some(encoder.finish().expect("memory takes all bytes"))
}

/// The value of compressed bytes; `None` if they have none of this type.
pub(super) fn inflate<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
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
        let bytes = deflate(&bodies).unwrap();
        assert!(bytes.len() < 200, "{} bytes", bytes.len());
        assert_eq!(inflate(&bytes), Some(bodies));
        assert_eq!((inflate::<Vec<String>>(b"not zlib"), deflate(&["x".repeat(MAX_BYTES)])), (None, None));
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(format!("[\"{}\"]", "x".repeat(MAX_BYTES)).as_bytes()).unwrap();
        assert_eq!(inflate::<Vec<String>>(&encoder.finish().unwrap()), None);
    }
}
