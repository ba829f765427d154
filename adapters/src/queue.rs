//! Queues: Amazon SQS for fleets, SQLite for one process.

pub mod sqlite;
pub mod sqs;
