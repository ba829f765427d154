//! How much a verification reads.

use serde::{Deserialize, Serialize};

/// How much may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effort {
    /// No byte over a network.
    Quick,
    /// What cannot be compared without.
    #[default]
    Needed,
    /// All bytes of both sides.
    Deep,
}

impl Effort {
    /// The effort that the options `--deep` and `--quick` ask for.
    pub fn of(deep: bool, quick: bool) -> Effort {
        match (deep, quick) {
            (true, _) => Effort::Deep,
            (_, true) => Effort::Quick,
            _ => Effort::Needed,
        }
    }
}
