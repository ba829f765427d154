//! Groups of machines.

pub mod autoscaling;
