//! The event run of a task, by which events are counted.

use std::collections::BTreeMap;

use shared::ledger::{NO_FENCE, Outcome, Phase, Run, RunStart, Settled, SharedLedger, State, events_run};
use shared::object::Timestamp;
use shared::objects::reasons::{COALESCED, OUT_OF_SCOPE, with_reason};

use super::{all_failures, counted, origin, outcome, run_start, settle, unique};

fn event_run_start(task: &str) -> RunStart {
    let start = run_start(task, 1_700_000_000_000);
    RunStart { id: events_run(task), options: Default::default(), ..start }
}

/// The event run of a new task.
async fn event_run(ledger: &SharedLedger) -> RunStart {
    let start = event_run_start(&unique("task"));
    ledger.start_run(&start, NO_FENCE).await.unwrap();
    start
}

fn skipped(key: &str, reason: &str) -> Outcome {
    with_reason(outcome(key, State::Skipped), Some(reason))
}

/// And takes nobody's place among them; its task is known.
pub async fn an_event_run_is_none_of_its_tasks_runs(ledger: SharedLedger) {
    let start = event_run(&ledger).await;
    let task = &start.task;
    assert_eq!(ledger.runs(task, 10).await.unwrap(), []);
    assert!(ledger.tasks().await.unwrap().contains(task));
    let mut ids = Vec::new();
    // Ids that sort before the event run's and behind.
    for (n, id) in ["0", "events", "z"].map(unique).into_iter().enumerate() {
        let run = RunStart { id: id.clone(), ..run_start(task, n as i64) };
        ledger.start_run(&run, NO_FENCE).await.unwrap();
        ledger.start_run(&RunStart { started: Timestamp::now(), ..start.clone() }, NO_FENCE).await.unwrap();
        ids.insert(0, id);
        for limit in [1, 2, 3, 10] {
            let runs = ledger.runs(task, limit).await.unwrap();
            let found: Vec<_> = runs.iter().map(|run| run.start.id.clone()).collect();
            assert_eq!(found, ids[..ids.len().min(limit)], "limit {limit}");
            assert!(!runs.iter().any(Run::is_events));
        }
    }
}

/// Begun by each worker: the first one's start is kept, and what was counted.
pub async fn an_event_run_begins_once_and_is_never_done(ledger: SharedLedger) {
    let start = event_run_start(&unique("task"));
    let workers = (0..8).map(|_| {
        let (ledger, start) = (ledger.clone(), start.clone());
        tokio::spawn(async move { ledger.start_run(&start, NO_FENCE).await })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap().unwrap();
    }
    let message = origin("m-1", 1);
    settle(&ledger, &start, &message, &[(0, outcome("a", State::Copied))]).await;
    ledger.start_run(&RunStart { started: Timestamp::now(), ..start.clone() }, NO_FENCE).await.unwrap();
    let run = ledger.run(&start.id).await.unwrap().unwrap();
    assert_eq!((&run.start, run.phase, run.settled.copied), (&start, Phase::Listing, 1));
    assert_eq!((run.is_events(), run.is_done(), run.enqueued()), (true, false, 0));
}

/// However often its message comes, whole or in part, and to any worker.
pub async fn an_event_is_counted_once_however_often_its_message_comes(ledger: SharedLedger) {
    let run = event_run(&ledger).await;
    let mut sum = Settled::default();
    for id in ["m-8b2c1f9a-0001", "m-8b2c1f9a-0002"] {
        let message = origin(id, 3);
        let records: Vec<_> = (0..).zip(["a", "b", "a"].map(|key| outcome(key, State::Copied))).collect();
        sum += &settle(&ledger, &run, &message, &records[..2]).await;
        sum += &settle(&ledger, &run, &message, &records).await;
        assert_eq!(settle(&ledger, &run, &message, &records).await.objects(), 0);
    }
    assert_eq!((sum.copied, sum.objects()), (6, 6));
    assert_eq!(counted(&ledger, &run).await, sum);
}

/// Together their answers have each once.
pub async fn eight_workers_that_settle_the_same_events_count_each_once(ledger: SharedLedger) {
    let run = event_run(&ledger).await;
    let workers = (0..8).map(|worker| {
        let (ledger, run) = (ledger.clone(), run.clone());
        tokio::spawn(async move {
            let mut reported = Settled::default();
            // Each begins elsewhere, and all come to all.
            for n in 0..12u32 {
                let number = (n + worker * 3) % 12;
                let records: Vec<_> =
                    (0..2).map(|index| (index, outcome(&format!("k{number}"), State::Copied))).collect();
                reported += &settle(&ledger, &run, &origin(&format!("m-{number}"), 2), &records).await;
            }
            reported
        })
    });
    let mut reported = Settled::default();
    for worker in workers.collect::<Vec<_>>() {
        reported += &worker.await.unwrap();
    }
    assert_eq!((reported.copied, counted(&ledger, &run).await), (24, reported));
}

/// In a message with others, alone, and where the key has no outcome yet.
pub async fn events_without_a_keys_outcome_count_and_overwrite_nothing(ledger: SharedLedger) {
    let run = event_run(&ledger).await;
    let copied = outcome("a", State::Copied);
    settle(&ledger, &run, &origin("m-1", 1), &[(0, copied.clone())]).await;
    let only_counted = [(0, skipped("a", OUT_OF_SCOPE)), (1, skipped("a", COALESCED)), (2, skipped("b", COALESCED))];
    let reported = settle(&ledger, &run, &origin("m-2", 3), &only_counted).await;
    assert_eq!((reported.skipped, reported.skipped_by.of(OUT_OF_SCOPE), reported.skipped_by.of(COALESCED)), (3, 1, 2));
    // The outcome of the key stands before what is only counted of it: the last that is one is kept.
    let mixed = [(0, outcome("c", State::Deleted)), (1, skipped("c", COALESCED)), (2, skipped("d", "same already"))];
    settle(&ledger, &run, &origin("m-3", 3), &mixed).await;
    let expected: BTreeMap<_, _> =
        [("a", Some(copied)), ("b", None), ("c", Some(mixed[0].1.clone())), ("d", Some(mixed[2].1.clone()))].into();
    for (key, expected) in expected {
        assert_eq!(ledger.outcome(&run.task, key).await.unwrap(), expected, "{key}");
    }
    let all = counted(&ledger, &run).await;
    assert_eq!((all.copied, all.deleted, all.skipped), (1, 1, 5));
    assert_eq!((all.skipped_by.of(OUT_OF_SCOPE), all.skipped_by.of(COALESCED), all.objects()), (1, 3, 7));
}

/// As it failed last; each failure is counted.
pub async fn a_key_whose_events_fail_again_and_again_is_listed_once(ledger: SharedLedger) {
    let run = event_run(&ledger).await;
    let failed = |key: &str, attempts| Outcome { attempts, ..outcome(key, State::Failed) };
    for n in 1..=5 {
        settle(&ledger, &run, &origin(&format!("m-{n}"), 2), &[(0, failed("a", n)), (1, failed(&format!("b{n}"), n))])
            .await;
    }
    assert_eq!(counted(&ledger, &run).await.failed, 10);
    for limit in [1, 4, 100] {
        let listed: BTreeMap<_, _> = all_failures(&ledger, &run, limit)
            .await
            .into_iter()
            .map(|outcome| (outcome.key, outcome.attempts))
            .collect();
        let expected = (1..=5).map(|n| (format!("b{n}"), n)).chain([("a".to_owned(), 5)]).collect();
        assert_eq!(listed, expected, "pages of {limit}");
        assert_eq!(all_failures(&ledger, &run, limit).await.len(), 6);
    }
}
