//! The console of a fleet: an HTTP API under `/api/v1`, its OpenAPI document, and a web page.
//!
//! [`api`] has the types of requests and answers, [`read`] and [`change`] the handlers, [`document`] the OpenAPI document
//! that describes both. It keeps nothing of its own: all that it shows and changes is in the fleet's records.

pub mod api;
pub mod change;
pub mod document;
pub mod problem;
pub mod read;
mod state;

pub use state::Console;
