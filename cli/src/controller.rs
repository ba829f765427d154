//! `flotilla controller`: starts due runs, records the ends of runs, asks for machines.
//!
//! A pass reads everything (`seen`), decides without I/O (`plan`, over `shared::controller`), and carries its actions out
//! one by one (`act`). It remembers nothing in this process: a controller may be killed between any two writes, and two
//! of them may work at the same time. Each action names what was seen, and the ports refuse the second one.
//!
//! An action may lead to the next step of the same run or task: then the pass looks again, at most four times.
//! Counters of passes count once a minute, however many passes a minute has.

mod act;
mod action;
pub mod context;
mod deletion;
mod events;
mod fleet_metrics;
mod memory;
mod notice;
mod plan;
pub mod queues;
mod report;
mod seen;
#[cfg(test)]
mod tests;
mod waiting;

use std::time::Duration;

use adapters::open::FleetBackend;
use shared::metrics;
use shared::telemetry::endpoint::{self, Health};
use shared::telemetry::service_manager;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::args::ControllerArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout;
use act::ActResult;
pub use context::ControllerContext;
use fleet_metrics::FleetMetrics;
pub use report::PassReport;

/// How often a controller looks. What it counts, it counts by these.
pub const PASS_EVERY: Duration = Duration::from_secs(60);

/// A pass that takes longer is ended: the next one goes on. Longer than the retries of one call.
const PASS_LIMIT: Duration = Duration::from_secs(10 * 60);

/// Most looks of one pass: from the cancel of a run to the removal of its task.
const MAX_ROUNDS: usize = 4;

/// Carries out the command: one pass, or one each minute until it is stopped.
pub async fn run(args: &ControllerArgs, stop: CancellationToken) -> CommandResult {
    let fleet = args.fleet.read()?;
    let backend = FleetBackend::open(&fleet).await.map_err(Failure::usage)?;
    let context = ControllerContext::of(&backend, args.dry_run).await.map_err(Failure::usage)?;
    if args.once {
        return tokio::select! {
            report = bounded(&context, args.emf) => {
                let failed = !report?.errors.is_empty();
                Ok(if failed { Exit::SomeFailed } else { Exit::InSync })
            }
            () = stop.cancelled() => Ok(Exit::Interrupted),
        };
    }
    let health = Health::default();
    endpoint::serve(args.metrics_addr.as_deref(), &health).await.map_err(Failure::usage)?;
    service_manager::report(&health);
    health.set_ready(true);
    tracing::info!(fleet = fleet.name, "controlling the tasks of the fleet");
    tokio::select! {
        () = keep(&context, args.emf) => {}
        () = stop.cancelled() => {}
    }
    Ok(Exit::InSync)
}

/// Passes, one each minute, until it is dropped. A pass may be dropped between any two of its writes. With `writes_metrics`
/// each prints the fleet's metrics.
pub async fn keep(context: &ControllerContext, writes_metrics: bool) {
    let mut tick = interval(PASS_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(failure) = bounded(context, writes_metrics).await {
            tracing::error!("{}", failure.message);
        }
    }
}

async fn bounded(context: &ControllerContext, writes_metrics: bool) -> Result<PassReport, Failure> {
    let report = timeout(PASS_LIMIT, pass(context)).await.unwrap_or_else(|_| {
        let why =
            format!("the pass took more than {} min and was ended: the next one goes on", PASS_LIMIT.as_secs() / 60);
        Err(Failure::midway(why))
    });
    if writes_metrics {
        // A log that cannot be written to ends no pass.
        let _ = stdout::line(fleet_metrics::line(&context.fleet, context.now(), report.as_ref().ok()));
    }
    report
}

/// One pass. What fails is reported, and all else is done. Fails if the list of tasks cannot be read: then nothing is
/// decided.
pub async fn pass(context: &ControllerContext) -> Result<PassReport, Failure> {
    let mut report = PassReport::default();
    for number in 0..MAX_ROUNDS {
        if !round(context, &mut report, number == 0).await? {
            break;
        }
    }
    Ok(report)
}

/// One look; whether another one may find the next step.
async fn round(context: &ControllerContext, report: &mut PassReport, is_first: bool) -> Result<bool, Failure> {
    let seen = seen::read(context, report).await;
    let seen = seen.map_err(|error| Failure::midway(format!("could not read the tasks of the fleet: {error}")))?;
    let plan = plan::plan(&seen);
    report.wanted = plan.wanted;
    // Unknown: the last number stays.
    if let Some((wanted, heartbeats)) = plan.wanted.zip(seen.heartbeats.as_ref()) {
        let busy = heartbeats.iter().filter(|worker| worker.jobs.values().any(|jobs| *jobs > 0)).count();
        metrics::wanted_machines(wanted.max(u32::try_from(busy).unwrap_or(u32::MAX)));
    }
    let of_fleet = FleetMetrics::of(&seen, &plan).after(report.metrics.as_ref());
    if let Some(depth) = of_fleet.depth() {
        metrics::queue_depth(&depth);
    }
    report.metrics = Some(of_fleet);
    if plan.is_alarm {
        report.fail("machines start without a worker: see their system log; one launch every 30 minutes".to_owned());
    }
    let (mut leads_on, mut has_record) = (false, true);
    for action in &plan.actions {
        if action.needs_record() && !has_record || action.is_once() && !is_first {
            continue;
        }
        if context.is_dry {
            if !action.is_routine() {
                report.did(format!("would {action}"));
            }
            continue;
        }
        match act::carry_out(context, action).await {
            Ok(ActResult::Yes) => {
                leads_on |= action.leads_on();
                report.metrics.iter_mut().for_each(|metrics| metrics.count(action));
                if !action.is_routine() {
                    report.did(action.to_string());
                }
            }
            Ok(ActResult::ByOthers) => {
                tracing::debug!("done by others: {action}");
                has_record &= !matches!(action, action::Action::Remember(..));
            }
            Err(error) => {
                has_record &= !matches!(action, action::Action::Remember(..));
                report.fail(format!("could not {action}: {error}"));
            }
        }
    }
    if is_first && !context.is_dry {
        events::repair(context, &seen, report).await;
    }
    Ok(leads_on)
}
