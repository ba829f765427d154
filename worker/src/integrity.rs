//! What is compared to know that the bytes at the destination are the source's, at the least cost.
//! Pure: from what both sides can tell to what is sent along, hashed on the way, and compared.
//!
//! In this order: the destination does the hashing (it is given the source's checksum, or its ETag
//! must come out equal to the source's); a checksum that the source keeps is compared with one
//! computed on the way; else the bytes are hashed once on the way and compared with what the
//! destination computed; and where nothing else exists, what was written is read again.

use shared::digest::{Algorithm, Checksum, combine};
use shared::ledger::UploadRecord;
use shared::object::ObjectInfo;
use shared::store::{Capabilities, EtagMeaning, Part, Written};
use shared::{Error, ErrorKind, Result};

/// How a whole PUT is checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WholeCheck {
    /// Given to the destination, which refuses other bytes.
    pub send: Option<Checksum>,
    /// Compared with the bytes on the way, before the last of them are sent on.
    pub expect: Option<Checksum>,
    /// Computed on the way.
    pub hash: Vec<Algorithm>,
}

/// The checksum of the whole object that the source can tell: an MD5 ETag, or one that it keeps.
pub fn known(info: &ObjectInfo, source: &Capabilities) -> Option<Checksum> {
    let by_etag = || {
        let meaningful = source.etags != EtagMeaning::Opaque && !info.etag_is_opaque;
        info.etag.as_ref().filter(|_| meaningful)?.md5_form().map(Checksum::md5)
    };
    by_etag().or_else(|| best(&info.checksums).cloned())
}

/// The cheapest of these that can be computed here.
fn best(checksums: &[Checksum]) -> Option<&Checksum> {
    let computable = Algorithm::ALL.into_iter().filter(|&a| a != Algorithm::Sha1);
    computable.into_iter().find_map(|algorithm| checksums.iter().find(|c| c.algorithm == algorithm))
}

/// Chooses how a whole PUT is checked.
pub fn whole(info: &ObjectInfo, source: &Capabilities, destination: &Capabilities) -> WholeCheck {
    let known_to_both = |c: &&Checksum| destination.verifies.contains(&c.algorithm);
    let md5 = known(info, source).filter(|c| c.algorithm == Algorithm::Md5);
    if let Some(sent) = md5.iter().chain(&info.checksums).find(known_to_both) {
        return WholeCheck { send: Some(sent.clone()), ..WholeCheck::default() };
    }
    let expect = known(info, source);
    let mut hash: Vec<Algorithm> = expect.iter().map(|c| c.algorithm).collect();
    let by_etag = (destination.etags != EtagMeaning::Opaque).then_some(Algorithm::Md5);
    // Where neither side tells anything, the record still gets a checksum, by the cheapest algorithm.
    let fallback = hash.is_empty().then_some(Algorithm::Crc64Nvme);
    if let Some(algorithm) = by_etag.or(fallback)
        && !hash.contains(&algorithm)
    {
        hash.push(algorithm);
    }
    WholeCheck { send: None, expect, hash }
}

impl WholeCheck {
    /// Compares what the destination answered with what is known, and says what was compared.
    /// `BadDigest` if the bytes differ.
    pub fn judge(
        &self,
        subject: &str,
        written: &Written,
        hashed: &[Checksum],
        destination: &Capabilities,
    ) -> Result<(Option<Checksum>, String)> {
        let ours: Vec<&Checksum> = self.send.iter().chain(hashed).collect();
        let etag =
            written.etag.as_ref().filter(|_| destination.etags != EtagMeaning::Opaque && !written.etag_is_opaque);
        let theirs = etag.and_then(|tag| tag.md5_form()).map(Checksum::md5);
        let mut compared = Vec::new();
        for theirs in theirs.iter().chain(&written.checksum) {
            if let Some(mine) = ours.iter().find(|c| c.algorithm == theirs.algorithm) {
                same(subject, mine, theirs, "the destination's")?;
                compared.push(format!("destination {}", theirs.algorithm));
            }
        }
        if let (Some(sent), true) = (&self.send, compared.is_empty()) {
            compared.push(format!("destination {}", sent.algorithm));
        }
        if let Some(expected) = self.send.as_ref().or(self.expect.as_ref()) {
            compared.insert(0, format!("source {}", expected.algorithm));
        }
        if compared.is_empty() {
            compared.push("size".into());
        }
        Ok((ours.first().map(|c| (*c).clone()), compared.join(", ")))
    }
}

/// `BadDigest` unless both are equal.
pub fn same(subject: &str, ours: &Checksum, theirs: &Checksum, whose: &str) -> Result<()> {
    if ours == theirs {
        return Ok(());
    }
    let message = format!("the bytes were changed on the way: {ours} here, {whose} is {theirs}");
    Err(Error::new(ErrorKind::BadDigest, "verify", subject, message))
}

/// How an object that goes in parts is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartsCheck {
    /// Cut as the source was: the two ETags must be equal.
    Etag,
    /// The parts' CRCs, computed on the way, combine to the source's CRC.
    SourceCrc(Algorithm),
    /// The source tells a checksum that parts cannot be combined to: the destination is read again.
    ReadAgain(Algorithm),
    /// The source tells nothing: the destination must hold the bytes that were read.
    PartEtags,
}

/// Chooses how an object in parts is checked. Depends on the record alone, so that every worker
/// that touches the upload chooses the same.
pub fn parts(record: &UploadRecord) -> PartsCheck {
    match &record.checksum {
        _ if record.same_parts => PartsCheck::Etag,
        Some(c) if matches!(c.algorithm, Algorithm::Crc64Nvme | Algorithm::Crc32c | Algorithm::Crc32) => {
            PartsCheck::SourceCrc(c.algorithm)
        }
        Some(c) => PartsCheck::ReadAgain(c.algorithm),
        None => PartsCheck::PartEtags,
    }
}

/// What the source can tell of an object that goes in parts: a CRC before an MD5, because CRCs combine.
pub fn known_for_parts(info: &ObjectInfo, source: &Capabilities) -> Option<Checksum> {
    best(&info.checksums).cloned().or_else(|| known(info, source))
}

/// The hashes to compute of each part: the first is kept in the ledger, an MD5 is compared with the
/// part's ETag where those are MD5s.
pub fn part_hashes(check: PartsCheck, destination: &Capabilities) -> Vec<Algorithm> {
    let by_etag = (destination.etags != EtagMeaning::Opaque).then_some(Algorithm::Md5);
    match check {
        PartsCheck::Etag | PartsCheck::ReadAgain(_) => vec![],
        PartsCheck::SourceCrc(algorithm) => std::iter::once(algorithm).chain(by_etag).collect(),
        PartsCheck::PartEtags => vec![by_etag.unwrap_or(Algorithm::Crc64Nvme)],
    }
}

/// Compares one part's answer with the bytes that were read for it.
pub fn judge_part(subject: &str, part: &Part, hashed: &[Checksum], destination: &Capabilities) -> Result<()> {
    let md5 = hashed.iter().find(|c| c.algorithm == Algorithm::Md5);
    let opaque = part.etag_is_opaque || destination.etags == EtagMeaning::Opaque;
    let theirs = part.etag.md5_form().filter(|_| !opaque).map(Checksum::md5);
    match (md5, theirs) {
        (Some(ours), Some(theirs)) => same(subject, ours, &theirs, "the destination's part"),
        _ => Ok(()),
    }
}

/// The CRC of the whole object from its parts' CRCs, in order; `None` if one is missing or of another kind.
pub fn combined(parts: &[(Option<Checksum>, u64)]) -> Option<Checksum> {
    let mut parts = parts.iter();
    let (first, _) = parts.next()?;
    parts.try_fold(first.clone()?, |whole, (next, size_bytes)| combine(&whole, next.as_ref()?, *size_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::store;
    use shared::digest::Hasher;
    use shared::object::ETag;

    fn sum(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
        let mut hasher = Hasher::new(algorithm).unwrap();
        hasher.update(bytes);
        hasher.finish()
    }

    fn info(etag: &str, checksums: Vec<Checksum>) -> ObjectInfo {
        ObjectInfo { size: 1, etag: Some(ETag::new(etag)), checksums, ..ObjectInfo::default() }
    }

    /// Source tells … | destination … → sent along, expected on the way, hashed.
    #[test]
    fn the_check_of_a_whole_put_follows_its_table() {
        use Algorithm::{Crc64Nvme, Md5};
        use EtagMeaning::{Md5AndParts, Opaque};
        let md5 = sum(Md5, b"x");
        let crc = sum(Crc64Nvme, b"x");
        let s3 = store(Md5AndParts, &[Md5]);
        let amazon = store(Md5AndParts, &[Md5, Crc64Nvme]);
        let folder = store(Opaque, &[]);
        let plain = info(&md5.to_hex(), vec![]);
        let multipart = info(&format!("{}-3", md5.to_hex()), vec![crc.clone()]);
        let opaque = info("xyz", vec![]);
        let table = [
            (&plain, &s3, Some(&md5), None, vec![]),
            (&plain, &folder, None, Some(&md5), vec![Md5]),
            (&multipart, &amazon, Some(&crc), None, vec![]),
            (&multipart, &s3, None, Some(&crc), vec![Crc64Nvme, Md5]),
            (&opaque, &s3, None, None, vec![Md5]),
            (&opaque, &folder, None, None, vec![Crc64Nvme]),
        ];
        for (row, (info, destination, send, expect, hash)) in table.into_iter().enumerate() {
            let check = whole(info, &s3, destination);
            assert_eq!((check.send.as_ref(), check.expect.as_ref(), check.hash), (send, expect, hash), "row {row}");
        }
        let encrypted = ObjectInfo { etag_is_opaque: true, ..plain };
        assert_eq!(whole(&encrypted, &s3, &s3).send, None, "a KMS object's tag is not its MD5");
    }

    #[test]
    fn a_destination_that_holds_other_bytes_is_found_out() {
        let s3 = store(EtagMeaning::Md5AndParts, &[Algorithm::Md5]);
        let check = whole(&info("opaque", vec![]), &s3, &s3);
        let answer = |etag: String| Written { etag: Some(ETag::new(&etag)), ..Written::default() };
        let ours = [sum(Algorithm::Md5, b"ours")];
        let good = check.judge("k", &answer(ours[0].to_hex()), &ours, &s3).unwrap();
        assert_eq!(good.1, "destination md5");
        let bad = check.judge("k", &answer(sum(Algorithm::Md5, b"theirs").to_hex()), &ours, &s3);
        assert_eq!(bad.unwrap_err().kind(), ErrorKind::BadDigest);
    }

    #[test]
    fn crcs_of_parts_make_the_crc_of_the_whole() {
        let part = |bytes: &[u8]| (Some(sum(Algorithm::Crc64Nvme, bytes)), bytes.len() as u64);
        assert_eq!(combined(&[part(b"ab"), part(b"cde"), part(b"f")]), Some(sum(Algorithm::Crc64Nvme, b"abcdef")));
        assert_eq!(combined(&[part(b"ab"), (None, 3)]), None);
    }
}
