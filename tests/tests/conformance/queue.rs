//! The queue port's adapters against its contract.
