//! Prices of requests: Amazon's public list prices for us-east-1, in US dollars.
//!
//! An estimate for people, not an invoice: no free tier, no volume discount, no storage, no tax, and
//! other providers' prices differ.

/// When the prices were last known to be current, year and month.
pub const DATE: &str = "2025-01";

/// Where they stand.
pub const SOURCE: &str = "Amazon list prices, us-east-1: aws.amazon.com/{s3,sqs,dynamodb}/pricing";

/// S3 Standard: one PUT, COPY, POST or LIST ($0.005 per 1,000).
pub const S3_WRITE_USD: f64 = 0.005 / 1e3;

/// S3 Standard: one GET, HEAD or any other request but DELETE ($0.0004 per 1,000).
pub const S3_READ_USD: f64 = 0.0004 / 1e3;

/// S3: one DELETE. A request that deletes many objects is a POST, and counts as one here, which is the most that it may
/// cost.
pub const S3_DELETE_USD: f64 = 0.0;

/// SQS standard queue: one request of up to [`SQS_REQUEST_BYTES`] ($0.40 per million).
pub const SQS_USD: f64 = 0.40 / 1e6;

/// SQS: a larger payload counts as several requests, bytes.
pub const SQS_REQUEST_BYTES: u64 = 64 << 10;

/// DynamoDB on demand: one write of up to [`DYNAMODB_WRITE_BYTES`] ($0.625 per million).
pub const DYNAMODB_WRITE_USD: f64 = 0.625 / 1e6;

/// DynamoDB: a larger item counts as several writes, bytes.
pub const DYNAMODB_WRITE_BYTES: u64 = 1 << 10;

/// DynamoDB on demand: one strongly consistent read of up to [`DYNAMODB_READ_BYTES`] ($0.125 per million).
pub const DYNAMODB_READ_USD: f64 = 0.125 / 1e6;

/// DynamoDB: a larger item, or a page of them, counts as several reads, bytes.
pub const DYNAMODB_READ_BYTES: u64 = 4 << 10;

/// Data transfer out of Amazon to the internet, first 10 TB a month, one byte ($0.09 per GB of 10^9
/// bytes; free into Amazon, and within one region).
pub const EGRESS_USD: f64 = 0.09 / 1e9;
