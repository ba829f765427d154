//! Executes a job as the state of its run demands.

use std::time::Duration;

use shared::object::Timestamp;
use shared::queue::{MAX_DELIVERIES, Message, Outgoing};
use shared::{Result, terminal};

use crate::engine::context::LaneContext;
use crate::engine::executor::Delivery;
use crate::engine::intake::Received;
use crate::engine::runs::RunVerdict;

/// A job of a run with other write options is looked at again after this, by whichever worker gets it.
const OTHERS_DELAY: Duration = Duration::from_secs(30);

/// Longest delay of a message (Amazon SQS `DelaySeconds`).
const MAX_DELAY: Duration = Duration::from_secs(900);

/// What became of a job.
pub(crate) enum Worked {
    /// Its message is acknowledged.
    Done,
    /// It was given up, for this reason.
    Dead(String),
}

/// Executes a job, or settles all its items as failed if it was delivered too often. Dropped at a drain, either goes
/// on with the next delivery. `Err`: the job must come again.
pub(crate) async fn execute_or_give_up(lane: &LaneContext, job: &Received, message: Message) -> Result<Worked> {
    if message.receive_count <= MAX_DELIVERIES {
        execute(lane, job, message).await?;
        return Ok(Worked::Done);
    }
    let reason = format!("delivered {} times and never finished", message.receive_count);
    match give_up(lane, job, &reason).await {
        Err(error) if error.is_backend() => return Err(error),
        // The ledger refuses it as well.
        Err(error) => {
            tracing::warn!(%error, "could not record the failure of a job that moves to the dead-letter queue")
        }
        Ok(()) => {}
    }
    Ok(Worked::Dead(reason))
}

async fn execute(lane: &LaneContext, job: &Received, message: Message) -> Result<()> {
    let (redelivered, run) = (message.receive_count > 1, job.execution.run());
    match lane.engine.runs.judge(&*job.executor, &*job.execution).await? {
        RunVerdict::Execute(until) => {
            if let Some(delay) = delay_until(job.not_before) {
                return send_again(lane, message, delay).await;
            }
            // The job is read, and many may be leased.
            drop(message);
            job.execution.execute(&Delivery::new(redelivered, until)).await
        }
        RunVerdict::Cancelled => {
            drop(message);
            tracing::debug!(run, "the job's run is cancelled");
            job.execution.cancel(&Delivery::new(redelivered, None)).await
        }
        RunVerdict::Unknown => {
            if let Some(id) = first_of_run(lane, run) {
                tracing::warn!(run, "dropping the jobs of run {id}, because the ledger has no record of it");
            }
            Ok(())
        }
        RunVerdict::OtherOptions => {
            if let Some(id) = first_of_run(lane, run) {
                tracing::warn!(
                    run,
                    "this worker's options differ from those of run {id} (locations, metadata, storage class, acl, sse, strict or restore), so it leaves the run's jobs to other workers: start it with the finder's config file"
                );
            }
            send_again(lane, message, OTHERS_DELAY).await
        }
    }
}

async fn give_up(lane: &LaneContext, job: &Received, reason: &str) -> Result<()> {
    match lane.engine.runs.judge(&*job.executor, &*job.execution).await? {
        RunVerdict::Cancelled => job.execution.cancel(&Delivery::new(true, None)).await,
        _ => job.execution.give_up(reason).await,
    }
}

/// How long a job waits that is not executed before this time; `None` if the time has come.
fn delay_until(not_before: Option<Timestamp>) -> Option<Duration> {
    let left = not_before?.0.saturating_sub(Timestamp::now().0);
    (left > 0).then(|| Duration::from_millis(left.unsigned_abs()).min(MAX_DELAY))
}

/// Sends a job anew, so that its deliveries are not used up. It is acknowledged afterwards: a crash in between, or an
/// answer that is lost, leaves two of it, which count once.
pub(crate) async fn send_again(lane: &LaneContext, message: Message, delay: Duration) -> Result<()> {
    lane.queue.send(&[Outgoing { body: message.body, delay }]).await
}

/// The short id of a run that no warning was logged of yet: there may be many jobs.
fn first_of_run<'a>(lane: &LaneContext, run: &'a str) -> Option<&'a str> {
    lane.engine.runs.warns_first(run).then(|| terminal::run_id(run))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_waits_no_longer_than_a_message_may_be_delayed() {
        let now = Timestamp::now().0;
        let delay = |not_before: Option<i64>| delay_until(not_before.map(Timestamp));
        assert_eq!((delay(None), delay(Some(now)), delay(Some(now - 5))), (None, None, None));
        assert_eq!(delay(Some(now + 3_600_000)), Some(MAX_DELAY));
        assert!(delay(Some(now + 60_000)).is_some_and(|delay| delay <= Duration::from_secs(60)));
    }
}
