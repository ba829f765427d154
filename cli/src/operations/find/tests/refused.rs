//! Runs that cannot begin: for a reason that stays, or for one that may pass.

use shared::ledger::{NO_FENCE, RunOptions, RunStart};
use shared::tasks::OperationVerdict;

use super::*;
use crate::operations::slice::{SliceCheckpoint, Waits};

/// A task whose stores cannot be opened now.
pub struct Closed(pub Process);

#[async_trait]
impl OpenedTasks for Closed {
    async fn opened(&self, _: u32, _: Opening) -> Result<Arc<OpenedTask>> {
        Err(shared::Error::new(ErrorKind::Unavailable, "open", "photos", "the store is away"))
    }

    fn backend(&self) -> Option<&Backend> {
        Some(&self.0.backend)
    }

    fn name(&self) -> &str {
        &self.0.config.name
    }

    async fn of_definition(&self, _: &str) -> Result<Arc<OpenedTask>> {
        unimplemented!("the task is created")
    }
}

/// Waits until the ledger has stopped a run, and returns the reason.
async fn stopped(process: &Process, id: &str) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        match process.run(id).await {
            Some(run) if run.phase == Phase::Stopped => return run.error.unwrap_or_default(),
            run => assert!(Instant::now() < until, "{run:?}"),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_a_run_refused_for_good_is_stopped_at_once() {
    let site = Site::new().await;
    let process = site.process();
    let mut unlisted = site.process();
    unlisted.config.objects.find.prefix_list = Some(site.dir.path().join("no-list").display().to_string().into());
    for (id, kind, request, of, reason) in [
        ("run-1", OperationKind::Find, r#"{"storage-class":"X"}"#, &process, "unknown field"),
        ("run-2", OperationKind::Retry, r#"{"run":"run-0"}"#, &process, "no record of run run-0"),
        ("run-3", OperationKind::Retry, r#"{"run":"run-1"}"#, &process, "run run-1 had other options"),
        ("run-4", OperationKind::Retry, "{}", &process, "missing field"),
        ("run-5", OperationKind::Find, "", &unlisted, "no-list"),
    ] {
        let worker = site.worker_of(of.clone());
        site.begin(id, kind, request, 1).await;
        let why = stopped(&process, id).await;
        assert!(why.contains(reason), "{id}: {why}");
        assert_eq!(process.settled().await, 0, "{id} is not tried again");
        kill(worker).await;
        process.tasks.end_run(&site.task, &ended(id)).await.unwrap();
    }
    assert!(site.jobs().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_a_run_that_cannot_begin_for_a_day_is_stopped() {
    let site = Site::new().await;
    let process = site.process();
    let worker = site.worker_with(process.clone(), Arc::new(Closed(process.clone())));
    let operation = site.begin("run-1", OperationKind::Find, "", 1).await;
    while process.settled().await == 0 {
        sleep(Duration::from_millis(20)).await;
    }
    let waiting = process.tasks.operation(&site.task.id, "run-1").await.unwrap().unwrap();
    let progress = waiting.progress.clone().unwrap_or_default();
    assert!(progress.contains("trying again in 60 s") && progress.contains("the store is away"), "{waiting:?}");
    assert_eq!((waiting.end, process.run("run-1").await), (None, None));
    // The same a day later.
    let since = Timestamp(Timestamp::now().0 - 24 * 3_600_000);
    let checkpoint = SliceCheckpoint { waits: Some(Waits { since, times: 99 }), ..SliceCheckpoint::default() };
    let text = serde_json::to_string(&checkpoint).unwrap();
    assert!(process.tasks.save_checkpoint(&site.task.id, "run-1", waiting.beat, &text).await.unwrap());
    process.send(&operation.job(waiting.beat)).await;
    let why = stopped(&process, "run-1").await;
    assert!(why.contains("given up after 24 h") && why.contains("the store is away"), "{why}");
    kill(worker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_records_are_removed_without_stores() {
    let site = Site::new().await;
    let process = site.process();
    let start = |id: &str| RunStart {
        id: id.into(),
        task: site.task.id.clone(),
        source: String::new(),
        destination: String::new(),
        options: RunOptions::default(),
        started: Timestamp::now(),
    };
    process.backend.ledger.start_run(&start("run-1"), NO_FENCE).await.unwrap();
    let worker = site.worker_with(process.clone(), Arc::new(Closed(process.clone())));
    let erase = Operation::queued("erase".into(), (&site.task.id, 1), OperationKind::Erase, String::new(), &me());
    process.tasks.request(&erase).await.unwrap();
    process.send(&erase.job(0)).await;
    let until = Instant::now() + PATIENCE;
    let end = loop {
        let now = process.tasks.operation(&site.task.id, "erase").await.unwrap().unwrap();
        match now.end {
            Some(end) => break end,
            None => assert!(Instant::now() < until, "{now:?}"),
        }
        sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(end.verdict, OperationVerdict::Succeeded, "{end:?}");
    assert_eq!(process.run("run-1").await, None);
    kill(worker).await;
}

#[test]
fn a_run_that_cannot_begin_is_tried_ever_later() {
    let mut waits = None;
    let delays = [(); 6].map(|()| {
        let more = Waits::more(waits);
        waits = Some(more);
        more.delay().as_secs() / 60
    });
    assert_eq!(delays, [1, 2, 4, 8, 15, 15]);
}
