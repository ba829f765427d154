//! Reads a message as an event: its records become the keys of a `changed` job.

use shared::event::{self, ChangeKind, ObjectChange, Parsed, Scope, SubscriptionNotice};
use shared::job::Origin;
use shared::ledger::{Outcome, State, events_run};
use shared::metrics;
use shared::object::Timestamp;
use shared::objects::job::{JobChange, JobObject, ObjectJob, ObjectWork};
use shared::objects::reasons::{FILTERED, NOT_FOLLOWED, OUT_OF_SCOPE};
use shared::queue::Message;

use crate::objects::context::Context;
use crate::objects::settle::explained;

/// A message, read as an event.
pub(crate) enum Read {
    /// These keys may have changed. The outcomes of records that are not the task's are settled with them.
    Changes(Box<ObjectJob>, Vec<(u32, Outcome)>),
    /// It reports nothing that matters.
    Nothing,
    /// Nobody can use it, for this reason.
    Dead(String),
}

/// Reads a message that is no job.
pub(crate) fn read(context: &Context, message: &Message) -> Read {
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
            let (job, known) = as_job(context, message, &changes, |verdict| count(format.as_str(), verdict));
            Read::Changes(Box::new(job), known)
        }
        Err(error) => {
            count("unknown", "unreadable");
            Read::Dead(format!("neither a job nor an event: {error}"))
        }
    }
}

/// The operator who wired the events must act on these, all but one.
fn read_notice(notice: SubscriptionNotice) -> Read {
    let todo = match notice {
        SubscriptionNotice::Test => return Read::Nothing,
        SubscriptionNotice::SubscriptionConfirmation => {
            "SNS asks to confirm a subscription: open the SubscribeURL in this message, otherwise no events arrive"
        }
        SubscriptionNotice::UnsubscribeConfirmation => {
            "SNS reports that a subscription has ended, so no more events arrive: subscribe the queue again"
        }
    };
    Read::Dead(todo.to_owned())
}

/// The changes as a job, and the outcomes of those that are not the task's. Each has its index in the message.
fn as_job(
    context: &Context,
    message: &Message,
    changes: &[ObjectChange],
    mut count: impl FnMut(&'static str),
) -> (ObjectJob, Vec<(u32, Outcome)>) {
    let task = &context.engine.task;
    // The same for each delivery of the message.
    let origin = Origin { id: format!("m-{}", message.id), items: changes.len() as u32 };
    let mut job = ObjectJob::new(task, &events_run(task), origin, ObjectWork::Changed { objects: Vec::new() });
    let (mut objects, mut known) = (Vec::new(), Vec::new());
    for (index, change) in (0..).zip(changes) {
        let location = context.objects.source.location();
        let (key, reason, verdict) = match event::scope(change, location) {
            Scope::Key(key) if change.kind == ChangeKind::Removed && !context.objects.follow.removals => {
                (key, NOT_FOLLOWED, "not-followed")
            }
            // An earlier delivery may have created an upload of the key under other filters. The work on the key ends
            // that upload, and then leaves the key out.
            Scope::Key(key) if context.objects.follow.takes_key(key) || message.receive_count > 1 => {
                count("followed");
                let time = change.time.unwrap_or(message.sent);
                objects.push(JobChange { index, key: key.to_owned(), time: Some(time), no_delete: false });
                continue;
            }
            Scope::Key(key) => (key, FILTERED, "filtered"),
            Scope::OtherBucket | Scope::OtherPrefix => (change.key.as_str(), OUT_OF_SCOPE, "out-of-scope"),
        };
        count(verdict);
        let bucket = change.bucket.as_deref().unwrap_or(location.bucket());
        tracing::debug!(bucket = ?bucket, key = ?change.key, "ignoring an event: {reason}");
        let object = JobObject { index, key: key.to_owned(), ..JobObject::default() };
        let outcome = context.outcome(&job, &object, Timestamp::now(), State::Skipped);
        known.push((index, explained(outcome, Some(reason), None)));
    }
    if let Some((_, first)) = known.first() {
        let why = first.reason.as_deref().unwrap_or_default();
        tracing::info!(id = message.id, events = known.len(), first = ?first.key, "ignoring events: {why}");
    }
    job.work = ObjectWork::Changed { objects };
    (job, known)
}
