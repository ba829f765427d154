//! Settlements whose outcomes a ledger may record together: each is found by its key.

use std::collections::BTreeSet;

use serde_json::json;
use shared::job::Origin;
use shared::ledger::{
    Checkpoint, Detail, NO_FENCE, Outcome, RunStart, Settlement, SharedLedger, Span, State, Stream, events_run,
};
use shared::object::Timestamp;
use shared::objects::job::PackedName;
use shared::objects::reasons::REASONS;
use shared::store::KeyRange;

use super::{counted, odd_keys, origin, outcome, run_start, settle, started};

const STARTED: i64 = 1_700_000_001_000;

/// A job as a finder packs it.
struct Packed {
    origin: Origin,
    name: PackedName,
    keys: Vec<String>,
}

impl Packed {
    fn new(name: PackedName, keys: impl IntoIterator<Item = impl Into<String>>) -> Packed {
        let mut keys: Vec<String> = keys.into_iter().map(Into::into).collect();
        keys.sort_unstable();
        Packed { origin: origin(&name.id(), keys.len() as u32), name, keys }
    }

    /// The first copy job of the first range.
    fn first(keys: impl IntoIterator<Item = impl Into<String>>) -> Packed {
        Packed::new(PackedName { range: 0, stream: Stream::Copies, number: 0 }, keys)
    }

    /// An outcome for each key, finished at this time.
    fn outcomes(&self, finished: i64) -> Vec<(u32, Outcome)> {
        let state = if self.name.stream == Stream::Deletes { State::Deleted } else { State::Copied };
        let finished = Timestamp(finished);
        let outcome = |key: &String| Outcome { attempts: 1, finished, ..outcome(key, state) };
        (0..).zip(self.keys.iter().map(outcome)).collect()
    }

    async fn settle(&self, ledger: &SharedLedger, run: &RunStart, outcomes: &[(u32, Outcome)]) -> u64 {
        self.settle_with(ledger, run, outcomes, &BTreeSet::new()).await
    }

    async fn settle_with(
        &self,
        ledger: &SharedLedger,
        run: &RunStart,
        outcomes: &[(u32, Outcome)],
        own_records: &BTreeSet<u32>,
    ) -> u64 {
        let span = Span { range: self.name.range, stream: self.name.stream, first: &self.keys[0], own_records };
        let (task, run, origin) = (run.task.as_str(), run.id.as_str(), &self.origin);
        let settlement = Settlement { task, run, origin, reasons: REASONS, outcomes, span: Some(span) };
        ledger.settle(&settlement).await.unwrap().len() as u64
    }
}

/// Records the ranges of a run, by the keys that they begin behind, each with jobs of both streams.
async fn listed(ledger: &SharedLedger, run: &RunStart, afters: &[Option<&str>]) {
    for (id, after) in (0..).zip(afters) {
        let range = KeyRange { after: after.map(str::to_owned), ..KeyRange::default() };
        let checkpoint =
            Checkpoint { id, version: 1, range, jobs: 9, deferred: 9, done: true, ..Checkpoint::default() };
        ledger.checkpoint(&run.id, &checkpoint, NO_FENCE).await.unwrap();
    }
}

async fn found(ledger: &SharedLedger, run: &RunStart, key: &str) -> Option<Outcome> {
    ledger.outcome(&run.task, key).await.unwrap()
}

/// Its last one, and no other: also of a run that began later.
async fn next_run(ledger: &SharedLedger, first: &RunStart, started: i64) -> RunStart {
    let next = run_start(&first.task, started);
    ledger.start_run(&next, NO_FENCE).await.unwrap();
    listed(ledger, &next, &[None]).await;
    next
}

/// Whichever of them comes first in its job, and no key beside them.
pub async fn packed_outcomes_of_odd_keys_are_found(ledger: SharedLedger) {
    let run = started(&ledger).await;
    listed(&ledger, &run, &[None]).await;
    let mut keys = odd_keys();
    keys.sort_unstable();
    // Jobs of five keys each, so that many keys come first in one.
    for (number, keys) in (0..).zip(keys.chunks(5)) {
        let job = Packed::new(PackedName { range: 0, stream: Stream::Copies, number }, keys);
        let outcomes = job.outcomes(1);
        assert_eq!(job.settle(&ledger, &run, &outcomes).await, keys.len() as u64);
        for (_, outcome) in outcomes {
            assert_eq!(found(&ledger, &run, &outcome.key).await, Some(outcome));
        }
    }
    for key in &keys {
        assert_eq!(found(&ledger, &run, key).await.map(|outcome| outcome.key).as_ref(), Some(key));
        let beside = format!("{key}\u{1}~");
        assert_eq!(found(&ledger, &run, &beside).await, None, "{beside:?}");
    }
}

/// In other ranges, and of the other stream.
pub async fn packed_outcomes_are_found_between_those_of_other_jobs(ledger: SharedLedger) {
    let run = started(&ledger).await;
    listed(&ledger, &run, &[None, Some("m")]).await;
    let name = |range, stream, number| PackedName { range, stream, number };
    let jobs = [
        Packed::new(name(0, Stream::Copies, 0), ["b", "d"]),
        Packed::new(name(0, Stream::Copies, 1), ["f", "h"]),
        Packed::new(name(0, Stream::Deletes, 0), ["c", "g", "m"]),
        Packed::new(name(1, Stream::Copies, 0), ["n", "p"]),
    ];
    for job in &jobs {
        job.settle(&ledger, &run, &job.outcomes(1)).await;
    }
    for job in &jobs {
        for (_, outcome) in job.outcomes(1) {
            assert_eq!(found(&ledger, &run, &outcome.key).await, Some(outcome));
        }
    }
    for key in ["", "a", "b0", "e", "h0", "i", "m0", "q"] {
        assert_eq!(found(&ledger, &run, key).await, None, "{key}");
    }
    assert_eq!(ledger.outcome("unknown", "b").await.unwrap(), None);
}

/// By several workers, in pieces and again: each object counts once, and the later attempt is the one that is found.
pub async fn overlapping_packed_settlements_keep_the_later_attempt(ledger: SharedLedger) {
    let run = started(&ledger).await;
    listed(&ledger, &run, &[None]).await;
    let job = Packed::first((0..40).map(|n| format!("k{n:02}")));
    let (early, late) = (job.outcomes(1), job.outcomes(2));
    assert_eq!(job.settle(&ledger, &run, &early[..20]).await, 20);
    assert_eq!(job.settle(&ledger, &run, &early[10..30]).await, 10);
    // The same settlement, as if its answer had been lost.
    assert_eq!(job.settle(&ledger, &run, &early[10..30]).await, 0);
    assert_eq!(job.settle(&ledger, &run, &late[20..]).await, 10);
    let expected = early[..20].iter().chain(&late[20..]);
    for (_, outcome) in expected {
        assert_eq!(found(&ledger, &run, &outcome.key).await.as_ref(), Some(outcome));
    }
    assert_eq!(counted(&ledger, &run).await.copied, 40);
    // It comes again alone.
    let (index, again) = (5, Outcome { attempts: 2, ..outcome("k05", State::Failed) });
    assert_eq!(settle(&ledger, &run, &job.origin, &[(index, again.clone())]).await.objects(), 0);
    assert_eq!(found(&ledger, &run, "k05").await, Some(again));
    assert_eq!(found(&ledger, &run, "k06").await.as_ref(), Some(&early[6].1));
}

/// Though the earlier one has a record of its own.
pub async fn a_packed_outcome_of_a_newer_run_replaces_the_earlier(ledger: SharedLedger) {
    let first = started(&ledger).await;
    listed(&ledger, &first, &[None]).await;
    let job = Packed::first(["a", "b", "c"]);
    let failed = Outcome { attempts: 3, finished: Timestamp(1), ..outcome("a", State::Failed) };
    settle(&ledger, &first, &origin("retry-0", 1), &[(0, failed.clone())]).await;
    // Of now: of an old outcome nobody knows whether a newer run had one that has expired.
    let recent = |number| -> Vec<(u32, Outcome)> {
        let recent = |(index, outcome)| (index, Outcome { finished: Timestamp::now(), ..outcome });
        job.outcomes(number).into_iter().map(recent).collect()
    };
    let (earlier, later) = (recent(2), recent(3));
    job.settle(&ledger, &first, &earlier[1..]).await;
    assert_eq!(found(&ledger, &first, "a").await, Some(failed));
    let second = next_run(&ledger, &first, STARTED).await;
    job.settle(&ledger, &second, &later[..2]).await;
    let third = next_run(&ledger, &first, STARTED + 1).await;
    assert_eq!(found(&ledger, &third, "a").await.as_ref(), Some(&later[0].1));
    assert_eq!(found(&ledger, &third, "b").await.as_ref(), Some(&later[1].1));
    assert_eq!(found(&ledger, &third, "c").await.as_ref(), Some(&earlier[2].1));
}

/// An event has no place among the runs: what finished last stands.
pub async fn of_an_event_and_a_packed_outcome_the_later_is_found(ledger: SharedLedger) {
    let run = started(&ledger).await;
    listed(&ledger, &run, &[None]).await;
    let events = RunStart { id: events_run(&run.task), ..run_start(&run.task, 1) };
    ledger.start_run(&events, NO_FENCE).await.unwrap();
    let job = Packed::first(["before", "after"]);
    let event = |key, finished| Outcome { finished: Timestamp(finished), ..outcome(key, State::Deleted) };
    settle(&ledger, &events, &origin("m-1", 1), &[(0, event("before", 1))]).await;
    job.settle(&ledger, &run, &job.outcomes(5)).await;
    settle(&ledger, &events, &origin("m-2", 1), &[(0, event("after", 9))]).await;
    assert_eq!(found(&ledger, &run, "before").await.as_ref(), Some(&job.outcomes(5)[1].1));
    assert_eq!(found(&ledger, &run, "after").await, Some(event("after", 9)));
}

/// And cancelled ones are no key's.
pub async fn packed_settlements_record_alone_what_needs_it(ledger: SharedLedger) {
    let run = started(&ledger).await;
    listed(&ledger, &run, &[None]).await;
    let job = Packed::first(["alone", "cancelled", "failed", "packed", "packed too"]);
    let mut outcomes = job.outcomes(1);
    outcomes[1].1.state = State::Cancelled;
    outcomes[2].1.state = State::Failed;
    assert_eq!(job.settle_with(&ledger, &run, &outcomes, &[0].into()).await, 5);
    for index in [0, 2] {
        let expected = Some(outcomes[index].1.clone());
        assert_eq!(ledger.recorded(&run.task, &job.keys[index]).await.unwrap(), expected);
        assert_eq!(found(&ledger, &run, &job.keys[index]).await, expected);
    }
    assert_eq!(found(&ledger, &run, "cancelled").await, None);
    assert_eq!(found(&ledger, &run, "packed").await.as_ref(), Some(&outcomes[3].1));
    assert_eq!(super::all_failures(&ledger, &run, 10).await.len(), 1);
}

/// Whose records together are larger than any record may be.
pub async fn large_packed_outcomes_are_found(ledger: SharedLedger) {
    let run = started(&ledger).await;
    listed(&ledger, &run, &[None]).await;
    let job = Packed::first((0..300).map(|n| format!("k{n:03}")));
    let mut outcomes = job.outcomes(1);
    for (_, outcome) in &mut outcomes {
        // Random in half, so that little can be compressed.
        let random: String = (0..200).map(|_| uuid::Uuid::now_v7().simple().to_string()).collect();
        outcome.detail = Detail::of(&json!({ "random": random }));
    }
    assert_eq!(job.settle(&ledger, &run, &outcomes).await, 300);
    for index in [0, 1, 149, 150, 298, 299] {
        assert_eq!(found(&ledger, &run, &job.keys[index]).await.as_ref(), Some(&outcomes[index].1));
    }
}
