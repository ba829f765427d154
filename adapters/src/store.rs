//! Object stores: folders, and services with the S3 protocol.

pub mod file;
pub mod s3;
pub mod unopened;
