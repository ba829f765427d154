//! Metrics of a whole fleet, which its controller writes in CloudWatch's embedded metric format.
//!
//! [`FLEET_TABLE`] is the list of them; `docs/operations.md` is checked against it by a test. At most 10: each costs as
//! much as a custom metric costs.

use serde_json::{Map, Value, json};

use crate::object::Timestamp;

/// CloudWatch's namespace of the metrics.
pub const NAMESPACE: &str = "Flotilla";

/// The dimension of all of them: the fleet's name.
pub const DIMENSION: &str = "fleet";

/// One metric of a fleet.
#[derive(Debug, Clone, Copy)]
pub struct FleetMetric {
    /// Its name.
    pub name: &'static str,
    /// Its unit, as CloudWatch spells it.
    pub unit: &'static str,
    /// Whether each pass writes it. The others are written while the fleet is active, and once when it has become idle.
    pub is_of_each_pass: bool,
    /// Its meaning, in one sentence.
    pub help: &'static str,
}

const fn metric(name: &'static str, is_of_each_pass: bool, help: &'static str) -> FleetMetric {
    FleetMetric { name, unit: "Count", is_of_each_pass, help }
}

/// All metrics of a fleet.
pub const FLEET_TABLE: [FleetMetric; 10] = [
    metric(
        "ControllerPasses",
        true,
        "1 for each pass that read the tasks; missing data means that no controller works.",
    ),
    metric("ControllerErrors", true, "Reads and actions of a pass that failed."),
    metric("FailedRuns", false, "Runs that ended in this pass as stopped, or with objects that failed or were lost."),
    metric("FailingTasks", false, "Tasks that a worker cannot open."),
    metric("ReadyMessages", false, "Messages that wait for a worker, of all tasks with work."),
    metric("LeasedMessages", false, "Messages that a worker has, of all tasks with work."),
    metric(
        "OldestMessageHours",
        false,
        "Hours that the oldest message of a task may have waited, of the task for which that is longest.",
    ),
    metric(
        "DeadMessages",
        false,
        "Messages on the dead-letter queues of all tasks; of a task without work as they were within the last hour.",
    ),
    metric("WantedMachines", false, "Machines that the tasks want."),
    metric("FailedLaunches", false, "Machines in a row that were ended because their worker never reported."),
];

/// One line of the embedded metric format. A value that could not be read is left out.
///
/// Its meaning to CloudWatch is documented by Amazon under "Specification: Embedded metric format".
pub fn line(fleet: &str, at: Timestamp, values: &[(&str, u64)]) -> String {
    let known = |name: &str| FLEET_TABLE.iter().find(|metric| metric.name == name);
    let described: Vec<Value> = values
        .iter()
        .filter_map(|(name, _)| known(name))
        .map(|metric| json!({ "Name": metric.name, "Unit": metric.unit }))
        .collect();
    let metrics = json!([{ "Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": described }]);
    let mut line = Map::new();
    line.insert("_aws".to_owned(), json!({ "Timestamp": at.0, "CloudWatchMetrics": metrics }));
    line.insert(DIMENSION.to_owned(), json!(fleet));
    line.extend(values.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    Value::Object(line).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_describes_each_of_its_values() {
        let line = line("prod", Timestamp(1_700_000_000_123), &[("ControllerPasses", 1), ("DeadMessages", 7)]);
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&line["fleet"], &line["DeadMessages"], &line["ControllerPasses"]),
            (&json!("prod"), &json!(7), &json!(1))
        );
        let described = json!([{
            "Namespace": "Flotilla",
            "Dimensions": [["fleet"]],
            "Metrics": [{ "Name": "ControllerPasses", "Unit": "Count" }, { "Name": "DeadMessages", "Unit": "Count" }],
        }]);
        assert_eq!(line["_aws"], json!({ "Timestamp": 1_700_000_000_123_i64, "CloudWatchMetrics": described }));
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<&str> = FLEET_TABLE.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), FLEET_TABLE.len());
    }
}
