//! One slice of an operation, as a worker executes it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use control::request;
use shared::ledger::{ClaimView, SharedLedger};
use shared::object::Timestamp;
use shared::queue::Outgoing;
use shared::tasks::{CloseRequest, Operation, OperationEnd, OperationKind, OperationVerdict};
use shared::{Error, ErrorKind, Result, terminal};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use worker::{Delivery, Execution, LaneContext};

use super::find::{AskedRun, FindSlice};
use super::live::LiveProgress;
use super::prefix_list::{self, Listed, PinnedList};
use super::slice::{SliceCheckpoint, SliceEnd, Waits};
use super::{AGAIN_AFTER, OpenedTask, SHOW_EVERY, Shared, erase};
use crate::kinds::Opening;

/// How long the operations of a deletion are tried, by the workers' clocks, from when they were asked for.
const DELETION_TRIED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a run waits for a definition or a side that cannot be opened, by the workers' clocks, from the first try.
const RUN_TRIED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A job of an operation, read.
pub struct Slice {
    pub shared: Arc<Shared>,
    pub lane: Arc<LaneContext>,
    pub task: String,
    pub id: String,
    /// The steps that the job's sender had seen.
    pub slice: u64,
    /// The claim of another finder that its sender had seen, a lease ago.
    pub seen: Option<ClaimView>,
    pub verb: &'static str,
}

/// The bounds of a slice's work.
#[derive(Debug, Clone)]
pub struct SliceBounds {
    /// Cancelled when the worker drains.
    pub stop: CancellationToken,
    /// When it ends at the latest.
    pub until: Instant,
    /// What it says of its progress while it works.
    pub progress: LiveProgress,
}

#[async_trait]
impl Execution for Slice {
    fn verb(&self) -> &'static str {
        self.verb
    }

    fn run(&self) -> &str {
        &self.id
    }

    fn is_judged(&self) -> bool {
        false
    }

    fn transfers(&self) -> usize {
        1
    }

    async fn execute(&self, _: &Delivery) -> Result<()> {
        // A listing is no transfer.
        let _waiting = self.lane.wait();
        let saved = self.shared.tasks.checkpoint(&self.task, &self.id).await?;
        let checkpoint = match saved.as_deref().map(SliceCheckpoint::parse).transpose() {
            Ok(checkpoint) => checkpoint.unwrap_or_default(),
            // The finder keeps its own.
            Err(_) if is_run(self.verb) => SliceCheckpoint::default(),
            Err(error) => return self.finish(SliceEnd::failed(error)).await,
        };
        let Some(operation) = self.begin(&checkpoint).await? else { return Ok(()) };
        let end = self.carry_out(&operation, checkpoint).await?;
        let end = given_up(&operation, operation.requested.age(), end);
        self.record(&operation, end).await
    }

    async fn cancel(&self, _: &Delivery) -> Result<()> {
        Ok(())
    }

    async fn give_up(&self, reason: &str) -> Result<()> {
        if self.kind().is_some_and(is_retried) {
            // The controller ends a run, and sends the job of an operation again that is not done.
            return Ok(());
        }
        self.finish(SliceEnd::failed(reason)).await
    }
}

/// Whether an operation is a run: the controller records its end.
fn is_run(verb: &str) -> bool {
    [OperationKind::Find, OperationKind::Retry].iter().any(|kind| kind.as_str() == verb)
}

/// Whether an operation that cannot begin is tried again. Somebody waits for the others.
fn is_retried(kind: OperationKind) -> bool {
    matches!(kind, OperationKind::Find | OperationKind::Retry | OperationKind::Close | OperationKind::Erase)
}

/// How long an operation that was begun waits for what a slice needs, from the first try.
const GOES_ON_FOR: Duration = Duration::from_secs(60 * 60);

/// Whether an operation that somebody waits for was begun, and has not waited too long to go on.
fn goes_on(checkpoint: &SliceCheckpoint) -> bool {
    !checkpoint.state.is_null() && checkpoint.waits.is_none_or(|waits| waits.since.age() < GOES_ON_FOR)
}

/// How a version is opened for an operation. A run waits for its stores; uploads are closed as far as that needs none;
/// the others report what the stores answer.
fn opening(kind: OperationKind) -> Opening {
    match kind {
        OperationKind::Find | OperationKind::Retry => Opening::Ready,
        OperationKind::Close => Opening::ToEnd,
        _ => Opening::Unprobed,
    }
}

/// The end of an operation of a deletion that waits for a version, a store or a permission: it keeps no task for ever.
fn given_up(operation: &Operation, age: Duration, end: SliceEnd) -> SliceEnd {
    match end {
        SliceEnd::Continued(checkpoint, AGAIN_AFTER)
            if matches!(operation.kind, OperationKind::Close | OperationKind::Erase) && age >= DELETION_TRIED_FOR =>
        {
            let left = match request::read(&operation.request) {
                _ if operation.kind == OperationKind::Erase => "records may be in the ledger".to_owned(),
                Ok(CloseRequest { run: Some(run) }) => {
                    format!("uploads of run {} may be open at the destination", terminal::run_id(&run))
                }
                _ => "uploads of the task may be open at the destination".to_owned(),
            };
            let tried = format!("{left}, given up after {} h", DELETION_TRIED_FOR.as_secs() / 3_600);
            SliceEnd::failed(format!("{tried}: {}", checkpoint.progress))
        }
        end => end,
    }
}

impl Slice {
    fn kind(&self) -> Option<OperationKind> {
        OperationKind::ALL.into_iter().find(|kind| kind.as_str() == self.verb)
    }

    /// Records that the slice has begun. `None`: it has nothing to do.
    async fn begin(&self, checkpoint: &SliceCheckpoint) -> Result<Option<Operation>> {
        let tasks = &self.shared.tasks;
        loop {
            let Some(operation) = tasks.operation(&self.task, &self.id).await? else { return Ok(None) };
            if operation.end.is_some() {
                return Ok(None);
            }
            match operation.beat {
                // An earlier delivery of this slice has begun it.
                beat if beat == self.slice + 1 => return Ok(Some(operation)),
                beat if beat != self.slice => return Ok(None),
                _ => {}
            }
            // Done and its answer lost: made. Another delivery was first: judged again.
            let (owner, progress) = (&self.shared.owner, &checkpoint.progress);
            let step = tasks.step(&self.task, &self.id, self.slice, owner, progress).await?;
            if step.is_made() {
                return Ok(Some(Operation { beat: self.slice + 1, ..operation }));
            }
        }
    }

    async fn carry_out(&self, operation: &Operation, checkpoint: SliceCheckpoint) -> Result<SliceEnd> {
        let (stop, until) = (self.lane.engine.draining.child_token(), Instant::now() + self.shared.slice);
        let bounds = SliceBounds { stop, until, progress: LiveProgress::default() };
        if operation.kind == OperationKind::Erase {
            return match self.shared.opened.backend() {
                Some(backend) => erase::slice(backend, &self.task, &checkpoint, &bounds).await,
                None => Ok(SliceEnd::failed("the task was never created")),
            };
        }
        // What it has done so far is not lost to an error that may pass.
        let may_wait = |error: &Error| is_retried(operation.kind) || error.is_retryable() && goes_on(&checkpoint);
        let opened = match self.opened(operation, checkpoint.list.as_ref()).await {
            Ok(opened) => opened,
            Err(error) if error.is_backend() => return Err(error),
            // Somebody waits for the others, mends what the error names, and asks again.
            Err(error) if !may_wait(&error) => return Ok(SliceEnd::unusable(error)),
            Err(error) => return self.wait(operation, checkpoint, &error).await,
        };
        let opened = match opened {
            Listed::Known(opened) => opened,
            Listed::Pinned(list) => {
                let checkpoint = SliceCheckpoint { list: Some(list), waits: None, ..checkpoint };
                return Ok(SliceEnd::Continued(checkpoint, Duration::ZERO));
            }
            Listed::Lost(why) if is_run(self.verb) => {
                return self.asked_run(operation, &self.lane.engine.ledger).refuse(&self.lane.queue, &why).await;
            }
            Listed::Lost(why) => return Ok(SliceEnd::failed(why)),
        };
        let ended = tokio::select! {
            ended = self.slice(operation, &opened, &checkpoint, &bounds) => ended?,
            () = self.show_progress(operation, &bounds.progress) => unreachable!("it has no end"),
        };
        match ended {
            SliceEnd::Continued(next, delay) => {
                Ok(SliceEnd::Continued(SliceCheckpoint { list: checkpoint.list, ..next }, delay))
            }
            end => Ok(end),
        }
    }

    /// Records how far a slice is, again and again. It is a display: slow or failed, it delays nothing and is tried
    /// again; dropped with the slice, it may be carried out until the next step is recorded.
    async fn show_progress(&self, operation: &Operation, progress: &LiveProgress) {
        let mut shown = None;
        loop {
            sleep(SHOW_EVERY).await;
            let Some(now) = progress.now().filter(|now| shown.as_ref() != Some(now)) else { continue };
            match self.shared.tasks.show_progress(&self.task, &self.id, operation.beat, &now).await {
                Ok(()) => shown = Some(now),
                Err(error) => tracing::debug!(%error, "could not record the progress of an operation"),
            }
        }
    }

    /// Carries out one slice with what is open.
    async fn slice(
        &self,
        operation: &Operation,
        opened: &OpenedTask,
        checkpoint: &SliceCheckpoint,
        bounds: &SliceBounds,
    ) -> Result<SliceEnd> {
        let request = operation.request.as_str();
        match operation.kind {
            OperationKind::Plan => opened.kind.plan(opened, checkpoint, bounds).await,
            OperationKind::Verify => opened.kind.verify(opened, request, checkpoint, bounds).await,
            OperationKind::Probe => opened.kind.probe(opened, request).await,
            OperationKind::Close => opened.kind.close(opened, request, checkpoint, bounds, &self.shared.owner).await,
            OperationKind::Find | OperationKind::Retry => {
                let run = self.asked_run(operation, &opened.backend.ledger);
                FindSlice { opened, run }.slice(bounds).await
            }
            OperationKind::Erase | OperationKind::Notify => {
                Ok(SliceEnd::failed(format!("this release executes no operation {}", self.verb)))
            }
        }
    }

    fn asked_run<'a>(&'a self, operation: &'a Operation, ledger: &'a SharedLedger) -> AskedRun<'a> {
        let Shared { opened, tasks, owner, .. } = &*self.shared;
        AskedRun { name: opened.name(), tasks, ledger, operation, owner, seen: self.seen.clone() }
    }

    /// Tries an operation again that cannot begin, ever later. A run that could not for [`RUN_TRIED_FOR`] is stopped, so
    /// that it does not keep the next one from beginning; a cancelled one ends at once.
    async fn wait(&self, operation: &Operation, checkpoint: SliceCheckpoint, why: &Error) -> Result<SliceEnd> {
        let waits = Waits::more(checkpoint.waits);
        let run = self.asked_run(operation, &self.lane.engine.ledger);
        if is_run(self.verb) && run.is_cancelled().await? {
            return run.cancel().await;
        }
        if is_run(self.verb) && waits.since.age() >= RUN_TRIED_FOR {
            let why = format!("given up after {} h: {why}", RUN_TRIED_FOR.as_secs() / 3_600);
            return run.refuse(&self.lane.queue, &why).await;
        }
        let delay = if is_run(self.verb) { waits.delay() } else { AGAIN_AFTER };
        let progress = format!("cannot begin, trying again in {} s: {why}", delay.as_secs());
        Ok(SliceEnd::Continued(SliceCheckpoint { progress, waits: Some(waits), ..checkpoint }, delay))
    }

    /// The task with the list of prefixes that the operation works on.
    async fn opened(&self, operation: &Operation, list: Option<&PinnedList>) -> Result<Listed> {
        let opened = match request::definition(&operation.request).filter(|_| operation.version == 0) {
            Some(definition) => self.shared.opened.of_definition(&definition).await?,
            None => self.shared.opened.opened(operation.version, opening(operation.kind)).await?,
        };
        match operation.kind {
            OperationKind::Close | OperationKind::Probe => Ok(Listed::Known(opened)),
            _ => prefix_list::read(opened, list).await,
        }
    }

    async fn record(&self, operation: &Operation, end: SliceEnd) -> Result<()> {
        let (checkpoint, delay) = match end {
            SliceEnd::Done(..) => return self.finish(end).await,
            SliceEnd::Continued(checkpoint, delay) => (checkpoint, delay),
            SliceEnd::Claimed(claim, delay) => {
                // An earlier slice by the time it comes, if the other finder has gone on: then it is dropped.
                let body = operation.job_after(self.slice, claim).to_body();
                return self.lane.queue.send(&[Outgoing { body, delay }]).await;
            }
            SliceEnd::Left => return Ok(()),
        };
        let text = serde_json::to_string(&checkpoint).expect("checkpoints are representable as JSON");
        let tasks = &self.shared.tasks;
        if !tasks.save_checkpoint(&self.task, &self.id, operation.beat, &text).await? {
            // Another delivery went on without us.
            return Ok(());
        }
        if delay.is_zero() {
            // The next slice shows the progress when it begins. Killed before it is sent: this job comes again.
            return self.send(operation, operation.beat, delay).await;
        }
        // Shown now: the reason why it waits. Sent after it: this job, come again, is of an older slice and sends no
        // second successor. Killed in between: the controller sends it.
        let (owner, progress) = (&self.shared.owner, &checkpoint.progress);
        match tasks.step(&self.task, &self.id, operation.beat, owner, progress).await? {
            step if step.is_made() => self.send(operation, operation.beat + 1, delay).await,
            // Another delivery went on without us, or it has ended.
            _ => Ok(()),
        }
    }

    /// Sends the job of the next slice. Sent twice, one of them finds the operation stepped.
    async fn send(&self, operation: &Operation, slice: u64, delay: Duration) -> Result<()> {
        let body = operation.job(slice).to_body();
        self.lane.queue.send(&[Outgoing { body, delay }]).await
    }

    /// Records the end. An end that another delivery has recorded stays.
    async fn finish(&self, end: SliceEnd) -> Result<()> {
        let SliceEnd::Done(verdict, result) = end else { return Ok(()) };
        let mut end = OperationEnd { verdict, at: Timestamp::now(), result: result.to_string() };
        let tasks = &self.shared.tasks;
        match tasks.finish(&self.task, &self.id, &end).await {
            Err(error) if error.kind() == ErrorKind::Unrepresentable => {
                end.verdict = OperationVerdict::Failed;
                end.result = serde_json::json!({ "error": error.to_string() }).to_string();
                tasks.finish(&self.task, &self.id, &end).await.map(drop)
            }
            finished => finished.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(request: &str) -> Operation {
        Operation {
            id: "o".into(),
            task: "t".into(),
            kind: OperationKind::Close,
            version: 1,
            who: "me".into(),
            requested: Timestamp(0),
            request: request.into(),
            beat: 7,
            worker: None,
            progress: None,
            end: None,
        }
    }

    #[test]
    fn regression_a_close_ends_as_failed_after_a_day() {
        let second = Duration::from_secs(1);
        let waits = || SliceEnd::continued("the store is away".into(), &(), AGAIN_AFTER);
        let works = || SliceEnd::continued("3 uploads closed".into(), &(), Duration::ZERO);
        let of_run = close(r#"{"run":"run-1"}"#);
        assert_eq!(given_up(&of_run, DELETION_TRIED_FOR - second, waits()), waits());
        assert_eq!(given_up(&of_run, DELETION_TRIED_FOR, works()), works(), "it goes on");
        for (operation, whose) in [(of_run.clone(), "uploads of run run-1"), (close(""), "uploads of the task")] {
            let SliceEnd::Done(OperationVerdict::Failed, why) = given_up(&operation, DELETION_TRIED_FOR, waits())
            else {
                panic!("it is given up");
            };
            let why = why.to_string();
            assert!(why.contains(whose) && why.contains("the store is away"), "{why}");
        }
        let find = Operation { kind: OperationKind::Find, ..of_run };
        assert_eq!(given_up(&find, DELETION_TRIED_FOR, waits()), waits());
    }

    #[test]
    fn regression_a_plan_that_was_begun_outlasts_a_short_error() {
        let waits = |hours: i64| Some(Waits { since: Timestamp(Timestamp::now().0 - hours * 3_600_000), times: 1 });
        let begun = SliceCheckpoint { state: serde_json::json!({}), ..SliceCheckpoint::default() };
        assert!(!goes_on(&SliceCheckpoint::default()), "somebody waits at the terminal");
        assert!(goes_on(&begun) && goes_on(&SliceCheckpoint { waits: waits(0), ..begun.clone() }));
        assert!(!goes_on(&SliceCheckpoint { waits: waits(2), ..begun }));
    }

    #[test]
    fn regression_a_close_that_comes_back_often_is_sent_again() {
        let kinds = [OperationKind::Find, OperationKind::Retry, OperationKind::Close, OperationKind::Erase];
        assert!(kinds.into_iter().all(is_retried), "their messages are given up, and they go on");
    }
}
