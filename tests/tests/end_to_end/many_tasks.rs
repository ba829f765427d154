//! Many tasks of one fleet: what happens to one touches no other.

pub mod stage;

use stage::{Different, Fleet, stop};

#[tokio::test(flavor = "multi_thread")]
async fn a_task_without_its_store_or_credentials_touches_no_other() {
    let fleet = Fleet::new().await;
    for n in 0..3 {
        fleet.create(&format!("good-{n}"), Different::default()).await;
        for object in 0..5 {
            fleet.put(&format!("good-{n}"), &format!("{object}"), 1_000 + object).await;
        }
    }
    fleet.create("away", Different { endpoint: Some("http://127.0.0.1:9"), ..Different::default() }).await;
    fleet.create("denied", Different { credentials: Some("file:/nowhere/credentials"), ..Different::default() }).await;
    let mut workers = vec![fleet.worker()];
    let ids = fleet.summaries().await;
    let errors = async || fleet.heartbeats().await.into_iter().next().map(|beat| beat.errors).unwrap_or_default();
    fleet.until("both are reported", &mut workers, async || errors().await.len() == 2).await;
    let errors = errors().await;
    for (name, part) in [("away", "127.0.0.1:9"), ("denied", "/nowhere/credentials")] {
        let why = errors.get(&ids[name].task.id).unwrap_or_else(|| panic!("{name} is reported: {errors:?}"));
        assert!(why.contains(part), "{name}: {why}");
    }
    stop(workers).await;
    assert_eq!(fleet.heartbeats().await, [], "a worker that ends leaves");
}
