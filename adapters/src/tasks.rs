//! Tasks of a fleet: DynamoDB for fleets, SQLite for one machine. Both keep them beside the ledger.

pub mod dynamodb;
mod packed;
pub mod sqlite;

pub(crate) use packed::keeps_texts;
