//! Claims, and the fence that they give to what a finder writes.

use shared::ErrorKind;
use shared::ledger::{CLOSED, Checkpoint, ClaimView, Phase, RunStart, SharedLedger};
use shared::store::KeyRange;

use super::{run_start, unique};

async fn claimed(ledger: &SharedLedger, task: &str) -> ClaimView {
    ledger.claimed(task).await.unwrap().expect("somebody has the claim")
}

async fn assert_refused(ledger: &SharedLedger, task: &str, owner: &str, dead: Option<&ClaimView>, holder: &str) {
    let error = ledger.claim(task, owner, dead).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains(holder), "the holder is not named: {error}");
}

/// And the other is named; other tasks are free.
pub async fn a_claim_excludes_all_other_finders_of_the_task(ledger: SharedLedger) {
    let task = unique("task");
    assert_eq!(ledger.claimed(&task).await.unwrap(), None);
    let fence = ledger.claim(&task, "first@host", None).await.unwrap();
    assert_refused(&ledger, &task, "second@host", None, "first@host").await;
    ledger.claim(&unique("task"), "second@host", None).await.unwrap();
    let claim = claimed(&ledger, &task).await;
    assert_eq!((claim.owner.as_str(), claim.fence), ("first@host", fence));
}

/// Under the same fence, and its beat shows each renewal.
pub async fn a_claim_is_renewed_by_its_owner(ledger: SharedLedger) {
    let task = unique("task");
    let fence = ledger.claim(&task, "first", None).await.unwrap();
    let mut beats = vec![claimed(&ledger, &task).await.beat];
    for _ in 0..3 {
        assert_eq!(ledger.claim(&task, "first", None).await.unwrap(), fence);
        beats.push(claimed(&ledger, &task).await.beat);
    }
    assert!(beats.is_sorted_by(|before, after| before < after), "{beats:?}");
    assert_eq!(claimed(&ledger, &task).await.beat, *beats.last().unwrap(), "reading changes nothing");
    assert_refused(&ledger, &task, "second", None, "first").await;
}

/// And one that has changed since it was seen is not.
pub async fn a_claim_that_was_seen_dead_is_taken(ledger: SharedLedger) {
    let task = unique("task");
    ledger.claim(&task, "first", None).await.unwrap();
    let seen = claimed(&ledger, &task).await;
    ledger.claim(&task, "first", None).await.unwrap();
    assert_refused(&ledger, &task, "second", Some(&seen), "first").await;
    let seen = claimed(&ledger, &task).await;
    let fence = ledger.claim(&task, "second", Some(&seen)).await.unwrap();
    assert!(fence > seen.fence, "{fence} after {}", seen.fence);
    let taken = claimed(&ledger, &task).await;
    assert_eq!((taken.owner.as_str(), taken.fence), ("second", fence));
    assert!(taken.beat > seen.beat);
    // The first one lives after all, and a third one has seen the same.
    assert_refused(&ledger, &task, "first", None, "second").await;
    assert_refused(&ledger, &task, "third", Some(&seen), "second").await;
}

/// Also when nobody had it in between, and when its owner is the same.
pub async fn each_claim_has_a_higher_fence(ledger: SharedLedger) {
    let task = unique("task");
    let mut fences = Vec::new();
    for owner in ["first", "second", "second", "first"] {
        fences.push(ledger.claim(&task, owner, None).await.unwrap());
        ledger.unclaim(&task, owner).await.unwrap();
        assert_eq!(ledger.claimed(&task).await.unwrap(), None);
    }
    assert!(fences[0] > 0 && fences.is_sorted_by(|before, after| before < after), "{fences:?}");
}

/// Another's attempt is `Ok` and changes nothing.
pub async fn only_the_owner_ends_a_claim(ledger: SharedLedger) {
    let task = unique("task");
    ledger.unclaim(&task, "nobody").await.unwrap();
    ledger.claim(&task, "first", None).await.unwrap();
    ledger.unclaim(&task, "second").await.unwrap();
    assert_refused(&ledger, &task, "second", None, "first").await;
    ledger.unclaim(&task, "first").await.unwrap();
    ledger.unclaim(&task, "first").await.unwrap();
    ledger.claim(&task, "second", None).await.unwrap();
}

/// And the others learn it; also where all have seen the same dead claim.
pub async fn of_many_claims_at_once_one_succeeds(ledger: SharedLedger) {
    let task = unique("task");
    for dead in [None, Some("dead")] {
        let seen = match dead {
            None => None,
            Some(_) => Some(claimed(&ledger, &task).await),
        };
        let claims = (0..8).map(|n| {
            let (ledger, task, seen) = (ledger.clone(), task.clone(), seen.clone());
            let owner = format!("{}-owner-{n}", dead.unwrap_or("live"));
            tokio::spawn(async move { ledger.claim(&task, &owner, seen.as_ref()).await })
        });
        let mut won = 0;
        for claim in claims.collect::<Vec<_>>() {
            match claim.await.unwrap() {
                Ok(_) => won += 1,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
            }
        }
        assert_eq!(won, 1, "{dead:?}");
    }
}

async fn begun(ledger: &SharedLedger, fence: u64) -> RunStart {
    let start = run_start(&unique("task"), 1);
    ledger.start_run(&start, fence).await.unwrap();
    start
}

fn range(id: u32, version: u64) -> Checkpoint {
    let range = KeyRange { after: (id > 0).then(|| format!("key-{id}")), ..KeyRange::default() };
    Checkpoint { id, version, range, ..Checkpoint::default() }
}

fn with_job(checkpoint: Checkpoint) -> Checkpoint {
    Checkpoint { outbox: vec!["{}".into()], jobs: checkpoint.jobs + 1, ..checkpoint }
}

fn assert_conflict<T: std::fmt::Debug>(written: shared::Result<T>, what: &str) {
    assert_eq!(written.unwrap_err().kind(), ErrorKind::Conflict, "{what}");
}

/// Whatever it writes: a range that was listed, one that was not, a phase, a delete job that is there already.
pub async fn a_finder_under_an_earlier_fence_writes_nothing(ledger: SharedLedger) {
    let run = begun(&ledger, 3).await.id;
    for checkpoint in [range(0, 1), with_job(range(1, 1)), Checkpoint { done: true, ..range(2, 1) }] {
        ledger.checkpoint(&run, &checkpoint, 3).await.unwrap();
    }
    ledger.defer(&run, 0, 0, "first", 3).await.unwrap();
    let checkpoints = ledger.fence(&run, 5).await.unwrap();
    assert_eq!(checkpoints, ledger.checkpoints(&run).await.unwrap());
    assert_eq!(checkpoints.len(), 3);
    let late = [range(0, 2), range(1, 2), range(2, 2), range(3, 1), with_job(range(4, 1)), with_job(range(0, 9))];
    ledger.defer(&run, 0, 0, "second", 5).await.unwrap();
    for fence in [3, 4] {
        for checkpoint in &late {
            assert_conflict(ledger.checkpoint(&run, checkpoint, fence).await, &format!("{checkpoint:?}"));
        }
        for phase in [Phase::Releasing, Phase::Listed, Phase::Stopped, Phase::Listing] {
            assert_conflict(ledger.set_phase(&run, phase, Some("late"), Some(fence)).await, phase.as_str());
        }
        assert_conflict(ledger.refuse_deletes(&run, fence).await, "refuse deletes");
        assert_conflict(ledger.defer(&run, 0, 0, "late", fence).await, "defer");
        assert_conflict(ledger.fence(&run, fence).await, "fence");
    }
    assert_eq!(ledger.checkpoints(&run).await.unwrap(), checkpoints);
    assert_eq!(ledger.deferred(&run, 0, 0).await.unwrap().as_deref(), Some("second"));
    let state = ledger.run(&run).await.unwrap().unwrap();
    assert_eq!((state.phase, state.error), (Phase::Listing, None));
}

/// Twice if its answer is lost, also for ranges that it adds.
pub async fn a_finder_under_the_runs_fence_writes(ledger: SharedLedger) {
    let run = begun(&ledger, 1).await.id;
    for checkpoint in [range(0, 1), with_job(range(0, 2)), with_job(range(1, 1)), with_job(range(1, 2)), range(1, 5)] {
        for _ in 0..2 {
            ledger.checkpoint(&run, &checkpoint, 1).await.unwrap();
        }
    }
    for _ in 0..2 {
        assert_eq!(ledger.fence(&run, 2).await.unwrap(), [with_job(range(0, 2)), range(1, 5)]);
    }
    ledger.checkpoint(&run, &range(0, 3), 2).await.unwrap();
    assert_conflict(ledger.checkpoint(&run, &with_job(range(0, 3)), 2).await, "another one of this version");
    ledger.checkpoint(&run, &with_job(range(2, 1)), 2).await.unwrap();
    for phase in [Phase::Releasing, Phase::Releasing, Phase::Listed] {
        ledger.set_phase(&run, phase, None, Some(2)).await.unwrap();
    }
    assert_eq!(ledger.checkpoints(&run).await.unwrap(), [range(0, 3), range(1, 5), with_job(range(2, 1))]);
    let error = ledger.fence(&unique("run"), 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// Its finder is refused from then on, and the cancellation is repeated as often as need be.
pub async fn a_closed_run_takes_no_finders_writes(ledger: SharedLedger) {
    let run = begun(&ledger, 7).await.id;
    ledger.checkpoint(&run, &range(0, 1), 7).await.unwrap();
    for _ in 0..2 {
        assert_eq!(ledger.fence(&run, CLOSED).await.unwrap(), [range(0, 1)]);
    }
    assert_conflict(ledger.checkpoint(&run, &range(0, 2), 7).await, "checkpoint");
    assert_conflict(ledger.checkpoint(&run, &range(1, 1), 7).await, "range");
    assert_conflict(ledger.fence(&run, 8).await, "the next finder");
    // Those that cancel are no finders.
    for phase in [Phase::Cancelling, Phase::Cancelled] {
        ledger.set_phase(&run, phase, None, None).await.unwrap();
    }
}
