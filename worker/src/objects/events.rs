//! Events: many of one key become few copies, and writes with unknown results are checked again.

pub(crate) mod coalesce;
pub(crate) mod in_doubt;
pub(crate) mod pending_writes;
pub(crate) mod read;
pub(crate) mod unchecked_writes;
