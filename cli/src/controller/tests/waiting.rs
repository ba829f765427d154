//! Since when the queues of a task were never empty.

use shared::object::Timestamp;
use shared::queue::Outgoing;
use shared::tasks::{OldestReceived, OperationKind, Summary, TaskState};

use super::stage::Stage;
use crate::controller::events::{EVERY_MINUTES, minute_of};
use crate::controller::memory::ControllerMemory;

/// Days that events wait: the alarm's threshold is five.
const DAYS: u64 = 6;

async fn send(stage: &Stage, task: &Summary) {
    let job = stage.operation(task, "r", OperationKind::Probe, "").job(0);
    stage.queues(task).await.events.send(&[Outgoing::now(job.to_body())]).await.unwrap();
}

/// An hour of passes: those in which the queues of these tasks are read, and one other.
async fn hour_passes(stage: &Stage, tasks: &[&Summary]) {
    for _ in 0..EVERY_MINUTES {
        let next = u64::try_from(stage.now().0 / 60_000).unwrap() + 1;
        let is_read = |task: &&Summary| minute_of(&task.task.id) == next % EVERY_MINUTES;
        if tasks.iter().any(is_read) || next.is_multiple_of(EVERY_MINUTES) {
            stage.pass().await;
        } else {
            stage.minutes_pass(1);
        }
    }
}

async fn waiting_hours(stage: &Stage) -> Vec<u64> {
    let memory = ControllerMemory::read(&stage.backend.tasks.fleet_record().await.unwrap().text);
    let minute = u64::try_from(stage.now().0 / 60_000).unwrap();
    memory.waiting_since.values().map(|since| (minute - since) / 60).collect()
}

#[tokio::test]
async fn regression_events_of_a_paused_task_grow_old() {
    let stage = Stage::new().await;
    let paused = stage.task("paused", "events = \"create\"", "", None).await;
    let other = stage.task("other", "events = \"create\"", "", None).await;
    stage.backend.tasks.set_state(&paused.task, TaskState::Paused, None, &stage.author()).await.unwrap();
    send(&stage, &paused).await;
    for hour in 0..DAYS * 24 {
        // The queues of the other task are empty in each second hour: it has no old message.
        match hour % 2 {
            0 => send(&stage, &other).await,
            _ => assert_eq!(stage.take(&other).await.len(), 1),
        }
        hour_passes(&stage, &[&paused, &other]).await;
    }
    let waiting = waiting_hours(&stage).await;
    assert!(matches!(waiting[..], [hours] if (DAYS * 24 - 2..=DAYS * 24).contains(&hours)), "{waiting:?}");
    stage.take(&paused).await;
    hour_passes(&stage, &[&paused]).await;
    assert_eq!(waiting_hours(&stage).await, Vec::<u64>::new());
}

#[tokio::test]
async fn regression_a_busy_task_is_as_old_as_what_it_receives() {
    let stage = Stage::new().await;
    let busy = stage.task("busy", "events = \"create\"", "", None).await;
    let pass_at = async |hour: u64, oldest: OldestReceived| {
        stage.minutes_pass(60);
        stage.beat_receiving("m", hour, (&busy.task.id, oldest)).await;
        stage.pass().await;
        waiting_hours(&stage).await
    };
    let sent_now = || Some(stage.now());
    send(&stage, &busy).await;
    for hour in 0..DAYS * 24 {
        // Never empty, and each message is minutes old.
        let events = OldestReceived { jobs: None, events: sent_now() };
        assert_eq!(pass_at(hour, events).await, [1], "an hour of the test's clock passes before the pass");
    }
    // Of another queue: nobody receives the events.
    let jobs = OldestReceived { jobs: sent_now(), events: None };
    assert_eq!(pass_at(DAYS * 24, jobs).await, [2]);
    assert_eq!(pass_at(DAYS * 24 + 1, OldestReceived::default()).await, [3], "nothing is known any more");
    // An old one comes again and again.
    let old = Timestamp(stage.now().0 - 5 * 24 * 3_600_000);
    let events = OldestReceived { jobs: None, events: Some(old) };
    assert_eq!(pass_at(DAYS * 24 + 2, events).await, [5 * 24 + 1]);
}

#[test]
fn waiting_messages_are_an_hourly_metric() {
    use crate::controller::waiting::hours;
    let since = [("a".to_owned(), 1_000), ("b".to_owned(), 400)].into();
    assert_eq!(hours(&since, 1_000), 10, "the earliest counts");
    assert_eq!(hours(&since, 300), 0, "a clock that went back");
    assert_eq!(hours(&Default::default(), 1_000), 0);
}
