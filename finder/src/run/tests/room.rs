//! A finder that is faster than the workers.

use super::*;
use crate::run::room::{LOOK_EVERY, MAX_WAITING};

#[tokio::test(start_paused = true)]
async fn a_resumed_finder_sends_nothing_while_too_many_jobs_wait() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    let stop = CancellationToken::new();
    stop.cancel();
    assert!(bench.run_until(stop, Arc::default()).await.is_err());
    let sent = bench.belt.sent.lock().unwrap().len();
    bench.belt.others.store(MAX_WAITING + 1, SeqCst);
    let drain = async {
        tokio::time::sleep(100 * LOOK_EVERY).await;
        assert_eq!(bench.belt.sent.lock().unwrap().len(), sent);
        let looks = bench.belt.depths.load(SeqCst);
        assert!((100..=102).contains(&looks), "{looks} reads of the depth");
        bench.belt.others.store(0, SeqCst);
    };
    let (run, ()) = tokio::join!(bench.run(), drain);
    run.unwrap();
    bench.assert_mirrored();
}

#[tokio::test(start_paused = true)]
async fn a_finder_that_waits_for_room_ends_when_it_is_asked_to() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    let stopped = CancellationToken::new();
    stopped.cancel();
    assert!(bench.run_until(stopped, Arc::default()).await.is_err());
    bench.belt.others.store(MAX_WAITING + 1, SeqCst);
    let stop = CancellationToken::new();
    let end = async {
        tokio::time::sleep(2 * LOOK_EVERY).await;
        stop.cancel();
    };
    let (run, ()) = tokio::join!(bench.run_until(stop.clone(), Arc::default()), end);
    assert!(matches!(run, Err(FindError::Interrupted)), "{run:?}");
    bench.belt.others.store(0, SeqCst);
    bench.run().await.unwrap();
    bench.assert_mirrored();
}

#[tokio::test]
async fn a_small_run_never_asks_for_the_depth_of_the_queue() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    bench.run().await.unwrap();
    assert_eq!(bench.belt.depths.load(SeqCst), 0);
}
