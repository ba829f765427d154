//! Folders compared.

use std::path::PathBuf;
use std::sync::Arc;

use adapters::store::file::FileStore;
use shared::digest::Algorithm;
use shared::location::Location;
use shared::store::{KeyRange, Listed};

use super::*;

struct Folders(PathBuf);

impl Folders {
    fn new() -> Folders {
        let folders = Folders(std::env::temp_dir().join(format!("flotilla-verify-{}", uuid::Uuid::now_v7())));
        ["a", "b"].iter().for_each(|side| std::fs::create_dir_all(folders.0.join(side)).unwrap());
        folders
    }

    fn write(&self, side: &str, name: &str, bytes: &str) {
        std::fs::write(self.0.join(side).join(name), bytes).unwrap();
    }

    fn sides(&self, effort: Effort) -> VerifiedStores {
        let store = |side: &str| -> Store {
            Arc::new(FileStore::open(&Location::folder(&self.0.join(side)).unwrap()).unwrap())
        };
        VerifiedStores { source: store("a"), destination: store("b"), effort, describer: None }
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn listed(store: &Store, name: &str) -> Option<Entry> {
    let page = store.list(KeyRange::default()).next_page().await.unwrap()?;
    Listed::objects(page).find(|entry| entry.key == name)
}

async fn pair(sides: &VerifiedStores, name: &str) -> Pair {
    match (listed(&sides.source, name).await, listed(&sides.destination, name).await) {
        (Some(a), Some(b)) => Pair::Both(a, b),
        (Some(a), None) => Pair::Source(a),
        (None, b) => Pair::Destination(b.unwrap()),
    }
}

#[tokio::test]
async fn folders_are_compared_by_a_common_checksum_or_by_bytes() {
    for (effort, means) in [
        (Effort::Quick, Means::Checksum(Algorithm::Crc64Nvme)),
        (Effort::Needed, Means::Checksum(Algorithm::Crc64Nvme)),
        (Effort::Deep, Means::Bytes),
    ] {
        let folders = Folders::new();
        for (name, a, b) in [("empty", "", ""), ("same", "abc", "abc"), ("size", "abc", "ab"), ("bytes", "abc", "abd")]
        {
            folders.write("a", name, a);
            folders.write("b", name, b);
        }
        let sides = folders.sides(effort);
        for (name, means, kind) in [
            ("empty", Means::Bytes, None),
            ("same", means, None),
            ("size", Means::Size, Some(DifferenceKind::Size)),
            ("bytes", means, Some(DifferenceKind::Content)),
        ] {
            let verdict = compare(&sides, &pair(&sides, name).await).await;
            let kinds: Vec<DifferenceKind> = verdict.differences.iter().map(|difference| difference.kind).collect();
            assert_eq!((verdict.means, kinds), (Some(means), kind.into_iter().collect()), "{name} {effort:?}");
        }
    }
}

/// What was listed → what became of it → the verdict.
#[tokio::test]
async fn what_has_changed_since_the_listing_is_judged_as_it_is_now() {
    let folders = Folders::new();
    let sides = folders.sides(Effort::Needed);
    for name in ["late", "gone", "mended"] {
        folders.write("a", name, "abc");
    }
    folders.write("b", "mended", "ab");
    folders.write("b", "removed", "x");
    let mut pairs = Vec::new();
    for name in ["late", "gone", "mended", "removed"] {
        pairs.push(pair(&sides, name).await);
    }
    folders.write("b", "late", "abc");
    folders.write("b", "mended", "abc");
    std::fs::remove_file(folders.0.join("a/gone")).unwrap();
    std::fs::remove_file(folders.0.join("b/removed")).unwrap();
    for pair in pairs {
        assert_eq!(compare(&sides, &pair).await.differences, [], "{}", pair.key());
    }
}
