//! What people and programs do with the tasks of a fleet: the command line and the console call the same functions.
//!
//! Nothing here prints, and nothing reads the environment of the process: the caller says who acts. An action that is
//! refused, or that fails, answers a [`Refusal`] with a stable code.

pub mod actions;
pub mod effort;
#[cfg(test)]
mod fixtures;
pub mod key;
pub mod refusal;
pub mod request;
pub mod views;

pub use actions::Actor;
pub use effort::Effort;
pub use key::RequestKey;
pub use refusal::{Code, Refusal};
