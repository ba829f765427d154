//! The bytes of two objects, compared by the strongest means that both stores have.

use std::fmt;

use control::Effort;
use shared::Error;
use shared::digest::{Algorithm, Checksum, Hasher, in_common};
use shared::object::{ETag, ObjectInfo, Pin};
use shared::store::{EtagMeaning, Store};

/// Attempts at reading an object's bytes: a connection may be lost once in a long read.
const READS: u32 = 3;

/// What both sides are hashed with where neither reports anything: no two objects have been found, or
/// made, that it takes for the same.
const STRONG: Algorithm = Algorithm::Sha256;

/// What two objects were compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// Their sizes, as there is nothing else in common.
    Size,
    /// Entity tags that are MD5s.
    Etag,
    /// A checksum that both stores keep or compute.
    Checksum(Algorithm),
    /// Bytes that were read, of one side for the checksum that the other reports, or of both; or there are none.
    Bytes,
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Means::Size => f.write_str("size"),
            Means::Etag => f.write_str("etag"),
            Means::Checksum(algorithm) => f.write_str(algorithm.as_str()),
            Means::Bytes => f.write_str("bytes"),
        }
    }
}

/// One side's object.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    pub store: &'a Store,
    pub key: &'a str,
    pub pin: &'a Pin,
    pub size: u64,
}

impl Version<'_> {
    fn tag(&self) -> Option<&ETag> {
        self.pin.etag.as_ref()
    }

    fn meaning(&self) -> EtagMeaning {
        self.store.capabilities().etags
    }
}

/// Two versions of one size.
#[derive(Debug, Clone, Copy)]
pub struct Both<'a> {
    pub source: Version<'a>,
    pub destination: Version<'a>,
}

impl Both<'_> {
    /// Whether the tags say the same of the bytes, as far as a listing shows.
    fn tags(&self) -> Option<bool> {
        let (ours, theirs) = (self.source, self.destination);
        ours.meaning().compare(ours.tag()?, theirs.meaning(), theirs.tag()?)
    }

    /// Whether equal tags are all that is needed: no description is asked for then.
    pub fn has_equal_tags(&self) -> bool {
        self.tags() == Some(true)
    }
}

/// By what they were compared, and whether they are the same. `infos` are what a HEAD of each says.
pub async fn compare(
    both: Both<'_>,
    infos: (&ObjectInfo, &ObjectInfo),
    effort: Effort,
) -> Result<(Means, bool), Error> {
    if both.source.size == 0 {
        return Ok((Means::Bytes, true));
    }
    if effort == Effort::Deep {
        return by_bytes(both).await;
    }
    if let Some(found) = by_description(both, infos).await? {
        return Ok(found);
    }
    if effort == Effort::Quick {
        return Ok((Means::Size, true));
    }
    by_one_side(both, infos).await
}

/// By what the stores report without sending bytes.
async fn by_description(
    both: Both<'_>,
    (ours, theirs): (&ObjectInfo, &ObjectInfo),
) -> Result<Option<(Means, bool)>, Error> {
    let Both { source, destination } = both;
    // Listings do not show that a tag is opaque (a KMS key); a HEAD does.
    let opaque = ours.etag_is_opaque || theirs.etag_is_opaque;
    match both.tags().filter(|_| !opaque) {
        Some(true) => return Ok(Some((Means::Etag, true))),
        Some(false) if cut_alike(both).await? => return Ok(Some((Means::Etag, false))),
        _ => {}
    }
    let (a_known, b_known) = (known(ours, source.meaning()), known(theirs, destination.meaning()));
    if let Some((a, b)) = in_common(&a_known, &b_known) {
        return Ok(Some((Means::Checksum(a.algorithm), a == b)));
    }
    // What one side keeps the other may be able to compute where it is; where neither keeps any, both may.
    let mut candidates: Vec<Algorithm> = a_known.iter().chain(&b_known).map(|c| c.algorithm).collect();
    candidates.push(Algorithm::Crc64Nvme);
    for algorithm in candidates {
        let Some(ours) = get(source, &a_known, algorithm).await? else { continue };
        let Some(theirs) = get(destination, &b_known, algorithm).await? else { continue };
        return Ok(Some((Means::Checksum(algorithm), ours == theirs)));
    }
    Ok(None)
}

/// Whether two objects whose tags count equally many parts have these of equal sizes, without which the
/// tags of equal bytes differ.
async fn cut_alike(Both { source, destination }: Both<'_>) -> Result<bool, Error> {
    if source.tag().is_none_or(|tag| tag.part_count().is_none()) {
        return Ok(true);
    }
    let (a, b) = tokio::try_join!(
        source.store.part_layout(source.key, source.pin),
        destination.store.part_layout(destination.key, destination.pin)
    )?;
    Ok(a.is_some() && a == b)
}

/// Checksums that a description has, its tag among them where that is an MD5.
fn known(info: &ObjectInfo, meaning: EtagMeaning) -> Vec<Checksum> {
    let tag = info.etag.as_ref().filter(|_| meaning != EtagMeaning::Opaque && !info.etag_is_opaque);
    info.checksums.iter().cloned().chain(tag.and_then(|tag| tag.md5_form()).map(Checksum::md5)).collect()
}

async fn get(version: Version<'_>, known: &[Checksum], algorithm: Algorithm) -> Result<Option<Checksum>, Error> {
    match known.iter().find(|checksum| checksum.algorithm == algorithm) {
        Some(checksum) => Ok(Some(checksum.clone())),
        None => version.store.checksum(version.key, version.pin, algorithm).await,
    }
}

/// By reading the side that reports less; both, if neither reports anything.
async fn by_one_side(both: Both<'_>, (ours, theirs): (&ObjectInfo, &ObjectInfo)) -> Result<(Means, bool), Error> {
    let Both { source, destination } = both;
    for (info, known_side, other) in [(ours, source, destination), (theirs, destination, source)] {
        let computed = |checksum: &&Checksum| Hasher::new(checksum.algorithm).is_some();
        if let Some(checksum) = known(info, known_side.meaning()).iter().find(computed) {
            return Ok((Means::Bytes, read(other, checksum.algorithm).await? == *checksum));
        }
    }
    by_bytes(both).await
}

/// By reading both, at the same time, pinned to what was seen.
async fn by_bytes(both: Both<'_>) -> Result<(Means, bool), Error> {
    let (a, b) = tokio::try_join!(read(both.source, STRONG), read(both.destination, STRONG))?;
    Ok((Means::Bytes, a == b))
}

/// Reads and hashes an object. A body that was cut off or stalled is read again from its start.
async fn read(version: Version<'_>, algorithm: Algorithm) -> Result<Checksum, Error> {
    let once = || worker::read_checksum(&**version.store, version.key, version.pin.clone(), algorithm);
    let mut delays = shared::retry::GET.delays();
    for _ in 1..READS {
        match once().await {
            Err(error) if error.is_retryable() => tokio::time::sleep(delays.next_delay()).await,
            ended => return ended,
        }
    }
    once().await
}
