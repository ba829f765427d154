//! Advancing: a stream has one follower, whose steps count once.

use shared::ErrorKind;
use shared::ledger::{Advance, Advanced, MAX_CURSOR_BYTES, Position, RunStart, Settled, SharedLedger};
use shared::object::Timestamp;

use super::{counted, odd_keys, started, unique};

const FINISHED: Timestamp = Timestamp(1_700_000_000_002);

/// What a step of some objects settles.
fn copied(objects: u64) -> Settled {
    Settled { copied: objects, bytes: objects * 1_000, last: Some(FINISHED), ..Settled::default() }
}

/// A follower's step of one object, under a token of its own.
struct Step<'a> {
    run: &'a RunStart,
    partition: &'a str,
    expected: u64,
    cursor: String,
    token: String,
}

impl<'a> Step<'a> {
    fn from(run: &'a RunStart, partition: &'a str, expected: u64) -> Step<'a> {
        let (cursor, token) = (format!("cursor {}", expected + 1), unique("step"));
        Step { run, partition, expected, cursor, token }
    }

    async fn take(&self, ledger: &SharedLedger) -> Advanced {
        let counters = copied(1);
        let advance = Advance {
            task: &self.run.task,
            run: &self.run.id,
            partition: self.partition,
            expected: self.expected,
            cursor: &self.cursor,
            token: &self.token,
            counters: &counters,
        };
        ledger.advance(&advance).await.unwrap()
    }

    fn position(&self) -> Position {
        Position { version: self.expected + 1, cursor: self.cursor.clone() }
    }
}

async fn position(ledger: &SharedLedger, run: &RunStart, partition: &str) -> Option<Position> {
    ledger.position(&run.task, partition).await.unwrap()
}

/// From none, step by step, with counters.
pub async fn a_position_advances_from_the_expected_one(ledger: SharedLedger) {
    let run = started(&ledger).await;
    assert_eq!(position(&ledger, &run, "0").await, None);
    for expected in 0..5 {
        let step = Step::from(&run, "0", expected);
        assert_eq!(step.take(&ledger).await, Advanced::Done);
        assert_eq!(position(&ledger, &run, "0").await, Some(step.position()));
        assert_eq!(counted(&ledger, &run).await, copied(expected + 1));
    }
}

/// A step that settles nothing changes no counter.
pub async fn a_step_without_counters_only_advances(ledger: SharedLedger) {
    let run = started(&ledger).await;
    let nothing = Settled::default();
    let partition = "0";
    let step =
        Advance { task: &run.task, run: &run.id, partition, expected: 0, cursor: "", token: "t", counters: &nothing };
    assert_eq!(ledger.advance(&step).await.unwrap(), Advanced::Done);
    assert_eq!(counted(&ledger, &run).await, nothing);
    assert_eq!(position(&ledger, &run, "0").await, Some(Position { version: 1, cursor: String::new() }));
}

/// Counts of one partition and those of another, and of a job, add up.
pub async fn partitions_and_tasks_advance_apart(ledger: SharedLedger) {
    let (run, other) = (started(&ledger).await, started(&ledger).await);
    let partitions = odd_keys();
    for partition in &partitions {
        assert_eq!(Step::from(&run, partition, 0).take(&ledger).await, Advanced::Done, "{partition:?}");
    }
    assert_eq!(counted(&ledger, &run).await, copied(partitions.len() as u64));
    assert_eq!(position(&ledger, &other, "a").await, None);
    assert_eq!(Step::from(&other, "a", 0).take(&ledger).await, Advanced::Done);
    assert_eq!(counted(&ledger, &other).await, copied(1));
}

/// As after an answer that was lost: the same step, sent again, is done and counted once.
pub async fn a_repeated_step_is_done_and_counts_once(ledger: SharedLedger) {
    let run = started(&ledger).await;
    for expected in 0..2 {
        let step = Step::from(&run, "0", expected);
        for _ in 0..3 {
            assert_eq!(step.take(&ledger).await, Advanced::Done);
            assert_eq!(position(&ledger, &run, "0").await, Some(step.position()));
            assert_eq!(counted(&ledger, &run).await, copied(expected + 1));
        }
    }
}

/// A conflict is an answer, says where the partition stands, and changes nothing. Equal cursors make no difference.
pub async fn a_stale_step_gets_the_position_and_changes_nothing(ledger: SharedLedger) {
    let run = started(&ledger).await;
    assert_eq!(Step::from(&run, "0", 7).take(&ledger).await, Advanced::Conflict(None));
    assert_eq!(position(&ledger, &run, "0").await, None);
    let first = Step::from(&run, "0", 0);
    assert_eq!(first.take(&ledger).await, Advanced::Done);
    assert_eq!(Step::from(&run, "0", 0).take(&ledger).await, Advanced::Conflict(Some(first.position())));
    let second = Step::from(&run, "0", 1);
    assert_eq!(second.take(&ledger).await, Advanced::Done);
    for stale in [first, Step::from(&run, "0", 1), Step::from(&run, "0", 3)] {
        assert_eq!(stale.take(&ledger).await, Advanced::Conflict(Some(second.position())));
    }
    assert_eq!(position(&ledger, &run, "0").await, Some(second.position()));
    assert_eq!(counted(&ledger, &run).await, copied(2));
}

/// Two followers of each of several rounds: each round has one winner, and the loser gets its position.
pub async fn of_two_followers_at_once_one_advances(ledger: SharedLedger) {
    let run = started(&ledger).await;
    for expected in 0..10 {
        let (one, two) = (Step::from(&run, "0", expected), Step::from(&run, "0", expected));
        let (first, second) = tokio::join!(one.take(&ledger), two.take(&ledger));
        let (winner, loser) = if first == Advanced::Done { (&one, &second) } else { (&two, &first) };
        assert!(first == Advanced::Done || second == Advanced::Done, "{first:?} {second:?}");
        assert_eq!(loser, &Advanced::Conflict(Some(winner.position())));
        assert_eq!(position(&ledger, &run, "0").await, Some(winner.position()));
    }
    assert_eq!(counted(&ledger, &run).await, copied(10));
}

/// Longer than a cursor may be, which is `Invalid`; as long as it may be.
pub async fn a_cursor_that_is_too_long_is_refused(ledger: SharedLedger) {
    let run = started(&ledger).await;
    let counters = copied(1);
    let cursor = "c".repeat(MAX_CURSOR_BYTES + 1);
    let step = Advance {
        task: &run.task,
        run: &run.id,
        partition: "0",
        expected: 0,
        cursor: &cursor,
        token: "t",
        counters: &counters,
    };
    assert_eq!(ledger.advance(&step).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(position(&ledger, &run, "0").await, None);
    assert_eq!(ledger.advance(&Advance { cursor: &cursor[1..], ..step }).await.unwrap(), Advanced::Done);
    assert_eq!(position(&ledger, &run, "0").await.unwrap().cursor.len(), MAX_CURSOR_BYTES);
}
