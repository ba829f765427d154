//! A worker's heartbeats.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shared::Result;
use shared::limits::BEAT;
use shared::object::Timestamp;
use shared::sync::lock;
use shared::tasks::{Heartbeat, OldestReceived, WorkerState};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::context::{FleetContext, Gate};
use super::status::Status;

/// A beat that was not answered by then is given up: the next beat says more.
const BEAT_LIMIT: Duration = Duration::from_secs(20);

/// The last write, when the worker leaves.
const LEAVE_LIMIT: Duration = Duration::from_secs(3);

/// Most tasks whose errors a heartbeat has, and most characters of each: an item of the ledger is bounded.
const MAX_ERRORS: usize = 100;
const MAX_ERROR_CHARS: usize = 500;

/// Most tasks of which a heartbeat has an age.
const MAX_AGES: usize = 1_000;

/// Beats until it is dropped.
pub async fn keep(context: Arc<FleetContext>, machine: Option<String>) {
    let mut tick = interval(BEAT);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for counter in 1.. {
        tick.tick().await;
        // Slow, cut off or unanswered: the counter grows all the same, and the next beat replaces this one. A late one
        // that comes back over a newer one is a change, and we live.
        match timeout(BEAT_LIMIT, beat(&context, machine.clone(), counter)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "could not record this worker's heartbeat"),
            Err(_) => tracing::warn!("could not record this worker's heartbeat: no answer in time"),
        }
    }
}

/// One beat: writes the own heartbeat, then reads those of all, from which the shares of the tasks' limits follow.
async fn beat(context: &FleetContext, machine: Option<String>, counter: u64) -> Result<()> {
    let mut own = heartbeat(context, machine, counter);
    lock(&context.shares).beat(&mut own, Instant::now());
    context.limit_all();
    context.backend.tasks.beat(&own).await?;
    let all = context.backend.tasks.heartbeats().await?;
    let (index, of) = {
        let mut shares = lock(&context.shares);
        shares.observe(&all, Instant::now());
        shares.position()
    };
    context.limit_all();
    if let Some(polls) = &context.polls {
        polls.set_workers(index, of);
    }
    Ok(())
}

/// Removes the heartbeat. Lost, readers take the worker for dead when its counter stands still.
pub async fn leave(context: &FleetContext) {
    match timeout(LEAVE_LIMIT, context.backend.tasks.leave(&context.worker)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "could not remove this worker's heartbeat"),
        Err(_) => tracing::debug!("could not remove this worker's heartbeat: no answer in time"),
    }
}

fn heartbeat(context: &FleetContext, machine: Option<String>, counter: u64) -> Heartbeat {
    let statuses = context.statuses();
    let jobs = statuses.iter().map(|(id, status)| (id.clone(), status.leases()));
    statuses.iter().for_each(|(_, status)| status.metrics.set_failing(status.error().is_some()));
    let oldest = statuses.iter().map(|(id, status)| (id.clone(), status.activity.oldest_received()));
    let errors = statuses.iter().filter_map(|(id, status)| Some((id.clone(), line(&status.error()?))));
    let age = |status: &Status| status.metrics.event_age.highest().map(|age| age.as_secs());
    let event_ages = statuses.iter().filter_map(|(id, status)| Some((id.clone(), age(status)?)));
    let state = match *context.gate.borrow() {
        _ if context.is_outdated() => WorkerState::Outdated,
        Gate::Open => WorkerState::Working,
        Gate::Closed => WorkerState::Draining,
    };
    Heartbeat {
        worker: context.worker.clone(),
        counter,
        machine,
        version: shared::VERSION.to_owned(),
        state,
        jobs: jobs.filter(|(_, jobs)| *jobs > 0).collect(),
        errors: errors.take(MAX_ERRORS).collect::<BTreeMap<_, _>>(),
        event_ages: event_ages.take(MAX_AGES).collect(),
        oldest: oldest.filter(|(_, oldest)| *oldest != OldestReceived::default()).take(MAX_AGES).collect(),
        at: Timestamp::now(),
    }
}

/// The error in one line of bounded length.
fn line(error: &str) -> String {
    let line = error.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_ERROR_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_of_bounded_length() {
        assert_eq!(line("a\n b"), "a b");
        assert_eq!(line(&"\u{fc}".repeat(1_000)).chars().count(), MAX_ERROR_CHARS + 1);
    }
}
