//! A run with other options cancels earlier ones.

use super::*;

/// The workers' part at a cancelled run: each job that was sent is settled as cancelled, each object once.
async fn settle_sent_as_cancelled(bench: &Bench, run: &str) {
    for job in bench.jobs_of(run) {
        let outcome = |(index, key): (u32, &str)| (index, cancelled(key));
        let outcomes: Vec<_> = job.work.keys().map(outcome).collect();
        let settlement =
            Settlement { task: &job.task, run, origin: &job.origin, reasons: &[], outcomes: &outcomes, span: None };
        bench.book.settle(&settlement).await.unwrap();
    }
}

fn cancelled(key: &str) -> Outcome {
    Outcome { worker: "w".into(), ..Outcome::new(key.into(), State::Cancelled) }
}

type Change = fn(&mut Bench);

/// Options that change what is written or deleted.
const OTHER_OPTIONS: [(&str, Change); 10] = [
    ("delete", |bench| bench.find.delete = false),
    ("max-delete", |bench| bench.find.max_delete = Some(1_000)),
    ("filters", |bench| bench.find.filters = vec!["- x".into()]),
    ("size", |bench| bench.find.min_size = Some(1)),
    ("metadata", |bench| bench.find.metadata = true),
    ("storage class", |bench| bench.work.storage_class = Some("GLACIER".into())),
    ("canned acl", |bench| bench.work.canned_acl = Some(shared::acl::CannedAcl::BucketOwnerFullControl)),
    ("acl", |bench| bench.work.acl = true),
    ("strict", |bench| bench.work.strict = true),
    ("locations", |bench| {
        bench.destination = Arc::new(Shelf { location: "s3://other".parse().unwrap(), ..Shelf::new(vec![]) })
    }),
];

#[tokio::test]
async fn regression_other_options_cancel_earlier_runs_at_once() {
    for (name, change) in OTHER_OPTIONS {
        let (source, destination) = mirrored();
        let mut bench = bench(source, destination, mirror());
        let first = bench.run().await.unwrap();
        let sent = bench.belt.sent.lock().unwrap().len();
        change(&mut bench);
        let second = bench.run().await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_ne!(first, second, "{name}");
        let of_first = |body: &&String| body.contains(&first);
        assert_eq!(bench.belt.sent.lock().unwrap().iter().filter(of_first).count(), sent, "{name}: sent again");
        let run = bench.book.run(&first).await.unwrap().unwrap();
        // All deletes were released, and are on the queue as well.
        assert_eq!((run.phase, run.is_done(), run.settled.cancelled), (Phase::Cancelled, false, 20), "{name}");
        settle_sent_as_cancelled(&bench, &first).await;
        let run = bench.book.run(&first).await.unwrap().unwrap();
        assert_eq!((run.is_done(), run.settled.cancelled, run.enqueued()), (true, 50, 50), "{name}");
    }
}

#[tokio::test]
async fn options_that_change_nothing_at_the_destination_cancel_no_run() {
    let changes: [Change; 4] = [
        |bench| bench.find.list_concurrency = 1,
        |bench| bench.find.job_objects = 7,
        |bench| bench.work.attempts = 7,
        |bench| bench.work.giant_threshold = 1 << 20,
    ];
    for change in changes {
        let (source, destination) = mirrored();
        let mut bench = bench(source, destination, mirror());
        bench.run().await.unwrap();
        change(&mut bench);
        assert!(matches!(bench.run().await, Err(FindError::Busy { .. })));
    }
}

#[tokio::test]
async fn regression_a_cancelled_run_adds_up_wherever_finders_died() {
    let (mut at, mut crashes) = (0, 0);
    'first: loop {
        for step in 0.. {
            let (source, destination) = mirrored();
            let mut bench = bench(source, destination, mirror());
            bench.faults.crash_at(Some((at, at % 2 == 0)));
            if bench.run().await.is_ok() {
                break 'first;
            }
            bench.faults.crash_at(None);
            let Some(first) = bench.book.pages.lock().unwrap().runs.keys().next().cloned() else { break };
            bench.find.delete = false;
            // The one that cancels dies as well, and the next one goes on.
            bench.faults.crash_at(Some((step, step % 2 == 0)));
            let cut_off = bench.run().await.is_err();
            bench.faults.crash_at(None);
            crashes += u32::from(cut_off);
            // Its very last write may have been made all the same: then it has begun, and waits for its jobs.
            match bench.run().await {
                Ok(_) | Err(FindError::Busy { .. }) => {}
                Err(error) => panic!("died at {at} and {step}: {error}"),
            }
            settle_sent_as_cancelled(&bench, &first).await;
            let run = bench.book.run(&first).await.unwrap().unwrap();
            assert_eq!((run.phase, run.is_done()), (Phase::Cancelled, true), "died at {at} and {step}: {run:?}");
            assert_eq!(run.settled.objects(), run.enqueued(), "died at {at} and {step}");
            let second = bench.book.last_run().start.id;
            assert!(!bench.jobs_of(&second).iter().any(|job| matches!(job.work, ObjectWork::Delete { .. })));
            if !cut_off {
                break;
            }
        }
        at += 3;
    }
    assert!(crashes > 20, "only {crashes} places to die at");
}

#[tokio::test]
async fn only_earlier_runs_that_are_not_done_are_cancelled() {
    let (source, destination) = mirrored();
    let mut bench = bench(source, destination, mirror());
    let mut runs = Vec::new();
    bench.finder.force = true;
    for done in [true, false, false] {
        let run = bench.run().await.unwrap();
        if done {
            bench.book.settle_all(&run);
        }
        runs.push(run);
    }
    bench.finder.force = false;
    bench.find.delete = false;
    bench.run().await.unwrap();
    for (run, phase) in runs.iter().zip([Phase::Listed, Phase::Cancelled, Phase::Cancelled]) {
        assert_eq!(bench.book.run(run).await.unwrap().unwrap().phase, phase);
    }
}

/// Those of the same options stay open: their jobs write what the new run would write.
#[tokio::test]
async fn regression_done_runs_with_other_options_are_closed() {
    for is_fleet in [false, true] {
        let (source, destination) = mirrored();
        let mut bench = bench(source, destination, mirror());
        let (mut runs, mut closed) = (Vec::new(), Vec::new());
        for (number, delete) in [true, true, false, true, true].into_iter().enumerate() {
            bench.find.delete = delete;
            let id = format!("{number}");
            let run = RunRequest { id, definition: 1, dead: None };
            bench.finder.run = is_fleet.then_some(run);
            runs.push(bench.run().await.unwrap());
            bench.book.settle_all(runs.last().unwrap());
            let states = runs.iter().map(|run| bench.book.run_state(run));
            let states = futures::future::try_join_all(states).await.unwrap();
            closed.push(states.iter().filter(|state| state.as_ref().unwrap().is_closed).count());
        }
        assert_eq!(closed, [0, 0, 2, 3, 3], "in a fleet: {is_fleet}");
        let phases = runs.iter().map(|run| bench.book.run(run));
        let runs = futures::future::try_join_all(phases).await.unwrap();
        assert!(runs.iter().all(|run| run.as_ref().unwrap().is_done()));
    }
}

#[tokio::test]
async fn regression_more_done_runs_than_are_read_at_once_are_closed() {
    let (source, destination) = mirrored();
    let mut bench = bench(source, destination, mirror());
    let mut runs = Vec::new();
    for _ in 0..shared::ledger::MAX_RUNS + 20 {
        runs.push(bench.run().await.unwrap());
        bench.book.settle_all(runs.last().unwrap());
    }
    bench.find.delete = false;
    bench.run().await.unwrap();
    for (number, run) in runs.iter().enumerate() {
        assert!(bench.book.run_state(run).await.unwrap().unwrap().is_closed, "run {number}");
    }
}

/// The oldest is closed first, so the next command goes on wherever one was cut off.
#[tokio::test]
async fn closing_done_runs_goes_on_wherever_it_was_cut_off() {
    for at in 0.. {
        let (source, destination) = mirrored();
        let mut bench = bench(source, destination, mirror());
        let mut runs = Vec::new();
        for _ in 0..3 {
            runs.push(bench.run().await.unwrap());
            bench.book.settle_all(runs.last().unwrap());
        }
        bench.find.delete = false;
        bench.faults.crash_at(Some((at, at % 2 == 0)));
        let is_cut_off = bench.run().await.is_err();
        bench.faults.crash_at(None);
        let newest = bench.run().await;
        assert!(matches!(newest, Ok(_) | Err(FindError::Busy { .. })), "{newest:?}");
        for run in &runs {
            assert!(bench.book.run_state(run).await.unwrap().unwrap().is_closed, "cut off at {at}");
        }
        if !is_cut_off {
            return;
        }
    }
}
