//! The upload log port's contract, as tests over any adapter.
//!
//! They run against real services and shared tables too: names are unique.

#![allow(clippy::unwrap_used, reason = "tests, though in a library")]

mod suspects;
mod uploads;

pub use suspects::*;
pub use uploads::*;

/// A test of each promise for the upload log that `setup`, an `async fn() -> (SharedUploadLog, Guard)`, makes.
/// The second argument names the [exceptions](super::exceptions) of the component behind the adapter.
#[macro_export]
macro_rules! upload_log_suite {
    ($setup:path) => {
        $crate::upload_log_suite!($setup, $crate::conformance::exceptions::NONE);
    };
    ($setup:path, $exceptions:path) => {
        $crate::promises! { upload_log, $setup, $exceptions:
            the_first_upload_of_a_key_is_the_one_that_is_kept
            of_many_uploads_opened_at_once_one_is_kept
            parts_are_counted_once_and_come_by_number
            ten_thousand_parts_are_recorded
            only_the_recorded_upload_is_closed
            uploads_of_odd_keys_are_distinct
            suspect_keys_come_in_byte_order_by_pages
            a_suspect_key_is_cleared_unless_it_was_marked_again
            open_uploads_of_many_keys_are_found_at_once
            open_uploads_of_a_task_are_listed_by_pages
            intents_of_uploads_stay_until_the_uploads_are_searched
            regression_intents_that_only_look_the_same_are_not_cleared
        }
    };
}
