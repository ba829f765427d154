//! Tasks are deleted, step by step.

use shared::ledger::{Phase, State};
use shared::queue::Outgoing;
use shared::tasks::{OperationClass, OperationEnd, OperationKind, OperationVerdict, TaskState};

use super::stage::Stage;

const HOURLY: &str = "schedule = \"every 1h\"";

#[tokio::test]
async fn a_task_without_a_run_is_removed_with_its_messages() {
    let stage = Stage::new().await;
    let task = stage.task("t", "", "", None).await;
    let queue = stage.queues(&task).await.jobs;
    queue.send(&[Outgoing::now("{}".into())]).await.unwrap();
    stage.backend.tasks.set_state(&task.task, TaskState::Deleting, None, &stage.author()).await.unwrap();
    let report = stage.pass().await;
    assert_eq!(report.actions[0], "remove task t");
    assert_eq!(stage.summary("t").await, None);
    assert_eq!(queue.depth().await.unwrap().waiting(), 0);
    let audits = stage.backend.tasks.audits(Some(&task.task.id), None, 10).await.unwrap().0;
    assert_eq!((audits[0].action.as_str(), audits[0].author.who.as_str()), ("forget", "controller"));
}

#[tokio::test]
async fn a_task_is_removed_after_its_runs_and_uploads_end() {
    let stage = Stage::new().await;
    let task = stage.task("t", HOURLY, "", Some(stage.now())).await;
    stage.pass().await;
    stage.take(&task).await;
    let run = stage.find("t", 2, Phase::Listed).await;
    stage.backend.tasks.set_state(&task.task, TaskState::Deleting, None, &stage.author()).await.unwrap();
    for _ in 0..3 {
        stage.pass().await;
        assert!(stage.summary("t").await.is_some(), "objects are not settled");
    }
    stage.settle("t", &run, 2, State::Cancelled).await;
    let closes = async || {
        let open = stage.backend.tasks.open_operations(OperationClass::Other, 10).await.unwrap();
        open.into_iter().filter(|operation| operation.kind == OperationKind::Close).collect::<Vec<_>>()
    };
    assert_eq!(closes().await.len(), 1, "of the run");
    stage.pass().await;
    let open = closes().await;
    assert_eq!(open.len(), 2, "of the run and of the task");
    let jobs = stage.take(&task).await;
    assert!(open.iter().all(|close| jobs.iter().any(|job| job.run == close.id)), "{jobs:?}");
    for _ in 0..3 {
        stage.pass().await;
        assert!(stage.summary("t").await.is_some(), "uploads are not closed");
    }
    for close in &open {
        let end = OperationEnd { verdict: OperationVerdict::Succeeded, at: stage.now(), result: "{}".into() };
        stage.backend.tasks.finish(&task.task.id, &close.id, &end).await.unwrap();
    }
    stage.pass().await;
    assert_eq!(stage.summary("t").await, None);
    assert_eq!(stage.backend.tasks.versions(&task.task.id).await.unwrap(), [] as [u32; 0]);
    assert_eq!(stage.pass().await.actions, Vec::<String>::new());
}

#[tokio::test]
async fn uploads_that_cannot_be_closed_are_named_and_keep_no_task() {
    let stage = Stage::new().await;
    let task = stage.task("t", HOURLY, "", Some(stage.now())).await;
    stage.pass().await;
    let run = stage.find("t", 0, Phase::Listed).await;
    stage.pass().await;
    assert_eq!(stage.summary("t").await.unwrap().last_run.unwrap().id, run);
    stage.backend.tasks.set_state(&task.task, TaskState::Deleting, None, &stage.author()).await.unwrap();
    stage.pass().await;
    let open = stage.backend.tasks.open_operations(OperationClass::Other, 10).await.unwrap();
    let end =
        OperationEnd { verdict: OperationVerdict::Failed, at: stage.now(), result: "\"bucket b is gone\"".into() };
    stage.backend.tasks.finish(&task.task.id, &open[0].id, &end).await.unwrap();
    let report = stage.pass().await;
    assert!(report.actions[0].contains("may have open uploads") && report.actions[0].contains("bucket b is gone"));
    assert_eq!(stage.summary("t").await, None);
}

#[tokio::test]
async fn regression_a_deleted_task_stays_while_a_message_is_leased() {
    let stage = Stage::new().await;
    let task = stage.task("t", "", "", None).await;
    let queue = stage.queues(&task).await.events;
    queue.send(&[Outgoing::now("{}".into())]).await.unwrap();
    let lease = std::time::Duration::from_secs(600);
    let leased = queue.receive(1, std::time::Duration::ZERO, lease).await.unwrap();
    stage.backend.tasks.set_state(&task.task, TaskState::Deleting, None, &stage.author()).await.unwrap();
    stage.pass().await;
    assert!(stage.summary("t").await.is_some(), "a worker may write");
    queue.acknowledge(&leased[0]).await.unwrap();
    stage.pass().await;
    assert_eq!(stage.summary("t").await, None);
}

#[tokio::test]
async fn a_deleted_task_stays_while_a_worker_has_its_events() {
    let stage = Stage::new().await;
    let task = stage.task("t", "events = \"create\"", "", None).await;
    stage.backend.tasks.set_state(&task.task, TaskState::Deleting, None, &stage.author()).await.unwrap();
    let asked = async || stage.backend.tasks.open_operations(OperationClass::Other, 10).await.unwrap().len();
    stage.beat_with("i-1", 1, [(task.task.id.clone(), 1)].into()).await;
    stage.pass().await;
    assert_eq!(asked().await, 0, "its uploads are not closed yet");
    stage.beat("i-1", 2).await;
    stage.pass().await;
    assert_eq!(asked().await, 1);
}

#[tokio::test]
async fn records_go_after_the_uploads_and_before_the_queues() {
    let stage = Stage::new().await;
    let task = stage.task("t", HOURLY, "", Some(stage.now())).await;
    stage.pass().await;
    stage.find("t", 0, Phase::Listed).await;
    stage.pass().await;
    stage.backend.tasks.delete(&task.task, true, &stage.author()).await.unwrap();
    for kind in [OperationKind::Close, OperationKind::Erase] {
        for _ in 0..2 {
            stage.pass().await;
            let open = stage.backend.tasks.open_operations(OperationClass::Other, 10).await.unwrap();
            assert_eq!(open.iter().map(|operation| operation.kind).collect::<Vec<_>>(), [kind]);
        }
        let open = stage.backend.tasks.open_operations(OperationClass::Other, 10).await.unwrap();
        let end = OperationEnd { verdict: OperationVerdict::Succeeded, at: stage.now(), result: "{}".into() };
        stage.backend.tasks.finish(&task.task.id, &open[0].id, &end).await.unwrap();
    }
    assert_eq!(stage.pass().await.actions, ["remove task t"]);
    assert_eq!(stage.summary("t").await, None);
}

#[tokio::test]
async fn records_that_cannot_be_removed_are_named_and_keep_no_task() {
    let stage = Stage::new().await;
    let task = stage.task("t", HOURLY, "", Some(stage.now())).await;
    stage.pass().await;
    stage.find("t", 0, Phase::Listed).await;
    stage.pass().await;
    stage.backend.tasks.delete(&task.task, true, &stage.author()).await.unwrap();
    for (verdict, result) in [(OperationVerdict::Succeeded, "{}"), (OperationVerdict::Failed, "\"Scan is denied\"")] {
        stage.pass().await;
        let open = stage.backend.tasks.open_operations(OperationClass::Other, 10).await.unwrap();
        let end = OperationEnd { verdict, at: stage.now(), result: result.into() };
        stage.backend.tasks.finish(&task.task.id, &open[0].id, &end).await.unwrap();
    }
    let report = stage.pass().await;
    assert!(report.actions[0].contains("the ledger may have its records"), "{:?}", report.actions);
    assert!(report.actions[0].contains("Scan is denied"), "{:?}", report.actions);
    let audits = stage.backend.tasks.audits(Some(&task.task.id), None, 10).await.unwrap().0;
    assert_eq!(audits[0].author.note, "records may be in the ledger");
}
