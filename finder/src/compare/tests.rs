use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

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
    let comparer = Comparer::new(&sides, Compare::Checksum, true);
    let decisions = comparer.decide(&[(pair.clone(), Verdict::Taken), (pair, Verdict::ExcludedKey)]).await;
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
async fn an_object_that_cannot_be_asked_about_is_copied() {
    let (decision, _) = decide(|_, b| b.entries.clear()).await;
    assert_eq!(decision, Decision::Copy(Reason::Unknown));
}
