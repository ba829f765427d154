//! Groups of machines.

pub mod autoscaling;
pub mod dry;
pub mod group;
