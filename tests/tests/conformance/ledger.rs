//! The ledger port's adapters against its contract.
