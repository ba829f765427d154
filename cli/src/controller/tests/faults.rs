//! A part that fails is named, decides nothing, and keeps nothing else from being done.

use std::sync::Arc;

use async_trait::async_trait;
use shared::config::TaskDefinition;
use shared::queue::Depth;
use shared::sync::lock;
use shared::tasks::{Operation, OperationKind, RunEnd, Summary};
use shared::{Error, ErrorKind, Result};

use super::notices::settled_run;
use super::stage::Stage;
use crate::controller::pass;
use crate::controller::queues::Queues;

/// Queues that a fleet may not use.
#[derive(Debug)]
struct Denied;

fn denied(call: &str) -> Error {
    Error::new(ErrorKind::Denied, "describe", "f--t", format!("not authorized to perform sqs:{call}"))
}

#[async_trait]
impl Queues for Denied {
    async fn depth(&self, _task: &Summary) -> Result<adapters::open::TaskDepth> {
        Err(denied("GetQueueAttributes"))
    }

    async fn send(&self, _task: &Summary, _body: String) -> Result<()> {
        Err(denied("SendMessage"))
    }

    async fn remove(&self, _task: &Summary) -> Result<()> {
        Err(denied("DeleteQueue"))
    }

    async fn wire_events(&self, _task: &Summary, _definition: &TaskDefinition) -> Result<()> {
        Err(denied("GetQueueUrl"))
    }

    async fn unwire_events(&self, _task: &Summary, _definition: &TaskDefinition) -> Result<()> {
        Err(denied("GetQueueUrl"))
    }

    async fn operations_depth(&self) -> Result<Depth> {
        Err(denied("GetQueueAttributes"))
    }

    async fn send_operation(&self, _body: String) -> Result<()> {
        Err(denied("SendMessage"))
    }
}

#[tokio::test]
async fn a_fleet_without_a_right_names_it_and_goes_on() {
    let (stage, run) = settled_run().await;
    stage.task("due", "schedule = \"every 1h\"", "", Some(stage.now())).await;
    let mut controller = stage.controller(0).await;
    controller.queues = Arc::new(Denied);
    let report = pass(&controller).await.unwrap();
    let lines = report.errors.join("\n");
    assert!(lines.contains("read the queues of task t") && lines.contains("sqs:GetQueueAttributes"), "{lines}");
    assert!(lines.contains("of task due") && lines.contains("sqs:SendMessage"), "{lines}");
    assert_eq!(report.errors.len(), 3, "each once: {lines}");
    // The run of the other task has ended, and the receivers know.
    let last = stage.summary("t").await.unwrap().last_run.unwrap();
    assert_eq!((last.id, last.end), (run, RunEnd::Done));
    assert_eq!(stage.notices().len(), 2);
    // The run that was recorded without its message gets it when the right is there.
    let due = stage.summary("due").await.unwrap();
    assert!(due.run.is_some());
    for _ in 0..4 {
        stage.pass().await;
    }
    assert_eq!(stage.take(&due).await.len(), 1);
}

#[tokio::test]
async fn queues_that_cannot_be_read_lose_no_run() {
    let stage = Stage::new().await;
    stage.task("t", "schedule = \"every 1h\"", "", Some(stage.now())).await;
    stage.pass().await;
    let run = stage.find("t", 3, shared::ledger::Phase::Listed).await;
    let mut controller = stage.controller(0).await;
    controller.queues = Arc::new(Denied);
    for _ in 0..30 {
        stage.minutes_pass(1);
        pass(&controller).await.unwrap();
    }
    assert_eq!(stage.summary("t").await.unwrap().run.unwrap().id, run);
}

#[tokio::test]
async fn a_group_that_cannot_be_read_ends_no_machine() {
    let stage = Stage::new().await;
    stage.machine("i-1");
    for _ in 0..3 {
        stage.pass().await;
    }
    lock(&stage.group.0).fails = true;
    for _ in 0..20 {
        stage.minutes_pass(1);
        let report = pass(&stage.controller(0).await).await.unwrap();
        assert!(report.errors[0].starts_with("could not read the group: "), "{report:?}");
        assert_eq!(report.wanted, None);
    }
    assert_eq!(stage.group_calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_done_and_changes_nothing() {
    let (stage, run) = settled_run().await;
    let before = stage.backend.tasks.summaries().await.unwrap();
    let mut controller = stage.controller(0).await;
    controller.is_dry = true;
    let report = pass(&controller).await.unwrap();
    assert!(report.actions.contains(&format!("would end run {run} of task t: done")), "{report:?}");
    assert_eq!(stage.backend.tasks.summaries().await.unwrap(), before);
    assert_eq!(stage.notices().len(), 0);
}

#[tokio::test]
async fn a_lost_operation_is_sent_again_and_one_without_task_ends() {
    let stage = Stage::new().await;
    let task = stage.task("t", "", "", None).await;
    let operation = |task: &str, version: u32| Operation {
        id: uuid::Uuid::now_v7().to_string(),
        task: task.to_owned(),
        kind: OperationKind::Verify,
        version,
        who: "test".into(),
        requested: stage.now(),
        request: String::new(),
        beat: 0,
        worker: None,
        progress: None,
        end: None,
    };
    let (verify, without_task, early) = (operation(&task.task.id, 1), operation("gone", 1), operation("later", 0));
    for operation in [&verify, &without_task, &early] {
        stage.backend.tasks.request(operation).await.unwrap();
    }
    let report = stage.pass().await;
    assert_eq!(
        report.actions,
        [format!("end verify {}: the task was deleted", without_task.id), "ask the group for 1 machines".into()]
    );
    for _ in 0..3 {
        stage.pass().await;
    }
    let jobs = stage.take(&task).await;
    assert_eq!(jobs.iter().map(|job| &job.run).collect::<Vec<_>>(), [&verify.id]);
    let operations = adapters::open::operations_queue(&stage.fleet).await.unwrap();
    assert_eq!(operations.depth().await.unwrap().ready, 1);
    assert!(stage.backend.tasks.operation("gone", &without_task.id).await.unwrap().unwrap().end.is_some());
}
