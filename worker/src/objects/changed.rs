//! One key that an event names: makes the destination equal to the source there.

use std::time::Duration;

use shared::ledger::events_run;
use shared::objects::job::ObjectWork;
use shared::{Error, Result};

use crate::objects::events::coalesce::{Leader, Role};
use crate::objects::item::Item;
use crate::objects::reconcile::{Deletes, ReconcileOptions, conclude, look, reconcile};
use crate::objects::replace;
use crate::objects::verdict::{Skip, Uploads, Verdict};

/// An event that finds too many others waiting for its key comes again after this.
const WHEN_FULL: Duration = Duration::from_secs(10);

/// A leader that others join again and again ends all the same; the remaining followers choose a new one.
const MAX_ROUNDS: u32 = 100;

/// Brings the destination in step at one key. `no_delete`: nothing is deleted but what this work has written.
pub(crate) async fn follow(item: &mut Item, no_delete: bool) -> Verdict {
    let (context, key) = (item.context.clone(), item.object.key.clone());
    let is_event = item.job.run == events_run(&item.job.task);
    loop {
        match context.objects.coalescer.enter(&key) {
            Role::Lead(leader) => return lead(item, no_delete, leader).await,
            Role::Full => return Verdict::RetryLater(WHEN_FULL),
            Role::Follow(follower) => {
                // A job of several keys works on the others.
                let is_all = matches!(&item.job.work, ObjectWork::Changed { objects } if objects.len() == 1);
                let _waits = is_all.then(|| context.lane.wait());
                // A scan's object that is looked at again is counted by its own verdict, not as an event.
                if follower.covered().await && is_event {
                    return Verdict::Skipped(Skip::Coalesced);
                }
                // Its leader was given up: this one leads next, or follows the next leader.
            }
        }
    }
}

/// Follows the key until all followers are covered. The verdict is that of the last write, if there was one.
async fn lead(item: &mut Item, no_delete: bool, mut leader: Leader<'_>) -> Verdict {
    let mut wrote = None;
    for _ in 0..MAX_ROUNDS {
        let verdict = once(item, no_delete, &leader).await;
        // Another job sees to the version that was seen, or a follower may delete: this ends this event alone. The
        // followers begin anew: the other job may be one of them, delivered again.
        if matches!(verdict, Verdict::Skipped(Skip::Coalesced)) || no_delete && is_gone(&verdict) {
            return verdict;
        }
        let verdict = match wrote.take() {
            Some((earlier, uploads)) if verdict.is_skip() => {
                item.uploads = uploads;
                earlier
            }
            _ => verdict,
        };
        if matches!(verdict, Verdict::HandedOver) {
            leader.finish();
            return verdict;
        }
        // Nothing is in step yet: the followers begin anew, with attempts of their own.
        if !verdict.is_settled_well() || leader.finish() {
            return verdict;
        }
        // What this round has begun is an earlier delivery's to the next.
        wrote = Some((verdict, std::mem::replace(&mut item.uploads, Uploads::Unknown)));
        item.redelivered = true;
    }
    match wrote {
        Some((verdict, uploads)) => {
            item.uploads = uploads;
            verdict
        }
        None => Verdict::Suspended,
    }
}

fn is_gone(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Skipped(Skip::Gone))
}

/// One look at the source, and what follows from it.
async fn once(item: &mut Item, no_delete: bool, leader: &Leader<'_>) -> Verdict {
    let look_after = item.context.objects.follow.look_again;
    let deletes = if no_delete { Deletes::Own } else { Deletes::Mirrored };
    let options =
        ReconcileOptions { look_before: true, look_after, deletes, look_may_wait: false, leader: Some(leader) };
    let end = match look(&item.context, &item.object, options.leader).await {
        Ok(seen) => reconcile(item, seen, None, options).await,
        Err(error) => Err(error),
    };
    let end = match end {
        Err(error) if deletes == Deletes::Mirrored && error.is_blocked() => unblock(item, options, error).await,
        end => end,
    };
    match end {
        Ok(Verdict::InSync(found)) => {
            item.context.objects.wrong_bytes.take(&item.object.key);
            Verdict::InSync(found)
        }
        Ok(Verdict::Skipped(Skip::TakenOver)) => Verdict::Skipped(Skip::Coalesced),
        end => conclude(item, end).await,
    }
}

/// Copies a key that is blocked by keys that their own events would delete, and replaces these. If their events came
/// first, nothing would block it; they may come much later, or be lost.
async fn unblock(item: &mut Item, options: ReconcileOptions<'_>, error: Error) -> Result<Verdict> {
    let is_taken = replace::judge_event(&item.context, &item.job, &item.object.key, error).await?;
    // For this once: the next look judges anew.
    item.object.blocked = u32::from(is_taken);
    let end = match look(&item.context, &item.object, options.leader).await {
        Ok(seen) => reconcile(item, seen, None, options).await,
        Err(error) => Err(error),
    };
    item.object.blocked = 0;
    end
}
