//! The queue port's contract, as tests over any adapter.
