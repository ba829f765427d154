//! The ledger port's contract, as tests over any adapter.
