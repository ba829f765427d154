//! Ledgers: DynamoDB for fleets, SQLite for one process.

pub mod dynamodb;
pub mod sqlite;
