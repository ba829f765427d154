//! Checksums of objects and parts, computed apart from the code under test.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crc_fast::CrcAlgorithm;
use http::HeaderMap;
use sha2::Digest as _;

use super::refusal::Refusal;

/// How a checksum is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// CRC-64/NVME
    Crc64Nvme,
    /// CRC-32C
    Crc32c,
    /// CRC-32
    Crc32,
    /// SHA-256
    Sha256,
    /// SHA-1
    Sha1,
}

impl Algorithm {
    const ALL: [Algorithm; 5] =
        [Algorithm::Crc64Nvme, Algorithm::Crc32c, Algorithm::Crc32, Algorithm::Sha256, Algorithm::Sha1];

    /// Its name in headers that name it: `CRC64NVME`.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Crc64Nvme => "CRC64NVME",
            Algorithm::Crc32c => "CRC32C",
            Algorithm::Crc32 => "CRC32",
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha1 => "SHA1",
        }
    }

    /// The header that carries one: `x-amz-checksum-crc64nvme`.
    pub fn header(self) -> String {
        format!("x-amz-checksum-{}", self.name().to_ascii_lowercase())
    }

    /// The XML element that carries one: `ChecksumCRC64NVME`.
    pub fn element(self) -> String {
        format!("Checksum{}", self.name())
    }

    /// By its name.
    pub fn by_name(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The digest.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        let crc32 = |crc: u64| (crc as u32).to_be_bytes().to_vec();
        match self {
            Algorithm::Crc64Nvme => crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes).to_be_bytes().to_vec(),
            Algorithm::Crc32c => crc32(crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes)),
            Algorithm::Crc32 => crc32(crc_fast::checksum(CrcAlgorithm::Crc32IsoHdlc, bytes)),
            Algorithm::Sha256 => sha2::Sha256::digest(bytes).to_vec(),
            Algorithm::Sha1 => sha1::Sha1::digest(bytes).to_vec(),
        }
    }

    /// Whether the checksum of a whole can be made of those of its parts.
    pub fn is_crc(self) -> bool {
        !matches!(self, Algorithm::Sha256 | Algorithm::Sha1)
    }
}

/// A checksum that an object or a part has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// How it was computed.
    pub algorithm: Algorithm,
    /// In base64; with `-N` if it is of the parts' checksums.
    pub value: String,
    /// Whether it is of the parts' checksums.
    pub is_composite: bool,
}

impl Sum {
    /// Of these bytes.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Sum {
        Sum { algorithm, value: BASE64.encode(algorithm.digest(bytes)), is_composite: false }
    }

    /// Of the parts' checksums.
    pub fn composite(algorithm: Algorithm, parts: &[Sum]) -> Sum {
        let digests: Vec<u8> = parts.iter().flat_map(|part| BASE64.decode(&part.value).unwrap_or_default()).collect();
        let value = format!("{}-{}", BASE64.encode(algorithm.digest(&digests)), parts.len());
        Sum { algorithm, value, is_composite: true }
    }

    /// `x-amz-checksum-type`.
    pub fn kind(&self) -> &'static str {
        if self.is_composite { "COMPOSITE" } else { "FULL_OBJECT" }
    }
}

/// The checksum that headers (or trailers) carry.
pub(super) fn given(headers: &HeaderMap) -> Option<Sum> {
    Algorithm::ALL.into_iter().find_map(|algorithm| {
        let value = headers.get(algorithm.header())?.to_str().ok()?.to_owned();
        Some(Sum { algorithm, value, is_composite: false })
    })
}

/// Refuses bytes that are not what `Content-MD5` says.
pub(super) fn check_md5(headers: &HeaderMap, bytes: &[u8]) -> Result<(), Refusal> {
    let Some(given) = headers.get("content-md5") else { return Ok(()) };
    let given = BASE64.decode(given.as_bytes()).ok().filter(|digest| digest.len() == 16);
    let given =
        given.ok_or_else(|| Refusal::new(400, "InvalidDigest", "The Content-MD5 you specified was invalid."))?;
    match given == md5::compute(bytes).0 {
        true => Ok(()),
        false => Err(Refusal::bad_digest("The Content-MD5 you specified did not match what we received.")),
    }
}
