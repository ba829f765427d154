//! The kind of data that a task replicates.

use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::ConfigError;
use crate::objects::job::KIND as OBJECTS;

/// The kind of data that a task replicates: jobs of the task have its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
pub struct Kind(&'static str);

impl Kind {
    /// Objects of buckets, and files of folders.
    pub const OBJECTS: Kind = Kind(OBJECTS);

    /// The kinds that config files and definitions may name.
    pub const ALL: [Kind; 1] = [Kind::OBJECTS];

    /// The kind of this name. Config files may name it if it is one of [`ALL`](Self::ALL).
    pub const fn named(name: &'static str) -> Kind {
        Kind(name)
    }

    /// The kind's name in config files and jobs.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl Default for Kind {
    fn default() -> Kind {
        Kind::OBJECTS
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

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Kind, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
