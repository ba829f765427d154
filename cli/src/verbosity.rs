//! How much a command says on standard error: `-q`, nothing, `-v`, `-vv`.

use std::fmt::Display;
use std::sync::OnceLock;

use shared::terminal;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors alone.
    Quiet,
    /// Progress, warnings and a summary.
    Normal,
    /// And each object as it settles.
    Objects,
    /// And messages for debugging.
    Debug,
}

static CHOSEN: OnceLock<Verbosity> = OnceLock::new();

impl Verbosity {
    /// Reads the options' counts.
    pub fn of(quiet: bool, verbose: u8) -> Verbosity {
        match (quiet, verbose) {
            (true, _) => Verbosity::Quiet,
            (_, 0) => Verbosity::Normal,
            (_, 1) => Verbosity::Objects,
            _ => Verbosity::Debug,
        }
    }

    /// Makes it this process's. To be called once, first thing.
    pub fn choose(self) {
        let _ = CHOSEN.set(self);
    }

    /// This process's.
    pub fn chosen() -> Verbosity {
        CHOSEN.get().copied().unwrap_or(Verbosity::Normal)
    }

    /// What is logged unless `RUST_LOG` says otherwise. Objects that fail are listed at the end of their run.
    pub fn directives(self) -> &'static str {
        match self {
            Verbosity::Quiet => "error,shared::metrics=off",
            Verbosity::Normal | Verbosity::Objects => "warn,shared::metrics=error",
            Verbosity::Debug => "warn,shared=debug,adapters=debug,finder=debug,worker=debug,cli=debug",
        }
    }
}

/// Says a line that is no error on standard error, unless only errors are wanted.
pub fn note(line: impl Display) {
    if Verbosity::chosen() > Verbosity::Quiet {
        terminal::say(line);
    }
}
