//! The store port's adapters against its contract.
