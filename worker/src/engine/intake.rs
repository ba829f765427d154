//! Reads a message: a job of a kind that this worker executes, or an event.

use std::sync::Arc;

use shared::job::{Job, ParseError};
use shared::object::Timestamp;
use shared::queue::Message;

use crate::engine::context::LaneContext;
use crate::engine::executor::{Event, Execution, Executor};

/// A job as it is executed.
pub(crate) struct Received {
    /// Who executes it.
    pub executor: Arc<dyn Executor>,
    /// It is not executed before this time.
    pub not_before: Option<Timestamp>,
    /// Its work.
    pub execution: Box<dyn Execution>,
}

/// A message, read.
pub(crate) enum Intake {
    /// This is to be executed.
    Job(Received),
    /// It reports nothing that matters.
    Nothing,
    /// Nobody can execute it, for this reason.
    Dead(String),
    /// A worker of a later release can execute it. This release cannot, as the error says.
    Newer(ParseError),
}

/// Reads a message.
pub(crate) fn read(lane: &Arc<LaneContext>, message: &Message) -> Intake {
    match Job::parse(&message.body) {
        Ok(job) if job.task == lane.engine.task => read_job(lane, &job),
        Ok(job) => Intake::Dead(of_another_task(lane, &job)),
        Err(ParseError::NoJob) => read_event(lane, message),
        Err(error @ ParseError::Newer(_)) => Intake::Newer(error),
        Err(error) => Intake::Dead(error.to_string()),
    }
}

fn read_job(lane: &Arc<LaneContext>, job: &Job) -> Intake {
    let Some(executor) = lane.engine.executors.iter().find(|executor| executor.kind() == job.kind) else {
        return Intake::Dead(format!("no job for this worker: it does not execute the kind {:?}", job.kind));
    };
    match executor.open(lane, job) {
        Ok(execution) => Intake::Job(Received { executor: executor.clone(), not_before: job.not_before, execution }),
        Err(error) => Intake::Dead(error.to_string()),
    }
}

fn read_event(lane: &Arc<LaneContext>, message: &Message) -> Intake {
    let read = |executor: &Arc<dyn Executor>| Some((executor.clone(), executor.read_event(lane, message)?));
    match lane.engine.executors.iter().find_map(read) {
        Some((executor, Event::Work(execution))) => Intake::Job(Received { executor, not_before: None, execution }),
        Some((_, Event::Nothing)) => Intake::Nothing,
        Some((_, Event::Dead(reason))) => Intake::Dead(reason),
        None => Intake::Dead(ParseError::NoJob.to_string()),
    }
}

/// Why a job of another task is not done. One warning for each of these tasks: there may be many jobs.
fn of_another_task(lane: &LaneContext, job: &Job) -> String {
    let (other, task) = (&job.task, &lane.engine.task);
    if lane.engine.runs.warns_first(&format!("task {other}")) {
        tracing::warn!(
            "the queue of task {task:?} holds jobs of task {other:?}, which move to the dead-letter queue: give each task a \
             queue of its own, then run `flotilla init` for both"
        );
    }
    format!("a job of task {other:?} on the queue of task {task:?}")
}
