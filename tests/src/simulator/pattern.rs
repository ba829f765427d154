//! The bytes of all objects: one block, repeated.
//!
//! Every object begins with the block's first byte. So all objects of one size have the same bytes and the same MD5,
//! which is computed once; and a part that begins at a multiple of the block has the bytes of an object of its size.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use base64::Engine as _;
use shared::sync::lock;

/// Length of the block. Parts whose size is a multiple of it begin with its first byte.
const BLOCK: usize = 64 << 10;

/// The block several times: the bytes that are sent at once.
static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let block: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(BLOCK)
    .collect();
    block.repeat(5)
});

static MD5S: LazyLock<Mutex<HashMap<u64, Arc<str>>>> = LazyLock::new(Mutex::default);

/// Up to `most` bytes (at most 256 KiB at once) of an object from this offset.
pub(super) fn at(offset: u64, most: u64) -> &'static [u8] {
    let from = (offset % BLOCK as u64) as usize;
    let length = most.min(4 * BLOCK as u64) as usize;
    &BYTES[from..from + length]
}

/// The MD5 of an object of this size, hexadecimal.
pub(super) fn md5(size: u64) -> Arc<str> {
    if let Some(known) = lock(&MD5S).get(&size) {
        return known.clone();
    }
    let text: Arc<str> = format!("{:x}", prefix(size).finalize()).into();
    lock(&MD5S).insert(size, text.clone());
    text
}

/// An ETag of a key of its own, as if the bytes were other ones: 32 hexadecimal digits that do not compress.
pub(super) fn distinct(key: &str, size: u64) -> Arc<str> {
    format!("{:x}", md5::compute(format!("{size} {key}"))).into()
}

/// The CRC-64/NVME of an object of this size, in base64 as in a header.
pub(super) fn crc64(size: u64) -> Arc<str> {
    static KNOWN: LazyLock<Mutex<HashMap<u64, Arc<str>>>> = LazyLock::new(Mutex::default);
    let known = lock(&KNOWN).get(&size).cloned();
    known.unwrap_or_else(|| {
        let mut hash = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Nvme);
        pieces(size).for_each(|bytes| hash.update(bytes));
        let text: Arc<str> = base64::engine::general_purpose::STANDARD.encode(hash.finalize().to_be_bytes()).into();
        lock(&KNOWN).insert(size, text.clone());
        text
    })
}

/// The bytes of an object of this size, piece by piece.
fn pieces(size: u64) -> impl Iterator<Item = &'static [u8]> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        let bytes = (offset < size).then(|| at(offset, size - offset))?;
        offset += bytes.len() as u64;
        Some(bytes)
    })
}

/// The hash of the first bytes of an object.
fn prefix(length: u64) -> md5::Context {
    let mut hash = md5::Context::new();
    pieces(length).for_each(|bytes| hash.consume(bytes));
    hash
}

/// Compares a body with the block while it comes. Only a body with other bytes is hashed.
#[derive(Default)]
pub(super) struct Body {
    length: u64,
    other: Option<md5::Context>,
}

impl Body {
    /// The body goes on with these bytes.
    pub fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let expected = at(self.length, bytes.len() as u64);
            let (now, rest) = bytes.split_at(expected.len());
            if self.other.is_none() && now != expected {
                self.other = Some(prefix(self.length));
            }
            if let Some(hash) = &mut self.other {
                hash.consume(now);
            }
            self.length += now.len() as u64;
            bytes = rest;
        }
    }

    /// The length, the MD5, and whether the bytes were other ones.
    pub fn finish(self) -> (u64, Arc<str>, bool) {
        match self.other {
            None => (self.length, md5(self.length), false),
            Some(hash) => (self.length, format!("{:x}", hash.finalize()).into(), true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_its_md5_whether_known_or_not() {
        let size = 200_000;
        let known: Vec<u8> = [at(0, size), at(0, 0)].concat();
        let mut other = known.clone();
        *other.last_mut().unwrap() ^= 1;
        for (bytes, is_foreign) in [(&known, false), (&other, true)] {
            let mut body = Body::default();
            bytes.chunks(777).for_each(|chunk| body.add(chunk));
            assert_eq!(body.finish(), (size, format!("{:x}", md5::compute(bytes)).into(), is_foreign));
        }
        assert_eq!(&*md5(0), "d41d8cd98f00b204e9800998ecf8427e");
    }
}
