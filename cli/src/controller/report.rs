//! The report of a pass.

use shared::Result;

use super::fleet_metrics::FleetMetrics;

/// The actions of a pass, and its errors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PassReport {
    /// One line for each action, in order.
    pub actions: Vec<String>,
    /// One line for each read or action that failed. The next pass tries again.
    pub errors: Vec<String>,
    /// Machines that the tasks want; `None` if that could not be found out.
    pub wanted: Option<u32>,
    /// The fleet's metrics.
    pub metrics: Option<FleetMetrics>,
}

impl PassReport {
    /// The value, or `None` and a line that says what could not be done.
    pub fn noted<T>(&mut self, what: &str, answer: Result<T>) -> Option<T> {
        answer.map_err(|error| self.fail(format!("could not {what}: {error}"))).ok()
    }

    /// Notes and logs something that failed; a second look at the same is silent.
    pub fn fail(&mut self, why: String) {
        if !self.errors.contains(&why) {
            tracing::error!("{why}");
            self.errors.push(why);
        }
    }

    /// Notes and logs something that was done.
    pub fn did(&mut self, what: String) {
        tracing::info!("{what}");
        self.actions.push(what);
    }

    /// Takes the lines of a part.
    pub fn add(&mut self, part: PassReport) {
        self.actions.extend(part.actions);
        let new = part.errors.into_iter().filter(|error| !self.errors.contains(error)).collect::<Vec<_>>();
        self.errors.extend(new);
    }
}
