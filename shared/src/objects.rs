//! The kind `objects`: what its finder and its worker agree on.

pub mod job;
