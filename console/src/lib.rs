//! The console of a fleet: an HTTP API under `/api/v1`, its OpenAPI document, and a web page.
//!
//! [`api`] has the types of requests and answers, [`read`] and [`change`] the handlers, [`document`] the OpenAPI document
//! that describes both. [`server`] accepts connections, and [`guard`] judges each request before a handler sees it. It
//! keeps nothing of its own but sessions: all that it shows and changes is in the fleet's records.

pub mod access;
pub mod api;
mod app;
pub mod change;
pub mod document;
mod extract;
#[cfg(test)]
mod fixtures;
pub mod guard;
mod hub;
pub mod oidc;
mod page;
pub mod problem;
pub mod read;
mod recent;
mod refused;
pub mod server;
pub mod session;
mod state;
mod view;

pub use app::app;
pub use session::Sessions;
pub use state::{Console, Setup};
