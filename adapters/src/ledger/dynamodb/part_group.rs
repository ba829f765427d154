//! A group of parts as its item has them: each KiB counts as a write, and as another one when the item is deleted.
//!
//! Digests are random: they stand as bytes, one after another. All else is nearly the same for each part, and
//! compresses.

use serde::{Deserialize, Serialize};
use shared::digest::{Algorithm, Checksum, to_hex};
use shared::object::ETag;
use shared::objects::{PartRecord, Proof};

use super::deflated::{deflate, inflate};

/// Bytes of an MD5.
const MD5_BYTES: usize = 16;

/// Bytes of the length of the rows, which stands before them.
const LENGTH_BYTES: usize = 4;

/// A part without its digests.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    /// By how much its number is higher than that of the row before.
    step: u32,
    /// Its tag; `None`: it is an MD5, and stands among the digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<ETag>,
    /// The algorithm of its checksum, whose value stands among the digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<Algorithm>,
    /// The same of its MD5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    md5: Option<Algorithm>,
    proof: Proof,
}

/// The parts, by number: the length of the rows, the rows, and the digests. Of the same parts in any order it is the
/// same.
pub(super) fn encode(parts: &[PartRecord]) -> Vec<u8> {
    let mut sorted: Vec<&PartRecord> = parts.iter().collect();
    sorted.sort_by_key(|part| part.number);
    let (mut rows, mut before) = (Vec::with_capacity(sorted.len()), 0);
    let mut digests: Vec<u8> = Vec::new();
    for part in sorted {
        let tag = tag_digest(&part.etag);
        digests.extend(tag.iter().flatten());
        for checksum in part.checksum.iter().chain(&part.md5) {
            digests.extend(&checksum.value);
        }
        rows.push(Row {
            step: part.number - before,
            etag: tag.is_none().then(|| part.etag.clone()),
            checksum: part.checksum.as_ref().map(|checksum| checksum.algorithm),
            md5: part.md5.as_ref().map(|checksum| checksum.algorithm),
            proof: part.proof,
        });
        before = part.number;
    }
    let rows = deflate(&rows).expect("a group is shorter than an item");
    let length = u32::try_from(rows.len()).expect("a group is shorter than an item");
    [length.to_be_bytes().as_slice(), &rows, &digests].concat()
}

/// The bytes of a tag that is an MD5 in its usual spelling.
fn tag_digest(etag: &ETag) -> Option<[u8; MD5_BYTES]> {
    etag.md5_form().filter(|digest| to_hex(digest) == etag.as_str())
}

/// The parts that [`encode`] wrote; `None` if the bytes have none.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<PartRecord>> {
    let mut rest = bytes;
    let length = u32::from_be_bytes(next(&mut rest, LENGTH_BYTES)?.try_into().ok()?);
    let rows: Vec<Row> = inflate(next(&mut rest, usize::try_from(length).ok()?)?)?;
    let (mut parts, mut number) = (Vec::with_capacity(rows.len()), 0_u32);
    for Row { step, etag, checksum, md5, proof } in rows {
        number = number.checked_add(step)?;
        let etag = match etag {
            Some(etag) => etag,
            None => ETag::new(&to_hex(next(&mut rest, MD5_BYTES)?)),
        };
        let checksum = match checksum {
            Some(algorithm) => Some(next_checksum(&mut rest, algorithm)?),
            None => None,
        };
        let md5 = match md5 {
            Some(algorithm) => Some(next_checksum(&mut rest, algorithm)?),
            None => None,
        };
        parts.push(PartRecord { number, etag, checksum, md5, proof });
    }
    rest.is_empty().then_some(parts)
}

fn next_checksum(rest: &mut &[u8], algorithm: Algorithm) -> Option<Checksum> {
    Some(Checksum { algorithm, value: next(rest, algorithm.len_bytes())?.to_vec() })
}

/// Takes so many bytes off; `None` if there are fewer.
fn next<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (next, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::option::of;
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    fn parts() -> impl Strategy<Value = Vec<PartRecord>> {
        let etags = prop::sample::select(vec![
            "0123456789abcdef0123456789abcdef",
            "0123456789ABCDEF0123456789abcdef",
            "0123456789abcdef0123456789abcdef-3",
            "W/\"0123456789abcdef0123456789abcdef\"",
            "\u{fc}",
            "",
        ]);
        let algorithms = prop::sample::select(Algorithm::ALL.to_vec());
        let checksums = (algorithms, any::<u8>())
            .prop_map(|(algorithm, byte)| Checksum { algorithm, value: vec![byte; algorithm.len_bytes()] });
        let md5s = any::<[u8; 16]>().prop_map(Checksum::md5);
        let proofs = prop::sample::select(vec![Proof::None, Proof::Destination, Proof::Service]);
        let part =
            (0_u32..10_001, etags, of(checksums), of(md5s), proofs).prop_map(|(number, etag, checksum, md5, proof)| {
                PartRecord { number, etag: ETag::new(etag), checksum, md5, proof }
            });
        prop::collection::vec(part, 0..20)
    }

    proptest! {
        #[test]
        fn parts_come_back_from_their_group_by_number(mut parts in parts()) {
            let decoded = decode(&encode(&parts)).unwrap();
            parts.sort_by_key(|part| part.number);
            let spelled = |parts: &[PartRecord]| -> Vec<String> {
                parts.iter().map(|part| part.etag.as_str().to_owned()).collect()
            };
            prop_assert_eq!(spelled(&decoded), spelled(&parts));
            prop_assert_eq!(decoded, parts);
        }

        #[test]
        fn other_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..60), parts in parts()) {
            prop_assert_eq!(decode(&bytes), None);
            let group = encode(&parts);
            prop_assert_eq!(decode(&group[..group.len() - 1]), None);
            prop_assert_eq!(decode(&[group, vec![0]].concat()), None);
        }
    }

    /// Names and keys of the item take some 200 bytes more: 64 parts count as two writes.
    #[test]
    fn a_part_takes_little_more_than_its_digests() {
        let part = |number: u32| {
            let digest = Sha256::digest(number.to_be_bytes());
            PartRecord {
                number,
                etag: ETag::new(&to_hex(&digest[..16])),
                checksum: Some(Checksum { algorithm: Algorithm::Crc64Nvme, value: digest[16..24].to_vec() }),
                md5: None,
                proof: Proof::Destination,
            }
        };
        let bytes = encode(&(1..65).map(part).collect::<Vec<_>>()).len();
        assert!(bytes <= 64 * (16 + 8) + 160, "{bytes} bytes");
    }
}
