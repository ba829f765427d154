//! The checks of services for `flotilla doctor`, by requests that change nothing.

use std::cmp::Ordering;
use std::iter;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio::time::timeout;

use super::task_queues::{denied_rights, queue_differences};
use super::{TaskDepth, existing_task_queues, group, probe, sides};
use crate::aws;
use crate::fleet::group::MachineGroup;
use crate::ledger::dynamodb::DynamoDbLedger;
use shared::config::{Config, Connection, FleetConfig, FleetFile, LedgerConfig};
use shared::finding::Finding;
use shared::fleet::group::GroupState;
use shared::location::Scheme;
use shared::store::Store;
use shared::tasks::Summary;
use shared::terminal;
use shared::{Error, ErrorKind, Result};

/// A service must answer within this time.
const LIMIT: Duration = Duration::from_secs(30);

/// Leased messages of a queue near the quota of SQS, 120,000: beyond it nobody receives.
const LEASED_WARNED: u64 = 100_000;

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

/// The autoscaling group, and the rights on it.
pub async fn machines(config: Option<&FleetConfig>) -> Vec<Finding> {
    let Some(config) = config else {
        return vec![Finding::ok("group: none; machines are started by hand, or by others")];
    };
    let state = async { group(Some(config)).await?.state().await };
    let state = bounded(&config.group, state).await;
    let denied = if state.is_ok() {
        let denied = async { Ok(MachineGroup::open(config).await?.denied_rights().await) };
        bounded(&config.group, denied).await.unwrap_or_default()
    } else {
        Vec::new()
    };
    let denied = denied.into_iter().map(|(right, error)| {
        // A policy may allow it for machines of the group alone, and the one that was named is none.
        let remedy =
            format!("allow autoscaling:{right} on the group, unless a condition on its machines denies this try");
        Finding::warning(format!("group {}, {right}: {error}", config.group), &remedy)
    });
    let state = match state {
        Ok(state) => of_group(&config.group, &state),
        Err(error) => Finding::error(
            format!("group {}: {error}", config.group),
            &remedy(&error, "check [fleet], and the right autoscaling:DescribeAutoScalingGroups"),
        ),
    };
    iter::once(state).chain(denied).collect()
}

fn of_group(name: &str, state: &GroupState) -> Finding {
    let GroupState { min, max, desired, machines } = state;
    let what = format!("group {name}: {min} to {max} machines, {desired} wanted, {} there", machines.len());
    if *max == 0 {
        return Finding::warning(
            format!("group {name}: its maximum is 0"),
            "no machine starts: raise the group's maximum",
        );
    }
    match (*desired as usize).cmp(&machines.len()) {
        Ordering::Greater => Finding::warning(
            what,
            "if this stays, the group's activities say why: no Spot capacity, or the account's quota of processors",
        ),
        _ => Finding::ok(what),
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
        let denied = bounded(&summary.task.name, denied_rights(fleet, &summary)).await.unwrap_or_default();
        findings.extend(denied.into_iter().map(|(queue, right, error)| {
            let remedy = format!("allow sqs:{right} on the queue");
            Finding::error(format!("queue {queue}, {right}: {error}"), &remedy)
        }));
        findings
    };
    stream::iter(tasks.to_vec()).map(of_task).buffered(TASKS_AT_ONCE).concat().await
}

async fn depth(fleet: &FleetFile, summary: &Summary) -> Finding {
    let name = &summary.task.name;
    let depths = async { existing_task_queues(fleet, summary).await?.depths().await };
    match bounded(name, depths).await {
        Ok(depth) => of_depth(name, &depth),
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

fn of_depth(name: &str, depth: &TaskDepth) -> Finding {
    let TaskDepth { jobs, events, all } = depth;
    if all.dead > 0 {
        return Finding::warning(
            format!("queues of task {name}: {} in the dead letters", terminal::counted(all.dead, "message")),
            "look at them, mend their reason, and send them again: see the dead letters in the operations manual",
        );
    }
    if jobs.leased.max(events.leased) >= LEASED_WARNED {
        return Finding::warning(
            format!("queues of task {name}: {} leased; SQS leases at most 120,000 messages of a queue", all.leased),
            "give the task fewer machines (flotilla task limit), or larger jobs (job-objects)",
        );
    }
    Finding::ok(format!("queues of task {name}: {} ready, {} leased, {} delayed", all.ready, all.leased, all.delayed))
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

#[cfg(test)]
mod tests {
    use shared::finding::Level;
    use shared::queue::Depth;

    use super::*;

    #[test]
    fn a_group_with_fewer_machines_than_wanted_is_named() {
        let state = GroupState { min: 0, max: 4, desired: 0, machines: Vec::new() };
        assert_eq!(of_group("g", &state).level, Level::Ok);
        let short = of_group("g", &GroupState { desired: 2, ..state.clone() });
        assert_eq!((short.level, &*short.what), (Level::Warning, "group g: 0 to 4 machines, 2 wanted, 0 there"));
        assert!(short.remedy.is_some_and(|remedy| remedy.contains("quota")));
        assert_eq!(of_group("g", &GroupState { max: 0, ..state }).what, "group g: its maximum is 0");
    }

    #[test]
    fn a_queue_near_the_quota_of_leases_is_named() {
        let depth = |jobs: u64, events: u64, dead: u64| {
            let of = |leased: u64| Depth { leased, ..Depth::default() };
            TaskDepth {
                jobs: of(jobs),
                events: of(events),
                all: Depth { leased: jobs + events, dead, ..Depth::default() },
            }
        };
        // The quota is of each queue.
        assert_eq!(of_depth("t", &depth(60_000, 60_000, 0)).level, Level::Ok);
        for depth in [depth(LEASED_WARNED, 0, 0), depth(0, LEASED_WARNED, 0)] {
            let near = of_depth("t", &depth);
            assert_eq!(near.level, Level::Warning);
            assert!(near.what.contains("at most 120,000"), "{}", near.what);
        }
        assert!(of_depth("t", &depth(LEASED_WARNED, 0, 1)).what.contains(": 1 message in the dead letters"));
    }
}
