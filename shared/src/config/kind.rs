//! The kind of data that a task replicates.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::objects::job::KIND as OBJECTS;

/// The kind of data that a task replicates: jobs of the task have its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Kind {
    /// Objects of buckets, and files of folders.
    #[default]
    Objects,
}

impl Kind {
    /// The kinds that this release knows.
    pub const ALL: [Kind; 1] = [Kind::Objects];

    /// The kind's name in config files and jobs.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Objects => OBJECTS,
        }
    }
}

impl From<Kind> for &'static str {
    fn from(kind: Kind) -> &'static str {
        kind.name()
    }
}

impl FromStr for Kind {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Kind, ConfigError> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let known = Kind::ALL.map(Kind::name).join(" or ");
            let why = format!("this release does not know {name:?}: give {known}");
            ConfigError::Setting { setting: "kind".to_owned(), why }
        })
    }
}

impl TryFrom<String> for Kind {
    type Error = ConfigError;

    fn try_from(name: String) -> Result<Kind, ConfigError> {
        name.parse()
    }
}
