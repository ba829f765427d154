//! Errors while pairs are judged: they are no answers.

use std::sync::Arc;

use shared::config::{Compare, Find};
use shared::object::ETag;
use shared::store::{EtagMeaning, MetadataSupport};

use crate::fakes::{Shelf, entry};
use crate::objects::compare::Comparer;
use crate::objects::diff::Pair;
use crate::objects::listing::Sides;
use crate::objects::policy::{Decision, Reason, Same};

use super::*;

/// Decides a pair of equal size whose destination is younger and has another MD5 as its tag.
async fn decide(options: Find, shape: impl Fn(&mut Shelf, &mut Shelf)) -> Decision {
    let tags = ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"];
    let [mut source, mut destination] = [0, 1].map(|side| {
        let mut shelf = Shelf::new(vec![entry("k", 1, 5 + side as i64)]);
        shelf.entries[0].etag = Some(ETag::new(tags[side]));
        shelf.capabilities.etags = EtagMeaning::Md5;
        shelf.capabilities.metadata = MetadataSupport::AMAZON;
        shelf
    });
    shape(&mut source, &mut destination);
    let listed =
        |shelf: &Shelf| Entry { size: shelf.entries[0].size + shelf.lists_more_bytes, ..shelf.entries[0].clone() };
    let pair = Pair::Both(listed(&source), listed(&destination));
    let sides =
        Sides { source: Arc::new(source), destination: Arc::new(destination), destination_may_be_missing: false };
    Comparer::new(&sides, &options).decide(&[(pair, FilterVerdict::Taken)]).await.unwrap()[0]
}

fn by(compare: Compare) -> Find {
    Find { compare, ..Find::default() }
}

#[tokio::test]
async fn regression_without_head_a_pair_is_judged_by_size_and_time() {
    for compare in [Compare::Auto, Compare::Etag] {
        let decision = decide(by(compare), |_, b| b.head_fails = Some(ErrorKind::Denied)).await;
        assert_eq!(decision, Decision::Skip(Same::Time), "{compare:?}");
    }
}

#[tokio::test]
async fn regression_an_error_while_a_pair_is_judged_is_never_a_copy() {
    for kind in [ErrorKind::Denied, ErrorKind::Throttled, ErrorKind::Unavailable, ErrorKind::Timeout] {
        let checksum = decide(by(Compare::Checksum), |_, b| b.head_fails = Some(kind)).await;
        assert_eq!(checksum, Decision::NotJudged, "checksum {kind:?}");
        let source = decide(by(Compare::Auto), |a, _| a.head_fails = Some(kind)).await;
        assert_eq!(source, Decision::NotJudged, "source {kind:?}");
        let metadata = Find { metadata: true, ..by(Compare::Size) };
        let metadata = decide(metadata, |_, b| b.head_fails = Some(kind)).await;
        assert_eq!(metadata, Decision::NotJudged, "metadata {kind:?}");
    }
    let throttled = decide(by(Compare::Auto), |_, b| b.head_fails = Some(ErrorKind::Throttled)).await;
    assert_eq!(throttled, Decision::NotJudged);
}

#[tokio::test]
async fn an_object_that_changed_after_the_listing_is_copied() {
    for kind in [ErrorKind::NotFound, ErrorKind::PreconditionFailed] {
        let decision = decide(by(Compare::Checksum), |_, b| b.head_fails = Some(kind)).await;
        assert_eq!(decision, Decision::Copy(Reason::Changed), "{kind:?}");
    }
}

#[tokio::test]
async fn regression_a_size_that_only_listings_show_is_no_difference() {
    for compare in [Compare::Auto, Compare::SizeMtime, Compare::Size] {
        // The source lists 16 bytes more than it reads, or the destination does.
        for side in 0..2 {
            let decision = decide(by(compare), |a, b| {
                b.entries[0].etag = a.entries[0].etag.clone();
                [a, b][side].lists_more_bytes = 16;
            });
            assert!(matches!(decision.await, Decision::Skip(_)), "{compare:?} {side}");
        }
    }
    let differs = decide(by(Compare::Auto), |_, b| b.entries[0].size = 17).await;
    assert_eq!(differs, Decision::Copy(Reason::Size));
    let denied = decide(by(Compare::Auto), |_, b| {
        (b.entries[0].size, b.head_fails) = (17, Some(ErrorKind::Denied));
    });
    assert_eq!(denied.await, Decision::Copy(Reason::Size));
    let unknown = decide(by(Compare::Auto), |_, b| {
        (b.entries[0].size, b.head_fails) = (17, Some(ErrorKind::Unavailable));
    });
    assert_eq!(unknown.await, Decision::NotJudged);
}
