//! Archived objects: skipped by name, or asked for and waited for.
//!
//! An object that is being restored waits on the queue, in a job that uses up no attempt: it is looked at
//! again when a quarter more of the time has passed, so that two days of waiting cost some fifty looks.
//! A worker that dies loses nothing by it, and a run that is interrupted goes on waiting when it is
//! resumed.

use std::time::Duration;

use shared::object::{Access, ObjectInfo, Timestamp};
use shared::objects::job::{JobObject, ObjectJob, Restoring};
use shared::queue::Outgoing;
use shared::store::{Restore, Tier};
use shared::{Error, ErrorKind, Result};

use crate::objects::context::Context;
use crate::objects::item::Item;
use crate::objects::requeue::MAX_DELAY;
use crate::objects::verdict::{Skip, Verdict};
use crate::objects::version;

/// Restoring takes up to 48 hours (Amazon S3 "Archive retrieval options"): what takes half as long again
/// will not come.
const PATIENCE: Duration = Duration::from_secs(72 * 3600);

/// The object's description, if it is archived by the class that was listed and not readable yet. Asks
/// nothing of objects of other classes.
pub(crate) async fn by_class(context: &Context, object: &JobObject) -> Result<Option<ObjectInfo>> {
    let classes = context.objects.source.capabilities().metadata.classes;
    if !object.storage_class.as_deref().is_some_and(|class| classes.is_archive(class)) {
        return Ok(None);
    }
    let info = context.objects.source.head(&object.key, &object.pin()).await?;
    Ok(Some(info).filter(|info| info.access != Access::Readable))
}

/// What becomes of an archived object. `info`: its description, where it was read.
pub(crate) async fn conclude(item: &mut Item, info: Option<ObjectInfo>) -> Verdict {
    let now = info.as_ref().map_or_else(|| item.object.clone(), |info| version::at_version(&item.object, info));
    let Some(tier) = item.context.objects.options.restore else {
        item.object = now;
        return Verdict::Skipped(Skip::Archived);
    };
    match request(item, &now, tier, info).await {
        Ok(restoring) => Verdict::Restoring(restoring),
        Err(error) => match item.failed(error) {
            // An object that comes again comes as its job names it.
            verdict @ (Verdict::Failed(_) | Verdict::Skipped(_)) => {
                item.object = now;
                verdict
            }
            verdict => verdict,
        },
    }
}

/// Requests the restore of an object, unless it is being restored already, and says when to look again.
///
/// Done and its answer lost, or requested twice: the store answers that it restores the object already.
async fn request(item: &Item, object: &JobObject, tier: Tier, info: Option<ObjectInfo>) -> Result<Restoring> {
    let (context, key, pin) = (&item.context, &object.key, object.pin());
    let info = match info {
        Some(info) => info,
        None => context.objects.source.head(key, &pin).await?,
    };
    let now = Timestamp::now();
    let since = item.job.restoring.map_or(now, |restoring| restoring.since);
    if since.age() > PATIENCE {
        let subject = context.objects.source.location().display_key(key);
        let message =
            format!("its restore was requested {} hours ago and has not finished", since.age().as_secs() / 3600);
        return Err(Error::new(ErrorKind::Unsupported, "restore", subject, message));
    }
    if info.access != Access::Restoring {
        // A number of days is for classes that are archives; a tier that an object sinks into by itself
        // takes none, and keeps it readable.
        let classes = context.objects.source.capabilities().metadata.classes;
        let sinks = info.storage_class.as_deref().is_some_and(|class| !classes.is_archive(class));
        let days = (!sinks).then_some(context.objects.options.restore_days);
        context.objects.source.restore(key, &pin, &Restore { tier, days }).await?;
    }
    context.objects.warn_waiting(tier);
    Ok(Restoring { since, due: Timestamp(now.0 + millis(next_look(context.objects.options.retry_delay, since.age()))) })
}

/// The time until the next look at an object that was asked for `waited` ago.
fn next_look(first: Duration, waited: Duration) -> Duration {
    first.max(waited / 4)
}

/// The message that brings a job's objects again when they may have been restored.
pub(crate) fn again(job: &ObjectJob, objects: Vec<(JobObject, Restoring)>) -> Option<Outgoing> {
    let since = objects.iter().map(|(_, restoring)| restoring.since).min()?;
    let due = objects.iter().map(|(_, restoring)| restoring.due).max()?;
    let mut objects: Vec<JobObject> = objects.into_iter().map(|(object, _)| object).collect();
    objects.sort_by_key(|object| object.index);
    let work = shared::objects::job::ObjectWork::Copy { objects };
    Some(delayed(&ObjectJob { restoring: Some(Restoring { since, due }), work, ..job.clone() }, due))
}

fn delayed(job: &ObjectJob, due: Timestamp) -> Outgoing {
    let left = Duration::from_millis((due.0 - Timestamp::now().0).max(0) as u64);
    Outgoing { body: job.to_body(), delay: left.min(MAX_DELAY) }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::job::Origin;
    use shared::objects::job::ObjectWork;

    #[test]
    fn two_days_of_waiting_take_some_fifty_looks() {
        let (mut waited, mut looks) = (Duration::ZERO, 0);
        while waited < Duration::from_secs(48 * 3600) {
            waited += next_look(Duration::from_secs(5), waited);
            looks += 1;
        }
        assert!((40..60).contains(&looks), "{looks}");
    }

    #[test]
    fn waiting_objects_come_again_in_order_at_no_attempt() {
        let job = ObjectJob {
            task: "t".into(),
            run: "r".into(),
            definition: 4,
            attempt: 2,
            origin: Origin { id: "c0-0".into(), items: 9 },
            restoring: None,
            work: ObjectWork::Copy { objects: vec![] },
        };
        let now = Timestamp::now().0;
        let waiting = |index, since, due| {
            let object = JobObject { index, key: format!("k{index}"), ..JobObject::default() };
            (object, Restoring { since: Timestamp(since), due: Timestamp(due) })
        };
        let later = now + 3_600_000;
        let again = again(&job, vec![waiting(7, now, later), waiting(3, now - 5, now)]).expect("something waits");
        assert_eq!(again.delay, MAX_DELAY, "an hour is more than a message may be delayed");
        let body = ObjectJob::parse(&again.body).expect("is a job");
        assert_eq!(body.restoring, Some(Restoring { since: Timestamp(now - 5), due: Timestamp(later) }));
        let ObjectWork::Copy { objects } = &body.work else { panic!("is a copy") };
        assert_eq!((body.attempt, objects[0].index, objects[1].index), (2, 3, 7));
        assert!(super::again(&job, vec![]).is_none());
    }
}
