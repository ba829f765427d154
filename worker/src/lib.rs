//! The worker: takes jobs from the queue, copies objects, records outcomes.
//!
//! The way of a job: the `driver` takes a message when there is a permit to be had (`intake` reads it, as a job or as an
//! event), and holds it by a `lease`; the job is executed (`execute`), each of its objects (`copy`, `delete`, `changed`)
//! reconciled with the source (`reconcile`) by a `whole` transfer or in parts (`multipart`, `upload`, `giant`); the outcomes are settled in the ledger, and only then is the message
//! acknowledged. `carry` decides what comes with the bytes, `archive` what becomes of objects that must be
//! restored first; `orphans` sees to it that no upload stays open. Each store is `guarded` by its `circuit`.
//! `integrity` and `plan` are pure: what is checked, and how objects are cut.

mod archive;
mod batch;
mod cancel;
mod carrier;
mod carry;
mod changed;
mod circuit;
mod complete;
mod context;
mod copy;
mod delete;
mod driver;
mod ending;
mod execute;
#[cfg(test)]
mod fixtures;
mod flights;
mod giant;
mod guarded;
mod intake;
mod integrity;
mod lease;
mod multipart;
mod orphans;
mod part_limit;
mod parts;
mod pipe;
mod plan;
mod progress;
mod protection;
mod reconcile;
mod replace;
mod reread;
mod runs;
mod service_copies;
mod source;
mod stop;
mod strays;
mod suspects;
mod transfer_reporter;
mod transfers;
mod upload;
mod version;
mod whole;
mod wrong_bytes;

pub use circuit::Outage;
pub use context::{Follow, Report, Worker};
pub use driver::WorkError;
pub use pipe::read_checksum;
pub use progress::{InFlight, TransferProgress};
pub use stop::Stop;
