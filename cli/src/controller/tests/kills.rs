//! A controller that is killed anywhere changes nothing of the end.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use shared::ledger::Phase;
use shared::sync::lock;
use shared::tasks::{OperationClass, OperationEnd, OperationKind, OperationVerdict, RunEnd, Summary};

use super::notices::settled_run;
use super::stage::Stage;
use crate::controller::pass;

/// Polls a future so many times, then drops it. Whether it ended before.
async fn killed_after(polls: usize, future: impl Future) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        future.as_mut().poll(context).map(|_| true)
    })
    .await
}

/// A run to be ended, with notices; a run that is due; a task that is being deleted; a machine whose worker is dead.
async fn world() -> Stage {
    let (stage, _) = settled_run().await;
    stage.task("due", "schedule = \"every 1h\"", "", Some(stage.now())).await;
    let gone = stage.task("gone", "schedule = \"once\"", "", Some(stage.now())).await;
    stage.machine("i-dead");
    for _ in 0..5 {
        stage.pass().await;
    }
    // The passes before ended the first run: one more is to be ended now.
    stage.minutes_pass(60);
    stage.pass().await;
    stage.find("t", 0, Phase::Listed).await;
    stage.find("gone", 0, Phase::Listed).await;
    stage.backend.tasks.delete(&gone.task, true, &stage.author()).await.unwrap();
    lock(&stage.receiver.got).clear();
    lock(&stage.group.0).calls.clear();
    stage.minutes_pass(1);
    stage
}

/// What a test compares: all but times and texts.
async fn end_of(stage: &Stage) -> Vec<(String, Option<RunEnd>, bool)> {
    let summaries = stage.backend.tasks.summaries().await.unwrap();
    let line = |task: Summary| (task.task.name, task.last_run.map(|last| last.end), task.run.is_some());
    summaries.into_iter().map(line).collect()
}

async fn settle_down(stage: &Stage) {
    for _ in 0..12 {
        stage.pass().await;
        for close in stage.backend.tasks.open_operations(OperationClass::Other, 10).await.unwrap() {
            if matches!(close.kind, OperationKind::Close | OperationKind::Erase) {
                let end = OperationEnd { verdict: OperationVerdict::Succeeded, at: stage.now(), result: "{}".into() };
                stage.backend.tasks.finish(&close.task, &close.id, &end).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_controller_killed_between_two_steps_leaves_the_same_end() {
    let undisturbed = world().await;
    settle_down(&undisturbed).await;
    let expected = end_of(&undisturbed).await;
    assert!(expected.iter().all(|(name, ..)| name != "gone"), "{expected:?}");
    let (mut kills, mut polls) = (0, 0);
    loop {
        let stage = world().await;
        let controller = stage.controller(0).await;
        let ended = killed_after(polls, pass(&controller)).await;
        settle_down(&stage).await;
        assert_eq!(end_of(&stage).await, expected, "killed after {polls} polls");
        let mut ids: Vec<String> = stage.notices().into_iter().map(|(.., notice)| notice.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 2, "each receiver learns of the run, killed after {polls} polls");
        assert_eq!(
            stage.backend.tasks.open_operations(OperationClass::Run, 10).await.unwrap().len(),
            1,
            "of the run that is live"
        );
        if ended {
            break;
        }
        (kills, polls) = (kills + 1, polls + 3);
    }
    assert!(kills > 5, "{kills}");
}
