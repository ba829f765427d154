//! The store port's contract, as tests over any adapter.
