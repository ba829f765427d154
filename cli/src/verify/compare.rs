//! Two objects of one key, compared by the strongest means that both stores have.

use std::fmt;

use shared::digest::{Algorithm, Checksum, in_common};
use shared::object::{Entry, ObjectInfo, Pin};
use shared::store::{EtagMeaning, Store};
use shared::{Error, ErrorKind};

/// Attempts at reading an object's bytes: a connection may be lost once in a long read.
const READS: u32 = 3;

/// What `--deep` hashes with: no two objects have been found, or made, that it takes for the same.
const DEEP: Algorithm = Algorithm::Sha256;

/// Both stores.
#[derive(Debug)]
pub struct Sides {
    /// Where objects come from.
    pub source: Store,
    /// Where they went.
    pub destination: Store,
    /// Whether bytes are to be read.
    pub deep: bool,
}

/// What two objects were compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// Their sizes, as there is nothing else in common.
    Size,
    /// Entity tags that are MD5s.
    Etag,
    /// A checksum that both stores keep or compute.
    Checksum(Algorithm),
    /// All of their bytes, read; or there are none.
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

/// How a comparison ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was compared; nothing where one side has no such object, or it could not be read.
    pub means: Option<Means>,
    /// What differs; `None`: nothing does.
    pub difference: Option<String>,
}

impl Verdict {
    /// A difference that took no comparing.
    pub fn different(what: &str) -> Self {
        Verdict { means: None, difference: Some(what.to_owned()) }
    }

    fn by(means: Means, same: bool) -> Self {
        let difference = (!same).then(|| match means {
            Means::Bytes => "the bytes differ".to_owned(),
            means => format!("{means} differs"),
        });
        Verdict { means: Some(means), difference }
    }
}

/// Compares. What cannot be read differs, with the error: one object never stops the verification.
pub async fn compare(sides: &Sides, source: &Entry, destination: &Entry) -> Verdict {
    if source.size != destination.size {
        let what = format!("size: {} at the source, {} at the destination", source.size, destination.size);
        return Verdict { means: Some(Means::Size), difference: Some(what) };
    }
    if source.size == 0 {
        return Verdict::by(Means::Bytes, true);
    }
    let compared = match sides.deep {
        true => by_bytes(sides, source, destination).await,
        false => by_description(sides, source, destination).await,
    };
    compared.unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::PreconditionFailed => Verdict::different("changed while it was compared"),
        _ => Verdict::different(&format!("could not be compared: {error}")),
    })
}

fn pin(entry: &Entry) -> Pin {
    Pin { etag: entry.etag.clone(), version: entry.version.clone() }
}

/// By what the stores tell without sending bytes.
async fn by_description(sides: &Sides, source: &Entry, destination: &Entry) -> Result<Verdict, Error> {
    let (ours, theirs) = (sides.source.capabilities().etags, sides.destination.capabilities().etags);
    let tags = match (&source.etag, &destination.etag) {
        (Some(a), Some(b)) => ours.compare(a, theirs, b),
        _ => None,
    };
    if tags == Some(true) {
        return Ok(Verdict::by(Means::Etag, true));
    }
    let (a, b) = (pin(source), pin(destination));
    let (a_info, b_info) =
        tokio::try_join!(sides.source.head(&source.key, &a), sides.destination.head(&destination.key, &b))?;
    // Listings do not tell that a tag is opaque (a KMS key); a HEAD does.
    let opaque = a_info.etag_is_opaque || b_info.etag_is_opaque;
    if tags == Some(false) && !opaque && cut_alike(sides, source, destination).await? {
        return Ok(Verdict::by(Means::Etag, false));
    }
    let (a_known, b_known) = (known(&a_info, ours), known(&b_info, theirs));
    if let Some((a, b)) = in_common(&a_known, &b_known) {
        return Ok(Verdict::by(Means::Checksum(a.algorithm), a == b));
    }
    // What one side keeps the other may be able to compute where it is; where neither keeps any, both may.
    let mut candidates: Vec<Algorithm> = a_known.iter().chain(&b_known).map(|c| c.algorithm).collect();
    candidates.push(Algorithm::Crc64Nvme);
    for algorithm in candidates {
        let Some(ours) = get(&sides.source, &source.key, &a, &a_known, algorithm).await? else { continue };
        let Some(theirs) = get(&sides.destination, &destination.key, &b, &b_known, algorithm).await? else { continue };
        return Ok(Verdict::by(Means::Checksum(algorithm), ours == theirs));
    }
    Ok(Verdict::by(Means::Size, true))
}

/// Whether two objects whose tags count equally many parts have these of equal sizes, without which the
/// tags of equal bytes differ.
async fn cut_alike(sides: &Sides, source: &Entry, destination: &Entry) -> Result<bool, Error> {
    if source.etag.as_ref().is_none_or(|tag| tag.part_count().is_none()) {
        return Ok(true);
    }
    let (a, b) = (pin(source), pin(destination));
    let (a, b) = tokio::try_join!(
        sides.source.part_layout(&source.key, &a),
        sides.destination.part_layout(&destination.key, &b)
    )?;
    Ok(a.is_some() && a == b)
}

/// Checksums that a description has, its tag among them where that is an MD5.
fn known(info: &ObjectInfo, meaning: EtagMeaning) -> Vec<Checksum> {
    let tag = info.etag.as_ref().filter(|_| meaning != EtagMeaning::Opaque && !info.etag_is_opaque);
    info.checksums.iter().cloned().chain(tag.and_then(|tag| tag.md5_form()).map(Checksum::md5)).collect()
}

async fn get(
    store: &Store,
    key: &str,
    pin: &Pin,
    known: &[Checksum],
    algorithm: Algorithm,
) -> Result<Option<Checksum>, Error> {
    match known.iter().find(|checksum| checksum.algorithm == algorithm) {
        Some(checksum) => Ok(Some(checksum.clone())),
        None => store.checksum(key, pin, algorithm).await,
    }
}

/// By reading both, at the same time, pinned to what was listed.
async fn by_bytes(sides: &Sides, source: &Entry, destination: &Entry) -> Result<Verdict, Error> {
    let (a, b) = tokio::try_join!(read(&sides.source, source), read(&sides.destination, destination))?;
    Ok(Verdict::by(Means::Bytes, a == b))
}

/// Reads and hashes an object. A body that was cut off or stalled is read again from its start.
async fn read(store: &Store, entry: &Entry) -> Result<Checksum, Error> {
    let mut delays = shared::retry::GET.delays();
    for _ in 1..READS {
        match worker::read_checksum(&**store, &entry.key, pin(entry), DEEP).await {
            Err(error) if error.is_retryable() => tokio::time::sleep(delays.next_delay()).await,
            ended => return ended,
        }
    }
    worker::read_checksum(&**store, &entry.key, pin(entry), DEEP).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::location::Location;
    use shared::store::file::FileStore;
    use std::sync::Arc;

    async fn differences(deep: bool) -> Vec<(String, Option<Means>, bool)> {
        let root = std::env::temp_dir().join(format!("flotilla-verify-{}", uuid::Uuid::now_v7()));
        let write = |side: &str, name: &str, bytes: &str| {
            std::fs::create_dir_all(root.join(side)).unwrap();
            std::fs::write(root.join(side).join(name), bytes).unwrap();
        };
        for (name, a, b) in [("empty", "", ""), ("same", "abc", "abc"), ("size", "abc", "ab"), ("bytes", "abc", "abd")]
        {
            write("a", name, a);
            write("b", name, b);
        }
        let store =
            |side: &str| -> Store { Arc::new(FileStore::open(&Location::folder(&root.join(side)).unwrap()).unwrap()) };
        let sides = Sides { source: store("a"), destination: store("b"), deep };
        let mut found = Vec::new();
        for name in ["empty", "same", "size", "bytes"] {
            let entry = |store: &Store| {
                let store = store.clone();
                async move {
                    let mut listing = store.list(shared::store::KeyRange::default());
                    let page = listing.next_page().await.unwrap().unwrap();
                    page.into_iter().find(|entry| entry.key == name).unwrap()
                }
            };
            let verdict = compare(&sides, &entry(&sides.source).await, &entry(&sides.destination).await).await;
            found.push((name.to_owned(), verdict.means, verdict.difference.is_none()));
        }
        std::fs::remove_dir_all(root).unwrap();
        found
    }

    #[tokio::test]
    async fn folders_are_compared_by_a_checksum_they_can_both_compute() {
        let by = Some(Means::Checksum(Algorithm::Crc64Nvme));
        let expected = [
            ("empty", Some(Means::Bytes), true),
            ("same", by, true),
            ("size", Some(Means::Size), false),
            ("bytes", by, false),
        ];
        assert_eq!(differences(false).await, expected.map(|(name, means, same)| (name.to_owned(), means, same)));
    }

    #[tokio::test]
    async fn a_deep_comparison_reads_the_bytes() {
        let by = Some(Means::Bytes);
        let expected = [
            ("empty", Some(Means::Bytes), true),
            ("same", by, true),
            ("size", Some(Means::Size), false),
            ("bytes", by, false),
        ];
        assert_eq!(differences(true).await, expected.map(|(name, means, same)| (name.to_owned(), means, same)));
    }
}
