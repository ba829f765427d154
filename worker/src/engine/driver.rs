//! The worker's loop: a permit to be had, a message, a lease, a job.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures::future::try_join_all;
use shared::fleet::Interruption;
use shared::ledger::Outcome;
use shared::objects::job::Job;
use shared::queue::{MAX_DELIVERIES, MAX_RECEIVE, Message};
use shared::{Error, metrics};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::context::{Context, Worker};
use crate::engine::backend::BackendHealth;
use crate::engine::execute::{self, Done};
use crate::engine::intake::{self, Intake};
use crate::engine::lease::Lease;
use crate::engine::protection;
use crate::engine::stop::Stop;
use crate::engine::transfers;
use crate::objects::breaker::circuit::Outage;
use crate::objects::events::in_doubt;
use crate::objects::multipart::orphaned_uploads;
use crate::objects::multipart::parts;

/// One long poll. Amazon SQS's longest is 20 s; a worker that is told to stop waits for its last poll, and an idle
/// one that asks every 5 s costs $0.20 a month.
const POLL: Duration = Duration::from_secs(5);

/// A poll that is under way when the worker is told to stop may bring messages, and where it outlives its caller
/// it would go on taking those that are handed back meanwhile, and hide them for a lease. So it is waited for; and
/// what has to be handed back before it has ended comes back only after this time, when it surely has.
const LAST_POLL: Duration = POLL.saturating_add(Duration::from_secs(1));

/// The same where a poll ends with its caller: time for an answer that is on its way.
const LAST_ANSWER: Duration = Duration::from_millis(500);

/// Handing back is one short call a job. A queue that does not answer has them back when their leases run out.
const HAND_BACK: Duration = Duration::from_millis(1_000);

/// A job that could not be brought to an end for a reason of ours (the ledger, the queue) comes back
/// after this.
const RETURN_DELAY: Duration = Duration::from_secs(5);

/// How often a worker that waits for a store looks whether it may take jobs again.
const SUSPENDED_LOOK: Duration = Duration::from_millis(200);

/// Most messages that a lane holds, most of which wait for others of their key: their leases are extended every
/// third of their time.
const MAX_HELD: usize = 1_000;

/// How often the queue's depth is measured.
const DEPTH_INTERVAL: Duration = Duration::from_secs(15);

/// Why a worker ended that nobody has told to. Displays as one line.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// Queue or ledger fail for good.
    #[error("{0}")]
    Backend(Error),
    /// A store has failed altogether for longer than [`Worker::outage_limit`].
    #[error("{0}")]
    Outage(Outage),
}

impl Worker {
    /// Works until told to stop, until queue or ledger fail for good, or a store for too long. On `stop.drain` it takes no
    /// more jobs and finishes those it holds within `options.drain`; what is left then, or on
    /// `stop.abort`, is handed back.
    pub async fn run(self, stop: Stop) -> Result<(), WorkError> {
        let lanes = Context::lanes(self, stop.drain.clone());
        let context = &lanes[0];
        // Ends with the worker, however that ends.
        let mut beside = JoinSet::new();
        beside.spawn(abort_in_time(stop.clone(), context.options.drain));
        beside.spawn(watch_depth(lanes.clone()));
        let reporting = beside.spawn(report_transfers(context.clone()));
        let protection = beside.spawn(protection::keep(context.fleet.clone(), context.held.subscribe()));
        let fleet = beside.spawn(watch_fleet(context.clone(), stop.clone()));
        let mut jobs: Vec<JoinSet<()>> = lanes.iter().map(|_| JoinSet::new()).collect();
        let receiving = lanes.iter().zip(&mut jobs).map(|(lane, jobs)| receive_all(lane, &stop, jobs));
        let received = tokio::select! {
            received = try_join_all(receiving) => received.map(drop).map_err(WorkError::Backend),
            outage = context.watch_stores() => {
                stop.drain.cancel();
                stop.abort.cancel();
                Err(WorkError::Outage(outage))
            }
        };
        drain(context, &stop, &mut jobs).await;
        reporting.abort();
        context.transfer_reporter.end(&*context.ledger).await;
        protection.abort();
        protection::clear(&*context.fleet).await;
        if fleet.is_finished()
            && let Err(error) = context.fleet.leave().await
        {
            tracing::warn!(%error, "could not complete the lifecycle hook: it ends by its own timeout");
        }
        received
    }
}

/// From the first word on, not from when the last poll has ended.
async fn abort_in_time(stop: Stop, limit: Duration) {
    stop.drain.cancelled().await;
    sleep(limit).await;
    stop.abort.cancel();
}

/// Takes a lane's jobs until told to stop (`Ok`), or until queue or ledger fail for good.
async fn receive_all(context: &Arc<Context>, stop: &Stop, jobs: &mut JoinSet<()>) -> shared::Result<()> {
    let receiving = BackendHealth::default();
    // Transfers of the job received last: what the next one probably brings. Before the first is
    // known, one message is enough to ask for.
    let mut expected = context.limiter.limit();
    loop {
        while jobs.try_join_next().is_some() {}
        tokio::select! {
            biased;
            () = stop.drain.cancelled() => return Ok(()),
            () = context.limiter.idle() => {}
        }
        // Those that are held wait; one of them is what the store is tried with.
        if context.is_suspended() && !jobs.is_empty() {
            tokio::select! {
                biased;
                () = stop.drain.cancelled() => return Ok(()),
                _ = jobs.join_next() => continue,
                () = sleep(SUSPENDED_LOOK) => continue,
            }
        }
        // Between two objects of a job there is a moment in which nothing waits: without this bound each
        // would bring one job more. Events that wait for others of their key take no part in the work.
        let working = jobs.len().saturating_sub(context.waiting.load(Relaxed));
        if working > context.limiter.limit() || jobs.len() > MAX_HELD {
            tokio::select! {
                biased;
                () = stop.drain.cancelled() => return Ok(()),
                _ = jobs.join_next() => continue,
            }
        }
        let max = match context.backend.pause()?.max(receiving.pause()?) {
            None => context.limiter.free().div_ceil(expected.max(1)).clamp(1, MAX_RECEIVE),
            Some(pause) => {
                let finished = async { while jobs.join_next().await.is_some() {} };
                tokio::select! {
                    biased;
                    () = stop.drain.cancelled() => return Ok(()),
                    () = async { tokio::join!(sleep(pause), finished); } => 1,
                }
            }
        };
        let messages = match receive(context, stop, max).await {
            Ok(messages) => messages,
            Err(error) => {
                if !error.is_backend() {
                    return Err(error);
                }
                tracing::warn!(%error, "could not receive jobs: trying again");
                receiving.fails(error);
                continue;
            }
        };
        receiving.works();
        for message in messages {
            if stop.drain.is_cancelled() {
                let context = context.clone();
                jobs.spawn(async move { release(&context, &message, Duration::ZERO).await });
                continue;
            }
            expected = transfers::count(&message, &context.options).unwrap_or(expected);
            jobs.spawn(work(context.clone(), stop.clone(), message));
        }
        // Lets the new jobs queue up for permits before the next idle one is asked for.
        tokio::task::yield_now().await;
    }
}

/// One long poll, which a stop cuts short if it ends with its caller.
async fn receive(context: &Context, stop: &Stop, max: usize) -> shared::Result<Vec<Message>> {
    let goes_on = context.queue.outlives_callers();
    let last = if goes_on { LAST_POLL } else { LAST_ANSWER };
    context.is_polling.store(goes_on, Relaxed);
    let poll = context.queue.receive(max, POLL, context.options.lease);
    tokio::pin!(poll);
    let answered = tokio::select! {
        biased;
        messages = &mut poll => Some(messages),
        () = stop.drain.cancelled() => tokio::select! {
            biased;
            messages = timeout(last, poll) => messages.ok(),
            () = stop.abort.cancelled() => None,
        },
    };
    match answered {
        Some(messages) => {
            context.is_polling.store(false, Relaxed);
            messages
        }
        None => Ok(Vec::new()),
    }
}

/// Waits for the jobs that are held, which are handed back on `stop.abort`.
async fn drain(context: &Context, stop: &Stop, jobs: &mut [JoinSet<()>]) {
    let finish = async |jobs: &mut [JoinSet<()>]| {
        for jobs in jobs {
            while jobs.join_next().await.is_some() {}
        }
    };
    tokio::select! {
        () = finish(jobs) => return,
        () = stop.abort.cancelled() => {}
        // Where the worker ends by itself nobody has said when.
        () = sleep(context.options.drain) => stop.abort.cancel(),
    }
    if timeout(HAND_BACK, finish(jobs)).await.is_err() {
        tracing::warn!("could not release some jobs: they will be redelivered when their leases end");
    }
    for jobs in jobs {
        jobs.shutdown().await;
    }
}

/// One message, from its receipt to its acknowledgement.
async fn work(context: Arc<Context>, stop: Stop, mut message: Message) {
    let _held = Held::new(&context);
    let (job, aside) = match intake::read(&context, &message) {
        Intake::Job(job, aside) => (job, aside),
        Intake::Nothing => return acknowledge(&context, &message).await,
        Intake::Dead(kind, reason) => return dead_letter(&context, &message, kind, &reason).await,
    };
    let kind = job.work.verb();
    let redelivered = message.receive_count > 1;
    metrics::received(kind, message.sent.age(), redelivered);
    let body = std::mem::take(&mut message.body);
    let lease = Lease::hold(context.clone(), message.clone());
    if message.receive_count > MAX_DELIVERIES {
        message.body = body;
    } else {
        // It is read: many messages may be held.
        drop(body);
    }
    // Dropping the execution drops its transfers with it: a PUT without its last bytes makes no
    // object, and the parts of an upload stay, recorded in the ledger, for whoever gets the job next. What was sent
    // whole may still take effect: it is looked after before the message is let go.
    let worked = tokio::select! {
        worked = execute_or_give_up(&context, &job, &aside, &message) => Some(worked),
        () = lease.lost() => None,
        () = stop.abort.cancelled() => {
            record_left(&context).await;
            in_doubt::look_after(&context, &job).await;
            lease.end().await;
            let delay = if context.is_polling.load(Relaxed) { LAST_POLL } else { Duration::ZERO };
            release(&context, &message, delay).await;
            return metrics::job_finished(kind, "returned");
        }
    };
    record_left(&context).await;
    match worked {
        Some(_) => in_doubt::look_after(&context, &job).await,
        None => in_doubt::look_after_abandoned(&context, &job).await,
    }
    lease.end().await;
    match worked {
        Some(Ok(Worked::Done)) => finish(&context, &message, kind, Ok(Done)).await,
        Some(Ok(Worked::Dead(reason))) => {
            metrics::job_finished(kind, "dead");
            dead_letter(&context, &message, kind, &reason).await;
        }
        Some(Err(error)) => finish(&context, &message, kind, Err(error)).await,
        None => metrics::job_finished(kind, "abandoned"),
    }
}

/// Writes down what dropped work has left at the destination.
async fn record_left(context: &Context) {
    parts::record_left(context).await;
    orphaned_uploads::announce_in_doubt(context).await;
}

/// What became of a job.
enum Worked {
    Done,
    /// It was given up, for this reason.
    Dead(String),
}

/// Executes a job, or settles all its objects as failed if it was delivered too often. Dropped at a drain, either goes
/// on with the next delivery.
async fn execute_or_give_up(
    context: &Context,
    job: &Job,
    aside: &[(u32, Outcome)],
    message: &Message,
) -> Result<Worked, Error> {
    if message.receive_count <= MAX_DELIVERIES {
        let Done = execute::execute(context, job, aside, message.receive_count > 1).await?;
        return Ok(Worked::Done);
    }
    let reason = format!("delivered {} times and never finished", message.receive_count);
    match execute::give_up(context, job, aside, &reason).await {
        Err(error) if error.is_backend() => return Err(error),
        // The ledger refuses it as well.
        Err(error) => {
            tracing::warn!(%error, "could not record the failure of a job that moves to the dead-letter queue")
        }
        Ok(()) => {}
    }
    Ok(Worked::Dead(reason))
}

/// Counts a job as held for as long as it lives.
struct Held<'a>(&'a Context);

impl<'a> Held<'a> {
    fn new(context: &'a Context) -> Self {
        context.held.send_modify(|held| *held += 1);
        Held(context)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.held.send_modify(|held| *held -= 1);
    }
}

/// If this is lost the job comes again, finds its objects settled, and counts nothing twice.
async fn acknowledge(context: &Context, message: &Message) {
    match context.queue.acknowledge(message).await {
        Ok(()) => context.backend.works(),
        Err(error) => {
            tracing::warn!(%error, "could not acknowledge a finished job: it will be redelivered");
            context.backend.fails(error);
        }
    }
}

async fn finish(context: &Context, message: &Message, kind: &'static str, done: Result<Done, Error>) {
    match done {
        Ok(Done) => {
            acknowledge(context, message).await;
            metrics::job_finished(kind, "done");
        }
        Err(error) => {
            tracing::warn!(%error, "{kind} job failed: it will be redelivered");
            context.backend.fails(error);
            release(context, message, RETURN_DELAY).await;
            metrics::job_finished(kind, "returned");
        }
    }
}

async fn release(context: &Context, message: &Message, delay: Duration) {
    if let Err(error) = context.queue.release(message, delay).await {
        tracing::warn!(%error, "could not release a job: it will be redelivered when its lease ends");
    }
}

/// Puts away what cannot be done, with the reason.
async fn dead_letter(context: &Context, message: &Message, kind: &'static str, reason: &str) {
    tracing::error!(id = message.id, "moving a {kind} job to the dead-letter queue: {reason}");
    if let Err(error) = context.queue.dead_letter(message, reason).await {
        tracing::warn!(%error, "could not move a dead job to the dead-letter queue: it will be redelivered");
        context.backend.fails(error);
    }
}

/// Measures the depth of all lanes' queues together.
async fn watch_depth(lanes: Vec<Arc<Context>>) {
    loop {
        match try_join_all(lanes.iter().map(|lane| lane.queue.depth())).await {
            Ok(depths) => metrics::queue_depth(&depths.into_iter().sum()),
            Err(error) => tracing::debug!(%error, "the queue's depth is unknown"),
        }
        sleep(DEPTH_INTERVAL).await;
    }
}

async fn report_transfers(context: Arc<Context>) {
    context.transfer_reporter.keep(&*context.ledger, &context.moved).await;
}

/// Ends when the machine is about to go; the worker drains then.
async fn watch_fleet(context: Arc<Context>, stop: Stop) {
    let why = match context.fleet.interrupted().await {
        Interruption::Spot => "a spot interruption",
        Interruption::ScaleIn => "the autoscaling group",
    };
    tracing::warn!("{why} is about to terminate this machine: finishing or releasing its jobs");
    stop.drain.cancel();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_the_documented_cost_of_idle_workers_is_true() {
        let a_minute = |every: Duration| 60 / every.as_secs();
        // Measuring the depth takes a request for the queue and one for its dead-letter queue.
        let (depth, polls) = (2 * a_minute(DEPTH_INTERVAL), a_minute(POLL));
        let requests = (depth + polls) * 43_200;
        let usd = requests as f64 * 0.40 / 1e6;
        let line = format!(
            "({depth} + {polls}) a minute × 43,200 = {} requests a month, ${usd:.2}",
            shared::terminal::count(requests)
        );
        let document = include_str!("../../../docs/operations.md");
        assert!(document.contains(&line), "{line}");
    }
}
