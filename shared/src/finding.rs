//! The findings of a check of a set-up.

use serde::Serialize;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// As it is to be.
    Ok,
    /// It works, or will, but somebody should look at it.
    Warning,
    /// It does not work.
    Error,
}

impl Level {
    /// The level as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How grave it is.
    pub level: Level,
    /// The thing, and its fault.
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// As it is to be.
    pub fn ok(what: impl Into<String>) -> Finding {
        Finding { level: Level::Ok, what: what.into(), remedy: None }
    }

    /// Somebody should look at it.
    pub fn warning(what: impl Into<String>, remedy: &str) -> Finding {
        Finding { level: Level::Warning, what: what.into(), remedy: Some(remedy.to_owned()) }
    }

    /// It does not work.
    pub fn error(what: impl Into<String>, remedy: &str) -> Finding {
        Finding { level: Level::Error, what: what.into(), remedy: Some(remedy.to_owned()) }
    }
}
