//! How a service is reached: data alone, which the adapters turn into clients.

use serde::{Deserialize, Serialize};

/// How a service is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Connection {
    /// Base URL of the endpoint; `None`: Amazon's own for the region.
    pub endpoint_url: Option<String>,
    /// Region; `None`: from the environment or profile, else `us-east-1`.
    pub region: Option<String>,
    /// Where credentials come from, as the command line spells it; `None`: `default`.
    pub credentials: Option<String>,
}

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
