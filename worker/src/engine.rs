//! The engine: takes jobs from the queue by leases, has them executed, has their outcomes recorded, acknowledges them.
//!
//! `driver` is the loop: with a permit it receives a message (`intake` reads it), holds it by a `lease`, and `execute`s
//! the job. `backend` keeps watch over queue and ledger, `runs` over what is cancelled, `protection` over the machine.

pub(crate) mod backend;
pub(crate) mod driver;
pub(crate) mod execute;
pub(crate) mod intake;
pub(crate) mod lease;
pub(crate) mod protection;
pub(crate) mod runs;
pub(crate) mod stop;
pub(crate) mod transfer_reporter;
pub(crate) mod transfers;
