//! Bytes that were changed, cut off or replaced on their way.

mod flips;
mod pair;
mod versions;
mod wrong_bytes;
