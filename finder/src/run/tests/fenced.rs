//! A finder that loses its claim without knowing it: its machine was suspended, or its process stopped.

use super::*;

/// Has a finder stop at its `at`th write, and sleep while another one does the run; then it wakes, and believes that it
/// has its claim. Returns whether the ledger has changed by then, or nothing if the run has fewer writes.
async fn wake_after(at: usize, is_unfenced: bool) -> Option<bool> {
    let (source, destination) = mirrored();
    let mut bench = bench(source, destination, mirror());
    bench.finder.run = Some(RunRequest { id: "run".into(), definition: 0, dead: None });
    let (pages, sent) = (bench.book.pages.clone(), bench.belt.sent.clone());
    let faults = Arc::new(Faults::pausing_at(at));
    let belt = Belt { faults: faults.clone(), sent, ..Belt::default() };
    let book = Book { faults: faults.clone(), pages, is_unfenced, ..Book::default() };
    let sleeper = Finder { queue: Arc::new(belt), ledger: Arc::new(book), ..bench.finder.clone() };
    let planner = bench.planner();
    let sleeps = tokio::spawn(async move { sleeper.run(&planner, CancellationToken::new(), Arc::default()).await });
    let ends = async {
        while !sleeps.is_finished() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = faults.gate.reached.notified() => {}
        () = ends => return None,
    }
    // As for a finder that has seen the claim unchanged for its lease.
    bench.book.pages.lock().unwrap().claim = None;
    let other = Finder { owner: "other".into(), ..bench.finder.clone() };
    other.run(&bench.planner(), CancellationToken::new(), Arc::default()).await.unwrap();
    let before = bench.book.snapshot();
    faults.gate.open.cancel();
    let ended = sleeps.await.unwrap();
    let has_changed = bench.book.snapshot() != before;
    if !is_unfenced {
        assert!(ended.is_err(), "stopped at {at}: it went on to its end");
        bench.assert_mirrored();
    }
    Some(has_changed)
}

#[tokio::test]
async fn a_finder_that_wakes_without_its_claim_writes_nothing() {
    for at in 0.. {
        match wake_after(at, false).await {
            Some(has_changed) => assert!(!has_changed, "stopped at {at}"),
            None => {
                assert!(at > 20, "only {at} places to stop at");
                return;
            }
        }
    }
}

#[tokio::test]
async fn without_the_fence_a_finder_that_wakes_changes_the_run() {
    let mut changes = 0;
    for at in 0.. {
        match wake_after(at, true).await {
            Some(has_changed) => changes += u32::from(has_changed),
            None => break,
        }
    }
    assert!(changes > 0, "the fence is of no use");
}
