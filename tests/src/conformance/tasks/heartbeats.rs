//! Heartbeats of workers, and the record of the controllers.

use shared::object::Timestamp;
use shared::tasks::{
    CLOCK_SKEW_ALLOWED, Change, FleetRecord, HEARTBEATS_KEPT, Heartbeat, OldestReceived, SharedTasks, WorkerState,
};

use super::{conflict, now};

fn heartbeat(worker: &str, counter: u64) -> Heartbeat {
    Heartbeat {
        worker: worker.to_owned(),
        counter,
        machine: Some("i-0123".to_owned()),
        version: "0.1.0".to_owned(),
        state: WorkerState::Outdated,
        jobs: [("t1".to_owned(), 3)].into(),
        errors: [("t2".to_owned(), "bucket \"b\" does not exist".to_owned())].into(),
        event_ages: [("t1".to_owned(), 42)].into(),
        oldest: [("t1".to_owned(), OldestReceived { jobs: Some(now()), events: None })].into(),
        at: now(),
    }
}

/// Of each worker one is there, with all its fields, until it leaves.
pub async fn a_heartbeat_replaces_the_workers_earlier_one(tasks: SharedTasks) {
    assert_eq!(tasks.heartbeats().await.unwrap(), []);
    let (first, second) = (heartbeat("host-1/\u{fc}", 1), heartbeat("host-2", 1));
    tasks.beat(&first).await.unwrap();
    tasks.beat(&second).await.unwrap();
    let next = Heartbeat { counter: 2, state: WorkerState::Draining, jobs: Default::default(), ..first.clone() };
    for _ in 0..2 {
        tasks.beat(&next).await.unwrap();
    }
    assert_eq!(tasks.heartbeats().await.unwrap(), [next, second.clone()]);
    for _ in 0..2 {
        tasks.leave("host-1/\u{fc}").await.unwrap();
    }
    assert_eq!(tasks.heartbeats().await.unwrap(), [second]);
}

/// Minutes between two clocks make nobody dead.
pub async fn a_wrong_clocks_heartbeat_is_returned_and_an_old_one_is_not(tasks: SharedTasks) {
    let aged =
        |worker: &str, seconds: i64| Heartbeat { at: Timestamp(now().0 - seconds * 1_000), ..heartbeat(worker, 1) };
    let kept = (HEARTBEATS_KEPT + CLOCK_SKEW_ALLOWED).as_secs() as i64;
    let expected = [aged("ahead", -1_800), aged("behind", 1_800)];
    for heartbeat in &expected {
        tasks.beat(heartbeat).await.unwrap();
    }
    tasks.beat(&aged("dead", kept + 1)).await.unwrap();
    assert_eq!(tasks.heartbeats().await.unwrap(), expected);
}

/// A compare-and-set, whose second writer reads what is there.
pub async fn a_fleet_record_is_replaced_by_one_controller(tasks: SharedTasks) {
    assert_eq!(tasks.fleet_record().await.unwrap(), FleetRecord::default());
    for _ in 0..2 {
        assert_eq!(tasks.set_fleet_record(0, "one").await.unwrap(), Change::Made);
    }
    let present = FleetRecord { version: 1, text: "one".to_owned() };
    assert_eq!(conflict(tasks.set_fleet_record(0, "other").await.unwrap()), present);
    assert_eq!(tasks.set_fleet_record(1, "two").await.unwrap(), Change::Made);
    assert_eq!(tasks.fleet_record().await.unwrap(), FleetRecord { version: 2, text: "two".to_owned() });
}
