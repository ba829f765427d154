//! How bytes are compared, to know at the least cost that the destination has the source's.
//! Pure: capabilities and descriptions of both sides go in; the checksums to send, to compute and to compare come out.
//!
//! In this order: the destination does the hashing (it is given the source's checksum, or its ETag
//! must come out equal to the source's); a checksum that the source keeps is compared with one
//! computed in transit; a source without a checksum is read once before, to have one; the bytes are
//! hashed in transit and compared with what the destination computed; and where nothing else exists,
//! the written object is read again.

use shared::digest::{Algorithm, Checksum};
use shared::object::{ETag, ObjectInfo};
use shared::objects::{Proof, UploadRecord};
use shared::store::{Capabilities, EtagMeaning, Part, Written};
use shared::{Error, ErrorKind, Result};

pub(crate) mod finished;

/// How the bytes of one request, a whole object or a part, are checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Check {
    /// Given to the destination, which refuses other bytes.
    pub send: Option<Checksum>,
    /// Compared with the bytes in transit, before the last of them are sent on.
    pub expect: Option<Checksum>,
    /// Computed in transit.
    pub hash: Vec<Algorithm>,
}

/// The checksum of the whole object that the source has: an MD5 ETag, or one that it keeps.
pub fn known(info: &ObjectInfo, source: &Capabilities) -> Option<Checksum> {
    let by_etag = || {
        let meaningful = source.etags != EtagMeaning::Opaque && !info.etag_is_opaque;
        info.etag.as_ref().filter(|_| meaningful)?.md5_form().map(Checksum::md5)
    };
    by_etag().or_else(|| best(&info.checksums).cloned())
}

/// The checksum that the source has of an object that goes in parts: a CRC before an MD5, because CRCs combine.
pub fn known_for_parts(info: &ObjectInfo, source: &Capabilities) -> Option<Checksum> {
    best(&info.checksums).cloned().or_else(|| known(info, source))
}

fn is_computed(algorithm: &Algorithm) -> bool {
    *algorithm != Algorithm::Sha1
}

/// The cheapest of these that can be computed here.
fn best(checksums: &[Checksum]) -> Option<&Checksum> {
    let mut computed = Algorithm::ALL.into_iter().filter(is_computed);
    computed.find_map(|algorithm| checksums.iter().find(|c| c.algorithm == algorithm))
}

/// MD5, where the destination's tags can be compared with it.
fn by_etag(destination: &Capabilities) -> Option<Algorithm> {
    (destination.etags != EtagMeaning::Opaque).then_some(Algorithm::Md5)
}

/// The algorithm to hash a source with that is read once before it is copied, because it has no checksum.
///
/// Over a network nothing else shows a flaw of the first read. A file is read twice only for a destination whose tags
/// say nothing either, and which verifies the checksum that is sent with the bytes.
pub fn read_first(has_checksum: bool, source: &Capabilities, destination: &Capabilities) -> Option<Algorithm> {
    let by_etag = by_etag(destination);
    let verified = Algorithm::ALL.into_iter().filter(is_computed).find(|a| destination.verifies.contains(a));
    let for_destination = destination.is_remote && by_etag.is_none() && verified.is_some();
    (!has_checksum && (source.is_remote || for_destination))
        .then(|| verified.or(by_etag).unwrap_or(Algorithm::Crc64Nvme))
}

/// The algorithm to hash a whole object with that is read once before it is copied. `is_required`: the destination
/// takes no bytes without a checksum. `has_tag`: the source's tag can be made of the bytes.
///
/// A file is hashed whenever its destination verifies: read twice, the second time out of the page cache, it is hashed
/// once all the same, and wrong bytes are refused before they replace what is there.
pub fn read_first_whole(
    info: &ObjectInfo,
    has_tag: bool,
    is_required: bool,
    source: &Capabilities,
    destination: &Capabilities,
) -> Option<Algorithm> {
    let known = known(info, source);
    let is_sent = |checksum: &Checksum| destination.verifies.contains(&checksum.algorithm);
    let verified = Algorithm::ALL.into_iter().filter(is_computed).find(|a| destination.verifies.contains(a));
    if is_required && !known.iter().chain(&info.checksums).any(is_sent) {
        return Some(verified.unwrap_or(Algorithm::Md5));
    }
    let has_checksum = info.size == 0 || known.is_some() || has_tag;
    if !has_checksum && !source.is_remote && destination.is_remote && verified.is_some() {
        return verified;
    }
    read_first(has_checksum, source, destination)
}

/// As [`read_first_whole`], of a part. An upload takes checksums of one kind, which it was created with.
pub fn read_first_part(
    record: &UploadRecord,
    is_required: bool,
    source: &Capabilities,
    destination: &Capabilities,
) -> Option<Algorithm> {
    let of_upload = match parts(record) {
        PartsCheck::SourceCrc(algorithm) => algorithm,
        _ => Algorithm::Crc64Nvme,
    };
    let sent = if destination.verifies.contains(&of_upload) { of_upload } else { Algorithm::Md5 };
    if is_required {
        return Some(sent);
    }
    let first = read_first(parts(record) != PartsCheck::Nothing, source, destination)?;
    Some(if destination.verifies.contains(&first) { sent } else { first })
}

/// Chooses how a whole PUT is checked. `read_before` is what a first read of the source gave.
pub fn whole(
    info: &ObjectInfo,
    read_before: Option<&Checksum>,
    source: &Capabilities,
    destination: &Capabilities,
) -> Check {
    let expect = read_before.cloned().or_else(|| known(info, source));
    // An MD5 first: the tag that comes back can be compared with it.
    let known = expect.iter().filter(|c| c.algorithm == Algorithm::Md5).chain(&info.checksums).chain(&expect);
    let mut verified = known.filter(|checksum| destination.verifies.contains(&checksum.algorithm));
    if let Some(sent) = verified.next() {
        return Check { send: Some(sent.clone()), ..Check::default() };
    }
    let mut hash: Vec<Algorithm> = expect.iter().map(|c| c.algorithm).chain(by_etag(destination)).collect();
    if hash.is_empty() {
        hash.push(Algorithm::Crc64Nvme);
    }
    hash.dedup();
    Check { send: None, expect, hash }
}

/// Chooses how one part is checked. The first of its hashes is the CRC that makes the whole object's.
pub fn part(record: &UploadRecord, read_before: Option<&Checksum>, destination: &Capabilities) -> Check {
    let (combines, by_part) = match parts(record) {
        PartsCheck::SourceCrc(algorithm) => (algorithm, true),
        PartsCheck::Nothing => (Algorithm::Crc64Nvme, true),
        // The finished object's tag shows its bytes; where it does not, the parts' MD5s do.
        PartsCheck::Etag => (Algorithm::Crc64Nvme, false),
        PartsCheck::ReadAgain(_) => (Algorithm::Crc64Nvme, false),
    };
    let for_source =
        (parts(record) == PartsCheck::Etag && destination.etags != EtagMeaning::Md5AndParts).then_some(Algorithm::Md5);
    let send = read_before.filter(|checksum| destination.verifies.contains(&checksum.algorithm)).cloned();
    let expect = read_before.cloned();
    let compared = by_etag(destination).filter(|_| by_part && send.is_none());
    let mut hash = vec![combines];
    let known = expect.iter().map(|checksum| checksum.algorithm);
    for algorithm in [Algorithm::Crc64Nvme].into_iter().chain(known).chain(compared).chain(for_source) {
        if !hash.contains(&algorithm) {
            hash.push(algorithm);
        }
    }
    Check { send, expect, hash }
}

/// The algorithms for a part that is in memory before it is sent: the CRC that makes the whole object's, and MD5 where
/// only that can be compared with the destination's.
pub fn part_in_memory(destination: &Capabilities) -> Vec<Algorithm> {
    let by_crc = destination.surely_verifies && destination.verifies.contains(&Algorithm::Crc64Nvme);
    let by_md5 = destination.verifies.contains(&Algorithm::Md5) || by_etag(destination).is_some();
    let md5 = (by_md5 && !by_crc).then_some(Algorithm::Md5);
    [Algorithm::Crc64Nvme].into_iter().chain(md5).collect()
}

impl Check {
    /// Of a part whose checksums are `known`, by the algorithms of [`part_in_memory`]: nothing is left to hash.
    pub fn of_known(known: &[Checksum], destination: &Capabilities) -> Check {
        let send = known.iter().find(|checksum| destination.verifies.contains(&checksum.algorithm)).cloned();
        Check { send, ..Check::default() }
    }

    /// The checksum of the bytes that were sent.
    pub fn ours(&self, hashed: &[Checksum]) -> Option<Checksum> {
        self.send.as_ref().or(hashed.first()).cloned()
    }

    /// The algorithm by which the destination is known to have the bytes that were sent. `None`: its answer has nothing
    /// that can be compared, or something that differs, which may be a tag that is not made of the bytes.
    pub fn confirmed_by(
        &self,
        written: &Written,
        hashed: &[Checksum],
        destination: &Capabilities,
    ) -> Option<Algorithm> {
        let theirs = answered(written.etag.as_ref(), written.etag_is_opaque, written.checksum.as_ref(), destination);
        // Every store has a tag for what it has taken: without one it may have taken nothing.
        let trusted = destination.surely_verifies && (written.etag.is_some() || !destination.is_remote);
        self.compare(hashed, &theirs, trusted).unwrap_or(None)
    }

    /// As [`confirmed_by`](Self::confirmed_by), of a part: one that differs is `BadDigest`, and is sent again.
    pub fn proof(&self, subject: &str, part: &Part, hashed: &[Checksum], destination: &Capabilities) -> Result<Proof> {
        let theirs = answered(Some(&part.etag), part.etag_is_opaque, part.checksum.as_ref(), destination);
        let compared = self.compare(hashed, &theirs, destination.surely_verifies);
        let compared = compared.map_err(|(ours, theirs)| differs(subject, &ours, &theirs, "the destination's part"))?;
        Ok(if compared.is_some() { Proof::Destination } else { Proof::None })
    }

    /// `trusted`: the destination has verified the sent checksum if its answer was good.
    fn compare(
        &self,
        hashed: &[Checksum],
        theirs: &[Checksum],
        trusted: bool,
    ) -> Result<Option<Algorithm>, (Checksum, Checksum)> {
        let mut same = self.send.as_ref().filter(|_| trusted).map(|sent| sent.algorithm);
        for theirs in theirs {
            match self.send.iter().chain(hashed).find(|ours| ours.algorithm == theirs.algorithm) {
                Some(ours) if ours == theirs => same = Some(theirs.algorithm),
                Some(ours) => return Err((ours.clone(), theirs.clone())),
                None => {}
            }
        }
        Ok(same)
    }
}

/// The checksums in the destination's answer.
fn answered(
    etag: Option<&ETag>,
    opaque: bool,
    checksum: Option<&Checksum>,
    destination: &Capabilities,
) -> Vec<Checksum> {
    let tag = etag.filter(|_| !opaque && destination.etags != EtagMeaning::Opaque);
    tag.and_then(|tag| tag.md5_form()).map(Checksum::md5).into_iter().chain(checksum.cloned()).collect()
}

/// The words of an outcome for the comparisons made: of the source, of the destination.
pub fn words(source: Option<String>, destination: Option<String>) -> String {
    let words: Vec<String> = source.into_iter().chain(destination).collect();
    if words.is_empty() { "size".to_owned() } else { words.join(", ") }
}

/// The word for how the source's bytes were checked.
pub fn source_word(known: Option<&Checksum>, read_before: bool) -> Option<String> {
    match known {
        _ if read_before => Some("source read twice".to_owned()),
        known => known.map(|checksum| format!("source {}", checksum.algorithm)),
    }
}

/// The word for a destination that was read again.
pub const READ_AGAIN: &str = "destination read again";

/// `BadDigest` unless both are equal.
pub fn same(subject: &str, ours: &Checksum, theirs: &Checksum, whose: &str) -> Result<()> {
    if ours == theirs { Ok(()) } else { Err(differs(subject, ours, theirs, whose)) }
}

/// `BadDigest` unless the bytes' tag is the source's.
pub fn same_etag(subject: &str, ours: &ETag, source: &ETag) -> Result<()> {
    if ours.as_str().eq_ignore_ascii_case(source.as_str()) {
        return Ok(());
    }
    let message = format!("wrong bytes: their ETag is {ours}, the source's is {source}");
    Err(Error::new(ErrorKind::BadDigest, "verify", subject, message))
}

fn differs(subject: &str, ours: &Checksum, theirs: &Checksum, whose: &str) -> Error {
    let message = format!("wrong bytes: computed {ours}, {whose} is {theirs}");
    Error::new(ErrorKind::BadDigest, "verify", subject, message)
}

/// How an object that goes in parts is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartsCheck {
    /// Cut as the source was: the two ETags must be equal, or the parts' MD5s make the source's.
    Etag,
    /// The parts' CRCs, computed in transit, combine to the source's CRC.
    SourceCrc(Algorithm),
    /// The source has a checksum to which parts cannot be combined: the parts are hashed in order while they are sent,
    /// or the destination is read again.
    ReadAgain(Algorithm),
    /// The source has no checksum: each part is checked by itself.
    Nothing,
}

/// Whether a whole's checksum is made of its parts'.
pub fn combines(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::Crc64Nvme | Algorithm::Crc32c | Algorithm::Crc32)
}

/// Chooses how an object in parts is checked. Depends on the record alone, so that every worker
/// that touches the upload chooses the same.
pub fn parts(record: &UploadRecord) -> PartsCheck {
    match &record.checksum {
        _ if record.same_parts => PartsCheck::Etag,
        Some(c) if combines(c.algorithm) => PartsCheck::SourceCrc(c.algorithm),
        Some(c) => PartsCheck::ReadAgain(c.algorithm),
        None => PartsCheck::Nothing,
    }
}

#[cfg(test)]
mod tests;
