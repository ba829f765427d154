use std::sync::Arc;

use futures::StreamExt;
use shared::ErrorKind;
use shared::config::Find;
use shared::object::Timestamp;

use super::*;
use crate::fakes::Shelf;

fn filter(rules: &[&str]) -> Filter {
    let filters = rules.iter().map(|rule| (*rule).to_owned()).collect();
    Filter::load(&Find { filters, ..Find::default() }, Some(Timestamp(0))).unwrap()
}

#[tokio::test]
async fn pairs_come_in_order_and_through_the_filter() {
    let source = Shelf::of(["a", "b", "c", "e", "f", "x"]);
    let destination = Shelf::of(["b", "d", "e", "x", "y"]);
    let pairs: Vec<Pair> =
        super::pairs(Arc::new(source), Arc::new(destination), &filter(&["- x"]), None).try_collect().await.unwrap();
    let shown: Vec<_> = pairs.iter().map(|p| (p.key(), p.source().is_some(), p.destination().is_some())).collect();
    let (source, destination, both) = ((true, false), (false, true), (true, true));
    let expected =
        [("a", source), ("b", both), ("c", source), ("d", destination), ("e", both), ("f", source), ("y", destination)];
    assert_eq!(shown, expected.map(|(key, (s, d))| (key, s, d)));
}

#[tokio::test]
async fn a_listing_that_fails_ends_the_stream_in_its_error() {
    let mut destination = Shelf::of(["a", "b", "c", "d", "e"]);
    destination.fails_at = Some(("e".into(), ErrorKind::Denied));
    let pairs: Vec<_> =
        super::pairs(Arc::new(Shelf::of(["a"])), Arc::new(destination), &filter(&[]), None).collect().await;
    assert_eq!(pairs.len(), 4);
    assert_eq!(pairs[3].as_ref().unwrap_err().kind(), ErrorKind::Denied);
}

#[tokio::test]
async fn pairs_go_on_after_any_key_as_if_they_had_come_at_once() {
    let all = ["a", "a/b", "b", "b/c", "b/d", "c", "x/y", "z"];
    let sides = || (Arc::new(Shelf::of(all)), Arc::new(Shelf::of(["b", "d", "x/y"])));
    let keys = async |filter: &Filter, after: Option<&str>| -> Vec<String> {
        let (source, destination) = sides();
        let pairs = super::pairs(source, destination, filter, after.map(str::to_owned));
        pairs.map_ok(|pair| pair.key().to_owned()).try_collect().await.unwrap()
    };
    let list = std::env::temp_dir().join(format!("prefixes-{}", std::process::id()));
    std::fs::write(&list, "b/\nx\n").unwrap();
    let prefixed = Filter::load(&Find { prefix_list: Some(list), ..Find::default() }, None).unwrap();
    for filter in [filter(&[]), filter(&["- c"]), prefixed] {
        let expected = keys(&filter, None).await;
        for after in ["", "a", "a/a", "b", "b/", "b/c", "b0", "m", "x/y", "z", "zz"] {
            let left: Vec<String> = expected.iter().filter(|key| key.as_str() > after).cloned().collect();
            assert_eq!(keys(&filter, Some(after)).await, left, "after {after:?}");
        }
    }
}
