//! The failures of a run.

use shared::ledger::{Outcome, SharedLedger, State};

use super::{all_failures, counted, origin, outcome, outcomes, settle, started};

fn sorted(mut outcomes: Vec<Outcome>) -> Vec<Outcome> {
    outcomes.sort_by(|a, b| a.key.cmp(&b.key));
    outcomes
}

/// Whatever the size of a page, and in the same order each time.
pub async fn failures_come_in_pages_each_once(ledger: SharedLedger) {
    let run = started(&ledger).await;
    assert_eq!(ledger.failures(&run.id, None, 10).await.unwrap(), (vec![], None));
    let mut expected = Vec::new();
    for id in ["0/1", "0/2", "1/0"] {
        let origin = origin(id, 30);
        let failed = outcomes(&origin, 0..20, State::Failed);
        settle(&ledger, &run, &origin, &outcomes(&origin, 20..30, State::Copied)).await;
        settle(&ledger, &run, &origin, &failed).await;
        expected.extend(failed.into_iter().map(|(_, outcome)| outcome));
    }
    let expected = sorted(expected);
    let all = all_failures(&ledger, &run, 1_000).await;
    for limit in [1, 7, 20, 60, 61] {
        assert_eq!(all_failures(&ledger, &run, limit).await, all, "pages of {limit}");
    }
    assert_eq!(sorted(all), expected);
}

/// As they were when they were counted.
pub async fn only_counted_failures_are_listed(ledger: SharedLedger) {
    let run = started(&ledger).await;
    let origin = origin("0/1", 3);
    let failed = (0, Outcome { attempts: 3, ..outcome("failed, then copied", State::Failed) });
    settle(&ledger, &run, &origin, &[failed.clone(), (1, outcome("copied, then failed", State::Copied))]).await;
    settle(&ledger, &run, &origin, &[(1, outcome("copied, then failed", State::Failed))]).await;
    settle(&ledger, &run, &origin, &[(0, outcome("failed, then copied", State::Copied))]).await;
    assert_eq!(all_failures(&ledger, &run, 10).await, [failed.1]);
    let other = started(&ledger).await;
    assert_eq!(all_failures(&ledger, &other, 10).await, []);
}

/// More than any service takes in one batch, every third of them a failure.
pub async fn five_hundred_outcomes_settle_at_once(ledger: SharedLedger) {
    let run = started(&ledger).await;
    let origin = origin("0/1", 500);
    let state = |index: u32| if index % 10 < 3 { State::Failed } else { State::Copied };
    let all: Vec<_> =
        (0..500).map(|index| (index, outcome(&format!("{}/{index}", "k".repeat(200)), state(index)))).collect();
    // A service that is slow may lose an answer, and the call is repeated: what it counts is exact all the same.
    settle(&ledger, &run, &origin, &all).await;
    let settled = counted(&ledger, &run).await;
    assert_eq!((settled.copied, settled.failed), (350, 150));
    assert_eq!(settle(&ledger, &run, &origin, &all).await.objects(), 0);
    assert_eq!(counted(&ledger, &run).await, settled);
    let failed = all.iter().map(|(_, outcome)| outcome.clone()).filter(|outcome| outcome.state == State::Failed);
    assert_eq!(sorted(all_failures(&ledger, &run, 40).await), sorted(failed.collect()));
    for (_, outcome) in all.iter().step_by(50) {
        assert_eq!(ledger.outcome(&run.task, &outcome.key).await.unwrap().as_ref(), Some(outcome));
    }
}
