//! Bytes compressed by zlib (RFC 1950), as records keep them: each KiB of a record costs.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// Why bytes cannot be inflated.
#[derive(Debug, thiserror::Error)]
pub enum InflateError {
    /// They are not zlib's, or are cut off.
    #[error("{0}")]
    Invalid(#[from] std::io::Error),
    /// They are more than the caller reads.
    #[error("they are more than {0} bytes")]
    TooLong(usize),
}

/// The bytes, compressed.
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory takes all bytes");
    encoder.finish().expect("memory takes all bytes")
}

/// The bytes that [`deflate`] compressed, at most `most` of them: a record of another origin must not fill the memory.
pub fn inflate(packed: &[u8], most: usize) -> Result<Vec<u8>, InflateError> {
    let mut bytes = Vec::new();
    // One byte more than can be shows that there are more.
    ZlibDecoder::new(packed).take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most { Err(InflateError::TooLong(most)) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_come_back_up_to_the_limit(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let packed = deflate(&bytes);
            prop_assert_eq!(&inflate(&packed, bytes.len()).unwrap(), &bytes);
            if let Some(less) = bytes.len().checked_sub(1) {
                prop_assert!(matches!(inflate(&packed, less), Err(InflateError::TooLong(_))));
            }
        }
    }

    #[test]
    fn other_bytes_are_invalid() {
        assert!(matches!(inflate(b"not zlib", 9), Err(InflateError::Invalid(_))));
        assert!(matches!(inflate(&deflate(&[7; 999])[..9], 999), Err(InflateError::Invalid(_))));
    }
}
