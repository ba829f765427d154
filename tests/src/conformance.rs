//! One suite per port; every adapter runs it.
//!
//! A suite is one public function per promise of the port's contract. A suite's macro makes a test
//! of each, over a fresh subject: `setup` is an `async fn() -> (Subject, Guard)`, and the guard (a
//! folder, an emulator) lives as long as the test.

pub mod fleet;
pub mod ledger;
pub mod queue;
pub mod store;
pub mod task_records;
pub mod tasks;
pub mod upload_log;

/// One `#[tokio::test]` for each named promise of a suite, over what `setup` gives.
#[macro_export]
macro_rules! promises {
    ($suite:ident, $setup:path: $($promise:ident)+) => {
        $crate::promises! { $suite, $setup, but_not []: $($promise)+ }
    };
    ($suite:ident, $setup:path, but_not $left_out:tt: $($promise:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            if $crate::conformance::is_named(stringify!($promise), stringify!($left_out)) {
                eprintln!("left out");
                return;
            }
            let (subject, _guard) = $setup().await;
            $crate::conformance::$suite::$promise(subject).await;
        }
    )+};
}

/// Whether the promise is named in the list `[promise promise]`.
pub fn is_named(promise: &str, list: &str) -> bool {
    list.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|name| name == promise)
}
