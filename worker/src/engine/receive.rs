//! Receives a lane's messages, no more than it can begin to work on.

use std::sync::Arc;
use std::time::Duration;

use shared::queue::{MAX_RECEIVE, Message};
use shared::sync::lock;
use shared::{Error, metrics};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::engine::backend::BackendHealth;
use crate::engine::context::LaneContext;
use crate::engine::driver::WorkError;
use crate::engine::intake::{self, Intake};
use crate::engine::lease::Leases;
use crate::engine::stop::Stop;
use crate::engine::turns::Turn;
use crate::engine::work::{release, work};

/// One long poll. Amazon SQS's longest is 20 s; a stopping worker waits for its last poll, and an idle
/// worker that polls every 5 s costs $0.20 a month.
pub(crate) const POLL: Duration = Duration::from_secs(5);

/// A poll that is open at the stop signal may bring messages. If it outlives its caller, it would also receive messages
/// that are released meanwhile, and hide them for a lease. So the worker waits for it, for as long as the poll waits and
/// this. A message that is released before is delayed until then.
const POLL_MARGIN: Duration = Duration::from_secs(1);

/// The same if a poll ends with its caller: time for an answer that is on its way.
const LAST_ANSWER: Duration = Duration::from_millis(500);

/// How often a worker that waits for a store looks whether it may receive jobs again.
const SUSPENDED_LOOK: Duration = Duration::from_millis(200);

/// Most messages that a lane leases, most of which wait for others of their key: their leases are extended every
/// third of their time.
const MAX_LEASED: usize = 1_000;

/// Room beside [`MAX_LEASED`] while a store fails, for jobs of other kinds and for those that are sent back.
const SUSPENDED_ROOM: usize = 50;

/// Receives a lane's messages until asked to stop, or until a job comes that only a later release can execute (`Ok`), or
/// until queue or ledger fail for good.
pub(crate) async fn receive_all(lane: &Arc<LaneContext>, stop: &Stop, jobs: &mut JoinSet<()>) -> Result<(), WorkError> {
    let receiving = BackendHealth::default();
    let _lane = lane.engine.activity.lane();
    // Transfers of the job received last: what the next one probably brings. Before the first is
    // known, one message is enough to ask for.
    let mut expected = lane.limiter.limit();
    loop {
        while jobs.try_join_next().is_some() {}
        let max = tokio::select! {
            biased;
            () = stop.drain.cancelled() => return Ok(()),
            max = next_receive(lane, &receiving, jobs, expected) => max.map_err(WorkError::Backend)?,
        };
        let turn = tokio::select! {
            biased;
            () = stop.drain.cancelled() => return Ok(()),
            turn = next_turn(lane) => turn,
        };
        // The turn may have been long in coming. It is not kept: others poll meanwhile.
        if lane.limiter.free() == 0 {
            continue;
        }
        let messages = match receive(lane, stop, max, turn).await {
            Ok(messages) => messages,
            Err(error) => {
                if !error.is_backend() {
                    return Err(WorkError::Backend(error));
                }
                tracing::warn!(%error, "could not receive jobs: trying again");
                receiving.fails(error);
                continue;
            }
        };
        receiving.works();
        let mut outdated = None;
        for message in messages {
            match begin(lane, stop, jobs, message) {
                Begun::Job(transfers) => expected = transfers,
                Begun::Other => {}
                Begun::Newer(error) => outdated = Some(error),
            }
        }
        if let Some(error) = outdated {
            metrics::outdated();
            // The other lane waits for its last poll, as at any stop.
            lane.engine.activity.set_outdated(error);
            stop.drain.cancel();
            return Ok(());
        }
        // Lets the new jobs queue up for permits before the next idle one is asked for.
        tokio::task::yield_now().await;
    }
}

/// Waits until the lane may receive, and returns how many messages it may ask for.
async fn next_receive(
    lane: &LaneContext,
    receiving: &BackendHealth,
    jobs: &mut JoinSet<()>,
    expected: usize,
) -> Result<usize, Error> {
    let mut resting = None;
    loop {
        if lane.rests() {
            resting.get_or_insert_with(|| lane.engine.activity.rest());
            lane.engine.executors.rested().await;
        }
        lane.limiter.idle().await;
        // Those that are leased wait; one of them is what the store is tried with.
        let is_suspended = lane.engine.executors.is_suspended() && !jobs.is_empty();
        if is_suspended {
            resting.get_or_insert_with(|| lane.engine.activity.rest());
            one_ends_or_look(jobs).await;
            if !lane.receives_suspended() || jobs.len() > MAX_LEASED + SUSPENDED_ROOM {
                continue;
            }
        }
        resting = None;
        // Between two items of a job there is a moment in which nothing waits: without this bound each
        // would bring one job more. Events that wait for others of their key take no part in the work.
        let is_full = working(lane, jobs) > lane.limiter.limit() || jobs.len() > MAX_LEASED;
        if is_full && !is_suspended {
            one_ends_or_look(jobs).await;
            continue;
        }
        let pause = lane.engine.backend.pause()?.max(receiving.pause()?);
        let Some(pause) = pause else {
            let wanted = lane.limiter.free().div_ceil(expected.max(1)).clamp(1, MAX_RECEIVE);
            return Ok(if is_suspended { MAX_RECEIVE } else { wanted });
        };
        tokio::join!(sleep(pause), finish(lane, jobs));
        return Ok(1);
    }
}

/// Waits until a job ends, and at most until the stores are to be looked at again: a job whose store fails does not end.
async fn one_ends_or_look(jobs: &mut JoinSet<()>) {
    tokio::select! {
        _ = jobs.join_next() => {}
        () = sleep(SUSPENDED_LOOK) => {}
    }
}

/// Waits for all jobs, unless they wait for a store and the lane goes on without them.
async fn finish(lane: &LaneContext, jobs: &mut JoinSet<()>) {
    let goes_on = || lane.engine.executors.is_suspended() && lane.receives_suspended();
    while !jobs.is_empty() && !goes_on() {
        one_ends_or_look(jobs).await;
    }
}

/// Jobs that take part in the work.
fn working(lane: &LaneContext, jobs: &JoinSet<()>) -> usize {
    jobs.len().saturating_sub(lane.waiting())
}

/// Waits until the lane may poll.
async fn next_turn(lane: &LaneContext) -> Turn {
    let Some(turns) = &lane.engine.turns else { return Turn::alone() };
    let _resting = lane.engine.activity.rest();
    turns.next().await
}

/// What a message brings.
enum Begun {
    /// A job of so many transfers.
    Job(usize),
    /// Nothing that says what the next one brings.
    Other,
    /// A job that only a later release can execute.
    Newer(shared::job::ParseError),
}

/// Begins the work on a message.
fn begin(lane: &Arc<LaneContext>, stop: &Stop, jobs: &mut JoinSet<()>, message: Message) -> Begun {
    let lane = lane.clone();
    if stop.drain.is_cancelled() {
        jobs.spawn(async move { release(&lane, &message, Duration::ZERO).await });
        return Begun::Other;
    }
    let leases = Leases::new(&lane);
    let mut intake = intake::read(&lane, &message);
    if working(&lane, jobs) > 0 && lane.receives_suspended() {
        intake = intake.unless_suspended();
    }
    let begun = match &intake {
        Intake::Job(job) => Begun::Job(job.execution.transfers()),
        Intake::Newer(error) => Begun::Newer(error.clone()),
        Intake::Nothing | Intake::Dead(_) | Intake::Suspended | Intake::Settling(..) | Intake::Absent(_) => {
            Begun::Other
        }
    };
    jobs.spawn(work(lane, stop.clone(), message, intake, leases));
    begun
}

/// One poll, which a stop cuts short if it ends with its caller.
async fn receive(lane: &Arc<LaneContext>, stop: &Stop, max: usize, turn: Turn) -> shared::Result<Vec<Message>> {
    let outlives = lane.queue.outlives_callers();
    let last = if outlives { turn.wait + POLL_MARGIN } else { LAST_ANSWER };
    *lock(&lane.polls_until) = outlives.then(|| Instant::now() + last);
    let mut poll = Box::pin(poll(lane.clone(), max, turn));
    let answered = tokio::select! {
        biased;
        messages = &mut poll => Some(messages),
        () = stop.drain.cancelled() => tokio::select! {
            biased;
            messages = timeout(last, &mut poll) => messages.ok(),
            () = stop.abort.cancelled() => None,
        },
    };
    match answered {
        Some(messages) => {
            *lock(&lane.polls_until) = None;
            messages
        }
        None => {
            if outlives {
                // In a process that goes on. One that ends leaves them to the ends of their leases.
                tokio::spawn(release_late(lane.clone(), poll));
            }
            Ok(Vec::new())
        }
    }
}

/// Asks the queue, and gives the turn back with its answer.
async fn poll(lane: Arc<LaneContext>, max: usize, turn: Turn) -> shared::Result<Vec<Message>> {
    let messages = lane.queue.receive(max, turn.wait, lane.engine.machine.lease).await;
    let count = messages.as_ref().map_or(0, Vec::len);
    lane.engine.activity.poll_ended(count);
    if let Some(oldest) = messages.iter().flatten().map(|message| message.sent).min() {
        lane.engine.activity.received(lane.lane, oldest);
    }
    if let Some(turns) = lane.engine.turns.as_ref().filter(|_| count > 0) {
        turns.received();
    }
    drop(turn);
    messages
}

/// Releases what a poll brings after the worker has ended.
async fn release_late(lane: Arc<LaneContext>, poll: impl Future<Output = shared::Result<Vec<Message>>>) {
    // An error brings nothing that is known. What the queue gave with a lost answer comes back when its lease ends.
    for message in poll.await.unwrap_or_default() {
        release(&lane, &message, Duration::ZERO).await;
    }
}
