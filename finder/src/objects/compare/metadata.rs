//! Comparing the metadata of objects with the same bytes.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use shared::config::{Compare, Find};
use shared::object::Attributes;
use shared::store::{MetadataSupport, Support};

use crate::fakes::{Shelf, entry};
use crate::objects::compare::Comparer;
use crate::objects::diff::Pair;
use crate::objects::listing::Sides;
use crate::objects::policy::{Decision, Reason, Same};

use super::*;

fn says(shelf: &mut Shelf, language: &str, tags: &[(&str, &str)]) {
    let attributes = Attributes { content_language: Some(language.into()), ..Attributes::default() };
    let tags = tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    shelf.says.insert("k".into(), (attributes, tags));
}

/// Decides a pair of equal size whose destination is younger; returns how many requests it made.
async fn decide(metadata: bool, shape: impl Fn(&mut Shelf, &mut Shelf)) -> (Decision, usize) {
    let (mut source, mut destination) = (Shelf::new(vec![entry("k", 1, 5)]), Shelf::new(vec![entry("k", 1, 9)]));
    for shelf in [&mut source, &mut destination] {
        shelf.capabilities.metadata = MetadataSupport::AMAZON;
    }
    shape(&mut source, &mut destination);
    let (source, destination) = (Arc::new(source), Arc::new(destination));
    let sides = Sides { source: source.clone(), destination: destination.clone(), destination_may_be_missing: false };
    let comparer = Comparer::new(&sides, &Find { compare: Compare::SizeMtime, metadata, ..Find::default() });
    let pair = Pair::Both(entry("k", 1, 5), entry("k", 1, 9));
    let decisions = comparer.decide(&[(pair, FilterVerdict::Taken)]).await.unwrap();
    (decisions[0], source.heads.load(SeqCst) + destination.heads.load(SeqCst))
}

#[tokio::test]
async fn objects_that_say_the_same_are_left_alone_at_one_head_a_side() {
    let same = decide(true, |a, b| (says(a, "de", &[]), says(b, "de", &[])).1).await;
    assert_eq!(same, (Decision::Skip(Same::Time), 2));
}

#[tokio::test]
async fn a_header_or_a_tag_that_differs_is_reason_to_copy() {
    let header = decide(true, |a, b| (says(a, "de", &[]), says(b, "fr", &[])).1).await;
    assert_eq!(header, (Decision::Copy(Reason::Metadata), 2));
    let tag = decide(true, |a, b| (says(a, "de", &[("a", "1")]), says(b, "de", &[("a", "2")])).1).await;
    assert_eq!(tag, (Decision::Copy(Reason::Metadata), 4));
    let gone = decide(true, |a, b| (says(a, "de", &[]), says(b, "de", &[("a", "2")])).1).await;
    // The source counts no tags: only the destination is asked for its.
    assert_eq!(gone, (Decision::Copy(Reason::Metadata), 3));
}

#[tokio::test]
async fn unless_it_is_asked_for_nothing_but_the_listing_is_compared() {
    let left = decide(false, |a, b| (says(a, "de", &[]), says(b, "fr", &[])).1).await;
    assert_eq!(left, (Decision::Skip(Same::Time), 0));
}

#[tokio::test]
async fn what_a_side_does_not_keep_is_not_compared() {
    let folder = decide(true, |a, b| {
        says(a, "de", &[]);
        b.capabilities.keeps_attributes = false;
    });
    assert_eq!(folder.await, (Decision::Skip(Same::Time), 0));
    for kept in [Support::No, Support::Unknown] {
        let (decision, _) = decide(true, |a, b| {
            says(a, "de", &[("a", "1")]);
            says(b, "de", &[]);
            b.capabilities.metadata.tags = kept;
        })
        .await;
        assert_eq!(decision, Decision::Skip(Same::Time), "{kept:?}");
    }
}
