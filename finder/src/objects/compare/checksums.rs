//! The checksums of two objects, as their stores keep or compute them.

use shared::Result;
use shared::digest::{Algorithm, Checksum, in_common};
use shared::object::{Entry, Pin};
use shared::store::{EtagMeaning, Store};

/// Whether the checksums are the same; `None` if the stores have no algorithm in common.
pub(super) async fn same(
    (source, ours): (&Store, &Entry),
    (destination, theirs): (&Store, &Entry),
) -> Result<Option<bool>> {
    let mut ours = Known::ask(source, ours).await?;
    let mut theirs = Known::ask(destination, theirs).await?;
    if let Some((a, b)) = in_common(&ours.checksums, &theirs.checksums) {
        return Ok(Some(a == b));
    }
    // What one side keeps the other may be able to compute; where neither keeps any, both may.
    let kept = |a: &Algorithm| ours.checksums.iter().chain(&theirs.checksums).any(|c| c.algorithm == *a);
    let mut candidates: Vec<Algorithm> = Algorithm::ALL.into_iter().filter(kept).collect();
    if candidates.is_empty() {
        candidates.push(Algorithm::ALL[0]);
    }
    for algorithm in candidates {
        let Some(b) = theirs.get(algorithm).await? else { continue };
        let Some(a) = ours.get(algorithm).await? else { continue };
        return Ok(Some(a == b));
    }
    Ok(None)
}

/// The checksums of one object, as far as they are known.
struct Known<'a> {
    store: &'a Store,
    key: &'a str,
    pin: Pin,
    checksums: Vec<Checksum>,
}

impl<'a> Known<'a> {
    /// One HEAD, pinned to what was listed: reports the checksums that the store keeps, the tag among them
    /// where it is an MD5.
    async fn ask(store: &'a Store, entry: &'a Entry) -> Result<Self> {
        let pin = entry.pin();
        let info = store.head(&entry.key, &pin).await?;
        let mut checksums = info.checksums;
        let meaning = store.capabilities().etags;
        let tag = info.etag.filter(|_| meaning != EtagMeaning::Opaque && !info.etag_is_opaque);
        checksums.extend(tag.and_then(|tag| tag.md5_form()).map(Checksum::md5));
        Ok(Known { store, key: &entry.key, pin, checksums })
    }

    async fn get(&mut self, algorithm: Algorithm) -> Result<Option<Checksum>> {
        match self.checksums.iter().find(|c| c.algorithm == algorithm) {
            Some(known) => Ok(Some(known.clone())),
            None => self.store.checksum(self.key, &self.pin, algorithm).await,
        }
    }
}
