//! How a service is reached: only data, which the adapters turn into clients.

use serde::{Deserialize, Serialize};

use crate::location::Scheme;
use crate::provider::endpoint;

/// How a service is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Connection {
    /// Base URL of the endpoint; `None`: Amazon's own for the region.
    pub endpoint_url: Option<String>,
    /// Region; `None`: from the environment or profile, else `us-east-1`.
    pub region: Option<String>,
    /// The origin of credentials, as on the command line; `None`: `default`.
    pub credentials: Option<String>,
}

impl Connection {
    /// The same connection with endpoint and region filled in ([`endpoint::completed`]).
    pub fn completed(&self, scheme: Scheme) -> Result<Connection, String> {
        let reached = endpoint::completed(scheme, self.endpoint_url.as_deref(), self.region.as_deref())?;
        Ok(Connection { endpoint_url: reached.url, region: reached.region, credentials: self.credentials.clone() })
    }
}

/// Where a request's URL names the bucket.
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
