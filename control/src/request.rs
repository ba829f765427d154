//! The requests of operations, as JSON. An empty request is one without arguments.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Effort;

/// A request to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct VerifyRequest {
    /// How much may be read.
    pub effort: Effort,
}

/// A request to probe.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProbeRequest {
    /// Whether an object is written and deleted.
    pub write_test: bool,
    /// The definition of a task that is not created, as TOML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
}

/// A request to plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct PlanRequest {
    /// The definition of a task that is not created, as TOML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
}

/// A request to retry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RetryRequest {
    /// The run whose failures are retried.
    pub run: String,
    /// Their keys; `None`: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
}

/// The definition in a request, if it has one.
#[derive(Deserialize)]
struct WithDefinition {
    definition: Option<String>,
}

/// Reads a request. The error says why it cannot be read.
pub fn read<T: DeserializeOwned + Default>(request: &str) -> Result<T, String> {
    match request {
        "" => Ok(T::default()),
        request => serde_json::from_str(request).map_err(|why| format!("the request is invalid: {why}")),
    }
}

/// The definition that a request has; `None` without one.
pub fn definition(request: &str) -> Option<String> {
    serde_json::from_str::<WithDefinition>(request).ok().and_then(|request| request.definition)
}
