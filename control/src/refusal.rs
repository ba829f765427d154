//! Why an action did not happen, or not as a whole.

use std::fmt::{self, Display};

use shared::config::ConfigError;
use shared::{Error, ErrorKind};

/// The meaning of a refusal for programs. The words are stable.
///
/// Rule for adding one: some caller acts differently on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The fleet has no task of this name, or somebody deleted it meanwhile.
    NoSuchTask,
    /// The task has no such run, or none at all.
    NoSuchRun,
    /// No operation has this id.
    NoSuchOperation,
    /// Another task has the name.
    TaskExists,
    /// The task is being deleted.
    TaskDeleting,
    /// The task is paused.
    TaskPaused,
    /// A run of the task has not ended.
    RunLive,
    /// Somebody else changed the task since the caller read it.
    Changed,
    /// Too many of the same kind are in work.
    TooMany,
    /// No object of the run failed.
    NothingFailed,
    /// The task has no receiver of notices.
    NoReceiver,
    /// The run had other options than the task has now.
    OtherOptions,
    /// A setting has an invalid value.
    InvalidSetting,
    /// The definition cannot be read: no TOML, or an unknown setting.
    InvalidDefinition,
    /// An edit changes what stays for a task's life.
    FixedSetting,
    /// Another task receives from the queue of events.
    QueueShared,
    /// The key was given to another request.
    KeyReused,
    /// The run has ended.
    RunEnded,
    /// The request itself is wrong.
    InvalidRequest,
    /// The record was written by another release.
    OtherRelease,
    /// A service failed or refused.
    Service(ErrorKind),
}

impl Code {
    /// The word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::NoSuchTask => "no-such-task",
            Code::NoSuchRun => "no-such-run",
            Code::NoSuchOperation => "no-such-operation",
            Code::TaskExists => "task-exists",
            Code::TaskDeleting => "task-deleting",
            Code::TaskPaused => "task-paused",
            Code::RunLive => "run-live",
            Code::Changed => "changed",
            Code::TooMany => "too-many",
            Code::NothingFailed => "nothing-failed",
            Code::NoReceiver => "no-receiver",
            Code::OtherOptions => "other-options",
            Code::InvalidSetting => "invalid-setting",
            Code::InvalidDefinition => "invalid-definition",
            Code::FixedSetting => "fixed-setting",
            Code::QueueShared => "queue-shared",
            Code::KeyReused => "key-reused",
            Code::RunEnded => "run-ended",
            Code::InvalidRequest => "invalid-request",
            Code::OtherRelease => "other-release",
            Code::Service(kind) => kind.as_str(),
        }
    }
}

/// Why an action was refused, or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its meaning.
    pub code: Code,
    /// The setting that is at fault, as definitions name it.
    pub setting: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// More to do, or to know.
    pub hint: Option<String>,
    /// Whether something was recorded before it failed.
    pub is_midway: bool,
}

impl Refusal {
    /// A refusal: nothing was changed.
    pub fn new(code: Code, what: impl Display) -> Refusal {
        Refusal { code, setting: None, what: what.to_string(), remedy: None, hint: None, is_midway: false }
    }

    /// A service that failed before anything was changed.
    pub fn service(error: Error) -> Refusal {
        Refusal::new(Code::Service(error.kind()), error)
    }

    /// A service that failed on the way. The caller reads what is there before it repeats the action.
    pub fn midway(error: Error) -> Refusal {
        Refusal { is_midway: true, ..Refusal::service(error) }
    }

    /// With what to do about it.
    pub fn remedy(self, remedy: impl Display) -> Refusal {
        Refusal { remedy: Some(remedy.to_string()), ..self }
    }

    /// With more to know.
    pub fn hint(self, hint: impl Display) -> Refusal {
        Refusal { hint: Some(hint.to_string()), ..self }
    }

    /// With the setting at fault.
    pub fn of_setting(self, setting: &str) -> Refusal {
        Refusal { setting: Some(setting.to_owned()), ..self }
    }

    /// Found on the way.
    pub fn on_the_way(self) -> Refusal {
        Refusal { is_midway: true, ..self }
    }

    /// What to do, and what to know, in one text.
    pub fn advice(&self) -> Option<String> {
        let parts: Vec<&str> = [&self.remedy, &self.hint].into_iter().flatten().map(String::as_str).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(setting) = &self.setting {
            write!(f, "{setting}: ")?;
        }
        f.write_str(&self.what)?;
        if let Some(remedy) = &self.remedy {
            write!(f, ": {remedy}")?;
        }
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl std::error::Error for Refusal {}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Refusal {
        match error {
            ConfigError::Setting { setting, why } => Refusal::new(Code::InvalidSetting, why).of_setting(&setting),
            error => Refusal::new(Code::InvalidDefinition, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_reads_as_setting_reason_and_remedy() {
        let refusal = Refusal::new(Code::QueueShared, "another task has it").of_setting("events-queue");
        let refusal = refusal.remedy("give another").hint("or none");
        assert_eq!(refusal.to_string(), "events-queue: another task has it: give another; or none");
        assert_eq!(refusal.advice().as_deref(), Some("give another; or none"));
        assert_eq!(Refusal::new(Code::TooMany, "x").advice(), None);
    }
}
