//! The meaning of the embedded database's errors.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use shared::{Error, ErrorKind};

/// Why work on the database failed; becomes an [`Error`] where operation and path are known.
#[derive(Debug)]
pub(crate) enum Failure {
    Sqlite(rusqlite::Error),
    /// A record that cannot be read back.
    Json(serde_json::Error),
    /// A failure with its meaning.
    Other(ErrorKind, String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure::Sqlite(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Failure::Json(error)
    }
}

impl Failure {
    /// Whether another process locks the database.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Failure::Sqlite(error) if is_busy(error.sqlite_error_code()))
    }

    pub(super) fn into_error(self, operation: &'static str, path: &Path) -> Error {
        let subject = path.display().to_string();
        match self {
            Failure::Other(kind, message) => Error::new(kind, operation, subject, message),
            Failure::Json(error) => {
                let message = format!("a record is invalid: {error}");
                Error::new(ErrorKind::Corrupt, operation, subject, message).with_source(error)
            }
            Failure::Sqlite(error) => {
                let (kind, advice) = meaning(&error);
                Error::new(kind, operation, subject, format!("{error}{advice}")).with_source(error)
            }
        }
    }
}

fn is_busy(code: Option<ErrorCode>) -> bool {
    matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// The meaning, and what to do (SQLite "Result and Error Codes").
fn meaning(error: &rusqlite::Error) -> (ErrorKind, &'static str) {
    let Some(code) = error.sqlite_error_code() else {
        // A column has another type than this program writes: the file is not ours, or damaged.
        return (ErrorKind::Corrupt, "");
    };
    match code {
        code if is_busy(Some(code)) => {
            (ErrorKind::Unavailable, "; another process keeps it locked: wait for that process, or stop it")
        }
        ErrorCode::DiskFull => (ErrorKind::Exhausted, "; free space on the state folder's disk"),
        ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied
        | ErrorCode::CannotOpen
        | ErrorCode::AuthorizationForStatementDenied => {
            (ErrorKind::Denied, "; make the state folder and all files in it writable")
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            (ErrorKind::Corrupt, "; move the state folder away and start again: the new run finds all remaining work")
        }
        ErrorCode::SystemIoFailure => (ErrorKind::Exhausted, "; check the state folder's disk: it is full or broken"),
        ErrorCode::OutOfMemory => (ErrorKind::Exhausted, ""),
        ErrorCode::TooBig | ErrorCode::ConstraintViolation => (ErrorKind::Invalid, ""),
        _ => (ErrorKind::Unavailable, ""),
    }
}

/// The same for a file beside the database.
pub(super) fn of_file(path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Denied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Exhausted,
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    };
    let message = format!("{error}; give a writable folder as the state folder");
    Error::new(kind, "open", path.display().to_string(), message).with_source(error)
}
