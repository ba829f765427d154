//! Job bodies and outcomes as they are kept: compressed, because each KiB of an item counts as a write.

use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::zlib;

use super::item::MAX_ITEM_BYTES;

/// Most bytes of JSON that are read: an item's worth of bodies, each character of which JSON may escape.
const MAX_BYTES: usize = 8 * MAX_ITEM_BYTES;

/// JSON, compressed by zlib; `None` if it is more than [`inflate`] reads.
///
/// # Panics
/// If the value has no form in JSON.
pub(super) fn deflate(value: &(impl Serialize + ?Sized)) -> Option<Vec<u8>> {
    let json = serde_json::to_vec(value).expect("the value is representable as JSON");
    (json.len() <= MAX_BYTES).then(|| zlib::deflate(&json))
}

/// The value of compressed bytes; `None` if they have none of this type.
pub(super) fn inflate<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(&zlib::inflate(bytes, MAX_BYTES).ok()?).ok()
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
        let long = format!("[\"{}\"]", "x".repeat(MAX_BYTES));
        assert_eq!(inflate::<Vec<String>>(&zlib::deflate(long.as_bytes())), None);
    }
}
