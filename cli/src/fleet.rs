//! Serving all tasks of a fleet in one process.
//!
//! `supervisor` reads the summaries of all tasks every few seconds. For each task it runs a `server`, which compares what
//! is wanted of the task (`wanted`) with what it serves, and takes the `steps` between the two: it opens queues and
//! stores (`versions`), runs the task's worker, stops it, and tries again what failed (`backoff`). An error stays within
//! its task. `bucket_events` receives from a queue that the definition names, and `prefix_list` reads its list again.
//! `heartbeat` reports the worker to the fleet; `machine` decides when it receives, and when it ends.

mod backoff;
mod begin;
mod bucket_events;
mod context;
mod controlling;
mod folders;
mod heartbeat;
mod machine;
mod name;
mod prefix_list;
mod program;
mod requests;
mod server;
mod status;
mod steps;
mod supervisor;
mod versions;
mod wanted;

pub use folders::CATCH_UP;
pub use name::host_and_process;
pub use program::{Options, run};
