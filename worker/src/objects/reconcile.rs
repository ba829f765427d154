//! One key: bring the destination to what the source holds, and look again where others may be at it.
//!
//! Jobs are hints; the stores are the truth. Whoever has written looks at the source once more, and goes on
//! until it is what was written. So whoever writes last has looked last: a stale write is mended by its own
//! writer, or by the redelivery of its job, which is not acknowledged before. What is found in place needs no
//! second look: those who wrote it look after it.

use std::time::Duration;

use shared::ledger::{IN_SYNC, Outcome, State, events_run};
use shared::metrics;
use shared::object::{ObjectInfo, Pin};
use shared::objects::job::{Job, JobChange, JobObject};
use shared::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::objects::archive;
use crate::objects::ending::{Copied, SourceSnapshot, Try, Uploads};
use crate::objects::events::coalesce::Leader;
use crate::objects::events::in_doubt;
use crate::objects::integrity;
use crate::objects::metadata;
use crate::objects::multipart;
use crate::objects::source;
use crate::objects::version;
use crate::objects::whole;

/// A source that changes under every one of so many writes is left to a later look.
const MAX_LOOKS: u32 = 5;

/// When that is, where others may be at it: by then this one is settled, which takes some seconds in a large job.
pub(crate) const LATER: Duration = Duration::from_secs(5);

/// What the source holds under a key, as it was seen last.
#[derive(Debug, Clone)]
pub(crate) enum Seen {
    /// This version; described, unless only a listing told of it.
    There(JobObject, Option<Box<ObjectInfo>>),
    /// Nothing.
    Gone,
}

/// What may be deleted when the source does not have a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deletes {
    /// Only what was written here just now, where the task mirrors deletes.
    Own,
    /// What the destination has, where the task mirrors deletes.
    Mirrored,
    /// The key, which the finder has found to be at the destination alone.
    Asked,
}

/// How a key is brought in step.
#[derive(Clone, Copy)]
pub(crate) struct ReconcileOptions<'a> {
    /// Whether the destination may be in step already.
    pub look_before: bool,
    /// Whether the source is looked at after each write.
    pub look_after: bool,
    /// What is deleted.
    pub deletes: Deletes,
    /// The work for events of the key that this is part of.
    pub leader: Option<&'a Leader<'a>>,
}

/// How it ended.
pub(crate) enum End {
    /// The destination was written, and has what is described.
    Copied(Copied),
    /// The destination had it.
    InPlace(Copied),
    /// It was deleted at the destination.
    Deleted,
    /// The source does not have it, and nothing was to be deleted.
    Gone,
    /// The source's object is not one that the task takes.
    Filtered,
    /// Other jobs carry it on (a giant's parts).
    HandedOver,
    /// It is archived, as its description says.
    Archived(ObjectInfo),
    /// Another job is at this version, or a newer run at the object.
    Superseded,
}

/// One step towards the source's state.
enum Step {
    /// The destination was written to.
    Wrote(End),
    /// Nothing was written, and nothing is to be done.
    Ended(End),
    /// What was seen of the source is out of date, as this error says, if it came out by one.
    Stale(Option<Error>),
}

/// Brings one key in step, beginning with what was `seen` of the source. Says whether there may be `uploads` of it.
pub(crate) async fn reconcile(
    context: &Context,
    job: &Job,
    object: &JobObject,
    mut seen: Seen,
    options: ReconcileOptions<'_>,
    uploads: &mut Uploads,
) -> Result<End> {
    let mut written: Option<End> = None;
    for _ in 0..MAX_LOOKS {
        let step = match &seen {
            Seen::There(wanted, info) => {
                let look_before = options.look_before || info.is_some();
                put(context, job, wanted, info.as_deref(), look_before, options.leader, uploads).await?
            }
            Seen::Gone => remove(context, job, object, options, written.is_some()).await?,
        };
        let wanted = match &seen {
            Seen::There(wanted, _) => wanted,
            Seen::Gone => object,
        };
        seen = match (step, written.take()) {
            (Step::Ended(End::InPlace(found)), Some(_)) => return Ok(End::Copied(found)),
            (Step::Ended(End::Gone | End::Filtered), Some(end)) => return Ok(end),
            (Step::Ended(end), _) => return Ok(end),
            (Step::Wrote(end), _) if !options.look_after => return Ok(end),
            (Step::Wrote(end), _) => {
                let last = match &end {
                    End::Copied(copied) => &copied.object,
                    _ => object,
                };
                let now = look(context, last, options.leader).await?;
                if is_as_written(context, &end, &now).await? {
                    return Ok(end);
                }
                written = Some(end);
                now
            }
            (Step::Stale(error), end) => {
                written = end;
                let now = look(context, wanted, options.leader).await?;
                // The listing may tell tags that reads do not honour; the error is the truth then.
                match (error, &now) {
                    (Some(error), Seen::There(now, _)) if version::is_same(wanted, now) => return Err(error),
                    _ => now,
                }
            }
        };
    }
    // An event's key that changes faster than it is copied is looked at again, written or not.
    if context.follow.look_again && (written.is_some() || options.leader.is_some()) {
        let change = in_doubt::change((object.index, &object.key));
        let no_delete = options.leader.is_some() && options.deletes == Deletes::Own;
        in_doubt::look_later(context, job, vec![JobChange { no_delete, ..change }], LATER, 1).await?;
        return Ok(written.unwrap_or(End::Superseded));
    }
    let subject = context.source.location().display_key(&object.key);
    let message = format!("the source changed during each of {MAX_LOOKS} copies");
    Err(Error::new(ErrorKind::Conflict, "copy", subject, message))
}

/// Looks at the source; `last` is what was known of the object.
pub(crate) async fn look(context: &Context, last: &JobObject, leader: Option<&Leader<'_>>) -> Result<Seen> {
    if let Some(leader) = leader {
        leader.begin_look();
    }
    let found = source::find(context, &last.key).await?;
    Ok(found.map_or(Seen::Gone, |info| Seen::There(version::at_version(last, &info), Some(Box::new(info)))))
}

/// Whether the source still is as it was copied: the look after a write that others have made together.
pub(crate) async fn is_still(context: &Context, copied: &Copied) -> Result<bool> {
    let now = look(context, &copied.object, None).await?;
    is_as_copied(context, copied, &now).await
}

/// Whether the source, looked at after a write, is as it was written.
async fn is_as_written(context: &Context, end: &End, now: &Seen) -> Result<bool> {
    match (end, now) {
        (End::Copied(copied), _) => is_as_copied(context, copied, now).await,
        (_, Seen::Gone) => {
            metrics::looked_again("same");
            Ok(true)
        }
        (_, Seen::There(..)) => {
            metrics::looked_again("changed");
            Ok(false)
        }
    }
}

async fn is_as_copied(context: &Context, copied: &Copied, now: &Seen) -> Result<bool> {
    let is_same = match now {
        Seen::There(now, info) => {
            // Besides a version's name the time, which a change of headers alone moves as well.
            let is_as_old = !copied.object.is_listed() || copied.object.modified == now.modified;
            let is_same = is_as_old && version::is_same(&copied.object, now);
            match info {
                Some(info) if is_same => says_the_same(context, &copied.told, &now.key, info).await?,
                _ => is_same,
            }
        }
        Seen::Gone => {
            metrics::looked_again("gone");
            // Where nothing is deleted what was written stays.
            return Ok(!mirrors(context).await?);
        }
    };
    metrics::looked_again(if is_same { "same" } else { "changed" });
    Ok(is_same)
}

/// Whether the source says of an object what it said when it was read.
async fn says_the_same(context: &Context, told: &SourceSnapshot, key: &str, now: &ObjectInfo) -> Result<bool> {
    if told.attributes.is_some() && told.attributes != metadata::attributes(context, now) {
        return Ok(false);
    }
    match &told.tags {
        Some(tags) if tags.is_empty() && now.tag_count == Some(0) => Ok(true),
        Some(tags) => match context.source.tags(key, &now.pin()).await {
            Ok(now) => Ok(now == *tags),
            // Tags that could not be read were left behind, and logged.
            Err(error) if tags.is_empty() && is_unreadable(&error) => Ok(true),
            Err(error) => Err(error),
        },
        None => Ok(true),
    }
}

fn is_unreadable(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Denied | ErrorKind::Unsupported)
}

/// Whether what the source no longer has is deleted as soon as that is seen: where events are followed, as the event of
/// its deletion would. Without events the finder alone decides on deletes: the next scan finds the key at the
/// destination alone and counts it under `max-delete`.
async fn mirrors(context: &Context) -> Result<bool> {
    Ok(context.follow.delete && context.follow.look_again && context.follows_events().await?)
}

/// Whether a key that is gone at the source is deleted in the name of this job. An event is followed by whichever worker
/// receives it, and so is its retry in a run of its own: nobody else would delete.
pub(crate) async fn deletes_now(context: &Context, job: &Job, is_change: bool) -> Result<bool> {
    if context.follow.delete && is_change {
        return Ok(job.run == events_run(&job.task) || context.follows_events().await?);
    }
    mirrors(context).await
}

/// Writes the version that was seen, unless it is there.
async fn put(
    context: &Context,
    job: &Job,
    wanted: &JobObject,
    info: Option<&ObjectInfo>,
    look_before: bool,
    leader: Option<&Leader<'_>>,
    uploads: &mut Uploads,
) -> Result<Step> {
    // What a scan has found the finder has judged.
    if leader.is_some() && !context.follow.filter.takes_object(wanted.size, wanted.modified) {
        return Ok(Step::Ended(End::Filtered));
    }
    if look_before
        && !wanted.refresh
        && let Some(found) = already_there(context, wanted, info).await?
    {
        return Ok(Step::Ended(End::InPlace(found)));
    }
    if let Some(leader) = leader {
        if leader.may_write().await {
            return Ok(Step::Stale(None));
        }
        leader.writes();
    }
    match copy_version(context, job, wanted, uploads).await {
        Ok(Try::Copied(copied)) => Ok(Step::Wrote(End::Copied(copied))),
        Ok(Try::HandedOver) => Ok(Step::Ended(End::HandedOver)),
        Ok(Try::Archived(info)) => Ok(Step::Ended(End::Archived(info))),
        Ok(Try::Superseded) => Ok(Step::Ended(End::Superseded)),
        Err(error) if is_stale(&error) => Ok(Step::Stale(Some(error))),
        // An event of a folder that is a file by now, or the reverse.
        Err(error) if leader.is_some() && error.is_blocked() => Ok(Step::Stale(Some(error))),
        Err(error) => Err(error),
    }
}

/// Whether the error says that the version that was seen is no longer there.
fn is_stale(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::PreconditionFailed | ErrorKind::NotFound)
}

/// Deletes at the destination what the source does not have, as far as that is wanted.
async fn remove(
    context: &Context,
    job: &Job,
    object: &JobObject,
    options: ReconcileOptions<'_>,
    has_written: bool,
) -> Result<Step> {
    let key = &object.key;
    match options.deletes {
        Deletes::Asked => {}
        Deletes::Own if !has_written => return Ok(Step::Ended(End::Gone)),
        _ if !deletes_now(context, job, options.leader.is_some()).await? => return Ok(Step::Ended(End::Gone)),
        _ => match context.destination.head(key, &Pin::default()).await {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Step::Ended(End::Gone)),
            Err(error) => return Err(error),
        },
    }
    if let Some(leader) = options.leader {
        if leader.may_write().await {
            return Ok(Step::Stale(None));
        }
        leader.writes();
    }
    let _permit = context.transfer_permit().await;
    context.destination.delete(key).await?;
    Ok(Step::Wrote(End::Deleted))
}

/// Whether the destination holds this version already. Decided by the destination's state; the ledger only tells which
/// source version that state was made from.
async fn already_there(context: &Context, wanted: &JobObject, ours: Option<&ObjectInfo>) -> Result<Option<Copied>> {
    let info = match context.destination.head(&wanted.key, &Pin::default()).await {
        Ok(info) => info,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if info.size != wanted.size {
        return Ok(None);
    }
    let meaning = context.source.capabilities().etags;
    let theirs = context.destination.capabilities();
    let is_opaque = info.etag_is_opaque || ours.is_some_and(|ours| ours.etag_is_opaque);
    let by_etag = match (&wanted.etag, &info.etag) {
        (Some(a), Some(b)) if !is_opaque => meaning.compare(a, theirs.etags, b),
        _ => None,
    };
    let (verified, checksum) = match by_etag {
        Some(true) => ("etag, found in place", integrity::known(&info, theirs)),
        Some(false) => return Ok(None),
        None => match recorded(context, wanted, &info).await? {
            Some(outcome) => ("record, found in place", outcome.checksum),
            None => return Ok(None),
        },
    };
    if let (Some(describer), Some(ours)) = (&context.describer, ours)
        && !describer.differences(&wanted.key, ours, &info).await?.is_empty()
    {
        return Ok(None);
    }
    let (object, verified) = (wanted.clone(), verified.into());
    Ok(Some(Copied { object, etag: info.etag, checksum, verified, upload: None, told: SourceSnapshot::default() }))
}

/// The outcome that tells that what is at the destination is the wanted version.
async fn recorded(context: &Context, wanted: &JobObject, info: &ObjectInfo) -> Result<Option<Outcome>> {
    let outcome = context.ledger.outcome(&context.task, &wanted.key).await?;
    let tells = |o: &Outcome| o.state == State::Copied || o.reason.as_deref() == Some(IN_SYNC);
    Ok(outcome.filter(|o| {
        tells(o) && o.source == wanted.pin() && wanted.etag.is_some() && o.etag.is_some() && o.etag == info.etag
    }))
}

async fn copy_version(context: &Context, job: &Job, wanted: &JobObject, uploads: &mut Uploads) -> Result<Try> {
    if let Some(info) = archive::by_class(context, wanted).await? {
        return Ok(Try::Archived(info));
    }
    if whole::fits(context, wanted) {
        return Ok(Try::Copied(whole::copy(context, job, wanted).await?));
    }
    *uploads = Uploads::Unknown;
    multipart::copy(context, job, wanted).await
}
