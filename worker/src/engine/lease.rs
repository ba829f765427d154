//! A lease: a received message, hidden from other workers for as long as its job takes.

use std::sync::Arc;

use shared::limits::Working;
use shared::queue::Message;
use shared::{ErrorKind, retry};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::engine::activity::Counted;
use crate::engine::context::LaneContext;

/// A leased message. Dropping the lease ends the heartbeat; the message then comes back, unless it was
/// acknowledged.
#[derive(Debug)]
pub(crate) struct Lease {
    lost: CancellationToken,
    ended: CancellationToken,
    heartbeat: JoinHandle<()>,
}

impl Lease {
    /// Extends the lease of `message`, received just now for the configured time, by a heartbeat at every third of it:
    /// two beats may fail before it is lost. The worker gives it up a tenth before it expires, because the queue's
    /// clock, not ours, decides when another worker gets the job.
    pub fn hold(lane: Arc<LaneContext>, message: Message) -> Self {
        let (lost, ended) = (CancellationToken::new(), CancellationToken::new());
        let heartbeat = tokio::spawn(beat(lane, message, lost.clone(), ended.clone()));
        Lease { lost, ended, heartbeat }
    }

    /// Ends the heartbeat before the message is acknowledged or released, and waits for a call that is on its way:
    /// carried out after the release, it would hide the message for another lease. An attempt that is not answered
    /// within its own limit is given up.
    pub async fn end(mut self) {
        self.ended.cancel();
        // `Err` inside means that the heartbeat panicked: it has ended too.
        if timeout(retry::EXTEND.attempt, &mut self.heartbeat).await.is_err() {
            tracing::warn!("the queue did not answer a request to extend a lease: the job may be redelivered late");
        }
    }

    /// Waits until the lease is lost: others may hold the job from now on.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.heartbeat.abort();
    }
}

/// Counts a message as leased, and its task among those with work, for as long as it lives.
#[must_use]
pub(crate) struct Leases {
    _lease: Counted,
    _work: Working,
}

impl Leases {
    pub fn new(lane: &LaneContext) -> Self {
        Leases { _lease: lane.engine.activity.lease(), _work: lane.limiter.work() }
    }
}

async fn beat(lane: Arc<LaneContext>, message: Message, lost: CancellationToken, ended: CancellationToken) {
    let lease = lane.engine.machine.lease;
    let margin = lease / 10;
    let mut deadline = Instant::now() + lease - margin;
    loop {
        tokio::select! {
            biased;
            () = ended.cancelled() => return,
            () = sleep(lease / 3) => {}
        }
        // Counted from before the call: its answer may be late, the new deadline is not.
        let asked = Instant::now();
        match tokio::time::timeout_at(deadline, lane.queue.extend(&message, lease)).await {
            Ok(Ok(())) => deadline = asked + lease - margin,
            Ok(Err(error)) if error.kind() == ErrorKind::LeaseLost => break,
            Ok(Err(error)) => {
                tracing::warn!(%error, "could not extend the lease of a job");
                lane.engine.backend.fails(error);
            }
            Err(_) => break,
        }
        if Instant::now() >= deadline {
            break;
        }
    }
    tracing::warn!(id = message.id, "lost the lease of a job: another worker may have the job");
    lost.cancel();
}
