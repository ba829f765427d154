//! The checks of services for `flotilla doctor`, by requests that change nothing.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio::time::timeout;

use super::task_queues::queue_differences;
use super::{TaskDepth, existing_task_queues, group, probe, sides};
use crate::aws;
use crate::ledger::dynamodb::DynamoDbLedger;
use shared::config::{Config, Connection, FleetConfig, FleetFile, LedgerConfig};
use shared::finding::Finding;
use shared::location::Scheme;
use shared::store::Store;
use shared::tasks::Summary;
use shared::{Error, ErrorKind, Result};

/// A service must answer within this time.
const LIMIT: Duration = Duration::from_secs(30);

/// Tasks whose stores and queues are asked at once.
const TASKS_AT_ONCE: usize = 8;

/// The answer of a service, or an error after a limit.
pub async fn bounded<T>(what: &str, answer: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(LIMIT, answer).await.unwrap_or_else(|_| {
        let why = format!("no answer within {} s: check endpoint, region and network", LIMIT.as_secs());
        Err(Error::new(ErrorKind::Timeout, "ask", what, why))
    })
}

/// What to do about an error, by its kind.
pub fn remedy(error: &Error, otherwise: &str) -> String {
    use ErrorKind::*;
    if error.to_string().contains(aws::NO_CREDENTIALS) {
        return "give credentials in the file, or by the environment".to_owned();
    }
    let words = match error.kind() {
        Connection | Timeout | Unavailable => "check endpoint-url, region and network",
        Throttled => "try again later, or raise the service's limit",
        Denied | ExpiredCredentials => "check the credentials and their rights",
        ClockSkew => "set this machine's clock",
        _ => otherwise,
    };
    words.to_owned()
}

/// Who the credentials of a connection belong to.
pub async fn identity(connection: &Connection) -> Finding {
    match bounded("identity", aws::identity(connection)).await {
        Ok(identity) => Finding::ok(format!("identity: {identity}")),
        Err(error) => Finding::warning(
            format!("identity: {error}"),
            &remedy(&error, "an endpoint without STS cannot name the credentials' owner: ignore this there"),
        ),
    }
}

/// The table: its kind, its time to live, the rights on it, and the service's clock. An error: it cannot be described.
pub async fn ledger(config: &LedgerConfig) -> Result<Vec<Finding>, Finding> {
    bounded(&config.table, DynamoDbLedger::examine(config)).await.map_err(|error| {
        let remedy = remedy(&error, "run flotilla init, or edit the file");
        Finding::error(format!("table {}: {error}", config.table), &remedy)
    })
}

/// The autoscaling group.
pub async fn machines(config: Option<&FleetConfig>) -> Finding {
    let Some(config) = config else {
        return Finding::ok("group: none; machines are started by hand, or by others");
    };
    let state = async { group(Some(config)).await?.state().await };
    match bounded(&config.group, state).await {
        Ok(state) if state.max == 0 => Finding::warning(
            format!("group {}: its maximum is 0", config.group),
            "no machine starts: raise the group's maximum",
        ),
        Ok(state) => Finding::ok(format!(
            "group {}: {} to {} machines, {} wanted, {} there",
            config.group,
            state.min,
            state.max,
            state.desired,
            state.machines.len()
        )),
        Err(error) => Finding::error(
            format!("group {}: {error}", config.group),
            &remedy(&error, "check [fleet], and the right autoscaling:DescribeAutoScalingGroups"),
        ),
    }
}

/// The queues of tasks: whose they are, where their dead letters go, and what is on them.
pub async fn queues(fleet: &FleetFile, tasks: &[Summary]) -> Vec<Finding> {
    let of_task = |summary: Summary| async move {
        let mut findings = vec![depth(fleet, &summary).await];
        // What cannot be read is named by then.
        let differences = bounded(&summary.task.name, queue_differences(fleet, &summary)).await.unwrap_or_default();
        let remedy = "set the attribute, or delete the queue while it is empty: the next worker makes it again";
        findings.extend(differences.into_iter().map(|line| Finding::warning(line, remedy)));
        findings
    };
    stream::iter(tasks.to_vec()).map(of_task).buffered(TASKS_AT_ONCE).concat().await
}

async fn depth(fleet: &FleetFile, summary: &Summary) -> Finding {
    let name = &summary.task.name;
    let depths = async { existing_task_queues(fleet, summary).await?.depths().await };
    match bounded(name, depths).await {
        Ok(TaskDepth { all, .. }) if all.dead > 0 => Finding::warning(
            format!("queues of task {name}: {} messages in the dead letters", all.dead),
            "look at them, mend their reason, and send them again: see the dead letters in the operations manual",
        ),
        Ok(TaskDepth { all, .. }) => Finding::ok(format!(
            "queues of task {name}: {} ready, {} leased, {} delayed",
            all.ready, all.leased, all.delayed
        )),
        Err(error) if error.kind() == ErrorKind::NoSuchContainer => Finding::warning(
            format!("queues of task {name}: {error}"),
            "the next worker or controller makes them again; messages that were on them are lost",
        ),
        Err(error) => Finding::error(
            format!("queues of task {name}: {error}"),
            &remedy(&error, "do what the message says; the next worker or controller makes missing queues"),
        ),
    }
}

/// Whether both stores of tasks answer, from this machine, with the credentials that it has.
pub async fn stores(tasks: Vec<(String, Config)>) -> Vec<Finding> {
    let of_task = |(name, config): (String, Config)| async move {
        let (source, destination) = match sides(&config).await {
            Ok(sides) => sides,
            Err(why) => return vec![Finding::error(format!("task {name}: {why}"), "edit the task")],
        };
        let (from, to) = tokio::join!(side(&name, "source", &source), side(&name, "destination", &destination));
        vec![from, to]
    };
    stream::iter(tasks).map(of_task).buffered(TASKS_AT_ONCE).concat().await
}

async fn side(task: &str, side: &str, store: &Store) -> Finding {
    let what = format!("task {task}, {side} {}", store.location());
    match probe(store).await {
        Ok(()) => Finding::ok(format!("{what}: answers")),
        Err(error)
            if side == "destination"
                && store.location().scheme() == Scheme::File
                && error.kind() == ErrorKind::NoSuchContainer =>
        {
            Finding::warning(format!("{what}: does not exist"), "the first run makes it")
        }
        Err(error) if error.kind() == ErrorKind::NoSuchContainer => {
            Finding::error(format!("{what}: {error}"), "create the folder or bucket, or edit the task")
        }
        Err(error) => {
            let remedy = remedy(&error, "edit the task, or do what the message says");
            Finding::error(format!("{what}: {error}"), &remedy)
        }
    }
}
