//! One key of which an event tells: whatever the source holds there now, the destination is to hold.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use shared::ledger::{COALESCED, FILTERED, IN_SYNC, Outcome, State, events_run};
use shared::object::Timestamp;
use shared::objects::job::{Job, JobChange, JobObject, Work};
use shared::{Error, Result};

use crate::context::Context;
use crate::objects::copy::ending_of;
use crate::objects::ending::{self, Ending, Uploads, explained};
use crate::objects::events::coalesce::{Leader, Role};
use crate::objects::reconcile::{Deletes, End, ReconcileOptions, look, reconcile};
use crate::objects::replace;

/// An event that finds too many others waiting for its key comes again after this.
const WHEN_FULL: Duration = Duration::from_secs(10);

/// A leader that others join again and again ends all the same; those that are left begin a new one.
const MAX_ROUNDS: u32 = 100;

/// Brings the destination in step at one key.
pub(crate) async fn follow(context: &Context, job: &Job, change: &JobChange, redelivered: bool) -> Ending {
    let started = Timestamp::now();
    let object = as_object(change);
    // An event was judged when it was read. What follows up a run of the past was not.
    if job.run == events_run(&job.task) && !context.follow.takes_key(&change.key) {
        let outcome = context.outcome(job, &object, started, State::Skipped);
        return Ending::Settled(explained(outcome, Some(FILTERED), None), Uploads::None);
    }
    loop {
        match context.coalescer.enter(&change.key) {
            Role::Lead(leader) => return lead(context, job, change, started, leader, redelivered).await,
            Role::Full => return Ending::Later(WHEN_FULL),
            Role::Follow(leader) => {
                let _waits = Waits::new(context, job);
                // A scan's object that is looked after is counted as what becomes of it, not as an event.
                if leader.covered().await && job.run == events_run(&job.task) {
                    // An earlier delivery may have begun an upload, of which the leader knows nothing.
                    let uploads = if redelivered || job.attempt > 1 { Uploads::Unknown } else { Uploads::None };
                    let outcome = context.outcome(job, &object, started, State::Skipped);
                    return Ending::Settled(explained(outcome, Some(COALESCED), None), uploads);
                }
                // It was given up: this one makes the next, or joins it.
            }
        }
    }
}

/// Counts a job among those that wait, if that is all it does.
struct Waits<'a>(Option<&'a Context>);

impl<'a> Waits<'a> {
    fn new(context: &'a Context, job: &Job) -> Self {
        let is_all = matches!(&job.work, Work::Changed { objects } if objects.len() == 1);
        if is_all {
            context.waiting.fetch_add(1, Relaxed);
        }
        Waits(is_all.then_some(context))
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if let Some(context) = self.0 {
            context.waiting.fetch_sub(1, Relaxed);
        }
    }
}

/// Follows the key until all followers are covered. The outcome is that of the last write, if there was one.
async fn lead(
    context: &Context,
    job: &Job,
    change: &JobChange,
    started: Timestamp,
    mut leader: Leader<'_>,
    redelivered: bool,
) -> Ending {
    let mut wrote = None;
    for _ in 0..MAX_ROUNDS {
        let ending = match once(context, job, change, started, &leader, redelivered || wrote.is_some()).await {
            Followed::Ended(ending) => ending,
            // The followers begin anew: the other may be one of them, delivered again.
            Followed::ByAnother(ending) => return ending,
        };
        let ending = match (ending, wrote.take()) {
            (Ending::Settled(outcome, _), Some(earlier)) if outcome.state == State::Skipped => earlier,
            (ending, _) => ending,
        };
        match &ending {
            Ending::Settled(outcome, _) if outcome.state != State::Failed => {}
            Ending::HandedOver => {
                leader.finish();
                return ending;
            }
            // Nothing is in step yet: the followers begin anew, with attempts of its own.
            _ => return ending,
        }
        if leader.finish() {
            return ending;
        }
        wrote = Some(ending);
    }
    wrote.unwrap_or(Ending::Held)
}

/// How one look ended.
enum Followed {
    /// So, also for the followers.
    Ended(Ending),
    /// Another job is at the version that was seen, and sees to it. This is the end of this event alone.
    ByAnother(Ending),
}

/// One look at the source, and what follows from it.
async fn once(
    context: &Context,
    job: &Job,
    change: &JobChange,
    started: Timestamp,
    leader: &Leader<'_>,
    redone: bool,
) -> Followed {
    let object = &as_object(change);
    // An earlier delivery may have begun an upload.
    let mut uploads = if redone || job.attempt > 1 { Uploads::Unknown } else { Uploads::None };
    let look_after = context.follow.look_again;
    let deletes = if change.no_delete { Deletes::Own } else { Deletes::Mirrored };
    let options = ReconcileOptions { look_before: true, look_after, deletes, leader: Some(leader) };
    let end = match look(context, object, options.leader).await {
        Ok(seen) => reconcile(context, job, object, seen, options, &mut uploads).await,
        Err(error) => Err(error),
    };
    let end = match end {
        Err(error) if deletes == Deletes::Mirrored && error.is_blocked() => {
            unblock(context, job, object, options, &mut uploads, error).await
        }
        end => end,
    };
    Followed::Ended(match end {
        // Counted as what it was: nothing to do. What is known of the destination's object is kept.
        Ok(End::InPlace(found)) => {
            let outcome = ending::copied(context, job, found, started);
            let outcome = Outcome { state: State::Skipped, ..outcome };
            Ending::Settled(explained(outcome, Some(IN_SYNC), None), uploads)
        }
        // A follower may delete.
        Ok(End::Gone) if change.no_delete => {
            return Followed::ByAnother(ending_of(context, job, object, started, uploads, Ok(End::Gone)).await);
        }
        Ok(End::Superseded) => {
            let outcome = context.outcome(job, object, started, State::Skipped);
            return Followed::ByAnother(Ending::Settled(explained(outcome, Some(COALESCED), None), uploads));
        }
        end => ending_of(context, job, object, started, uploads, end).await,
    })
}

/// Copies a key whose place is taken by keys that their own events would delete, and replaces these. If their events came
/// first, the place would be free; they may come much later, or be lost.
async fn unblock(
    context: &Context,
    job: &Job,
    object: &JobObject,
    options: ReconcileOptions<'_>,
    uploads: &mut Uploads,
    error: Error,
) -> Result<End> {
    let is_taken = replace::judge_event(context, job, &object.key, error).await?;
    let object = JobObject { blocked: u32::from(is_taken), ..object.clone() };
    let seen = look(context, &object, options.leader).await?;
    reconcile(context, job, &object, seen, options, uploads).await
}

/// A changed key as an object of which nothing else is known.
pub(crate) fn as_object(change: &JobChange) -> JobObject {
    JobObject { index: change.index, key: change.key.clone(), ..JobObject::default() }
}
