//! Bytes of objects: tests compare them byte by byte.

/// Bytes that differ from key to key and do not repeat within an object.
pub fn content(key: &str, size: usize) -> Vec<u8> {
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    xorshift(key.bytes().fold(0xcbf2_9ce4_8422_2325, hash), size)
}

/// Bytes that differ from seed to seed and do not repeat within an object.
pub fn numbered_content(seed: u64, size: usize) -> Vec<u8> {
    xorshift(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), size)
}

/// xorshift64 (Marsaglia 2003).
fn xorshift(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}
