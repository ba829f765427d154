//! One key of which an event tells: whatever the source holds there now, the destination is to hold.

use shared::job::{Job, JobChange, JobObject};
use shared::ledger::{COALESCED, IN_SYNC, Outcome, State};
use shared::object::Timestamp;

use crate::context::Context;
use crate::copy::ending_of;
use crate::ending::{self, Ending, Uploads, explained};
use crate::flights::{Board, Flight};
use crate::reconcile::{Deletes, End, Way, look, reconcile};

/// A flight that others join again and again ends all the same; those that are left begin a new one.
const MAX_ROUNDS: u32 = 100;

/// Brings the destination in step at one key.
pub(crate) async fn follow(context: &Context, job: &Job, change: &JobChange, redelivered: bool) -> Ending {
    let started = Timestamp::now();
    let object = as_object(change);
    loop {
        match context.flights.board(&change.key) {
            Board::Lead(flight) => return lead(context, job, &object, started, flight, redelivered).await,
            Board::Join(flight) => {
                if flight.covered().await {
                    let outcome = context.outcome(job, &object, started, State::Skipped);
                    return Ending::Settled(explained(outcome, Some(COALESCED), None), Uploads::None);
                }
                // It was given up: this one makes the next, or joins it.
            }
        }
    }
}

/// Follows the key until all who joined are covered. The outcome is that of the last write, if there was one.
async fn lead(
    context: &Context,
    job: &Job,
    object: &JobObject,
    started: Timestamp,
    mut flight: Flight<'_>,
    redelivered: bool,
) -> Ending {
    let mut wrote = None;
    for _ in 0..MAX_ROUNDS {
        let ending = once(context, job, object, started, &flight, redelivered || wrote.is_some()).await;
        let ending = match (ending, wrote.take()) {
            (Ending::Settled(outcome, _), Some(earlier)) if outcome.state == State::Skipped => earlier,
            (ending, _) => ending,
        };
        // Neither is their event's end: whoever joined begins anew, and learns of it then.
        if matches!(ending, Ending::Unrecorded(_) | Ending::Held) {
            return ending;
        }
        if flight.lands() || !matches!(ending, Ending::Settled(..)) {
            return ending;
        }
        wrote = Some(ending);
    }
    wrote.unwrap_or(Ending::Held)
}

/// One look at the source, and what follows from it.
async fn once(
    context: &Context,
    job: &Job,
    object: &JobObject,
    started: Timestamp,
    flight: &Flight<'_>,
    redone: bool,
) -> Ending {
    // An earlier delivery may have begun an upload.
    let mut uploads = if redone || job.attempt > 1 { Uploads::Unknown } else { Uploads::None };
    let way = Way { look_before: true, look_after: true, deletes: Deletes::Mirrored, flight: Some(flight) };
    let end = match look(context, object, way.flight).await {
        Ok(seen) => reconcile(context, job, object, seen, way, &mut uploads).await,
        Err(error) => Err(error),
    };
    match end {
        // Counted as what it was: nothing to do. What is known of the destination's object is kept.
        Ok(End::InPlace(found)) => {
            let outcome = ending::copied(context, job, found, started);
            let outcome = Outcome { state: State::Skipped, ..outcome };
            Ending::Settled(explained(outcome, Some(IN_SYNC), None), uploads)
        }
        Ok(End::Superseded) => {
            let outcome = context.outcome(job, object, started, State::Skipped);
            Ending::Settled(explained(outcome, Some(COALESCED), None), uploads)
        }
        end => ending_of(context, job, object, started, uploads, end).await,
    }
}

/// A changed key as an object of which nothing else is known.
pub(crate) fn as_object(change: &JobChange) -> JobObject {
    JobObject { index: change.index, key: change.key.clone(), ..JobObject::default() }
}
