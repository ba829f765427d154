//! Settling: every object of a job is counted once.

use shared::ledger::{Checkpoint, Detail, Found, NO_FENCE, OTHER, Phase, Settled, SharedLedger, State};
use shared::object::Timestamp;
use shared::objects::reasons::FAILED_DELETE;

use super::{counted, odd_keys, origin, outcome, outcomes, run_start, settle, started};

const FINISHED: Option<Timestamp> = Some(Timestamp(1_700_000_000_002));

fn copied(objects: u64) -> Settled {
    Settled { copied: objects, bytes: objects * 1_000, last: FINISHED, ..Settled::default() }
}

/// Also with another end; the answer says what was new.
pub async fn an_object_is_counted_once_however_often_it_settles(ledger: SharedLedger) {
    let run = started(&ledger).await;
    let origin = origin("0/1", 4);
    let indexes = [State::Copied, State::Deleted, State::Skipped, State::Failed];
    let mut first: Vec<_> = (0..).zip(indexes.map(|state| outcome(state.as_str(), state))).collect();
    first[3].1.reason = Some(FAILED_DELETE.to_owned());
    let mut expected = Settled { deleted: 1, skipped: 1, failed: 1, ..copied(1) };
    expected.failed_by.add(FAILED_DELETE, 1);
    // The reason of skipped ones is none that their kind lists.
    expected.skipped_by.add(OTHER, 1);
    assert_eq!(settle(&ledger, &run, &origin, &first).await, expected);
    assert_eq!(counted(&ledger, &run).await, expected);
    let again: Vec<_> = (0..).zip(indexes.map(|state| outcome(state.as_str(), State::Skipped))).collect();
    for outcomes in [&first, &again, &first] {
        assert_eq!(settle(&ledger, &run, &origin, outcomes).await.objects(), 0);
        assert_eq!(counted(&ledger, &run).await, expected);
    }
}

/// And no more.
pub async fn overlapping_settlements_count_what_is_new(ledger: SharedLedger) {
    let run = started(&ledger).await;
    let origin = origin("0/1", 100);
    let mut sum = 0;
    for (indexes, new) in [(10..30, 20), (0..20, 10), (25..40, 10), (0..40, 0), (99..100, 1), (0..100, 59)] {
        let settled = settle(&ledger, &run, &origin, &outcomes(&origin, indexes, State::Copied)).await;
        sum += new;
        assert_eq!((settled.copied, settled.bytes), (new, new * 1_000));
        assert_eq!(counted(&ledger, &run).await, copied(sum));
    }
}

/// Though their places, or their names in part, are the same.
pub async fn each_origin_counts_its_own_objects(ledger: SharedLedger) {
    let run = started(&ledger).await;
    let ids = ["0/1", "0/10", "0/1/1", "1/0", "d0/1", "0", "e\u{301}", "\u{e9}"];
    for (n, id) in (1..).zip(ids) {
        let origin = origin(id, 3);
        let all = outcomes(&origin, 0..3, State::Copied);
        assert_eq!(settle(&ledger, &run, &origin, &all[1..]).await.copied, 2);
        assert_eq!(settle(&ledger, &run, &origin, &all).await.copied, 1);
        assert_eq!(counted(&ledger, &run).await.copied, 3 * n);
    }
}

/// Even for equal origins of one task.
pub async fn runs_count_apart(ledger: SharedLedger) {
    let first = started(&ledger).await;
    let second = run_start(&first.task, 1_700_000_001_000);
    ledger.start_run(&second, NO_FENCE).await.unwrap();
    let origin = origin("0/1", 2);
    let all = outcomes(&origin, 0..2, State::Copied);
    assert_eq!(settle(&ledger, &first, &origin, &all).await, copied(2));
    assert_eq!(counted(&ledger, &second).await, Settled::default());
    assert_eq!(settle(&ledger, &second, &origin, &all[..1]).await, copied(1));
    assert_eq!(counted(&ledger, &first).await, copied(2));
    assert_eq!(counted(&ledger, &second).await, copied(1));
}

/// Nor does it fail.
pub async fn settling_nothing_counts_nothing(ledger: SharedLedger) {
    let run = started(&ledger).await;
    assert_eq!(settle(&ledger, &run, &origin("0/1", 3), &[]).await.objects(), 0);
    assert_eq!(counted(&ledger, &run).await.objects(), 0);
}

/// Its last objects first, each alone, then all.
pub async fn a_large_origin_settles_in_any_order(ledger: SharedLedger) {
    let run = started(&ledger).await;
    let origin = origin("0/1", 3_000);
    for index in [2_999, 0, 7, 8, 1_500] {
        assert_eq!(settle(&ledger, &run, &origin, &outcomes(&origin, [index], State::Skipped)).await.skipped, 1);
    }
    let mut sum = 5;
    for first in (0..3_000).step_by(500) {
        let indexes = (first..first + 500).rev();
        sum += settle(&ledger, &run, &origin, &outcomes(&origin, indexes, State::Skipped)).await.skipped;
    }
    assert_eq!((sum, counted(&ledger, &run).await.skipped), (3_000, 3_000));
}

/// Together their answers have each object once.
pub async fn eight_workers_that_settle_one_job_count_it_once(ledger: SharedLedger) {
    let run = started(&ledger).await;
    let origin = origin("0/1", 130);
    let workers = (0..8).map(|worker| {
        let (ledger, run, origin) = (ledger.clone(), run.clone(), origin.clone());
        tokio::spawn(async move {
            let mut reported = 0;
            for first in [worker * 10, 0, 40, 60] {
                let all = outcomes(&origin, first..first + 60, State::Failed);
                reported += settle(&ledger, &run, &origin, &all).await.failed;
            }
            reported
        })
    });
    let mut reported = 0;
    for worker in workers.collect::<Vec<_>>() {
        reported += worker.await.unwrap();
    }
    let settled = counted(&ledger, &run).await;
    assert_eq!((reported, settled.failed, settled.objects()), (130, 130, 130));
    assert_eq!(super::all_failures(&ledger, &run, 50).await.len(), 130);
}

/// Not before its finder is through.
pub async fn a_run_is_done_when_everything_enqueued_is_settled(ledger: SharedLedger) {
    let run = started(&ledger).await;
    let found = Found { enqueued: 3, enqueued_bytes: 3_000, deletes: 1, ..Found::default() };
    ledger.checkpoint(&run.id, &Checkpoint { found, done: true, ..Checkpoint::default() }, NO_FENCE).await.unwrap();
    let is_done = async || ledger.run(&run.id).await.unwrap().unwrap().is_done();
    let (copies, deletes) = (origin("0/0", 3), origin("0/d0", 1));
    settle(&ledger, &run, &copies, &outcomes(&copies, 0..3, State::Copied)).await;
    assert!(!is_done().await);
    ledger.set_phase(&run.id, Phase::Releasing, None, None).await.unwrap();
    assert!(!is_done().await);
    ledger.set_phase(&run.id, Phase::Listed, None, None).await.unwrap();
    assert!(!is_done().await);
    settle(&ledger, &run, &copies, &outcomes(&copies, 0..3, State::Copied)).await;
    assert!(!is_done().await);
    settle(&ledger, &run, &deletes, &outcomes(&deletes, 0..1, State::Deleted)).await;
    assert!(is_done().await);
}

/// Present or not, and the largest numbers.
pub async fn an_outcome_keeps_all_its_fields(ledger: SharedLedger) {
    let run = started(&ledger).await;
    let origin = origin("0/1", 5);
    let mut all: Vec<_> = [State::Copied, State::Deleted, State::Skipped, State::Failed]
        .map(|state| outcome(&format!("key of {}", state.as_str()), state))
        .to_vec();
    let bare = super::Outcome {
        reason: None,
        detail: Detail::default(),
        // 50 TB, the largest object of Amazon S3, and more.
        size: 100 << 40,
        error: Some("two\nlines, \u{0} and \u{1f6a2}".to_owned()),
        ..outcome("bare", State::Failed)
    };
    all.push(bare);
    let settlement: Vec<_> = (0..).zip(all.clone()).collect();
    settle(&ledger, &run, &origin, &settlement).await;
    for outcome in all {
        assert_eq!(ledger.outcome(&run.task, &outcome.key).await.unwrap(), Some(outcome));
    }
    assert_eq!(ledger.outcome(&run.task, "unknown").await.unwrap(), None);
    assert_eq!(ledger.outcome("unknown", "bare").await.unwrap(), None);
}

/// From whatever run, and whether or not it was counted.
pub async fn the_last_outcome_of_a_key_is_the_one_that_is_kept(ledger: SharedLedger) {
    let first = started(&ledger).await;
    let second = run_start(&first.task, 1_700_000_001_000);
    ledger.start_run(&second, NO_FENCE).await.unwrap();
    let origin = origin("0/1", 1);
    for (run, state) in [(&first, State::Failed), (&second, State::Copied), (&first, State::Skipped)] {
        let last = outcome("key", state);
        settle(&ledger, run, &origin, &[(0, last.clone())]).await;
        assert_eq!(ledger.outcome(&first.task, "key").await.unwrap(), Some(last));
    }
}

/// Each under its own.
pub async fn outcomes_of_odd_keys_are_distinct(ledger: SharedLedger) {
    let run = started(&ledger).await;
    let origin = origin("0/1", 100);
    let all: Vec<_> = (0..)
        .zip(odd_keys())
        .map(|(index, key)| (index, super::Outcome { size: u64::from(index), ..outcome(&key, State::Failed) }))
        .collect();
    assert_eq!(settle(&ledger, &run, &origin, &all).await.failed, all.len() as u64);
    for (_, outcome) in &all {
        assert_eq!(ledger.outcome(&run.task, &outcome.key).await.unwrap().as_ref(), Some(outcome));
    }
    let mut failed: Vec<_> = super::all_failures(&ledger, &run, 10).await.into_iter().map(|o| o.key).collect();
    let mut keys = odd_keys();
    failed.sort();
    keys.sort();
    assert_eq!(failed, keys);
}

/// Nor is it a failure.
pub async fn a_cancelled_object_is_counted_and_replaces_no_outcome(ledger: SharedLedger) {
    let run = started(&ledger).await;
    let origin = origin("0/1", 2);
    let copied = outcome("key", State::Copied);
    settle(&ledger, &run, &origin, &[(0, copied.clone())]).await;
    let cancelled = |key| outcome(key, State::Cancelled);
    for _ in 0..2 {
        settle(&ledger, &run, &origin, &[(0, cancelled("key")), (1, cancelled("other"))]).await;
    }
    let settled = counted(&ledger, &run).await;
    assert_eq!((settled.copied, settled.cancelled, settled.objects()), (1, 1, 2));
    assert_eq!(ledger.outcome(&run.task, "key").await.unwrap(), Some(copied));
    assert_eq!(ledger.outcome(&run.task, "other").await.unwrap(), None);
    assert!(super::all_failures(&ledger, &run, 9).await.is_empty());
}

/// Of each origin its own, in whatever order they were settled.
pub async fn settled_indexes_are_those_of_their_origin(ledger: SharedLedger) {
    let run = started(&ledger).await;
    let (first, second) = (origin("0/1", 600), origin("0/2", 600));
    assert!(ledger.settled(&run.id, &first).await.unwrap().is_empty());
    let indexes = [599, 0, 7, 8, 300];
    for index in indexes {
        settle(&ledger, &run, &first, &outcomes(&first, [index], State::Copied)).await;
    }
    assert_eq!(ledger.settled(&run.id, &first).await.unwrap(), indexes.into());
    assert!(ledger.settled(&run.id, &second).await.unwrap().is_empty());
    // Copied: each failure would have an item of its own, for which an emulator takes many requests.
    settle(&ledger, &run, &first, &outcomes(&first, 0..600, State::Copied)).await;
    assert_eq!(ledger.settled(&run.id, &first).await.unwrap(), (0..600).collect());
}
