//! Machines are asked for, and ended where their worker does not live.

use shared::queue::Outgoing;
use shared::sync::lock;
use shared::tasks::{Limits, TaskState};

use super::stage::Stage;

#[tokio::test]
async fn machines_are_requested_by_ready_jobs_under_each_tasks_limit() {
    let stage = Stage::new().await;
    let task = stage.task("t", "events = \"create\"", "", None).await;
    let messages = vec![Outgoing::now("{}".into()); 250];
    stage.queues(&task).await.jobs.send(&messages).await.unwrap();
    assert_eq!(stage.pass().await.wanted, Some(3));
    assert_eq!(stage.group_calls(), ["grow 3"]);
    stage.pass().await;
    assert_eq!(stage.group_calls(), Vec::<String>::new(), "the group wants as many");
    let limits = Limits { machines: Some(1), ..Limits::default() };
    let tasks = &stage.backend.tasks;
    tasks.set_limits(&task.task, &task.limits, &limits, &stage.author()).await.unwrap();
    assert_eq!(stage.pass().await.wanted, Some(1));
    assert_eq!(stage.group_calls(), Vec::<String>::new(), "never fewer");
    tasks.set_state(&task.task, TaskState::Paused, None, &stage.author()).await.unwrap();
    assert_eq!(stage.pass().await.wanted, Some(0), "nothing of a paused task is received");
}

#[tokio::test]
async fn a_queued_run_wants_a_machine() {
    let stage = Stage::new().await;
    let task = stage.task("t", "schedule = \"once\"", "", Some(stage.now())).await;
    stage.pass().await;
    // The message is lost, and the run still waits for a finder.
    stage.take(&task).await;
    stage.group_calls();
    assert_eq!(stage.pass().await.wanted, Some(1));
    assert_eq!(stage.group_calls(), ["grow 1"]);
}

#[tokio::test]
async fn a_machine_whose_worker_does_not_live_is_ended() {
    let stage = Stage::new().await;
    stage.machine("i-new");
    stage.machine("i-old");
    stage.machine("i-well");
    let mut ended = Vec::new();
    for minute in 0..14 {
        stage.beat("i-well", minute).await;
        stage.beat("i-old", 1).await;
        stage.pass().await;
        ended.extend(stage.group_calls().into_iter().map(|call| (minute, call)));
    }
    let expected = [(5, "terminate i-new true".to_owned()), (10, "terminate i-old true".to_owned())];
    assert_eq!(ended, expected, "without a replacement: nothing is ready");
}

#[tokio::test]
async fn two_controllers_count_a_minute_once() {
    let stage = Stage::new().await;
    stage.machine("i-new");
    for _ in 0..5 {
        stage.pass().await;
        for skew in [0, -120_000, 0] {
            crate::controller::pass(&stage.controller(skew).await).await.unwrap();
        }
    }
    assert_eq!(stage.group_calls(), Vec::<String>::new());
    stage.pass().await;
    assert_eq!(stage.group_calls(), ["terminate i-new true"]);
}

#[tokio::test]
async fn a_dead_machine_is_replaced_for_work_or_at_the_minimum() {
    let stage = Stage::new().await;
    stage.machine("i-1");
    lock(&stage.group.0).is_at_minimum = true;
    for _ in 0..6 {
        stage.pass().await;
    }
    assert_eq!(stage.group_calls(), ["terminate i-1 true", "terminate i-1 false"]);
    let task = stage.task("t", "events = \"create\"", "", None).await;
    stage.queues(&task).await.events.send(&[Outgoing::now("{}".into())]).await.unwrap();
    stage.machine("i-2");
    for _ in 0..6 {
        stage.pass().await;
    }
    assert!(stage.group_calls().contains(&"terminate i-2 false".to_owned()));
}
