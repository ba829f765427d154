//! A circuit breaker before each store.

pub(crate) mod circuit;
pub(crate) mod store;
