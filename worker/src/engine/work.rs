//! One message, from its receipt to its acknowledgement.

use std::sync::Arc;
use std::time::Duration;

use shared::job::{self, ParseError};
use shared::object::Timestamp;
use shared::queue::{MAX_DELIVERIES, Message, Outgoing};
use shared::{Result, metrics, terminal};

use crate::engine::absent;
use crate::engine::context::LaneContext;
use crate::engine::executor::Delivery;
use crate::engine::executors::IgnoredEvents;
use crate::engine::intake::{Intake, Received};
use crate::engine::lease::{Lease, Leases};
use crate::engine::runs::RunVerdict;
use crate::engine::stop::Stop;

/// A job that could not be brought to an end for a reason of ours (the ledger, the queue) comes back
/// after this.
pub(crate) const RETURN_DELAY: Duration = Duration::from_secs(5);

/// A job of a later release comes back after this, by which time a worker of that release may take it.
const NEWER_DELAY: Duration = Duration::from_secs(60);

/// A job that nobody who could execute it took for so long is a dead letter, which lives as long again.
pub(crate) const LEFT_LIMIT: Duration = Duration::from_secs(13 * 24 * 3600);

/// A job of a run with other write options is looked at again after this, by whichever worker gets it.
const OTHERS_DELAY: Duration = Duration::from_secs(30);

/// A job that was received while its store fails comes back after this: after the outage it waits for so long at most.
/// Those that are on their way must leave room to receive others: a worker sends some 50 of them back each second.
const SUSPENDED_DELAY: Duration = Duration::from_secs(120);

/// Longest delay of a message (Amazon SQS `DelaySeconds`).
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(900);

/// How a job is named in metrics and logs.
#[derive(Debug, Clone, Copy)]
struct Name {
    kind: &'static str,
    verb: &'static str,
}

/// Works on a message that was received just now.
pub(crate) async fn work(lane: Arc<LaneContext>, stop: Stop, message: Message, intake: Intake, leases: Leases) {
    match intake {
        Intake::Job(job) => work_on_job(&lane, &stop, message, &job).await,
        Intake::Nothing => acknowledge(&lane, &message).await,
        Intake::Dead(reason) => dead_letter(&lane, &message, "message", &reason).await,
        Intake::Newer(error) => leave_to_later(&lane, message, &error).await,
        Intake::Suspended => send_back(&lane, message, SUSPENDED_DELAY).await,
        Intake::Settling(job, absent) => settle_or_wait(&lane, &stop, message, (&job, &absent)).await,
        Intake::Absent(absent) => absent::wait(&lane, message, &absent).await,
    }
    drop(leases);
}

/// Settles a job whose run is cancelled; any other one waits for an executor. An error is no answer.
async fn settle_or_wait(
    lane: &Arc<LaneContext>,
    stop: &Stop,
    message: Message,
    (job, absent): (&Received, &absent::Absent),
) {
    match lane.engine.runs.judge(&*job.execution, job.writes()).await {
        Ok(RunVerdict::Cancelled) => work_on_job(lane, stop, message, job).await,
        Ok(_) => absent::wait(lane, message, absent).await,
        Err(error) => absent::release_unknown(lane, &message, error).await,
    }
}

async fn work_on_job(lane: &Arc<LaneContext>, stop: &Stop, mut message: Message, job: &Received) {
    let name = Name { kind: job.executor.kind(), verb: job.execution.verb() };
    metrics::received(name.kind, name.verb, message.sent.age(), message.receive_count > 1);
    let whole = message.clone();
    if message.receive_count <= MAX_DELIVERIES {
        // It is read, and many may be leased.
        message.body.clear();
        message.body.shrink_to_fit();
    }
    let lease = Lease::hold(lane.clone(), message.clone());
    // Dropping the execution aborts its transfers, and its follow-up waits for their end: a PUT without its last
    // bytes makes no object, and the parts of an upload stay, recorded in the ledger, for the worker that gets the job
    // next. What was sent whole may still take effect: it is followed up before the message is released.
    let work = async {
        match whole.receive_count {
            count if count > MAX_DELIVERIES => give_up(lane, job, count).await.map(Worked::Dead),
            _ => execute(lane, job, whole).await.map(|()| Worked::Done),
        }
    };
    let worked = tokio::select! {
        worked = work => Some(worked),
        () = lease.lost() => None,
        () = stop.abort.cancelled() => {
            job.execution.follow_up(true).await;
            lease.end().await;
            release(lane, &message, lane.release_delay()).await;
            return metrics::job_finished(name.kind, name.verb, "returned");
        }
    };
    job.execution.follow_up(worked.is_some()).await;
    lease.end().await;
    match worked {
        Some(worked) => finish(lane, &message, name, worked).await,
        None => metrics::job_finished(name.kind, name.verb, "abandoned"),
    }
}

/// What became of a job.
enum Worked {
    /// Its message is acknowledged.
    Done,
    /// It was given up, for this reason.
    Dead(String),
}

/// Executes a job. Dropped at a drain, it goes on with the next delivery. `Err`: the job must come again.
async fn execute(lane: &LaneContext, job: &Received, message: Message) -> Result<()> {
    let (redelivered, run) = (message.receive_count > 1, job.execution.run());
    match lane.engine.runs.judge(&*job.execution, job.writes()).await? {
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
            let is_deleted = lane.engine.executors.ignored_events() == IgnoredEvents::All;
            job.execution.cancel(&Delivery::of_cancelled(redelivered, job.only_settles || is_deleted)).await
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

/// Settles all items of a job that was delivered too often. Dropped at a drain, it goes on with the next delivery.
/// `Err`: the job must come again. The reason is that of the dead letter.
async fn give_up(lane: &LaneContext, job: &Received, deliveries: u32) -> Result<String> {
    let reason = format!("delivered {deliveries} times and never finished");
    let settle = async {
        match lane.engine.runs.judge(&*job.execution, job.writes()).await? {
            RunVerdict::Cancelled => job.execution.cancel(&Delivery::last()).await,
            _ => job.execution.give_up(&reason).await,
        }
    };
    match settle.await {
        Err(error) if error.is_backend() => return Err(error),
        // The ledger refuses it as well.
        Err(error) => {
            tracing::warn!(%error, "could not record the failure of a job that moves to the dead-letter queue")
        }
        Ok(()) => {}
    }
    Ok(reason)
}

/// How long a job waits that is not executed before this time; `None` if the time has come.
fn delay_until(not_before: Option<Timestamp>) -> Option<Duration> {
    let left = not_before?.0.saturating_sub(Timestamp::now().0);
    (left > 0).then(|| Duration::from_millis(left.unsigned_abs()).min(MAX_DELAY))
}

/// Sends a job anew, so that its deliveries are not used up. It is acknowledged afterwards: a crash in between, or an
/// answer that is lost, leaves two messages, which count once.
async fn send_again(lane: &LaneContext, message: Message, delay: Duration) -> Result<()> {
    lane.queue.send(&[Outgoing { body: message.body, delay }]).await
}

/// The short id of a run that no warning was logged of yet: there may be many jobs.
pub(crate) fn first_of_run<'a>(lane: &LaneContext, run: &'a str) -> Option<&'a str> {
    lane.engine.runs.warns_first(run).then(|| terminal::run_id(run))
}

async fn finish(lane: &LaneContext, message: &Message, Name { kind, verb }: Name, worked: Result<Worked>) {
    let outcome = match worked {
        Ok(Worked::Done) => {
            acknowledge(lane, message).await;
            "done"
        }
        Ok(Worked::Dead(reason)) => {
            dead_letter(lane, message, &format!("{verb} job"), &reason).await;
            "dead"
        }
        Err(error) => {
            tracing::warn!(%error, "{verb} job failed: it will be redelivered");
            lane.engine.backend.fails(error);
            release(lane, message, RETURN_DELAY).await;
            "returned"
        }
    };
    metrics::job_finished(kind, verb, outcome);
}

/// If this is lost the job comes again, finds its items settled, and counts nothing twice.
pub(crate) async fn acknowledge(lane: &LaneContext, message: &Message) {
    match lane.queue.acknowledge(message).await {
        Ok(()) => lane.engine.backend.works(),
        Err(error) => {
            tracing::warn!(%error, "could not acknowledge a finished job: it will be redelivered");
            lane.engine.backend.fails(error);
        }
    }
}

/// Makes a message visible again. If this is lost, it comes back when its lease ends.
pub(crate) async fn release(lane: &LaneContext, message: &Message, delay: Duration) {
    if let Err(error) = lane.queue.release(message, delay).await {
        tracing::warn!(%error, "could not release a job: it will be redelivered when its lease ends");
    }
}

/// Leaves a job to another worker, or to a later moment. Sent anew, so that no delivery is counted. If the send fails
/// or its answer is lost, the message is released, and counts one delivery; two messages count once.
pub(crate) async fn send_back(lane: &LaneContext, message: Message, delay: Duration) {
    let acknowledged = Message { body: String::new(), ..message.clone() };
    match send_again(lane, message, delay).await {
        Ok(()) => acknowledge(lane, &acknowledged).await,
        Err(error) => {
            tracing::warn!(%error, "could not send back a job that this worker cannot execute now: it will be redelivered");
            lane.engine.backend.fails(error);
            release(lane, &acknowledged, delay).await;
        }
    }
}

/// Leaves a job to a worker of a later release, for as long as a message would live.
async fn leave_to_later(lane: &LaneContext, mut message: Message, error: &ParseError) {
    let since = job::left_since(&message.body).unwrap_or_else(Timestamp::now);
    if since.age() >= LEFT_LIMIT {
        return dead_letter(lane, &message, "job", &format!("{error}; no such program took it for 13 days")).await;
    }
    message.body = job::left(&message.body, since);
    send_back(lane, message, NEWER_DELAY).await;
}

/// Puts away what cannot be executed, with the reason.
pub(crate) async fn dead_letter(lane: &LaneContext, message: &Message, what: &str, reason: &str) {
    tracing::error!(id = message.id, "moving a {what} to the dead-letter queue: {reason}");
    if let Err(error) = lane.queue.dead_letter(message, reason).await {
        tracing::warn!(%error, "could not move a dead job to the dead-letter queue: it will be redelivered");
        lane.engine.backend.fails(error);
    }
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
