//! One suite per port; every adapter runs it.
//!
//! A suite is one public function per promise of the port's contract. A suite's macro makes a test
//! of each, over a fresh subject: `setup` is an `async fn() -> (Subject, Guard)`, and the guard (a
//! folder, an emulator) lives as long as the test. What the component behind an adapter is known to get
//! wrong stands in [`exceptions`].

pub mod exceptions;
pub mod fleet;
pub mod ledger;
pub mod queue;
pub mod store;
pub mod task_records;
pub mod tasks;
pub mod upload_log;

/// One `#[tokio::test]` for each named promise of a suite, over what `setup` gives, and one that checks the exceptions.
#[macro_export]
macro_rules! promises {
    ($suite:ident, $setup:path, $exceptions:path: $($promise:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                if $exceptions.leaves_out(stringify!($promise)) {
                    return;
                }
                let (subject, _guard) = $setup().await;
                $exceptions.run(stringify!($promise), $crate::conformance::$suite::$promise(subject)).await;
            }
        )+

        #[test]
        fn every_exception_names_a_case() {
            $exceptions.assert_known(&[$(stringify!($promise)),+]);
        }
    };
}
