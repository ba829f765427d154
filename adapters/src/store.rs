//! Object stores: folders, and whatever speaks the S3 protocol.

pub mod file;
pub mod s3;
