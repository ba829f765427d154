//! `flotilla task limit`

use shared::config::TaskLimits;
use shared::tasks::{Change, Limits};
use shared::terminal;

use super::{author, found, gone, opened};
use crate::args::{Limit, LimitArgs};
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout;

/// How often others may change the limits between our reading and writing.
const MAX_ROUNDS: usize = 10;

/// Replaces the limits that are given; the others stay. Workers obey within 15 s.
pub async fn run(args: &LimitArgs) -> CommandResult {
    if args.bandwidth.is_none() && args.requests.is_none() && args.machines.is_none() {
        return Err(Failure::usage("give --bandwidth, --requests or --machines, each a number or none"));
    }
    let fleet = args.fleet.read()?;
    let tasks = opened(&fleet, false).await?;
    for _ in 0..MAX_ROUNDS {
        let summary = found(&tasks, &fleet, &args.name).await?;
        let limits = next(&summary.limits, args);
        let Limits { machines, bandwidth, requests } = limits;
        TaskLimits { machines, bandwidth, requests }.check().map_err(Failure::usage)?;
        // Repeated, it is made already. Another person's change of another limit is read again, and kept.
        match tasks.set_limits(&summary.task, &summary.limits, &limits, &author(&words(&limits))).await {
            Ok(Change::Made) => {
                stdout::line(format_args!("task {}: {}", args.name, words(&limits)))?;
                return Ok(Exit::InSync);
            }
            Ok(Change::Conflict(None)) => return Err(gone(&args.name)),
            Ok(Change::Conflict(Some(_))) => {}
            Err(error) => return Err(Failure::usage(error)),
        }
    }
    Err(Failure::midway(format!("others change the limits of task {:?} at the same time: try again", args.name)))
}

fn next(present: &Limits, args: &LimitArgs) -> Limits {
    Limits {
        machines: args.machines.map_or(present.machines, |Limit(machines)| machines),
        bandwidth: args.bandwidth.map_or(present.bandwidth, |Limit(size)| size.map(|size| size.0)),
        requests: args.requests.map_or(present.requests, |Limit(requests)| requests),
    }
}

/// Limits for people.
pub(super) fn words(limits: &Limits) -> String {
    let bandwidth = limits.bandwidth.map(|bytes| format!("bandwidth {}/s", terminal::bytes(bytes)));
    let requests = limits.requests.map(|requests| format!("{} requests/s", terminal::count(requests.into())));
    let machines = limits.machines.map(|machines| terminal::counted(machines.into(), "machine"));
    let all: Vec<String> = [bandwidth, requests, machines].into_iter().flatten().collect();
    if all.is_empty() { "no limits".to_owned() } else { format!("at most {}", all.join(", ")) }
}
