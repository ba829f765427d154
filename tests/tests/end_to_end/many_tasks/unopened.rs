//! Tasks whose stores cannot be opened by any worker, from the beginning.

use shared::tasks::{OperationClass, RunEnd};

use super::stage::{self, Different, Fleet, stop};

/// One pass of the controller.
async fn control(fleet: &Fleet) {
    let ended = fleet.controller().wait(stage::LIMIT).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_task_that_cannot_be_opened_ends() {
    let fleet = Fleet::new().await;
    fleet.put("good", "a", 1_000).await;
    fleet.create("good", Different::default()).await;
    let names = ["away", "denied"];
    fleet.create("away", Different { endpoint: Some("http://127.0.0.1:9"), ..Different::default() }).await;
    fleet.create("denied", Different { credentials: Some("file:/nowhere/credentials"), ..Different::default() }).await;
    for name in names {
        fleet.command(&["task", "run", name]).await;
    }
    let mut workers = vec![fleet.worker()];
    let waits = async || {
        let open = fleet.backend.tasks.open_operations(OperationClass::Run, 10).await.expect("operations");
        let says = |part: &str| open.iter().any(|run| run.progress.as_ref().is_some_and(|said| said.contains(part)));
        ["127.0.0.1:9", "/nowhere/credentials"].into_iter().all(says)
    };
    fleet.until("both runs say why they wait", &mut workers, waits).await;

    for name in names {
        fleet.command(&["task", "cancel", name]).await;
    }
    let cancelled = async || {
        control(&fleet).await;
        let tasks = fleet.summaries().await;
        let end = |name: &str| tasks[name].last_run.as_ref().map(|run| run.end);
        names.into_iter().all(|name| end(name) == Some(RunEnd::Cancelled) && tasks[name].cancelled.is_empty())
    };
    fleet.until("both runs are cancelled", &mut workers, cancelled).await;

    for name in names {
        fleet.command(&["task", "delete", name, "--records", "--yes", "--wait", "0"]).await;
    }
    fleet.command(&["task", "run", "good"]).await;
    let gone = async || {
        control(&fleet).await;
        let tasks = fleet.summaries().await;
        tasks.len() == 1 && tasks["good"].last_run.is_some()
    };
    fleet.until("both tasks are gone", &mut workers, gone).await;
    fleet.assert_equal("good").await;
    stop(workers).await;
}
