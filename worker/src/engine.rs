//! The engine: leases messages, has their jobs executed, acknowledges. It names no kind of data.
//!
//! `driver` runs the lanes. `receive` asks for messages when permits are free, `intake` reads them, and `work` takes one
//! from its lease to its acknowledgement: it judges the run by `runs`, and the kind does the work (`executor`), chosen by
//! kind and definition (`executors`).
//! `backend` watches queue and ledger, `machine` and `protection` the machine; `activity` is what others see of the
//! worker. A process of many tasks polls in `turns`.

pub(crate) mod absent;
pub(crate) mod activity;
pub(crate) mod backend;
pub(crate) mod context;
pub(crate) mod driver;
pub(crate) mod executor;
pub(crate) mod executors;
pub(crate) mod intake;
pub(crate) mod lease;
pub(crate) mod machine;
pub(crate) mod oldest_received;
pub(crate) mod progress;
pub(crate) mod protection;
pub(crate) mod receive;
pub(crate) mod runs;
pub(crate) mod stop;
pub(crate) mod transfer_reporter;
pub(crate) mod turns;
pub(crate) mod work;
pub(crate) mod worker;
