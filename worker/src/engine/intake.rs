//! Reads a message: a job of a kind that this worker executes, or an event.

use std::sync::Arc;

use shared::job::{Job, ParseError};
use shared::ledger::events::is_events_run;
use shared::ledger::events_run;
use shared::object::Timestamp;
use shared::queue::Message;

use crate::engine::absent::Absent;
use crate::engine::context::LaneContext;
use crate::engine::executor::{Event, Execution, Executor};
use crate::engine::executors::{Choice, IgnoredEvents};

/// A job as it is executed.
pub(crate) struct Received {
    /// Who executes it.
    pub executor: Arc<dyn Executor>,
    /// It is not executed before this time.
    pub not_before: Option<Timestamp>,
    /// Its work.
    pub execution: Box<dyn Execution>,
    /// Whether it follows the present one of the task's definitions, whatever options its run began with.
    follows_present: bool,
    /// Whether its executor only settles jobs of cancelled runs.
    pub only_settles: bool,
}

impl Received {
    fn new(executor: Arc<dyn Executor>, execution: Box<dyn Execution>) -> Self {
        Received { executor, not_before: None, execution, follows_present: false, only_settles: false }
    }

    /// The digest of the write options that its run must have, if it has one.
    pub fn writes(&self) -> Option<&str> {
        if self.follows_present { None } else { self.executor.writes() }
    }
}

impl Intake {
    /// The same, but a job whose executor is suspended is not begun.
    pub fn unless_suspended(self) -> Intake {
        match self {
            Intake::Job(job) if job.executor.is_suspended() => Intake::Suspended,
            other => other,
        }
    }
}

/// A message, read.
pub(crate) enum Intake {
    /// This is to be executed.
    Job(Received),
    /// It reports nothing that matters.
    Nothing,
    /// Nobody can execute it, for this reason.
    Dead(String),
    /// This is settled if its run is cancelled. Otherwise it waits for its executor.
    Settling(Received, Absent),
    /// Its executor is not there yet, or not any more.
    Absent(Absent),
    /// The store that its executor works with fails, and another job is already there to try the store with.
    Suspended,
    /// A worker of a later release can execute it. This release cannot, as the error says.
    Newer(ParseError),
}

/// Reads a message.
pub(crate) fn read(lane: &Arc<LaneContext>, message: &Message) -> Intake {
    let job = Job::parse(&message.body);
    if is_ignored(lane.engine.executors.ignored_events(), &lane.engine.task, &job) {
        return Intake::Nothing;
    }
    match job {
        Ok(job) if job.task == lane.engine.task => read_job(lane, &job),
        Ok(job) => Intake::Dead(of_another_task(lane, &job)),
        Err(ParseError::NoJob) => read_event(lane, message),
        Err(error @ ParseError::Newer(_)) => Intake::Newer(error),
        Err(error) => Intake::Dead(error.to_string()),
    }
}

/// Whether a message is an event, or a job that was made of one, that is not executed.
fn is_ignored(ignored: IgnoredEvents, task: &str, job: &Result<Job, ParseError>) -> bool {
    match job {
        Ok(job) => ignored == IgnoredEvents::All && job.task == task && is_events_run(task, &job.run),
        Err(error) => ignored != IgnoredEvents::None && *error == ParseError::NoJob,
    }
}

fn read_job(lane: &Arc<LaneContext>, job: &Job) -> Intake {
    let absent = || Absent { run: job.run.clone(), follows_present: job.definition == 0 };
    let (executor, definition) = match lane.engine.executors.choose(&job.kind, job.definition) {
        Choice::Found(executor, definition) => (executor, definition),
        Choice::Settling(executor) => {
            return match executor.open(lane, job) {
                Ok(execution) => {
                    let received = Received { only_settles: true, ..Received::new(executor, execution) };
                    Intake::Settling(received, absent())
                }
                Err(error) => Intake::Dead(error.to_string()),
            };
        }
        Choice::Absent => return Intake::Absent(absent()),
        Choice::UnknownKind => {
            return Intake::Dead(format!("no job for this worker: it does not execute the kind {:?}", job.kind));
        }
    };
    let follows_present = job.definition == 0 && definition != 0;
    match executor.open(lane, job) {
        Ok(execution) => {
            let received = Received::new(executor, execution);
            Intake::Job(Received { not_before: job.not_before, follows_present, ..received })
        }
        Err(error) => Intake::Dead(error.to_string()),
    }
}

fn read_event(lane: &Arc<LaneContext>, message: &Message) -> Intake {
    let (present, is_one_absent) = lane.engine.executors.present();
    let read = |executor: Arc<dyn Executor>| {
        let event = executor.read_event(lane, message)?;
        Some((executor, event))
    };
    match present.into_iter().find_map(read) {
        Some((executor, Event::Work(execution))) => Intake::Job(Received::new(executor, execution)),
        Some((_, Event::Nothing)) => Intake::Nothing,
        Some((_, Event::Dead(reason))) => Intake::Dead(reason),
        None if is_one_absent => Intake::Absent(Absent { run: events_run(&lane.engine.task), follows_present: true }),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_a_deleted_task_drops_events_and_keeps_jobs() {
        let job = |run: &str| {
            let origin = r#""origin":{"id":"o","items":1},"kind":"numbers","verb":"copy","items":1,"body":{}"#;
            Job::parse(&format!(r#"{{"v":1,"task":"t","run":"{run}","attempt":1,{origin}}}"#))
        };
        let is_ignored = |job| is_ignored(IgnoredEvents::All, "t", &job);
        assert!(is_ignored(Job::parse(r#"{"Records":[]}"#)));
        assert!(is_ignored(job(&events_run("t"))), "an event that is tried again");
        assert!(!is_ignored(job("r")) && !is_ignored(Err(ParseError::Newer(9))));
    }

    #[test]
    fn regression_a_task_without_events_ignores_foreign_messages() {
        let is_ignored = |ignored, job: &str| is_ignored(ignored, "t", &Job::parse(job));
        let origin = r#""origin":{"id":"o","items":1},"kind":"numbers","verb":"changed","items":1,"body":{}"#;
        let again = format!(r#"{{"v":1,"task":"t","run":"{}","attempt":1,{origin}}}"#, events_run("t"));
        assert!(is_ignored(IgnoredEvents::Messages, r#"{"Records":[]}"#));
        assert!(!is_ignored(IgnoredEvents::Messages, &again), "a write that was begun is looked at again");
        assert!(!is_ignored(IgnoredEvents::None, r#"{"Records":[]}"#));
    }
}
