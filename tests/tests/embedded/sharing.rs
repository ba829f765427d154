//! Several handles, as several processes have, on one folder.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::ledger::sqlite::SqliteLedger;
use adapters::queue::sqlite::SqliteQueue;
use adapters::sqlite::Database;
use shared::ErrorKind;
use shared::ledger::Ledger as _;
use shared::queue::{Depth, JobQueue as _, Outgoing};

const LEASE: Duration = Duration::from_secs(3_600);
const WAIT: Duration = Duration::from_secs(10);

fn queue(database: &Database) -> SqliteQueue {
    SqliteQueue::open(database, "jobs")
}

async fn send(queue: &SqliteQueue, body: &str) {
    queue.send(&[Outgoing::now(body.to_owned())]).await.unwrap();
}

#[tokio::test]
async fn leases_and_claims_of_a_closed_database_are_free_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (Database::open(dir.path()).unwrap(), Database::open(dir.path()).unwrap());
    send(&queue(&first), "{}").await;
    let leased = queue(&first).receive(1, WAIT, LEASE).await.unwrap();
    SqliteLedger::open(&first).claim("task", "first", None).await.unwrap();
    let claim = || async { SqliteLedger::open(&second).claim("task", "second", None).await };
    assert_eq!(claim().await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(queue(&second).receive(1, Duration::from_secs(2), LEASE).await.unwrap(), []);
    drop(first);
    let started = Instant::now();
    claim().await.unwrap();
    let taken = queue(&second).receive(1, WAIT, LEASE).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "it took {:?}", started.elapsed());
    assert_eq!((taken.len(), taken[0].receive_count), (1, 2));
    assert_eq!(queue(&second).extend(&leased[0], LEASE).await.unwrap_err().kind(), ErrorKind::LeaseLost);
}

#[tokio::test]
async fn a_waiting_receive_sees_what_another_process_sends() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (Database::open(dir.path()).unwrap(), Database::open(dir.path()).unwrap());
    let queue_of_first = queue(&first);
    let waiting = tokio::spawn(async move { queue_of_first.receive(1, WAIT, LEASE).await.unwrap() });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let sent = Instant::now();
    send(&queue(&second), "{}").await;
    assert_eq!(waiting.await.unwrap().len(), 1);
    assert!(sent.elapsed() < Duration::from_secs(2), "it took {:?}", sent.elapsed());
}

#[tokio::test]
async fn queues_of_different_names_are_apart() {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::open(dir.path()).unwrap();
    let (a, b) = (SqliteQueue::open(&database, "a"), SqliteQueue::open(&database, "b"));
    send(&a, "{}").await;
    assert_eq!(b.receive(1, Duration::ZERO, LEASE).await.unwrap(), []);
    assert_eq!(b.depth().await.unwrap(), Depth::default());
    assert_eq!(a.receive(1, Duration::ZERO, LEASE).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_lease_that_ran_out_is_still_good_if_nobody_took_it() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(&Database::open(dir.path()).unwrap());
    send(&queue, "{}").await;
    let message = queue.receive(1, WAIT, Duration::ZERO).await.unwrap().remove(0);
    queue.extend(&message, LEASE).await.unwrap();
    assert_eq!(queue.receive(1, Duration::ZERO, LEASE).await.unwrap(), []);
    queue.release(&message, Duration::ZERO).await.unwrap();
    assert_eq!(queue.extend(&message, LEASE).await.unwrap_err().kind(), ErrorKind::LeaseLost);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_handles_on_a_new_folder_receive_everything_once() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let handles = (0..8).map(|n| {
        let dir = dir.clone();
        tokio::spawn(async move {
            let database = tokio::task::spawn_blocking(move || Database::open(dir.path()).unwrap()).await.unwrap();
            let queue = queue(&database);
            for message in 0..20 {
                send(&queue, &format!("{n}/{message}")).await;
            }
            let mut received = Vec::new();
            loop {
                let messages = queue.receive(3, Duration::from_millis(500), LEASE).await.unwrap();
                if messages.is_empty() {
                    return (database, received);
                }
                for message in messages {
                    queue.acknowledge(&message).await.unwrap();
                    received.push(message.body);
                }
            }
        })
    });
    let mut bodies = Vec::new();
    let mut open = Vec::new();
    for handle in handles.collect::<Vec<_>>() {
        let (database, received) = handle.await.unwrap();
        open.push(database);
        bodies.extend(received);
    }
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 160);
    assert_eq!(queue(&open[0]).depth().await.unwrap(), Depth::default());
}
