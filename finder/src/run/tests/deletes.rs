//! Deletes wait for the end of both listings, and may be refused.

use super::*;

#[tokio::test]
async fn a_listing_that_fails_stops_the_run_and_deletes_nothing() {
    for (side, at) in [(0, key(5)), (0, key(39)), (1, key(20)), (1, key(59)), (0, String::new()), (1, String::new())] {
        let mut shelves = <[Shelf; 2]>::from(mirrored());
        shelves[side].fails_at = Some((at, ErrorKind::Timeout));
        let [source, destination] = shelves;
        let bench = bench(source, destination, mirror());
        let error = bench.run().await.unwrap_err();
        assert!(matches!(error, FindError::Listing(_)), "{error}");
        let run = bench.book.last_run();
        assert_eq!((run.phase, run.error), (Phase::Stopped, Some(error.to_string())));
        assert!(bench.keys().1.is_empty());
        let sent: u32 = bench.jobs().values().map(|job| job.origin.items).sum();
        assert_eq!(u64::from(sent), bench.book.last_run().enqueued(), "what is counted was sent");
    }
}

#[tokio::test]
async fn an_unordered_listing_stops_the_run_and_deletes_nothing() {
    let (source, mut destination) = mirrored();
    destination.entries.swap(30, 35);
    let bench = bench(source, destination, mirror());
    let error = bench.run().await.unwrap_err();
    assert!(error.to_string().contains("not in byte order"), "{error}");
    assert!(bench.keys().1.is_empty());
}

#[tokio::test]
async fn too_many_deletes_are_all_refused_and_the_copies_stand() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, Find { max_delete: Some(19), ..mirror() });
    let error = bench.run().await.unwrap_err();
    assert!(matches!(error, FindError::TooManyDeletes { found: 20, max: 19 }), "{error}");
    let (copied, deleted) = bench.keys();
    assert_eq!((copied.len(), deleted.len()), (30, 0));
    assert_eq!(bench.book.last_run().enqueued(), 30);
}

#[tokio::test]
async fn an_empty_source_deletes_nothing_unless_the_number_is_allowed() {
    for (max_delete, allowed) in [(None, false), (Some(39), false), (Some(40), true)] {
        let options = Find { max_delete, ..mirror() };
        let bench = bench(Shelf::of([""; 0]), mirrored().1, options);
        let run = bench.run().await;
        assert_eq!(run.is_ok(), allowed, "{max_delete:?}");
        assert_eq!(bench.keys().1.len(), if allowed { 40 } else { 0 });
    }
}

#[tokio::test]
async fn without_delete_no_delete_is_sent_or_deferred() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, Find { delete: false, ..mirror() });
    bench.run().await.unwrap();
    assert!(bench.keys().1.is_empty() && bench.book.pages.lock().unwrap().deferred.is_empty());
}

#[tokio::test]
async fn a_resumed_run_keeps_to_the_present_limit_of_deletes() {
    let (source, destination) = mirrored();
    let mut bench = bench(source, destination, mirror());
    let id = bench.run().await.unwrap();
    // As a finder left it that died while it released them, under a rule that was another one.
    bench.book.pages.lock().unwrap().runs.get_mut(&id).unwrap().phase = Phase::Releasing;
    let sent = bench.belt.sent.lock().unwrap().len();
    let found = bench.book.run(&id).await.unwrap().unwrap().found;
    bench.find.max_delete = Some(19);
    let refused = bench.finder.allow_again(&bench.planner(), &id, &found).await.unwrap_err();
    assert!(matches!(refused, FindError::TooManyDeletes { found: 20, max: 19 }), "{refused}");
    assert_eq!(bench.book.run(&id).await.unwrap().unwrap().phase, Phase::Cancelled);
    assert_eq!(bench.belt.sent.lock().unwrap().len(), sent);
}

#[tokio::test]
async fn regression_a_closed_folder_is_named_and_all_else_is_done() {
    let (mut source, mut destination) = mirrored();
    let closed = |folder: &str| Unlisted {
        keys: Span::Below(folder.to_owned()),
        reason: format!("list {folder}: Permission denied"),
        is_failure: true,
    };
    source.unlisted.push(closed("old/"));
    destination.entries.push(entry("old/kept", 1, 1));
    destination.unlisted.push(closed("shut/"));
    source.entries.push(entry("shut/new", 1, 1));
    let bench = bench(source, destination, mirror());
    let progress = Arc::new(Progress::default());
    bench.run_until(CancellationToken::new(), progress.clone()).await.unwrap();
    let (copied, deleted) = bench.keys();
    assert_eq!((copied, deleted), ((0..30).map(key).collect(), (40..60).map(key).collect()));
    let run = bench.book.last_run();
    assert_eq!((run.phase, run.found.unlisted, run.found.deletes), (Phase::Listed, 2, 20));
    assert_eq!(run.found.not_judged, 1, "shut/new");
    let error = run.error.unwrap();
    assert!(error.contains("source: list old/: Permission denied"), "{error}");
    assert!(error.contains("destination: list shut/"), "{error}");
}
