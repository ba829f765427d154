//! Runs that are stopped while several workers have their jobs, and a worker that dies while it closes uploads.

use std::time::{Duration, Instant};

use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::{ministack, weed};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use flotilla_tests::short_delays::ShortDelays;
use shared::tasks::{OperationClass, OperationKind, RunEnd};

use super::stage::{self, Different, Fleet, start_with, stop};
use crate::support::MIB;

/// Each worker stops within 15 s, and its heartbeat shows it within 5 s more. Two workers then settle what is left.
const STOPPED_WITHIN: Duration = Duration::from_secs(25);

/// Read at [`READ_SECONDS`] each by two workers of four transfers, they take 150 s.
const OBJECTS: usize = 400;

const READ_SECONDS: u64 = 3;

/// Transfers of the two workers.
const TRANSFERS: u64 = 8;

/// One pass of the controller.
async fn control(fleet: &Fleet) {
    let ended = fleet.controller().wait(stage::LIMIT).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

/// Waits until at least two workers have jobs of a task.
async fn until_two_work(fleet: &Fleet, id: &str, workers: &mut [Process]) {
    let both = async || fleet.heartbeats().await.iter().filter(|beat| beat.jobs.contains_key(id)).count() >= 2;
    fleet.until("two workers have jobs", workers, both).await;
}

/// Waits until no worker has a job of a task.
async fn until_none_works(fleet: &Fleet, id: &str, workers: &mut [Process]) -> Duration {
    let began = Instant::now();
    let none = async || fleet.heartbeats().await.iter().all(|beat| !beat.jobs.contains_key(id));
    fleet.until("no worker has a job", workers, none).await;
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_worker_stops_soon_after_a_pause_and_a_cancel() {
    let fleet = Fleet::of("concurrency = 4\nlease = \"20s\"\n").await;
    let slow = Proxy::start(&weed().endpoint).await;
    slow.inject(Rule::on(Kind::Get, Fault::Delay(Duration::from_secs(READ_SECONDS))));
    for object in 0..OBJECTS {
        fleet.put("t", &format!("{object:03}"), 100).await;
    }
    let sections = "[find]\njob-objects = 4\n";
    fleet.create("t", Different { endpoint: Some(&slow.endpoint), sections, ..Different::default() }).await;
    let id = fleet.summary("t").await.task.id;
    let mut workers = vec![fleet.worker(), fleet.worker()];
    fleet.command(&["task", "run", "t"]).await;
    until_two_work(&fleet, &id, &mut workers).await;

    fleet.command(&["task", "pause", "t"]).await;
    let took = until_none_works(&fleet, &id, &mut workers).await;
    assert!(took < STOPPED_WITHIN, "paused after {took:?}");
    fleet.command(&["task", "resume", "t"]).await;
    until_two_work(&fleet, &id, &mut workers).await;

    let before = fleet.runs("t").await[0].settled.clone();
    let copying = Duration::from_secs((OBJECTS as u64 - before.objects()) * READ_SECONDS / TRANSFERS);
    assert!(copying > STOPPED_WITHIN, "to copy the rest takes longer: {before:?}");
    fleet.command(&["task", "cancel", "t"]).await;
    let began = Instant::now();
    let settled = async || fleet.runs("t").await[0].settled.objects() == OBJECTS as u64;
    fleet.until("all is settled", &mut workers, settled).await;
    assert!(began.elapsed() < STOPPED_WITHIN, "cancelled after {:?}", began.elapsed());
    let after = fleet.runs("t").await[0].settled.clone();
    assert!(after.cancelled > 0 && after.failed == 0, "{after:?}");
    let ended = async || {
        control(&fleet).await;
        fleet.summary("t").await.last_run.is_some_and(|run| run.end == RunEnd::Cancelled)
    };
    fleet.until("the run is cancelled", &mut workers, ended).await;
    stop(workers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_of_a_killed_worker_is_ended_by_another() {
    let fleet = Fleet::new().await;
    let (from, to) = (Proxy::start(&weed().endpoint).await, Proxy::start(&weed().second_endpoint).await);
    from.inject(Rule::on(Kind::Get, Fault::Delay(Duration::from_secs(3))));
    fleet.put("t", "giant", 60 * MIB).await;
    let sections = "[work]\npart-size = \"5MiB\"\nmultipart-threshold = \"5MiB\"\ngiant-threshold = \"30MiB\"\n";
    let (endpoint, destination) = (Some(&*from.endpoint), Some(&*to.endpoint));
    fleet.create("t", Different { endpoint, destination, sections, ..Different::default() }).await;
    let mut workers = vec![fleet.worker()];
    fleet.command(&["task", "run", "t"]).await;
    fleet.until("the giant's upload is open", &mut workers, async || fleet.open_uploads().await > 0).await;

    to.inject(Rule::on(Kind::Abort, Fault::Stall));
    fleet.command(&["task", "cancel", "t"]).await;
    control(&fleet).await;
    let begun = async || {
        let open = fleet.backend.tasks.open_operations(OperationClass::Other, 10).await.expect("operations");
        open.iter().any(|operation| operation.kind == OperationKind::Close && operation.beat > 0) && to.delayed() > 0
    };
    fleet.until("the close has begun", &mut workers, begun).await;
    workers[0].kill();
    assert!(fleet.open_uploads().await > 0, "nothing was aborted");
    to.heal();
    workers[0] = fleet.worker();
    let closed = async || {
        control(&fleet).await;
        let open = fleet.backend.tasks.open_operations(OperationClass::Other, 10).await.expect("operations");
        open.is_empty() && fleet.summary("t").await.last_run.is_some()
    };
    fleet.until("another worker ends the close", &mut workers, closed).await;
    assert_eq!(fleet.open_uploads().await, 0);
    let run = fleet.runs("t").await.pop().expect("a run");
    assert_eq!((run.settled.objects(), run.settled.failed), (1, 0), "{run:?}");
    stop(workers).await;
}

/// The request is on its way for longer than its worker waits for the cancel: the worker has aborted its uploads, its run
/// has ended, and nobody follows events of a task that is being deleted.
#[tokio::test(flavor = "multi_thread")]
async fn regression_an_upload_opened_after_a_delete_is_closed() {
    let (fleet, to) = (Fleet::new().await, Proxy::start(&weed().second_endpoint).await);
    // The second look comes 8 s after the first one, and the last one 20 s after that, not 65 s: still later than the
    // request takes effect.
    let delays = ShortDelays::start(&ministack().endpoint, &[(65, 20)], &[]).await;
    let file = fleet.file_with_queue_at("short", &delays.endpoint);
    fleet.put("t", "large", 12 * MIB).await;
    let sections = "[work]\npart-size = \"5MiB\"\nmultipart-threshold = \"5MiB\"\n";
    fleet.create("t", Different { destination: Some(&to.endpoint), sections, ..Different::default() }).await;
    to.inject(Rule::on(Kind::Create, Fault::Late(Duration::from_secs(25))).times(1));
    let mut workers = vec![start_with(&file, &binaries::worker(), &[])];
    fleet.command(&["task", "run", "t"]).await;
    fleet.until("the create is sent", &mut workers, async || to.count(Kind::Create) > 0).await;
    fleet.command(&["task", "delete", "t", "--yes", "--wait", "0"]).await;
    let is_gone = async || {
        control(&fleet).await;
        fleet.summaries().await.is_empty()
    };
    fleet.until("the task goes", &mut workers, is_gone).await;
    assert_eq!((to.count(Kind::Create), to.delayed()), (1, 1), "the one upload was opened meanwhile");
    assert_eq!(fleet.open_uploads().await, 0);
    stop(workers).await;
}
