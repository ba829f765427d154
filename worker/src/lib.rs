//! The worker: takes jobs from the queue, copies objects, records outcomes.
//!
//! `engine` takes jobs by leases, records outcomes and acknowledges: it is the same whatever is copied. `objects` does
//! the work: it reconciles each key of a job with the source, whole or in parts. `context` is what both share.

mod context;
mod engine;
#[cfg(test)]
mod fixtures;
mod objects;

pub use context::{Follow, Report, Worker};
pub use engine::driver::WorkError;
pub use engine::stop::Stop;
pub use objects::breaker::circuit::Outage;
pub use objects::multipart::progress::{InFlight, TransferProgress};
pub use objects::pipe::read_checksum;
