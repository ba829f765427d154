//! What this console is, and who uses it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What this console can do.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Features {
    /// The program's version.
    pub version: String,
    /// The fleet's name.
    pub fleet: String,
    /// Where its records are.
    pub mode: Mode,
    /// How people sign in.
    pub login: LoginKind,
    /// Whether machines of the fleet are started and ended by a controller.
    pub scales_machines: bool,
    /// Whether this process also carries out the tasks.
    pub serves_tasks: bool,
}

/// Where a fleet's records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// In a state folder of this machine.
    Folder,
    /// In a table that the machines of a fleet share.
    Fleet,
}

/// How people sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LoginKind {
    /// By the token in the address that the program prints.
    Token,
    /// At an OpenID provider.
    Oidc,
}

/// What somebody may do. Each role may do all that the one before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Look.
    Viewer,
    /// Run, pause, cancel, retry, limit.
    Operator,
    /// Define and delete tasks, purge dead letters.
    Admin,
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The name that changes are recorded under.
    pub name: String,
    /// What they may do.
    pub role: Role,
}
