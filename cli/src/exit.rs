//! How a command ends: exit codes that scripts rely on, and the one line that explains a failure.

use std::fmt::Display;

use control::{Code, Refusal};
use finder::FindError;
use shared::config::ConfigError;

/// How a command ended well or badly, but in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Both sides are in sync, or there is nothing to complain of.
    InSync = 0,
    /// Some objects failed, or differ.
    SomeFailed = 1,
    /// Wrong usage or configuration, or a store that cannot be reached at the start.
    Usage = 2,
    /// Interrupted; the same command goes on where it was.
    Interrupted = shared::signals::INTERRUPTED,
}

/// Said when a signal ended a run.
pub const INTERRUPTED: &str = "Interrupted. Run the same command to resume.";

/// Why a command could not go on, in one line.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What, where, and what to do.
    pub message: String,
}

impl Failure {
    /// Wrong usage, configuration or surroundings: nothing was begun.
    pub fn usage(why: impl Display) -> Self {
        Failure { exit: Exit::Usage, message: why.to_string() }
    }

    /// A side that is named on the command line cannot be used.
    pub fn side(why: adapters::open::Unusable) -> Self {
        Failure::usage(why.with_options())
    }

    /// Something failed on the way.
    pub fn midway(why: impl Display) -> Self {
        Failure { exit: Exit::SomeFailed, message: why.to_string() }
    }

    /// Queue or ledger failed on the way: the run goes on when they are well.
    pub fn resumable(why: impl Display) -> Self {
        Failure { exit: Exit::Interrupted, message: format!("{why}; run the same command to resume") }
    }

    /// A run of the finder ended early.
    pub fn finding(error: FindError) -> Self {
        let exit = match &error {
            FindError::Filter(_) | FindError::Busy { .. } | FindError::ClaimedByOther(_) => Exit::Usage,
            error if error.is_resumable() || error.is_outage() => Exit::Interrupted,
            // A listing that failed, deletes that were refused.
            _ => Exit::SomeFailed,
        };
        Failure { exit, message: error.to_string() }
    }

    /// The same failure with what to do about it.
    pub fn hint(mut self, hint: &str) -> Self {
        self.message = format!("{}; {hint}", self.message);
        self
    }
}

impl From<ConfigError> for Failure {
    /// Of a setting that no file gave the option is named.
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Setting { setting, why } if !["task", "filters"].contains(&&*setting) => {
                // A location is an argument without a name.
                match setting.strip_suffix(".location") {
                    Some(side) => Failure::usage(format!("{side}: {why}")),
                    None => Failure::usage(format!("--{}: {why}", setting.replace('.', "-"))),
                }
            }
            error => Failure::usage(error),
        }
    }
}

impl From<Refusal> for Failure {
    /// Of a setting with an invalid value the option is named.
    fn from(refusal: Refusal) -> Self {
        match (refusal.code, &refusal.setting) {
            (Code::InvalidSetting, Some(setting)) => {
                Failure::from(ConfigError::Setting { setting: setting.clone(), why: refusal.what })
            }
            _ if refusal.is_midway => Failure::midway(refusal),
            _ => Failure::usage(refusal),
        }
    }
}

/// What every command returns.
pub type CommandResult = Result<Exit, Failure>;
