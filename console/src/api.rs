//! The resources of the API, one a file: types, and handlers.
//!
//! All paths begin with `/api/v1`. Names of fields are in snake case; times are texts as in RFC 3339, in UTC; bytes and
//! counts are whole numbers; durations are in seconds.

pub mod audit;
pub mod credentials;
pub mod dead_letters;
pub mod definition;
pub mod failures;
pub mod features;
pub mod limits;
pub mod login;
pub mod notices;
pub mod objects;
pub mod operations;
pub mod page;
pub mod run;
pub mod runs;
pub mod samples;
pub mod stream;
pub mod task;
pub mod tasks;
pub mod workers;
