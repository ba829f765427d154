//! Limits of a task that take effect at once.

use serde::{Deserialize, Serialize};
use shared::tasks;
use utoipa::ToSchema;

/// Limits over all workers; `null`: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct Limits {
    /// Most machines that are started for the task.
    pub machines: Option<u32>,
    /// Bytes a second.
    pub bandwidth: Option<u64>,
    /// Requests a second to each store.
    pub requests: Option<u32>,
}

/// A change of limits. A field that is left out stays; `null` removes the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsPatch {
    /// Most machines that are started for the task.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub machines: Option<Option<u32>>,
    /// Bytes a second.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<u64>)]
    pub bandwidth: Option<Option<u64>>,
    /// Requests a second to each store.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub requests: Option<Option<u32>>,
}

/// Distinguishes a field that is `null` from one that is left out.
fn given<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl From<tasks::Limits> for Limits {
    fn from(limits: tasks::Limits) -> Limits {
        let tasks::Limits { machines, bandwidth, requests } = limits;
        Limits { machines, bandwidth, requests }
    }
}
