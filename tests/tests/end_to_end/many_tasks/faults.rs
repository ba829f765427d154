//! Programs of a fleet that meet each other, die, or lose a service.

use std::time::Duration;

use aws_sdk_sqs::Client as Sqs;
use flotilla_tests::binaries::Process;
use flotilla_tests::emulators::{ministack, weed};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use shared::tasks::{OperationClass, RunEnd};

use super::stage::{self, Different, Fleet, stop};

/// Objects of each task.
const OBJECTS: usize = 4;

/// A task with its objects, and these lines at the top of its definition.
async fn task(fleet: &Fleet, name: &str, top: &str) {
    for object in 0..OBJECTS {
        fleet.put(name, &object.to_string(), 100).await;
    }
    fleet.create(name, Different { top, ..Different::default() }).await;
}

/// Two passes at the same time.
async fn both(fleet: &Fleet) {
    let mut controllers = [fleet.controller(), fleet.controller()];
    for controller in &mut controllers {
        let ended = controller.wait(stage::LIMIT).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!(ended.stderr.matches("nothing starts machines").count(), 1, "{}", ended.stderr);
        assert!(!ended.stderr.contains("ask the group"), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_controllers_at_once_do_everything_once() {
    let fleet = Fleet::new().await;
    let names = ["one", "two", "three"];
    for name in names {
        task(&fleet, name, "schedule = \"once\"").await;
    }
    both(&fleet).await;
    let workers = vec![fleet.worker()];
    for name in names {
        let began = std::time::Instant::now();
        while fleet.summary(name).await.last_run.is_none() {
            assert!(began.elapsed() < stage::LIMIT, "{name}: {}", workers[0].stderr());
            both(&fleet).await;
        }
    }
    for name in names {
        let (summary, runs) = (fleet.summary(name).await, fleet.runs(name).await);
        assert_eq!((runs.len(), runs[0].settled.copied), (1, OBJECTS as u64), "{runs:?}");
        assert_eq!(summary.last_run.map(|run| run.end), Some(RunEnd::Done), "{name}");
        let operations = fleet.backend.tasks.operations(&summary.task.id, None, 10).await.expect("operations").0;
        let begun = operations.iter().filter(|one| one.kind.class() == OperationClass::Run).count();
        assert_eq!((begun, operations.len()), (1, 1), "{operations:?}");
        fleet.assert_equal(name).await;
    }
    stop(workers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_deleted_under_a_worker_is_made_again() {
    let fleet = Fleet::new().await;
    task(&fleet, "t", "").await;
    task(&fleet, "other", "").await;
    let mut workers = vec![fleet.worker()];
    while workers[0].stderr().matches("receiving the task's jobs").count() < 2 {
        assert!(workers[0].is_running(), "{}", workers[0].stderr());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let sqs = Sqs::new(&ministack().sdk_config());
    let prefix = format!("{}--t", fleet.backend.fleet().name);
    let urls =
        sqs.list_queues().queue_name_prefix(&prefix).send().await.expect("queues").queue_urls.unwrap_or_default();
    assert!(urls.len() >= 3, "{urls:?}");
    for url in urls {
        sqs.delete_queue().queue_url(url).send().await.expect("the queue is deleted");
    }
    let id = fleet.summary("t").await.task.id;
    let is_reported = async || fleet.heartbeats().await.iter().any(|beat| beat.errors.contains_key(&id));
    fleet.until("the task is reported", &mut workers, is_reported).await;
    let is_well = async || fleet.heartbeats().await.iter().all(|beat| beat.errors.is_empty());
    fleet.until("its queues are made again", &mut workers, is_well).await;
    for name in ["t", "other"] {
        fleet.command(&["task", "run", name]).await;
        let is_copied = async || fleet.runs(name).await.first().is_some_and(|run| run.settled.copied == OBJECTS as u64);
        fleet.until("the run is done", &mut workers, is_copied).await;
        fleet.assert_equal(name).await;
    }
    stop(workers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_of_a_killed_worker_is_ended_by_another() {
    let fleet = Fleet::new().await;
    let slow = Proxy::start(&weed().endpoint).await;
    for object in 0..OBJECTS {
        fleet.put("t", &object.to_string(), 100).await;
    }
    fleet.create("t", Different { endpoint: Some(&slow.endpoint), ..Different::default() }).await;
    let mut workers = vec![fleet.worker()];
    let is_served = async || !fleet.heartbeats().await.is_empty();
    fleet.until("the task is served", &mut workers, is_served).await;
    for kind in [Kind::List, Kind::Head, Kind::Get] {
        slow.inject(Rule::on(kind, Fault::Delay(Duration::from_secs(6))));
    }
    let mut commands: Vec<(&str, Process)> =
        ["plan", "verify", "probe"].map(|verb| (verb, fleet.start_command(&["task", verb, "t"]))).into();
    let begun = async || {
        let open = fleet.backend.tasks.open_operations(OperationClass::Other, 10).await.expect("operations");
        open.len() == 3 && open.iter().all(|operation| operation.beat > 0)
    };
    fleet.until("all are begun", &mut workers, begun).await;
    workers[0].kill();
    slow.heal();
    workers[0] = fleet.worker();
    for (verb, command) in &mut commands {
        let ended = command.wait(stage::LIMIT).await;
        // The destination is empty.
        let expected = if *verb == "verify" { 1 } else { 0 };
        assert_eq!(ended.code, Some(expected), "{verb}: {}", ended.stderr);
    }
    stop(workers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_gone_for_a_while_ends_nothing() {
    let table = Proxy::start(&ministack().endpoint).await;
    let fleet = Fleet::with_ledger(&table.endpoint, "lease = \"20s\"\n").await;
    task(&fleet, "t", "").await;
    let mut workers = vec![fleet.worker()];
    let copied = async |runs: usize, objects: usize| {
        let found = fleet.runs("t").await;
        found.len() == runs && found[0].settled.copied == objects as u64
    };
    fleet.command(&["task", "run", "t"]).await;
    fleet.until("the first run is done", &mut workers, async || copied(1, OBJECTS).await).await;
    both(&fleet).await;

    let gone = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"no such table"}"#;
    table.inject(Rule::always(Fault::Respond(400, gone.into())));
    let ended = fleet.controller().wait(stage::LIMIT).await;
    assert!(ended.code.is_some_and(|code| code != 0), "{}", ended.stderr);
    let table_name = &fleet.backend.fleet().name;
    assert!(ended.stderr.contains("flotilla init") && ended.stderr.contains(table_name), "{}", ended.stderr);
    let before = workers[0].stderr().len();
    let began = std::time::Instant::now();
    while !workers[0].stderr()[before..].contains("cannot read the fleet's tasks") {
        assert!(workers[0].is_running() && began.elapsed() < stage::LIMIT, "{}", workers[0].stderr());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    table.heal();
    fleet.put("t", "one more", 100).await;
    fleet.command(&["task", "run", "t"]).await;
    fleet.until("the second run is done", &mut workers, async || copied(2, 1).await).await;
    fleet.assert_equal("t").await;
    stop(workers).await;
}
