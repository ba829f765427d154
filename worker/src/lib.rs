//! The worker: takes jobs from the queue, executes them, records outcomes.
//!
//! `engine` leases messages, judges their runs and acknowledges: it is the same for all kinds of data. A kind brings an
//! [`Executor`]. `objects` is the one for objects: it reconciles each key of a job with the source, whole or in parts.

mod engine;
#[cfg(test)]
mod fixtures;
mod objects;

pub use engine::activity::Activity;
pub use engine::context::{Engine, LaneContext, Waiting};
pub use engine::driver::WorkError;
pub use engine::executor::{Delivery, Event, Execution, Executor, Outage};
pub use engine::executors::{Executors, IgnoredEvents};
pub use engine::machine::Machine;
pub use engine::progress::{ObjectInFlight, TransferProgress};
pub use engine::stop::Stop;
pub use engine::turns::{Polls, Turns};
pub use engine::worker::Worker;
pub use objects::close::{CloseStep, Closed, Closing, KeptUpload, Look, UploadCloser};
pub use objects::context::{Follow, Objects};
pub use objects::pipe::read_checksum;
pub use shared::limits::{FairShares, LiveLimits};
