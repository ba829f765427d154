//! The finder's part of the ledger: runs, checkpoints, deferred jobs.

use std::time::Duration;

use shared::ErrorKind;
use shared::ledger::{CLOSED, Checkpoint, Found, NO_FENCE, Phase, PhaseTimes, Run, RunState, Settled, SharedLedger};
use shared::object::Timestamp;
use shared::store::KeyRange;

use super::{odd_keys, run_start, started, unique};

fn found(n: u64) -> Found {
    Found {
        listed: n,
        listed_destination: n + 1,
        unchanged: n + 2,
        filtered: n + 3,
        not_judged: n + 6,
        enqueued: n + 4,
        enqueued_bytes: n << 40,
        deletes: n + 5,
        unlisted: 2,
    }
}

/// And an unknown run is none.
pub async fn a_run_starts_listing_with_nothing_counted(ledger: SharedLedger) {
    let start = started(&ledger).await;
    let expected = Run {
        start: start.clone(),
        phase: Phase::Listing,
        entered: PhaseTimes::begun(start.started),
        error: None,
        found: Found::default(),
        settled: Settled::default(),
    };
    assert_eq!(ledger.run(&start.id).await.unwrap(), Some(expected));
    assert_eq!(ledger.run(&unique("run")).await.unwrap(), None);
    assert_eq!(ledger.checkpoints(&start.id).await.unwrap(), []);
}

/// Not even the phase it came to.
pub async fn starting_a_run_twice_changes_nothing(ledger: SharedLedger) {
    let start = started(&ledger).await;
    ledger.set_phase(&start.id, Phase::Stopped, Some("why"), None).await.unwrap();
    ledger.checkpoint(&start.id, &Checkpoint { found: found(1), ..Checkpoint::default() }, NO_FENCE).await.unwrap();
    let before = ledger.run(&start.id).await.unwrap();
    ledger.start_run(&start, NO_FENCE).await.unwrap();
    assert_eq!(ledger.run(&start.id).await.unwrap(), before);
    assert_eq!(ledger.runs(&start.task, 10).await.unwrap().len(), 1);
}

/// Up to the limit, with their counters, and of no other task.
pub async fn runs_come_newest_first(ledger: SharedLedger) {
    let task = unique("task");
    started(&ledger).await;
    let mut starts = Vec::new();
    for n in 0..12 {
        // Ids sort by time of start among the runs of one task.
        let mut start = run_start(&task, 1_700_000_000_000 + n);
        start.id = format!("{task}-run-{n:04}");
        ledger.start_run(&start, NO_FENCE).await.unwrap();
        ledger
            .checkpoint(&start.id, &Checkpoint { found: found(n as u64), ..Checkpoint::default() }, NO_FENCE)
            .await
            .unwrap();
        starts.insert(0, start);
    }
    let runs = ledger.runs(&task, 100).await.unwrap();
    assert_eq!(runs.iter().map(|r| r.start.clone()).collect::<Vec<_>>(), starts);
    assert!(runs.iter().zip((0..12).rev()).all(|(run, n)| run.found == found(n)));
    assert_eq!(ledger.runs(&task, 3).await.unwrap(), runs[..3]);
    assert_eq!(ledger.runs(&unique("task"), 3).await.unwrap(), []);
}

/// Once, in order.
pub async fn every_task_with_a_run_is_named(ledger: SharedLedger) {
    let (a, b) = (unique("task-a"), unique("task-\u{fc}"));
    for task in [&b, &a, &b] {
        ledger.start_run(&run_start(task, 1), NO_FENCE).await.unwrap();
    }
    let tasks = ledger.tasks().await.unwrap();
    assert!(tasks.is_sorted_by(|x, y| x < y), "{tasks:?}");
    assert!(tasks.contains(&a) && tasks.contains(&b));
}

/// Until it is replaced.
pub async fn a_phase_moves_on_and_its_error_stays(ledger: SharedLedger) {
    let start = started(&ledger).await;
    let steps = [
        (Phase::Releasing, Some("5 deletes are more than 4"), Some("5 deletes are more than 4")),
        (Phase::Listed, None, Some("5 deletes are more than 4")),
        (Phase::Stopped, Some("list s3://a: denied"), Some("list s3://a: denied")),
        (Phase::Stopped, Some("list s3://a: denied"), Some("list s3://a: denied")),
    ];
    for (phase, given, kept) in steps {
        ledger.set_phase(&start.id, phase, given, None).await.unwrap();
        let run = ledger.run(&start.id).await.unwrap().unwrap();
        assert_eq!((run.phase, run.error.as_deref()), (phase, kept));
    }
}

/// Of a phase that is entered again, the first time stays.
pub async fn a_run_keeps_when_it_entered_each_phase(ledger: SharedLedger) {
    let start = started(&ledger).await;
    let before = Timestamp::now();
    for phase in [Phase::Releasing, Phase::Listed] {
        ledger.set_phase(&start.id, phase, None, None).await.unwrap();
    }
    let entered = ledger.run(&start.id).await.unwrap().unwrap().entered;
    let (releasing, listed) = (entered.of(Phase::Releasing).unwrap(), entered.of(Phase::Listed).unwrap());
    assert!(before <= releasing && releasing <= listed && listed <= Timestamp::now(), "{entered:?}");
    assert_eq!((entered.of(Phase::Listing), entered.of(Phase::Stopped)), (Some(start.started), None));

    // A repeated request whose answer was lost, and one that is refused.
    tokio::time::sleep(Duration::from_millis(3)).await;
    ledger.set_phase(&start.id, Phase::Listed, None, None).await.unwrap();
    ledger.set_phase(&start.id, Phase::Releasing, None, None).await.unwrap_err();
    assert_eq!(ledger.runs(&start.task, 1).await.unwrap()[0].entered, entered);
}

/// All of it, and also its share of what was found.
pub async fn a_checkpoint_replaces_the_earlier_one(ledger: SharedLedger) {
    let start = started(&ledger).await;
    let first = Checkpoint {
        id: 3,
        version: 1,
        found: found(7),
        outbox: vec!["{}".to_owned()],
        jobs: 1,
        ..Checkpoint::default()
    };
    let second = Checkpoint {
        id: 3,
        version: 2,
        range: KeyRange { prefix: "p/".to_owned(), after: Some("p/a".to_owned()), until: Some("p/z".to_owned()) },
        cursor: Some("p/k".to_owned()),
        done: true,
        found: found(2),
        jobs: 9,
        deferred: 4,
        released: 3,
        outbox: vec![],
    };
    for checkpoint in [&first, &second, &second] {
        ledger.checkpoint(&start.id, checkpoint, NO_FENCE).await.unwrap();
        assert_eq!(ledger.checkpoints(&start.id).await.unwrap(), std::slice::from_ref(checkpoint));
        assert_eq!(ledger.run(&start.id).await.unwrap().unwrap().found, checkpoint.found);
    }
}

/// Whatever it holds: it would take back what is counted already.
pub async fn a_late_checkpoint_is_refused(ledger: SharedLedger) {
    let start = started(&ledger).await;
    // The same numbers of jobs: nothing else shows which is the later one.
    let at = |version, listed, cursor: &str| Checkpoint {
        version,
        found: Found { listed, ..Found::default() },
        cursor: Some(cursor.to_owned()),
        ..Checkpoint::default()
    };
    let (first, second) = (at(1, 10, "a"), at(2, 20, "b"));
    for checkpoint in [&first, &second] {
        ledger.checkpoint(&start.id, checkpoint, NO_FENCE).await.unwrap();
    }
    for late in [first, at(2, 15, "c"), at(0, 30, "z")] {
        let error = ledger.checkpoint(&start.id, &late, NO_FENCE).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    }
    ledger.checkpoint(&start.id, &second, NO_FENCE).await.unwrap();
    assert_eq!(ledger.checkpoints(&start.id).await.unwrap(), [second]);
}

/// As numbers, whatever the order they were written in.
pub async fn checkpoints_come_by_number(ledger: SharedLedger) {
    let start = started(&ledger).await;
    for id in [10, 2, 100, 0, u32::MAX, 1, 9] {
        ledger.checkpoint(&start.id, &Checkpoint { id, ..Checkpoint::default() }, NO_FENCE).await.unwrap();
    }
    let ids: Vec<u32> = ledger.checkpoints(&start.id).await.unwrap().iter().map(|c| c.id).collect();
    assert_eq!(ids, [0, 1, 2, 9, 10, 100, u32::MAX]);
}

/// Beside an outbox of the largest size.
pub async fn checkpoints_carry_the_longest_and_oddest_keys(ledger: SharedLedger) {
    let start = started(&ledger).await;
    let entry = "{\"key\":\"a\\u0001\\\"\u{fc}\"},";
    let job = |bytes: usize| entry.repeat(bytes / entry.len());
    for (id, key) in (0..).zip(odd_keys()) {
        let range = KeyRange { prefix: key.clone(), after: Some(key.clone()), until: Some(key.clone()) };
        let outbox = if id % 8 == 0 { vec![job(100 << 10), job(150 << 10)] } else { vec![job(100)] };
        let checkpoint = Checkpoint { id, range, cursor: Some(key), outbox, ..Checkpoint::default() };
        ledger.checkpoint(&start.id, &checkpoint, NO_FENCE).await.unwrap();
        let read = ledger.checkpoints(&start.id).await.unwrap();
        assert!(read.last() == Some(&checkpoint), "checkpoint {id} was changed, cursor {:?}", checkpoint.cursor);
    }
    assert_eq!(ledger.checkpoints(&start.id).await.unwrap().len(), odd_keys().len());
}

/// In every field.
pub async fn what_was_found_is_the_sum_over_the_checkpoints(ledger: SharedLedger) {
    let start = started(&ledger).await;
    let mut sum = Found::default();
    for id in 0..40 {
        let found = found(u64::from(id) * 1_000);
        ledger.checkpoint(&start.id, &Checkpoint { id, found, ..Checkpoint::default() }, NO_FENCE).await.unwrap();
        sum += found;
    }
    assert_eq!(ledger.run(&start.id).await.unwrap().unwrap().found, sum);
}

/// Not while the listing goes on, nor if it stopped.
pub async fn deletes_are_enqueued_once_released(ledger: SharedLedger) {
    let start = started(&ledger).await;
    let found = Found { enqueued: 10, deletes: 3, ..Found::default() };
    ledger.checkpoint(&start.id, &Checkpoint { found, ..Checkpoint::default() }, NO_FENCE).await.unwrap();
    for (phase, enqueued) in [(Phase::Listing, 10), (Phase::Releasing, 13), (Phase::Listed, 13), (Phase::Stopped, 10)] {
        ledger.set_phase(&start.id, phase, None, None).await.unwrap();
        assert_eq!(ledger.run(&start.id).await.unwrap().unwrap().enqueued(), enqueued, "{phase:?}");
    }
}

/// The finder that worked on it before learns that by an error, and all its deletes are to be settled.
pub async fn a_cancelled_run_stays_cancelled(ledger: SharedLedger) {
    for before in [Phase::Listing, Phase::Releasing, Phase::Listed, Phase::Stopped] {
        let start = started(&ledger).await;
        let found = Found { enqueued: 10, deletes: 3, ..Found::default() };
        ledger.checkpoint(&start.id, &Checkpoint { found, ..Checkpoint::default() }, NO_FENCE).await.unwrap();
        ledger.set_phase(&start.id, before, None, None).await.unwrap();
        let error = ledger.set_phase(&start.id, Phase::Cancelled, None, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        for phase in [Phase::Cancelling, Phase::Cancelling, Phase::Cancelled, Phase::Cancelled] {
            ledger.set_phase(&start.id, phase, None, None).await.unwrap();
            for other in [Phase::Listing, Phase::Releasing, Phase::Listed, Phase::Stopped] {
                let error = ledger.set_phase(&start.id, other, None, None).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
            }
            let run = ledger.run(&start.id).await.unwrap().unwrap();
            assert_eq!((run.phase, run.enqueued(), run.is_done()), (phase, 13, false));
        }
    }
}

/// And nothing else; none where there is no run.
pub async fn a_runs_state_is_its_phase_and_its_options(ledger: SharedLedger) {
    let start = started(&ledger).await;
    for phase in [Phase::Listing, Phase::Listed, Phase::Cancelling] {
        ledger.set_phase(&start.id, phase, None, None).await.unwrap();
        let state = RunState { phase, options: start.options.clone(), is_closed: false };
        assert_eq!(ledger.run_state(&start.id).await.unwrap(), Some(state));
    }
    ledger.fence(&start.id, CLOSED).await.unwrap();
    assert!(ledger.run_state(&start.id).await.unwrap().unwrap().is_closed);
    assert_eq!(ledger.run_state(&unique("run")).await.unwrap(), None);
}

/// However often they are refused; everything else that was found stays.
pub async fn refused_deletes_stay_refused(ledger: SharedLedger) {
    let start = started(&ledger).await;
    for id in 0..3 {
        ledger
            .checkpoint(&start.id, &Checkpoint { id, found: found(10), ..Checkpoint::default() }, NO_FENCE)
            .await
            .unwrap();
    }
    let before = ledger.run(&start.id).await.unwrap().unwrap().found;
    assert_eq!(before.deletes, 45);
    for _ in 0..2 {
        ledger.refuse_deletes(&start.id, NO_FENCE).await.unwrap();
        ledger.set_phase(&start.id, Phase::Listed, Some("refused"), None).await.unwrap();
        let run = ledger.run(&start.id).await.unwrap().unwrap();
        assert_eq!(run.found, Found { deletes: 0, ..before });
        assert_eq!(run.enqueued(), before.enqueued);
    }
    assert_eq!(ledger.runs(&start.task, 1).await.unwrap()[0].found.deletes, 0);
}

/// Written twice they are kept once.
pub async fn deferred_jobs_are_kept_by_range_and_number(ledger: SharedLedger) {
    let start = started(&ledger).await;
    let large = "{\"keys\":\"\\u0000\u{10ffff}\"}".repeat(8_000);
    for (range, number, body) in [(0, 0, "a"), (0, 1, "b"), (1, 0, "c"), (0, 1, "b"), (11, 0, large.as_str())] {
        ledger.defer(&start.id, range, number, body, NO_FENCE).await.unwrap();
    }
    for (range, number, body) in [(0, 0, Some("a")), (0, 1, Some("b")), (1, 0, Some("c")), (1, 1, None), (1, 10, None)]
    {
        assert_eq!(ledger.deferred(&start.id, range, number).await.unwrap().as_deref(), body, "{range} {number}");
    }
    assert!(ledger.deferred(&start.id, 11, 0).await.unwrap() == Some(large), "a large body was changed");
    assert_eq!(ledger.deferred(&unique("run"), 0, 0).await.unwrap(), None);
}
