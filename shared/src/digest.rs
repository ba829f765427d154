//! Checksums: the algorithms of stores, and hashing of passing bytes.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// The published checksums of "123456789": the CRC catalogue (reveng), RFC 1321, FIPS 180-4.
pub const CHECK_VALUES: [(Algorithm, &str); 5] = [
    (Algorithm::Crc64Nvme, "ae8b14860a799888"),
    (Algorithm::Crc32c, "e3069283"),
    (Algorithm::Crc32, "cbf43926"),
    (Algorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
    (Algorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
];

/// A checksum algorithm that some store supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// CRC-64/NVME: whole-object on multipart too, and the cheapest to compute.
    Crc64Nvme,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// CRC-32 (ISO-HDLC).
    Crc32,
    /// MD5: the ETag of a single-part object, if ETags mean anything at the store.
    Md5,
    /// SHA-256.
    Sha256,
    /// SHA-1: compared if both sides report it, never computed here.
    Sha1,
}

impl Algorithm {
    /// All algorithms in the order in which a comparison prefers them.
    pub const ALL: [Algorithm; 6] =
        [Algorithm::Crc64Nvme, Algorithm::Crc32c, Algorithm::Sha256, Algorithm::Md5, Algorithm::Crc32, Algorithm::Sha1];

    /// The algorithm's name in records and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Crc64Nvme => "crc64nvme",
            Algorithm::Crc32c => "crc32c",
            Algorithm::Crc32 => "crc32",
            Algorithm::Md5 => "md5",
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha1 => "sha1",
        }
    }

    /// Digest length in bytes.
    pub fn len_bytes(self) -> usize {
        match self {
            Algorithm::Crc64Nvme => 8,
            Algorithm::Crc32c | Algorithm::Crc32 => 4,
            Algorithm::Md5 => 16,
            Algorithm::Sha256 => 32,
            Algorithm::Sha1 => 20,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        Algorithm::ALL.into_iter().find(|a| a.as_str() == s).ok_or(())
    }
}

/// A checksum of a whole object or of one part. Prints as `algorithm:base64`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Checksum {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The digest, most significant byte first.
    pub value: Vec<u8>,
}

impl Checksum {
    /// Reads the digest in base64, as the `x-amz-checksum-*` headers carry it. `None` if it is not
    /// base64 of the algorithm's length (a composite checksum, `…-N`, is not).
    pub fn from_base64(algorithm: Algorithm, text: &str) -> Option<Self> {
        let value = BASE64.decode(text).ok()?;
        (value.len() == algorithm.len_bytes()).then_some(Checksum { algorithm, value })
    }

    /// An MD5 as a checksum.
    pub fn md5(value: [u8; 16]) -> Self {
        Checksum { algorithm: Algorithm::Md5, value: value.to_vec() }
    }

    /// The digest in base64.
    pub fn to_base64(&self) -> String {
        BASE64.encode(&self.value)
    }

    /// The digest in lower-case hexadecimal.
    pub fn to_hex(&self) -> String {
        to_hex(&self.value)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.to_base64())
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Checksum> for String {
    fn from(checksum: Checksum) -> String {
        checksum.to_string()
    }
}

impl TryFrom<String> for Checksum {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.split_once(':')
            .and_then(|(algorithm, value)| Checksum::from_base64(algorithm.parse().ok()?, value))
            .ok_or_else(|| format!("invalid checksum: {text}"))
    }
}

/// The first checksum of `ours` that `theirs` has too, in the order of [`Algorithm::ALL`]: the
/// algorithm both sides can be compared by, with both values.
pub fn in_common<'a>(ours: &'a [Checksum], theirs: &'a [Checksum]) -> Option<(&'a Checksum, &'a Checksum)> {
    Algorithm::ALL.into_iter().find_map(|algorithm| {
        let find = |side: &'a [Checksum]| side.iter().find(|c| c.algorithm == algorithm);
        Some((find(ours)?, find(theirs)?))
    })
}

/// Hashes bytes as they pass.
pub enum Hasher {
    /// CRCs of 32 and 64 bits.
    Crc(Algorithm, crc_fast::Digest),
    /// MD5.
    Md5(md5::Context),
    /// SHA-256.
    Sha256(sha2::Sha256),
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hasher({})", self.algorithm())
    }
}

impl Hasher {
    /// A hasher for `algorithm`; `None` for SHA-1, which is compared but never computed.
    pub fn new(algorithm: Algorithm) -> Option<Self> {
        Some(match algorithm {
            Algorithm::Crc64Nvme | Algorithm::Crc32c | Algorithm::Crc32 => {
                Hasher::Crc(algorithm, crc_fast::Digest::new(crc_parameters(algorithm)?))
            }
            Algorithm::Md5 => Hasher::Md5(md5::Context::new()),
            Algorithm::Sha256 => Hasher::Sha256(sha2::Sha256::new()),
            Algorithm::Sha1 => return None,
        })
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Hasher::Crc(algorithm, _) => *algorithm,
            Hasher::Md5(_) => Algorithm::Md5,
            Hasher::Sha256(_) => Algorithm::Sha256,
        }
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Crc(_, digest) => digest.update(bytes),
            Hasher::Md5(context) => context.consume(bytes),
            Hasher::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// The checksum of all bytes taken in.
    pub fn finish(self) -> Checksum {
        let algorithm = self.algorithm();
        let value = match self {
            Hasher::Crc(_, digest) => {
                let bytes = digest.finalize().to_be_bytes();
                bytes[8 - algorithm.len_bytes()..].to_vec()
            }
            Hasher::Md5(context) => context.finalize().0.to_vec(),
            Hasher::Sha256(hasher) => hasher.finalize().to_vec(),
        };
        Checksum { algorithm, value }
    }
}

/// The checksum of two neighbouring runs of bytes from theirs; `None` unless both are CRCs of one
/// algorithm. `second_len_bytes` is the length of the second run.
pub fn combine(first: &Checksum, second: &Checksum, second_len_bytes: u64) -> Option<Checksum> {
    if first.algorithm != second.algorithm {
        return None;
    }
    let parameters = crc_parameters(first.algorithm)?;
    let number = |checksum: &Checksum| checksum.value.iter().fold(0u64, |n, &byte| n << 8 | u64::from(byte));
    let both = crc_fast::checksum_combine(parameters, number(first), number(second), second_len_bytes);
    let bytes = both.to_be_bytes();
    Some(Checksum { algorithm: first.algorithm, value: bytes[8 - first.algorithm.len_bytes()..].to_vec() })
}

fn crc_parameters(algorithm: Algorithm) -> Option<crc_fast::CrcAlgorithm> {
    Some(match algorithm {
        Algorithm::Crc64Nvme => crc_fast::CrcAlgorithm::Crc64Nvme,
        Algorithm::Crc32c => crc_fast::CrcAlgorithm::Crc32Iscsi,
        Algorithm::Crc32 => crc_fast::CrcAlgorithm::Crc32IsoHdlc,
        _ => return None,
    })
}

/// Lower-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value & 15)]);
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        text.push(digit(byte >> 4));
        text.push(digit(*byte));
        text
    })
}

/// Whether a text is sixteen bytes in hexadecimal digits.
pub fn is_hex16(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// 16 bytes from 32 hexadecimal digits.
pub fn parse_hex16(text: &str) -> Option<[u8; 16]> {
    if !is_hex16(text) {
        return None;
    }
    Some(u128::from_str_radix(text, 16).ok()?.to_be_bytes())
}

/// The entity tag that Amazon S3 gives a multipart object: the MD5 of its parts' MD5s, and their
/// number (Amazon S3 User Guide, "Checking object integrity", "Part-level checksums").
pub fn multipart_etag(part_md5s: &[[u8; 16]]) -> String {
    let mut context = md5::Context::new();
    part_md5s.iter().for_each(|part| context.consume(part));
    format!("{:x}-{}", context.finalize(), part_md5s.len())
}

/// Hashes bytes as they pass to the tag of an object that was uploaded in parts of one size.
pub struct MultipartHasher {
    part_bytes: u64,
    taken: u64,
    part: md5::Context,
    parts: Vec<[u8; 16]>,
}

impl fmt::Debug for MultipartHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MultipartHasher({} parts of {} bytes)", self.parts.len(), self.part_bytes)
    }
}

impl MultipartHasher {
    /// For parts of `part_bytes`, of which the last may be shorter.
    pub fn new(part_bytes: u64) -> Self {
        MultipartHasher { part_bytes: part_bytes.max(1), taken: 0, part: md5::Context::new(), parts: Vec::new() }
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.part_bytes - self.taken;
            let (now, later) = bytes.split_at(bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
            self.part.consume(now);
            self.taken += now.len() as u64;
            if self.taken == self.part_bytes {
                self.end_part();
            }
            bytes = later;
        }
    }

    fn end_part(&mut self) {
        self.parts.push(std::mem::replace(&mut self.part, md5::Context::new()).finalize().0);
        self.taken = 0;
    }

    /// The tag of all bytes taken in.
    pub fn finish(mut self) -> String {
        if self.taken > 0 {
            self.end_part();
        }
        multipart_etag(&self.parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
        let mut hasher = Hasher::new(algorithm).unwrap();
        hasher.update(bytes);
        hasher.finish()
    }

    #[test]
    fn each_algorithm_gives_its_published_check_value() {
        for (algorithm, hex) in CHECK_VALUES {
            assert_eq!(hash(algorithm, b"123456789").to_hex(), hex, "{algorithm}");
        }
    }

    #[test]
    fn crcs_of_neighbours_combine_to_the_crc_of_both() {
        for algorithm in [Algorithm::Crc64Nvme, Algorithm::Crc32c, Algorithm::Crc32] {
            let (a, b) = (hash(algorithm, b"12345"), hash(algorithm, b"6789"));
            assert_eq!(combine(&a, &b, 4), Some(hash(algorithm, b"123456789")));
        }
        assert_eq!(combine(&hash(Algorithm::Md5, b"1"), &hash(Algorithm::Md5, b"2"), 1), None);
    }

    #[test]
    fn a_checksum_survives_printing_and_reading() {
        let checksum = hash(Algorithm::Crc64Nvme, b"x");
        assert_eq!(Checksum::try_from(checksum.to_string()), Ok(checksum));
        assert!(Checksum::try_from("crc64nvme:AAAA".to_owned()).is_err());
    }
}
