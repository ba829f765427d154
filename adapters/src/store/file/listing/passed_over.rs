//! The names that a listing passes over although they are in the folder: bounded, for one warning.

use shared::location::Location;
use shared::terminal;

/// Most names that the warning lists.
const NAMED: usize = 10;

/// Names that were passed over.
#[derive(Debug, Default)]
pub(super) struct PassedOver {
    pub(super) count: u64,
    first: Vec<String>,
}

impl PassedOver {
    /// Counts a key, and why it is passed over.
    pub(super) fn add(&mut self, key: &str, why: &str) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(format!("{key:?} ({why})"));
        }
    }

    /// One warning for all of them.
    pub(super) fn warn(&self, location: &Location) {
        if self.count > 0 {
            tracing::warn!("{}", self.describe(location));
        }
    }

    /// The warning's text.
    pub(super) fn describe(&self, location: &Location) -> String {
        let more = match self.count - self.first.len() as u64 {
            0 => String::new(),
            more => format!("; and {} more", terminal::count(more)),
        };
        format!("{location}: left out {}{more}; to avoid this warning, exclude them", self.first.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_passed_over_names_are_listed_up_to_a_bound() {
        let mut passed_over = PassedOver::default();
        for n in 0..12 {
            passed_over.add(&format!("n{n}"), "neither a file nor a folder");
        }
        let text = passed_over.describe(&Location::folder(std::path::Path::new("/x")).unwrap());
        assert!(text.contains("\"n0\" (neither") && text.contains("\"n9\"") && text.contains("; and 2 more"), "{text}");
        assert!(!text.contains("\"n10\""), "{text}");
    }
}
