//! `flotilla task limit`

use control::actions::{self, NewLimits, limit_words};

use super::actor;
use crate::args::{Limit, LimitArgs};
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout;

/// Replaces the limits that are given; the others stay. Workers obey within 15 s.
pub async fn run(args: &LimitArgs) -> CommandResult {
    let new = NewLimits {
        machines: args.machines.map(|Limit(machines)| machines),
        bandwidth: args.bandwidth.map(|Limit(size)| size.map(|size| size.0)),
        requests: args.requests.map(|Limit(requests)| requests),
    };
    if new == NewLimits::default() {
        return Err(Failure::usage("give --bandwidth, --requests or --machines, each a number or none"));
    }
    // The settings are named as definitions name them.
    let limits = actions::limit(&actor(&args.fleet.read()?).await?, &args.name, &new).await;
    let limits = limits.map_err(|refusal| match refusal.is_midway {
        true => Failure::midway(refusal),
        false => Failure::usage(refusal),
    })?;
    stdout::line(format_args!("task {}: {}", args.name, limit_words(&limits)))?;
    Ok(Exit::InSync)
}
