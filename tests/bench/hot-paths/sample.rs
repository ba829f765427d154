//! Objects as a listing of Amazon S3 shows them.

use shared::object::{ETag, Entry, Timestamp};

/// Objects of a page, of a job and of a block of outcomes.
pub const OBJECTS: usize = 1_000;

/// Bytes of each object.
pub const SIZE: u64 = 10_240;

/// The time of each object's last write: 2024-01-01T00:00:00Z.
pub const WRITTEN: Timestamp = Timestamp(1_704_067_200_000);

/// The key of an object. Keys ascend with the numbers.
pub fn key(number: usize) -> String {
    format!("photos/2024/{:04}/{number:09}.jpg", number / OBJECTS)
}

/// The ETag of an object: 32 digits without a pattern, as of an MD5.
pub fn etag(number: usize) -> String {
    let digits = (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    format!("{digits:032x}")
}

/// The entry of an object in a listing.
pub fn entry(number: usize) -> Entry {
    Entry {
        key: key(number),
        size: SIZE,
        modified: WRITTEN,
        etag: Some(ETag::new(&etag(number))),
        version: None,
        storage_class: None,
    }
}
