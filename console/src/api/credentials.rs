//! Origins of credentials, and who uses them. No value is ever read.

use serde::Serialize;
use utoipa::ToSchema;

/// A page of origins.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CredentialsPage {
    /// The origins, by name.
    pub items: Vec<CredentialsOrigin>,
    /// The cursor of the next page; `null`: there is none.
    pub next: Option<String>,
}

/// An origin of credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CredentialsOrigin {
    /// As definitions spell it: `default`, `env:PREFIX`, `profile:NAME`, `file:PATH`, `secretsmanager:NAME`,
    /// `role:ARN`, `anonymous`.
    pub origin: String,
    /// Sides of tasks that use it; at most 100.
    pub used_by: Vec<CredentialsUse>,
    /// Sides of tasks that use it, counted.
    pub uses: u32,
}

/// A side of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CredentialsUse {
    /// The task's name.
    pub task: String,
    /// `source` or `destination`.
    pub side: String,
    /// The location.
    pub location: String,
}
