//! Changes of tasks, and what is asked of them.
//!
//! # Faults
//!
//! Each action is a few conditional writes, then messages that may be sent twice. A program that ends in between leaves
//! a record that the controller, or the program that serves the fleet, acts on. A service that is slow, throttles or
//! cuts off is tried again inside its adapter; if that fails, the refusal says whether something was recorded
//! ([`Refusal::is_midway`](crate::Refusal::is_midway)), and the action may be repeated.

mod actor;
mod begin;
mod cancel;
mod create;
mod dead_letters;
mod delete;
mod edit;
mod events_queue;
mod limit;
mod operate;
mod retry;
mod run_of;
mod state;

pub use actor::{Actor, Found, deleting};
pub use begin::{Begun, begin, run, run_or_join};
pub use cancel::{Cancelling, cancel, cancel_run};
pub use create::{Created, Waiting, create};
pub use dead_letters::{ReadLetters, dead_letters, purge, redrive};
pub use delete::{Deleted, delete};
pub use edit::{Edited, changed_settings, check_edit, edit};
pub use limit::{NewLimits, limit, words as limit_words};
pub use operate::{goes_on, notify_test, plan, plan_new, probe, verify};
pub use retry::{other_options, retry};
pub use run_of::{RunOf, run_of};
pub use state::{Resumed, pause, resume};
