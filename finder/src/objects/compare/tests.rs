use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use shared::digest::{Algorithm, Checksum};
use shared::store::EtagMeaning;

use super::*;
use crate::fakes::{Shelf, entry};

fn crc(byte: u8) -> Checksum {
    Checksum { algorithm: Algorithm::Crc64Nvme, value: vec![byte; 8] }
}

/// Decides one pair of equal size, the destination older, by checksum.
async fn decide(shape: impl Fn(&mut Shelf, &mut Shelf)) -> (Decision, usize) {
    let (mut source, mut destination) = (Shelf::new(vec![entry("k", 1, 9)]), Shelf::new(vec![entry("k", 1, 5)]));
    shape(&mut source, &mut destination);
    let pair = Pair::Both(entry("k", 1, 9), entry("k", 1, 5));
    let (source, destination) = (Arc::new(source), Arc::new(destination));
    let sides = Sides { source: source.clone(), destination: destination.clone(), destination_may_be_missing: false };
    let comparer = Comparer::new(&sides, &Find { compare: Compare::Checksum, delete: true, ..Find::default() });
    let decisions =
        comparer.decide(&[(pair.clone(), FilterVerdict::Taken), (pair, FilterVerdict::ExcludedKey)]).await.unwrap();
    assert_eq!(decisions[1], Decision::Leave);
    (decisions[0], source.heads.load(SeqCst) + destination.heads.load(SeqCst))
}

fn keep(shelf: &mut Shelf, checksum: Checksum) {
    shelf.keeps.insert("k".into(), checksum);
}

fn compute(shelf: &mut Shelf, checksum: Checksum) {
    shelf.computes.insert("k".into(), checksum);
}

#[tokio::test]
async fn checksums_that_both_keep_decide_at_one_head_a_side() {
    let same = decide(|a, b| (keep(a, crc(1)), keep(b, crc(1))).1).await;
    assert_eq!(same, (Decision::Skip(Same::Checksum), 2));
    let differs = decide(|a, b| (keep(a, crc(1)), keep(b, crc(2))).1).await;
    assert_eq!(differs, (Decision::Copy(Reason::Checksum), 2));
}

#[tokio::test]
async fn what_one_side_keeps_the_other_computes() {
    let (decision, _) = decide(|a, b| (keep(a, crc(1)), compute(b, crc(1))).1).await;
    assert_eq!(decision, Decision::Skip(Same::Checksum));
    let (decision, _) = decide(|a, b| (compute(a, crc(1)), compute(b, crc(2))).1).await;
    assert_eq!(decision, Decision::Copy(Reason::Checksum));
}

#[tokio::test]
async fn an_entity_tag_that_is_an_md5_is_compared_with_a_computed_one() {
    let tag = "00000000000000000000000000000000";
    let (decision, _) = decide(|a, b| {
        a.capabilities.etags = EtagMeaning::Md5;
        a.entries[0].etag = Some(shared::object::ETag::new(tag));
        compute(b, Checksum::md5([0; 16]));
    })
    .await;
    assert_eq!(decision, Decision::Skip(Same::Checksum));
}

#[tokio::test]
async fn without_a_checksum_in_common_time_decides() {
    assert_eq!(decide(|_, _| ()).await.0, Decision::Copy(Reason::Newer));
    let (decision, _) = decide(|a, _| keep(a, crc(1))).await;
    assert_eq!(decision, Decision::Copy(Reason::Newer));
}

#[tokio::test]
async fn an_object_that_is_gone_since_the_listing_is_copied() {
    let (decision, _) = decide(|_, b| b.entries.clear()).await;
    assert_eq!(decision, Decision::Copy(Reason::Changed));
}

/// Decides one pair of equal size whose tags differ, the destination younger, by tags.
async fn decide_by_tags(encrypted: [bool; 2]) -> (Decision, usize) {
    let tags = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"];
    let [source, destination] = [0, 1].map(|side| {
        let mut one = entry("k", 1, 5 + side as i64);
        one.etag = Some(shared::object::ETag::new(tags[side]));
        let mut shelf = Shelf::new(vec![one]);
        shelf.capabilities.etags = EtagMeaning::Md5;
        shelf.encrypted = encrypted[side];
        shelf
    });
    let pair = Pair::Both(source.entries[0].clone(), destination.entries[0].clone());
    let (source, destination) = (Arc::new(source), Arc::new(destination));
    let sides = Sides { source: source.clone(), destination: destination.clone(), destination_may_be_missing: false };
    let decisions = Comparer::new(&sides, &Find::default()).decide(&[(pair, FilterVerdict::Taken)]).await.unwrap();
    (decisions[0], source.heads.load(SeqCst) + destination.heads.load(SeqCst))
}

#[tokio::test]
async fn tags_that_only_look_like_md5s_do_not_make_every_run_copy() {
    assert_eq!(decide_by_tags([false, true]).await, (Decision::Skip(Same::Time), 1));
    assert_eq!(decide_by_tags([true, false]).await, (Decision::Skip(Same::Time), 2));
    assert_eq!(decide_by_tags([false, false]).await, (Decision::Copy(Reason::Etag), 2));
}
