//! The answer about one right, with its reason and remedy.

use serde::{Deserialize, Serialize};
use shared::store::{Right, RightNames};
use shared::{Error, ErrorKind};

/// Whether the credentials have a right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// They have.
    Yes,
    /// They have not, or the store cannot be used.
    No {
        /// The error.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// Nobody tried.
    NotTried {
        /// Why not.
        reason: String,
    },
}

/// The answers of one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// Listing the location.
    pub list: Answer,
    /// Reading an object.
    pub read: Answer,
    /// Writing an object.
    pub write: Answer,
    /// Deleting an object.
    pub delete: Answer,
}

impl Rights {
    /// Each right with its name.
    pub fn all(&self) -> [(&'static str, &Answer); 4] {
        [("list", &self.list), ("read", &self.read), ("write", &self.write), ("delete", &self.delete)]
    }
}

impl Answer {
    /// Nobody tried, for this reason.
    pub fn not_tried(reason: impl Into<String>) -> Answer {
        Answer::NotTried { reason: reason.into() }
    }

    /// The answer of an error of a call that needs these rights.
    pub fn of(error: &Error, names: RightNames, rights: &[Right]) -> Answer {
        let message = error.message();
        // Errors of stores end with their remedy.
        let known = message.rsplit_once("; ").filter(|(_, remedy)| {
            ["allow ", "check ", "give ", "the bucket is "].iter().any(|begin| remedy.starts_with(begin))
        });
        let (reason, remedy) = match known {
            // All rights, not only that of the call that failed first.
            Some((reason, remedy)) if remedy.starts_with("allow ") => (reason, allow(names, rights)),
            Some((reason, remedy)) => (reason, remedy.to_owned()),
            None => (message, remedy(error.kind(), names, rights)),
        };
        Answer::No { reason: format!("{}: {reason}", error.operation()), remedy }
    }

    /// The same with one more fact behind its reason.
    pub fn with_fact(self, fact: &str) -> Answer {
        match self {
            Answer::No { reason, remedy } => Answer::No { reason: format!("{reason}; {fact}"), remedy },
            other => other,
        }
    }

    /// Whether the remedy is to allow a right.
    pub fn is_cured_by_a_right(&self) -> bool {
        matches!(self, Answer::No { remedy, .. } if remedy.starts_with("allow "))
    }

    /// Whether the right is missing.
    pub fn is_no(&self) -> bool {
        matches!(self, Answer::No { .. })
    }
}

fn allow(names: RightNames, rights: &[Right]) -> String {
    match names {
        RightNames::Folder => format!("give the user of the worker {}", names.names(rights)),
        _ => format!("allow {}", names.names(rights)),
    }
}

fn remedy(kind: ErrorKind, names: RightNames, rights: &[Right]) -> String {
    match kind {
        ErrorKind::Denied => allow(names, rights),
        ErrorKind::NoSuchContainer if names == RightNames::Folder => "make the folder, or check its name".to_owned(),
        ErrorKind::NoSuchContainer => "create the bucket, or check its name, endpoint-url and region".to_owned(),
        ErrorKind::ExpiredCredentials => "give credentials that have not expired".to_owned(),
        ErrorKind::Connection | ErrorKind::Timeout => "check endpoint-url, region and the network".to_owned(),
        ErrorKind::ClockSkew => "set the clock of the worker's machine".to_owned(),
        ErrorKind::Exhausted => "make room, or raise the quota".to_owned(),
        kind if kind.is_retryable() => "try again later".to_owned(),
        _ => "check the settings of this side".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(kind: ErrorKind, message: &str, names: RightNames, rights: &[Right]) -> (String, String) {
        let error = Error::new(kind, "create", "s3://b/k", message);
        match Answer::of(&error, names, rights) {
            Answer::No { reason, remedy } => (reason, remedy),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_denial_names_all_rights_that_are_needed() {
        let rights = [Right::CreateUpload, Right::AbortUpload];
        let denied = "AccessDenied: Access Denied (HTTP 403); allow oss:PutObject";
        let (reason, remedy) = no(ErrorKind::Denied, denied, RightNames::Oss, &rights);
        assert_eq!(reason, "create: AccessDenied: Access Denied (HTTP 403)");
        assert_eq!(remedy, "allow oss:PutObject and oss:AbortMultipartUpload");
        let (_, remedy) = no(ErrorKind::Denied, "Permission denied", RightNames::Folder, &rights);
        assert_eq!(remedy, "give the user of the worker write permission on the folder");
    }

    #[test]
    fn an_error_keeps_its_own_remedy() {
        let elsewhere = "moved (HTTP 301); the bucket is in region eu-west-1: give that as this side's region";
        let (reason, remedy) = no(ErrorKind::Invalid, elsewhere, RightNames::Amazon, &[Right::List]);
        assert_eq!(reason, "create: moved (HTTP 301)");
        assert!(remedy.contains("eu-west-1"));
    }
}
