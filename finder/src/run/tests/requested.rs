//! A run that was asked for under an id, in slices.

use super::*;

impl Bench {
    /// A finder of the run, as one slice has it.
    fn asked(&self, id: &str, owner: &str) -> Finder {
        let run = Some(RunRequest { id: id.into(), definition: 4, dead: None });
        Finder { run, owner: owner.into(), ..self.finder.clone() }
    }

    async fn slice(&self, id: &str) -> Result<String, FindError> {
        self.asked(id, "slice").run(&self.planner(), CancellationToken::new(), Arc::default()).await
    }
}

#[tokio::test]
async fn a_run_that_is_asked_for_is_begun_under_its_id_and_once() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    assert_eq!(bench.slice("run-1").await.unwrap(), "run-1");
    bench.assert_mirrored();
    assert!(bench.jobs().values().all(|job| job.definition == 4 && job.run == "run-1"));
    let (steps, sent) = (bench.faults.steps.load(SeqCst), bench.belt.sent.lock().unwrap().len());
    assert_eq!(bench.slice("run-1").await.unwrap(), "run-1");
    assert_eq!((bench.faults.steps.load(SeqCst), bench.belt.sent.lock().unwrap().len()), (steps, sent));
}

#[tokio::test]
async fn a_run_that_is_asked_for_waits_for_no_other_and_cancels_none() {
    let (source, destination) = mirrored();
    let mut bench = bench(source, destination, mirror());
    let earlier = bench.run().await.unwrap();
    bench.find.delete = false;
    bench.slice("z-later").await.unwrap();
    assert_eq!(bench.book.run(&earlier).await.unwrap().unwrap().phase, Phase::Listed);
    assert_eq!(bench.book.run("z-later").await.unwrap().unwrap().found.enqueued, 30);
}

#[tokio::test]
async fn a_run_that_is_asked_for_is_resumed_wherever_it_died() {
    for at in 0.. {
        let (source, destination) = mirrored();
        let bench = bench(source, destination, mirror());
        bench.faults.crash_at(Some((at, at % 2 == 0)));
        let died = bench.slice("run-1").await.is_err();
        bench.faults.crash_at(None);
        bench.slice("run-1").await.unwrap();
        bench.assert_mirrored();
        if !died {
            assert!(at > 20, "only {at} places to die at");
            return;
        }
    }
}

#[tokio::test]
async fn a_run_that_is_cancelled_needs_no_finder() {
    for phase in [Phase::Cancelling, Phase::Cancelled] {
        let (source, destination) = mirrored();
        let bench = bench(source, destination, mirror());
        bench.slice("run-1").await.unwrap();
        bench.book.pages.lock().unwrap().runs.get_mut("run-1").unwrap().phase = phase;
        assert!(matches!(bench.slice("run-1").await, Err(FindError::Cancelled)), "{phase:?}");
    }
    for phase in [Phase::Stopped, Phase::Lost] {
        let (source, destination) = mirrored();
        let bench = bench(source, destination, mirror());
        bench.slice("run-1").await.unwrap();
        bench.book.pages.lock().unwrap().runs.get_mut("run-1").unwrap().phase = phase;
        assert_eq!(bench.slice("run-1").await.unwrap(), "run-1", "{phase:?}");
    }
}

#[tokio::test]
async fn a_run_whose_options_changed_underneath_is_stopped() {
    let (source, destination) = mirrored();
    let mut bench = bench(source, destination, mirror());
    let stop = CancellationToken::new();
    stop.cancel();
    let slice = bench.asked("run-1", "slice").run(&bench.planner(), stop, Arc::default()).await;
    assert!(matches!(slice, Err(FindError::Interrupted)), "{slice:?}");
    bench.find.filters = vec!["- x".into()];
    let error = bench.slice("run-1").await.unwrap_err();
    assert!(error.to_string().contains("changed since the run began"), "{error}");
    let run = bench.book.last_run();
    assert_eq!((run.phase, run.error), (Phase::Stopped, Some(error.to_string())));
}

#[tokio::test]
async fn a_run_claimed_by_another_is_not_waited_for() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    bench.book.pages.lock().unwrap().claim = Some("dead".into());
    assert!(matches!(bench.slice("run-1").await, Err(FindError::ClaimedByOther(_))));
    let dead = bench.book.claimed("task").await.unwrap();
    let mut finder = bench.asked("run-1", "slice");
    finder.run.as_mut().unwrap().dead = dead;
    finder.run(&bench.planner(), CancellationToken::new(), Arc::default()).await.unwrap();
    bench.assert_mirrored();
}

#[tokio::test]
async fn regression_changed_options_cancel_a_run_that_deletes() {
    for at in 0.. {
        let (source, destination) = mirrored();
        let mut bench = bench(source, destination, mirror());
        bench.faults.crash_at(Some((at, true)));
        let died = bench.slice("run-1").await.is_err();
        bench.faults.crash_at(None);
        assert!(died, "no slice died while it released its deletes");
        let phase = |bench: &Bench| bench.book.pages.lock().unwrap().runs.get("run-1").map(|run| run.phase);
        if phase(&bench) != Some(Phase::Releasing) {
            continue;
        }
        bench.find.filters = vec!["- x".into()];
        let error = bench.slice("run-1").await.unwrap_err();
        assert!(error.to_string().contains("changed since the run began"), "{error}");
        assert_eq!(phase(&bench), Some(Phase::Cancelled), "deletes that were sent are settled, and not carried out");
        assert!(matches!(bench.slice("run-1").await, Err(FindError::Cancelled)));
        return;
    }
}
