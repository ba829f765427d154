//! The ledger port's contract, as tests over any adapter.
//!
//! They run against real services and shared tables too: names are unique, leases are whole seconds.

#![allow(clippy::unwrap_used, reason = "tests, though in a library")]

mod advancing;
mod claims;
mod counting;
mod events;
mod failures;
mod finding;
mod model;
mod spans;
mod transfers;

pub use advancing::*;
pub use claims::*;
pub use counting::*;
pub use events::*;
pub use failures::*;
pub use finding::*;
pub use model::*;
pub use spans::*;
pub use transfers::*;

use serde_json::json;
use shared::job::Origin;
use shared::ledger::{Detail, NO_FENCE, Outcome, RunOptions, RunStart, Settled, Settlement, SharedLedger, State};
use shared::object::Timestamp;
use shared::objects::reasons::REASONS;

/// A test of each promise for the ledger that `setup`, an `async fn() -> (SharedLedger, Guard)`, makes.
/// The second argument names the [exceptions](super::exceptions) of the component behind the adapter.
#[macro_export]
macro_rules! ledger_suite {
    ($setup:path) => {
        $crate::ledger_suite!($setup, $crate::conformance::exceptions::NONE);
    };
    ($setup:path, $exceptions:path) => {
        $crate::promises! { ledger, $setup, $exceptions:
            a_claim_excludes_all_other_finders_of_the_task
            a_claim_is_renewed_by_its_owner
            a_claim_that_was_seen_dead_is_taken
            each_claim_has_a_higher_fence
            only_the_owner_ends_a_claim
            of_many_claims_at_once_one_succeeds
            a_finder_under_an_earlier_fence_writes_nothing
            a_finder_under_the_runs_fence_writes
            a_closed_run_takes_no_finders_writes
            a_run_starts_listing_with_nothing_counted
            starting_a_run_twice_changes_nothing
            runs_come_newest_first
            every_task_with_a_run_is_named
            a_phase_moves_on_and_its_error_stays
            a_run_keeps_when_it_entered_each_phase
            a_checkpoint_replaces_the_earlier_one
            a_late_checkpoint_is_refused
            checkpoints_come_by_number
            checkpoints_carry_the_longest_and_oddest_keys
            what_was_found_is_the_sum_over_the_checkpoints
            deletes_are_enqueued_once_released
            a_cancelled_run_stays_cancelled
            a_runs_state_is_its_phase_and_its_options
            a_cancelled_object_is_counted_and_replaces_no_outcome
            refused_deletes_stay_refused
            deferred_jobs_are_kept_by_range_and_number
            an_object_is_counted_once_however_often_it_settles
            overlapping_settlements_count_what_is_new
            each_origin_counts_its_own_objects
            runs_count_apart
            settling_nothing_counts_nothing
            a_large_origin_settles_in_any_order
            settled_indexes_are_those_of_their_origin
            eight_workers_that_settle_one_job_count_it_once
            a_run_is_done_when_everything_enqueued_is_settled
            an_outcome_keeps_all_its_fields
            the_last_outcome_of_a_key_is_the_one_that_is_kept
            outcomes_of_odd_keys_are_distinct
            failures_come_in_pages_each_once
            only_counted_failures_are_listed
            five_hundred_outcomes_settle_at_once
            packed_outcomes_of_odd_keys_are_found
            packed_outcomes_are_found_between_those_of_other_jobs
            overlapping_packed_settlements_keep_the_later_attempt
            a_packed_outcome_of_a_newer_run_replaces_the_earlier
            of_an_event_and_a_packed_outcome_the_later_is_found
            packed_settlements_record_alone_what_needs_it
            large_packed_outcomes_are_found
            a_report_of_transfers_replaces_the_workers_earlier_one
            a_report_of_transfers_ends_with_its_time
            an_event_run_is_none_of_its_tasks_runs
            an_event_run_begins_once_and_is_never_done
            an_event_is_counted_once_however_often_its_message_comes
            eight_workers_that_settle_the_same_events_count_each_once
            events_without_a_keys_outcome_count_and_overwrite_nothing
            a_key_whose_events_fail_again_and_again_is_listed_once
            a_position_advances_from_the_expected_one
            a_step_without_counters_only_advances
            partitions_and_tasks_advance_apart
            a_repeated_step_is_done_and_counts_once
            a_stale_step_gets_the_position_and_changes_nothing
            of_two_followers_at_once_one_advances
            a_cursor_that_is_too_long_is_refused
            counters_equal_a_model_over_any_settlements
            counters_equal_a_model_under_concurrent_settlements
        }
    };
}

/// Keys that a careless encoding would mix up, change or refuse.
pub(crate) fn odd_keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "a",
        "A",
        "a ",
        " a",
        "a/",
        "/a",
        "a//b",
        "a/../b",
        ".",
        "..",
        "a\0",
        "a\0b",
        "\0",
        "a\u{1}\u{1f}\u{7f}",
        "a\tb\r\n",
        "a#b",
        "a|b",
        "a%00b",
        "a%b",
        "a_b",
        "a*?[b]",
        "a\\b",
        "a\"b'c`",
        "a+b&c=d;e",
        "<a>",
        "e\u{301}",
        "\u{e9}",
        "\u{fffd}",
        "\u{ffff}",
        "\u{10ffff}",
        "\u{1f6a2}",
        "\u{202e}abc",
    ]
    .map(str::to_owned)
    .to_vec();
    // The longest keys of Amazon S3, 1,024 bytes of UTF-8, alike but for their ends.
    keys.push("k".repeat(1_024));
    keys.push(format!("{}l", "k".repeat(1_023)));
    keys.push("\u{10ffff}".repeat(256));
    keys.push("\u{1}".repeat(1_024));
    keys
}

pub(crate) fn unique(name: &str) -> String {
    format!("{name}-{}", uuid::Uuid::now_v7())
}

pub(crate) fn run_start(task: &str, started: i64) -> RunStart {
    RunStart {
        id: unique("run"),
        task: task.to_owned(),
        source: "s3://source/a".to_owned(),
        destination: "file:///destination/\u{fc}".to_owned(),
        options: RunOptions {
            digest: "0123abcd".to_owned(),
            writes: Some("cdef".to_owned()),
            delete: true,
            retries: Some("run-0".to_owned()),
        },
        started: Timestamp(started),
    }
}

/// A new run of a new task.
pub(crate) async fn started(ledger: &SharedLedger) -> RunStart {
    let start = run_start(&unique("task"), 1_700_000_000_000);
    ledger.start_run(&start, NO_FENCE).await.unwrap();
    start
}

pub(crate) fn origin(id: &str, objects: u32) -> Origin {
    Origin { id: id.to_owned(), items: objects }
}

/// An outcome with every field set that its state can have.
pub(crate) fn outcome(key: &str, state: State) -> Outcome {
    // No kind's: a ledger stores any object of JSON.
    let detail = json!({
        "source": { "etag": "s", "version": "v1" },
        "checksum": "crc64nvme:AQIDBAUGB/8=",
        "rows": [u64::MAX, -1, null, true],
        "last row": { "text": "two\nlines, \u{0} and \u{1f6a2}", "none": "" },
    });
    Outcome {
        reason: (state == State::Skipped).then(|| "same already".to_owned()),
        size: 1_000,
        detail: Detail::of(&detail),
        attempts: 2,
        error: (state == State::Failed).then(|| "get a: denied".to_owned()),
        worker: "host-1".to_owned(),
        started: Timestamp(1_700_000_000_001),
        finished: Timestamp(1_700_000_000_002),
        ..Outcome::new(key.to_owned(), state)
    }
}

/// Outcomes of one state for places in an origin; their keys name both.
pub(crate) fn outcomes(origin: &Origin, indexes: impl IntoIterator<Item = u32>, state: State) -> Vec<(u32, Outcome)> {
    indexes.into_iter().map(|index| (index, outcome(&format!("{}/{index}", origin.id), state))).collect()
}

/// Settles; gives what was newly counted.
pub(crate) async fn settle(
    ledger: &SharedLedger,
    run: &RunStart,
    origin: &Origin,
    outcomes: &[(u32, Outcome)],
) -> Settled {
    let settlement = Settlement { task: &run.task, run: &run.id, origin, reasons: REASONS, outcomes, span: None };
    let new = ledger.settle(&settlement).await.unwrap();
    let mut settled = Settled::default();
    outcomes.iter().filter(|(index, _)| new.contains(index)).for_each(|(_, outcome)| settled.count(outcome, REASONS));
    assert_eq!(settled.objects(), new.len() as u64, "indexes that were not given are reported");
    settled
}

pub(crate) async fn counted(ledger: &SharedLedger, run: &RunStart) -> Settled {
    ledger.run(&run.id).await.unwrap().unwrap().settled
}

/// All failures of a run, by pages of `limit`.
pub(crate) async fn all_failures(ledger: &SharedLedger, run: &RunStart, limit: usize) -> Vec<Outcome> {
    let mut all = Vec::new();
    let mut token = None;
    // More pages than any test here fills: a token that never ends must not hang it.
    for _ in 0..2_000 {
        let (page, next) = ledger.failures(&run.id, token.as_deref(), limit).await.unwrap();
        assert!(page.len() <= limit, "{} of {limit}", page.len());
        all.extend(page);
        if next.is_none() {
            return all;
        }
        token = next;
    }
    panic!("failures never end");
}
