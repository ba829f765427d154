//! What a message asks for: a job, or an event that is read as one.

use shared::event::{self, Change, Notice, Parsed, Scope};
use shared::job::{Origin, ParseError};
use shared::ledger::{FILTERED, OUT_OF_SCOPE, Outcome, State, events_run};
use shared::metrics;
use shared::object::Timestamp;
use shared::objects::job::{Job, JobChange, JobObject, Work};
use shared::queue::Message;

use crate::context::Context;
use crate::objects::settle::explained;

/// A message, read.
pub(crate) enum Intake {
    /// This is to be done. Outcomes that are known already (events that are not the task's) are to be settled with it.
    Job(Job, Vec<(u32, Outcome)>),
    /// It says nothing that matters.
    Nothing,
    /// Nobody can do it, for this reason.
    Dead(&'static str, String),
}

/// Reads a message.
pub(crate) fn read(context: &Context, message: &Message) -> Intake {
    match Job::parse(&message.body) {
        Ok(job) if job.task == context.task => Intake::Job(job, Vec::new()),
        Ok(job) => Intake::Dead("unknown", of_another_task(context, &job)),
        Err(ParseError::NoJob) => read_event(context, message),
        Err(error) => Intake::Dead("unknown", error.to_string()),
    }
}

/// Why a job of another task is not done. One warning for each of these tasks: there may be many jobs.
fn of_another_task(context: &Context, job: &Job) -> String {
    let (other, task) = (&job.task, &context.task);
    if context.runs.warns_first(&format!("task {other}")) {
        tracing::warn!(
            "the queue of task {task:?} holds jobs of task {other:?}, which move to the dead-letter queue: give each task a \
             queue of its own, then run `flotilla init` for both"
        );
    }
    format!("a job of task {other:?} on the queue of task {task:?}")
}

fn read_event(context: &Context, message: &Message) -> Intake {
    // What comes again was counted when it came first.
    let is_new = message.receive_count == 1;
    let count = |format, verdict| {
        if is_new {
            metrics::event(format, verdict);
        }
    };
    match event::parse(&message.body) {
        Ok(Parsed { format, notice: Some(notice), .. }) => {
            count(format.as_str(), notice.as_str());
            read_notice(notice)
        }
        Ok(Parsed { format, changes, .. }) => {
            let (job, aside) = as_job(context, message, &changes, |verdict| count(format.as_str(), verdict));
            Intake::Job(job, aside)
        }
        Err(error) => {
            count("unknown", "unreadable");
            Intake::Dead("event", format!("neither a job nor an event: {error}"))
        }
    }
}

/// Whoever wired the events has to do something about these, all but one.
fn read_notice(notice: Notice) -> Intake {
    let todo = match notice {
        Notice::Test => return Intake::Nothing,
        Notice::SubscriptionConfirmation => {
            "SNS asks to confirm a subscription: open the SubscribeURL in this message, otherwise no events arrive"
        }
        Notice::UnsubscribeConfirmation => {
            "SNS reports that a subscription has ended, so no more events arrive: subscribe the queue again"
        }
    };
    Intake::Dead("event", todo.to_owned())
}

/// The changes as a job, and the outcomes of those that are not the task's. Each has its place in the message.
fn as_job(
    context: &Context,
    message: &Message,
    changes: &[Change],
    mut count: impl FnMut(&'static str),
) -> (Job, Vec<(u32, Outcome)>) {
    let mut job = Job {
        task: context.task.clone(),
        run: events_run(&context.task),
        attempt: 1,
        // The same for each delivery of the message.
        origin: Origin { id: format!("m-{}", message.id), items: changes.len() as u32 },
        restoring: None,
        work: Work::Changed { objects: Vec::new() },
    };
    let (mut objects, mut aside) = (Vec::new(), Vec::new());
    for (index, change) in (0..).zip(changes) {
        let location = context.source.location();
        let (key, reason, verdict) = match event::scope(change, location) {
            Scope::Key(key) => {
                if context.follow.takes_key(key) {
                    count("followed");
                    let time = change.time.unwrap_or(message.sent);
                    objects.push(JobChange { index, key: key.to_owned(), time: Some(time), no_delete: false });
                    continue;
                }
                (key, FILTERED, "filtered")
            }
            Scope::OtherBucket | Scope::OtherPrefix => (change.key.as_str(), OUT_OF_SCOPE, "out-of-scope"),
        };
        count(verdict);
        let bucket = change.bucket.as_deref().unwrap_or(location.bucket());
        tracing::debug!(bucket = ?bucket, key = ?change.key, "ignoring an event: {reason}");
        let object = JobObject { index, key: key.to_owned(), ..JobObject::default() };
        let outcome = context.outcome(&job, &object, Timestamp::now(), State::Skipped);
        aside.push((index, explained(outcome, Some(reason), None)));
    }
    if let Some((_, first)) = aside.first() {
        let why = first.reason.as_deref().unwrap_or_default();
        tracing::info!(id = message.id, events = aside.len(), first = ?first.key, "ignoring events: {why}");
    }
    job.work = Work::Changed { objects };
    (job, aside)
}
