//! What is done for objects: `copy`, `delete` and `changed` reconcile keys (`reconcile`); an object goes `whole` or in
//! parts (`multipart`); `batch` gathers outcomes for the ledger; `breaker` holds calls back from a store that fails.

pub(crate) mod archive;
pub(crate) mod batch;
pub(crate) mod breaker;
pub(crate) mod cancel;
pub(crate) mod changed;
pub(crate) mod copy;
pub(crate) mod delete;
pub(crate) mod events;
pub(crate) mod integrity;
pub(crate) mod item;
pub(crate) mod metadata;
pub(crate) mod mirror;
pub(crate) mod multipart;
pub(crate) mod perform;
pub(crate) mod pipe;
pub(crate) mod plan;
pub(crate) mod recheck;
pub(crate) mod reconcile;
pub(crate) mod replace;
pub(crate) mod requeue;
pub(crate) mod reread;
pub(crate) mod service_copies;
pub(crate) mod settle;
pub(crate) mod source;
pub(crate) mod suspects;
pub(crate) mod verdict;
pub(crate) mod version;
pub(crate) mod whole;
pub(crate) mod wrong_bytes;
