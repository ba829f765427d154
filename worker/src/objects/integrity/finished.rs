//! The bytes of an object that was made of parts: verified by the parts, or read again.

use shared::digest::{Checksum, combine, multipart_etag};
use shared::object::ETag;
use shared::objects::{PartRecord, Proof, UploadRecord};
use shared::store::{Capabilities, EtagMeaning, Written};
use shared::{Error, ErrorKind, Result};

use crate::objects::integrity::{PartsCheck, parts, same, same_etag, source_word, words};
use crate::objects::plan::part_size;

/// The work that remains before a finished object is known to have the source's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remaining {
    /// None; the words for the comparisons made.
    Nothing(String),
    /// It is read again, and must have this checksum; the word for the source's comparison.
    Read(Checksum, Option<String>),
    /// It is read again and hashed in parts as the source was cut, and must have this tag.
    ReadParts(ETag),
}

/// A finished object as the destination describes it.
#[derive(Debug)]
pub struct Finished {
    /// The destination's answer.
    pub written: Written,
    /// Whether this is surely the object of the parts that were sent, and not perhaps an older one.
    pub is_ours: bool,
    /// The CRC of the bytes of all parts, where these were compared with the source's checksum while they were sent.
    pub compared: Option<Checksum>,
}

/// An object that was made of parts, and the facts about them.
struct Made<'a> {
    subject: &'a str,
    record: &'a UploadRecord,
    written: &'a Written,
    /// All parts, or none.
    sent: &'a [PartRecord],
    /// The checksum that they make.
    checksum: Option<&'a Checksum>,
    /// The object's tag, where it says something of the bytes.
    tag: Option<&'a ETag>,
    /// Whether the service copied each part.
    is_by_service: bool,
    /// Whether the destination was compared with each part.
    is_proven: bool,
}

/// The checksum of an object that was made of parts, and the work that remains. `BadDigest` if it has other
/// bytes than the source.
pub fn finished(
    subject: &str,
    record: &UploadRecord,
    sent: &[PartRecord],
    object: &Finished,
    source: &Capabilities,
    destination: &Capabilities,
) -> Result<(Option<Checksum>, Remaining)> {
    let Finished { written, is_ours, compared } = object;
    let sent = if sent.len() == record.part_count() as usize { sent } else { &[] };
    let size = |part: &PartRecord| part_size(record.size, record.part_bytes, part.number);
    let sums: Vec<_> = sent.iter().map(|part| (part.checksum.clone(), size(part))).collect();
    let checksum = combined(&sums);
    let each = |proof: fn(Proof) -> bool| *is_ours && !sent.is_empty() && sent.iter().all(|part| proof(part.proof));
    let has_meaning = !written.etag_is_opaque && destination.etags == EtagMeaning::Md5AndParts;
    let made = Made {
        subject,
        record,
        written,
        sent,
        checksum: checksum.as_ref(),
        tag: written.etag.as_ref().filter(|_| has_meaning),
        is_by_service: each(|proof| proof == Proof::Service),
        is_proven: each(|proof| proof != Proof::None),
    };
    let remaining = match (parts(record), &record.checksum) {
        (PartsCheck::Etag, _) => made.by_etag()?,
        (PartsCheck::SourceCrc(_), Some(known)) => made.by_crc(known)?,
        _ if made.is_by_service => Remaining::Nothing("service".to_owned()),
        // Parts with the same CRC are the ones that were compared, whichever delivery sent them.
        (PartsCheck::ReadAgain(_), Some(known)) if made.is_proven && compared.is_some() && *compared == checksum => {
            Remaining::Nothing(words(source_word(Some(known), false), Some("destination parts".to_owned())))
        }
        (PartsCheck::ReadAgain(_), Some(known)) => Remaining::Read(known.clone(), source_word(Some(known), false)),
        _ => made.by_parts(source)?,
    };
    Ok((record.checksum.clone().or(checksum), remaining))
}

impl Made<'_> {
    /// The object was cut as its source was.
    fn by_etag(&self) -> Result<Remaining> {
        let Some(theirs) = &self.record.source.etag else {
            let message = "the record of its upload has no source ETag";
            return Err(Error::new(ErrorKind::BadDigest, "verify", self.subject, message));
        };
        if let Some(ours) = self.tag {
            same_etag(self.subject, ours, theirs)?;
            return Ok(Remaining::Nothing("etag".to_owned()));
        }
        if self.is_by_service {
            return Ok(Remaining::Nothing("service".to_owned()));
        }
        let md5s = self.sent.iter().map(|part| part.md5.as_ref()?.value.as_slice().try_into().ok());
        let of_parts: Option<Vec<[u8; 16]>> = md5s.collect();
        // Neither side's tag says anything of the parts that were sent: the bytes do.
        let Some(md5s) = of_parts.filter(|md5s| !md5s.is_empty()) else {
            return Ok(Remaining::ReadParts(theirs.clone()));
        };
        same_etag(self.subject, &ETag::new(&multipart_etag(&md5s)), theirs)?;
        Ok(match self.checksum {
            Some(ours) if self.written.checksum.as_ref() == Some(ours) => {
                Remaining::Nothing(format!("source etag, destination {}", ours.algorithm))
            }
            _ if self.is_proven => Remaining::Nothing("source etag, destination parts".to_owned()),
            _ => Remaining::ReadParts(theirs.clone()),
        })
    }

    /// The parts' CRCs combine to the source's, which is `known`.
    fn by_crc(&self, known: &Checksum) -> Result<Remaining> {
        let algorithm = known.algorithm;
        if let Some(ours) = self.checksum {
            same(self.subject, ours, known, "the source's")?;
        }
        Ok(match &self.written.checksum {
            Some(theirs) if theirs == known => {
                Remaining::Nothing(format!("source {algorithm}, destination {algorithm}"))
            }
            _ if self.checksum.is_some() && self.is_proven => {
                Remaining::Nothing(format!("source {algorithm}, destination parts"))
            }
            _ if self.is_by_service => Remaining::Nothing("service".to_owned()),
            _ => Remaining::Read(known.clone(), source_word(Some(known), false)),
        })
    }

    /// The source has no checksum: each part was checked by itself.
    fn by_parts(&self, source: &Capabilities) -> Result<Remaining> {
        let source = source_word(None, source.is_remote);
        Ok(match (self.checksum, &self.written.checksum) {
            (Some(ours), Some(theirs)) if ours == theirs => {
                Remaining::Nothing(words(source, Some(format!("destination {}", theirs.algorithm))))
            }
            _ if self.is_proven => Remaining::Nothing(words(source, Some("destination parts".to_owned()))),
            (Some(ours), _) => Remaining::Read(ours.clone(), source),
            (None, _) => {
                let message = "its parts have no checksum in common, so they cannot be verified together";
                return Err(Error::new(ErrorKind::BadDigest, "verify", self.subject, message));
            }
        })
    }
}

/// The CRC of the whole object from its parts' CRCs, in order; `None` if one is missing or of another kind.
pub fn combined(parts: &[(Option<Checksum>, u64)]) -> Option<Checksum> {
    let mut parts = parts.iter();
    let (first, _) = parts.next()?;
    parts.try_fold(first.clone()?, |whole, (next, size_bytes)| combine(&whole, next.as_ref()?, *size_bytes))
}
