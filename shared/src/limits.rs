//! Limits that all transfers of a process share.
