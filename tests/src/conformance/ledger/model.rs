//! Settling against a model: whatever is settled, repeated and overlapping, counts what a plain map would.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shared::ledger::{Outcome, Settled, SharedLedger, State};
use shared::object::Timestamp;
use shared::objects::reasons::REASONS;
use tokio::runtime::Handle;

use crate::scale::scale;

use super::{all_failures, counted, origin, outcome, settle, started};

/// Real services run these too: enough cases to find what a wrong count would show at once. In a change's run, and
/// with `--long`.
const CASES: (u32, u32) = (5, 12);
const STATES: [State; 5] = [State::Copied, State::Deleted, State::Skipped, State::Failed, State::Cancelled];

/// Some objects of one origin and what became of them: places, states, sizes.
type Step = (usize, BTreeMap<u32, (usize, u64)>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let objects = prop::collection::btree_map(0..40u32, (0..STATES.len(), 0..1_000_000u64), 0..30);
    prop::collection::vec((0..3usize, objects), 1..12)
}

fn origin_id(number: usize) -> String {
    format!("0/{number}")
}

fn outcomes_of(step: &Step, finished: i64) -> Vec<(u32, Outcome)> {
    let finished = Timestamp(1_700_000_000_000 + finished);
    let (number, objects) = step;
    let outcome_of = |(&index, &(state, size)): (&u32, &(usize, u64))| {
        let key = format!("{}-{index}", origin_id(*number));
        (index, Outcome { size, finished, ..outcome(&key, STATES[state]) })
    };
    objects.iter().map(outcome_of).collect()
}

fn check<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>, property: impl AsyncFn(T)) {
    let mut runner =
        TestRunner::new(Config { cases: scale(CASES.0, CASES.1), failure_persistence: None, ..Config::default() });
    let handle = Handle::current();
    let result = tokio::task::block_in_place(|| {
        runner.run(&strategy, |value| {
            handle.block_on(property(value));
            Ok(())
        })
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// One after the other: the first settlement of an object is the one that counts, the last the one that is kept.
pub async fn counters_equal_a_model_over_any_settlements(ledger: SharedLedger) {
    check(steps(), async |steps| {
        let run = started(&ledger).await;
        let mut first = BTreeMap::new();
        let mut last = BTreeMap::new();
        let mut sum = Settled::default();
        for (n, step) in steps.iter().enumerate() {
            let outcomes = outcomes_of(step, n as i64);
            let mut new = Settled::default();
            for (index, outcome) in &outcomes {
                if let Entry::Vacant(index) = first.entry((step.0, *index)) {
                    index.insert(outcome.clone());
                    new.count(outcome, REASONS);
                }
                if outcome.is_of_key() {
                    last.insert(outcome.key.clone(), outcome.clone());
                }
            }
            sum += &new;
            let origin = origin(&origin_id(step.0), 40);
            assert_eq!(settle(&ledger, &run, &origin, &outcomes).await, new);
        }
        assert_eq!(counted(&ledger, &run).await, sum);
        let mut failed: Vec<_> = first.into_values().filter(|outcome| outcome.state == State::Failed).collect();
        let mut listed = all_failures(&ledger, &run, 9).await;
        failed.sort_by(|a, b| a.key.cmp(&b.key));
        listed.sort_by(|a, b| a.key.cmp(&b.key));
        assert_eq!(listed, failed);
        for (key, outcome) in last {
            assert_eq!(ledger.outcome(&run.task, &key).await.unwrap(), Some(outcome));
        }
    });
}

/// All at once, each twice: every object counts once, and all answers add up to the counters.
pub async fn counters_equal_a_model_under_concurrent_settlements(ledger: SharedLedger) {
    check(steps(), async |steps| {
        let run = started(&ledger).await;
        let objects: BTreeSet<_> =
            steps.iter().flat_map(|(number, objects)| objects.keys().map(move |index| (*number, *index))).collect();
        let calls = steps.iter().chain(&steps).map(|step| {
            let (ledger, run, step) = (ledger.clone(), run.clone(), step.clone());
            tokio::spawn(async move {
                let origin = origin(&origin_id(step.0), 40);
                settle(&ledger, &run, &origin, &outcomes_of(&step, 0)).await
            })
        });
        let mut reported = Settled::default();
        for call in calls.collect::<Vec<_>>() {
            reported += &call.await.unwrap();
        }
        let settled = counted(&ledger, &run).await;
        assert_eq!(settled, reported);
        assert_eq!(settled.objects(), objects.len() as u64);
        assert_eq!(all_failures(&ledger, &run, 9).await.len() as u64, settled.failed);
    });
}
