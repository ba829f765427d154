//! Any store that speaks Amazon S3's protocol.

use serde::{Deserialize, Serialize};

/// How the bucket stands in a request's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Addressing {
    /// Virtual host on Amazon's own endpoints, path elsewhere.
    #[default]
    Auto,
    /// `https://endpoint/bucket/key`
    Path,
    /// `https://bucket.endpoint/key`
    Virtual,
}
