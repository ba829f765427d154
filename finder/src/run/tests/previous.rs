//! One run after the other: claims, and runs whose jobs are not done.

use super::*;

#[tokio::test]
async fn a_run_waits_for_the_previous_one_unless_forced() {
    let (source, destination) = mirrored();
    let mut bench = bench(source, destination, mirror());
    let first = bench.run().await.unwrap();
    match bench.run().await.unwrap_err() {
        FindError::Busy { run, waiting, .. } => assert_eq!((run, waiting), (first.clone(), 50)),
        other => panic!("{other}"),
    }
    bench.finder.force = true;
    assert_ne!(bench.run().await.unwrap(), first);
    bench.finder.force = false;
    let second = bench.book.last_run().start.id;
    bench.book.settle_all(&second);
    assert!(bench.run().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn regression_a_run_whose_messages_are_lost_lets_the_next_begin() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    let first = bench.run().await.unwrap();
    bench.belt.is_empty.store(true, SeqCst);
    let began = tokio::time::Instant::now();
    let second = bench.run().await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_secs(54), "ten looks");
    assert_ne!(first, second);
    let lost = bench.book.run(&first).await.unwrap().unwrap();
    assert_eq!((lost.phase, lost.is_done()), (Phase::Lost, true));
    assert!(lost.error.unwrap().starts_with("stopped: 50 objects lost"));
}

#[tokio::test(start_paused = true)]
async fn a_run_of_which_anything_moves_is_not_lost() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    let first = bench.run().await.unwrap();
    bench.belt.is_empty.store(true, SeqCst);
    let settle = async {
        tokio::time::sleep(Duration::from_secs(40)).await;
        bench.book.pages.lock().unwrap().runs.get_mut(&first).unwrap().settled.copied += 1;
    };
    let (busy, ()) = tokio::join!(bench.run(), settle);
    assert!(matches!(busy, Err(FindError::Busy { .. })));
    assert_eq!(bench.book.run(&first).await.unwrap().unwrap().phase, Phase::Listed);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_another_finder_works_on_is_refused() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    bench.book.pages.lock().unwrap().claim = Some(ALIVE.into());
    let began = tokio::time::Instant::now();
    assert!(matches!(bench.run().await.unwrap_err(), FindError::ClaimedByOther(_)));
    assert!(began.elapsed() < claim::LEASE / 2, "{:?}", began.elapsed());
    assert!(bench.book.pages.lock().unwrap().runs.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dead_finders_claim_is_taken_only_after_its_lease() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    {
        let mut pages = bench.book.pages.lock().unwrap();
        (pages.claim, pages.fence) = (Some("dead".into()), 7);
    }
    let began = tokio::time::Instant::now();
    bench.run().await.unwrap();
    assert_eq!(began.elapsed(), claim::LEASE);
    bench.assert_mirrored();
    let fences = bench.book.pages.lock().unwrap().fences.clone();
    assert_eq!(fences.into_values().collect::<Vec<_>>(), [8]);
}

#[tokio::test(start_paused = true)]
async fn a_finder_that_loses_its_claim_ends_and_says_who_has_it() {
    let book = Arc::new(Book::default());
    let ledger: SharedLedger = book.clone();
    let claim = Claim::take(&ledger, "task", "me", claim::LEASE, None).await.unwrap();
    book.pages.lock().unwrap().claim = Some("another".into());
    claim.lost().cancelled().await;
    assert!(matches!(claim.end().await, Some(FindError::ClaimedByOther(_))));
    assert_eq!(book.pages.lock().unwrap().claim.as_deref(), Some("another"));
}

#[tokio::test(start_paused = true)]
async fn regression_a_released_claim_is_not_renewed_by_a_late_call() {
    let book = Arc::new(Book { claim_takes: Duration::from_secs(2), ..Book::default() });
    let ledger: SharedLedger = book.clone();
    let claim = Claim::take(&ledger, "task", "me", claim::LEASE, None).await.unwrap();
    // In the middle of the first renewal.
    tokio::time::sleep(Duration::from_secs(16)).await;
    assert!(claim.end().await.is_none());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(book.pages.lock().unwrap().claim, None);
}
