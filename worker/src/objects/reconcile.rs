//! One key: bring the destination to the state of the source, and look again where others may write it.
//!
//! Jobs are hints; the stores are the truth. A worker that has written looks at the source once more, and goes on
//! until the source is as it was written. So the last writer has looked last. The writer of a stale write mends it, or
//! else the redelivery of its job does: the job is not acknowledged before. An object that was found in place needs no
//! second look: the worker that wrote it looks again itself.

use std::time::Duration;

use shared::object::{ObjectInfo, Pin};
use shared::objects::job::{JobChange, JobObject};
use shared::{Error, ErrorKind, Result};

use crate::objects::archive;
use crate::objects::context::Context;
use crate::objects::events::coalesce::Leader;
use crate::objects::events::in_doubt;
use crate::objects::in_place;
use crate::objects::item::{Item, Request};
use crate::objects::mirror;
use crate::objects::multipart;
use crate::objects::recheck;
use crate::objects::replace::{self, Judged};
use crate::objects::source::{self, SourceState};
use crate::objects::verdict::{Skip, Uploads, Verdict};
use crate::objects::version;
use crate::objects::whole;

/// A source that changes under every one of so many writes is left to a later look.
const MAX_LOOKS: u32 = 5;

/// How long a listing is believed that showed a key to be absent. A source that gets the key again meanwhile is seen by
/// the second look, or by the next scan.
pub(crate) const ABSENT_FOR: Duration = Duration::from_secs(10);

/// What may be deleted when the source does not have a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deletes {
    /// Only an object that this work has written, where the task mirrors deletes.
    Own,
    /// The destination's object, where the task mirrors deletes.
    Mirrored,
    /// The key, which the finder has found to be at the destination alone.
    Requested,
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
    /// Whether the look after a write may be one at all objects of the job.
    pub look_may_wait: bool,
    /// The work for events of the key that this is part of.
    pub leader: Option<&'a Leader<'a>>,
}

/// One step towards the source's state.
enum Step {
    /// The destination was written to, or needs nothing.
    Ended(Verdict),
    /// The source has changed since it was seen, as this error says, if there was one.
    Outdated(Option<Error>),
}

/// Copies one object of a job, as the finder saw it or as it is by now.
pub(crate) async fn copy(item: &mut Item) -> Verdict {
    let (context, is_redone, blocked) = (&item.context, item.is_redone(), item.object.blocked);
    let options = ReconcileOptions {
        look_before: is_redone,
        look_after: is_redone || context.objects.follow.look_again,
        // An earlier delivery may have written it.
        deletes: if is_redone { Deletes::Mirrored } else { Deletes::Own },
        look_may_wait: !is_redone,
        leader: None,
    };
    // Only a copy that was judged now may replace something.
    let mut wanted = JobObject { blocked: 0, ..item.object.clone() };
    if blocked > 0 {
        match replace::judge(context, &item.job, &item.object.key).await {
            Ok(Judged::Free) => {}
            Ok(Judged::Wait) => return Verdict::Blocked,
            Ok(Judged::Replace) => wanted.blocked = blocked,
            Err(error) => return item.failed(error),
        }
    }
    // An earlier delivery may have written the job's version over a newer one, and have ended before it looked again. An
    // earlier attempt may have begun to upload a newer one, and events of that leave the key to it. So that the job's
    // version is in place says nothing then.
    let seen = match is_redone {
        true => look(context, &wanted, None).await,
        false => Ok(SourceState::Present(wanted, None)),
    };
    let end = match seen {
        Ok(seen) => reconcile(item, seen, None, options).await,
        Err(error) => Err(error),
    };
    match end {
        // The object that blocks it is looked at when this one comes again.
        Err(error) if blocked == 0 && error.is_blocked() && replace::waits(&item.context, &item.job) => {
            Verdict::Blocked
        }
        end => conclude(item, end).await,
    }
}

/// Deletes one key, unless the source has it again: the finder's listing is some time old. `may_block`: the key may
/// take the place of a copy.
pub(crate) async fn delete(item: &mut Item, may_block: bool) -> Verdict {
    let context = &item.context;
    // An earlier delivery may have deleted the key already, before the source had it again; and may have begun to
    // copy it back.
    let is_redone = item.is_redone();
    let look_after = is_redone || context.objects.follow.look_again;
    let deletes = Deletes::Requested;
    let options = ReconcileOptions { look_before: true, look_after, deletes, look_may_wait: !is_redone, leader: None };
    // An earlier delivery has asked too: what is left to a copy is so each time.
    if may_block && context.objects.destination.capabilities().has_folders {
        match replace::is_needed(context, &item.object.key).await {
            Ok(false) => {}
            Ok(true) => return Verdict::Skipped(Skip::LeftToCopy),
            Err(error) => return item.failed(error),
        }
    }
    let is_shown_absent = || item.absent_since.is_some_and(|since| since.elapsed() < ABSENT_FOR);
    let is_absent = item.is_removed || !is_redone && is_shown_absent();
    let seen = match if is_absent { Ok(SourceState::Gone) } else { source::look(context, &item.object).await } {
        Ok(SourceState::Present(..)) if !is_redone => return Verdict::Skipped(Skip::BackAtSource),
        Ok(seen) => seen,
        Err(error) => return item.failed(error),
    };
    let end = reconcile(item, seen, None, options).await;
    conclude(item, end).await
}

/// Looks at the source after a write whose look has waited, and goes on as long as the source is not as it was written.
pub(crate) async fn look_again(item: &mut Item, written: Verdict) -> Verdict {
    let deletes = if matches!(item.request, Request::Delete { .. }) { Deletes::Requested } else { Deletes::Own };
    let options = ReconcileOptions { look_before: true, look_after: true, deletes, look_may_wait: false, leader: None };
    let last = match &written {
        Verdict::Copied(copied) => copied.object.clone(),
        _ => item.object.clone(),
    };
    let end = match look(&item.context, &last, None).await {
        Ok(now) => match recheck::is_as_written(&item.context, &written, &now).await {
            Ok(true) => return checked(item, written),
            Ok(false) => reconcile(item, now, Some(written), options).await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    conclude(item, end).await
}

/// Brings one key in step, beginning with what was `seen` of the source, after this work has `written`.
pub(crate) async fn reconcile(
    item: &mut Item,
    mut seen: SourceState,
    mut written: Option<Verdict>,
    options: ReconcileOptions<'_>,
) -> Result<Verdict> {
    for _ in 0..MAX_LOOKS {
        if options.look_after {
            // From before the write: an answered one may be verified for long.
            item.context.unchecked.add(&item.object.key);
        }
        let step = match &seen {
            SourceState::Present(wanted, info) => write_version(item, wanted, info.as_deref(), options).await?,
            SourceState::Gone => remove(item, options, written.is_some()).await?,
        };
        seen = match step {
            Step::Ended(verdict) if !verdict.has_written() => return Ok(checked(item, with_earlier(verdict, written))),
            Step::Ended(verdict) if !options.look_after => return Ok(verdict),
            // Once it is to be looked at after a second write, the key is looked at alone.
            Step::Ended(verdict) if options.look_may_wait && written.is_none() && look_waits(item, &verdict) => {
                item.look_waits = true;
                return Ok(verdict);
            }
            Step::Ended(verdict) => {
                let last = match &verdict {
                    Verdict::Copied(copied) => &copied.object,
                    _ => &item.object,
                };
                let now = look(&item.context, last, options.leader).await?;
                if recheck::is_as_written(&item.context, &verdict, &now).await? {
                    return Ok(checked(item, verdict));
                }
                written = Some(verdict);
                now
            }
            Step::Outdated(error) => {
                let wanted = match &seen {
                    SourceState::Present(wanted, _) => wanted,
                    SourceState::Gone => &item.object,
                };
                let now = look(&item.context, wanted, options.leader).await?;
                // The listing may show tags that reads do not honour; the error is the truth then.
                match (error, &now) {
                    (Some(error), SourceState::Present(now, _)) if version::is_same(wanted, now) => return Err(error),
                    _ => now,
                }
            }
        };
    }
    keeps_changing(item, written, options).await
}

/// The verdict on a key that needs no other look.
fn checked(item: &Item, verdict: Verdict) -> Verdict {
    item.context.unchecked.remove(&item.object.key);
    verdict
}

/// Whether a page of the source's listing can show that the source is as it was written.
fn look_waits(item: &Item, verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Copied(copied) => recheck::may_be_by_page(item, copied),
        _ => item.context.objects.source.capabilities().lists_consistently,
    }
}

/// The verdict of work whose last step wrote nothing: an `earlier` step has perhaps.
fn with_earlier(last: Verdict, earlier: Option<Verdict>) -> Verdict {
    match (last, earlier) {
        (Verdict::InSync(found), Some(_)) => Verdict::Copied(found),
        (Verdict::Skipped(Skip::Gone | Skip::OutOfBounds), Some(earlier)) => earlier,
        (last, _) => last,
    }
}

/// The source changed under each of [`MAX_LOOKS`] writes. An event's key is looked at again, written or not.
async fn keeps_changing(item: &Item, written: Option<Verdict>, options: ReconcileOptions<'_>) -> Result<Verdict> {
    let (context, object) = (&item.context, &item.object);
    if context.objects.follow.look_again && (written.is_some() || options.leader.is_some()) {
        let change = in_doubt::change((object.index, &object.key));
        let no_delete = options.leader.is_some() && options.deletes == Deletes::Own;
        let changes = vec![JobChange { no_delete, ..change }];
        in_doubt::look_later(context, &item.job, changes, in_doubt::CHANGED_AFTER, 1).await?;
        return Ok(written.unwrap_or(Verdict::Skipped(Skip::TakenOver)));
    }
    let subject = context.objects.source.location().display_key(&object.key);
    let message = format!("the source changed during each of {MAX_LOOKS} copies");
    Err(Error::new(ErrorKind::Conflict, "copy", subject, message))
}

/// What the end of a reconciliation means for an object of a job that was to write it.
pub(crate) async fn conclude(item: &mut Item, end: Result<Verdict>) -> Verdict {
    match end {
        Ok(Verdict::Copied(mut copied) | Verdict::InSync(mut copied)) => {
            item.context.objects.wrong_bytes.take(&item.object.key);
            if let Some(upload) = copied.upload.take() {
                item.uploads = Uploads::Completed(upload);
            }
            // An object that an earlier delivery has written and not recorded is this one's to count.
            Verdict::Copied(copied)
        }
        Ok(Verdict::Archived(info)) => archive::conclude(item, Some(*info)).await,
        Ok(verdict) => verdict,
        Err(error) if error.kind() == ErrorKind::Archived => archive::conclude(item, None).await,
        Err(error) => item.failed(error),
    }
}

/// Looks at the source. Events that arrive from now on are not covered by this look.
pub(crate) async fn look(context: &Context, last: &JobObject, leader: Option<&Leader<'_>>) -> Result<SourceState> {
    if let Some(leader) = leader {
        leader.begin_look();
    }
    source::look(context, last).await
}

/// Writes the version that was seen, unless it is there.
async fn write_version(
    item: &mut Item,
    wanted: &JobObject,
    info: Option<&ObjectInfo>,
    options: ReconcileOptions<'_>,
) -> Result<Step> {
    let (context, leader) = (&item.context, options.leader);
    // The finder has judged what a scan has found.
    if leader.is_some() && !context.objects.follow.filter.takes_object(wanted.size, wanted.modified) {
        return Ok(Step::Ended(Verdict::Skipped(Skip::OutOfBounds)));
    }
    if (options.look_before || info.is_some())
        && !wanted.refresh
        && let Some(found) = in_place::find(context, wanted, info).await?
    {
        return Ok(Step::Ended(Verdict::InSync(Box::new(found))));
    }
    if let Some(leader) = leader {
        if leader.may_write().await {
            return Ok(Step::Outdated(None));
        }
        leader.writes();
    }
    match copy_version(item, wanted).await {
        Ok(verdict) => Ok(Step::Ended(verdict)),
        Err(error) if is_outdated(&error) => Ok(Step::Outdated(Some(error))),
        // An event of a folder that is a file by now, or the reverse.
        Err(error) if leader.is_some() && error.is_blocked() => Ok(Step::Outdated(Some(error))),
        Err(error) => Err(error),
    }
}

/// Whether the error says that the version that was seen is no longer there.
fn is_outdated(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::PreconditionFailed | ErrorKind::NotFound)
}

/// Copies the pinned version: in one request, or in parts.
async fn copy_version(item: &mut Item, wanted: &JobObject) -> Result<Verdict> {
    if let Some(info) = archive::by_class(&item.context, wanted).await? {
        return Ok(Verdict::Archived(Box::new(info)));
    }
    if whole::fits(&item.context, wanted) && !has_open_upload(item, wanted).await? {
        return whole::copy(item, wanted).await.map(Verdict::Copied);
    }
    item.uploads = Uploads::Unknown;
    multipart::copy(item, wanted).await
}

/// Whether an upload of the key is open, which an earlier job or another one has begun: the object seemed too large for
/// one request to it, because the stores seemed farther away. It is to be resumed or ended.
async fn has_open_upload(item: &Item, wanted: &JobObject) -> Result<bool> {
    if whole::always_fits(&item.context, wanted) {
        return Ok(false);
    }
    let keys = [wanted.key.as_str()];
    Ok(!item.context.objects.upload_log.open_uploads(&item.job.task, &keys).await?.is_empty())
}

/// Deletes at the destination what the source does not have, as far as that is wanted.
async fn remove(item: &mut Item, options: ReconcileOptions<'_>, has_written: bool) -> Result<Step> {
    if std::mem::take(&mut item.is_removed) {
        return Ok(Step::Ended(Verdict::Deleted));
    }
    let (context, key) = (&item.context, &item.object.key);
    let gone = || Ok(Step::Ended(Verdict::Skipped(Skip::Gone)));
    match options.deletes {
        Deletes::Requested => {}
        Deletes::Own if !has_written => return gone(),
        _ if !mirror::deletes_for(context, &item.job, options.leader.is_some()).await? => return gone(),
        _ => match context.objects.destination.head(key, &Pin::default()).await {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return gone(),
            Err(error) => return Err(error),
        },
    }
    if let Some(leader) = options.leader {
        if leader.may_write().await {
            return Ok(Step::Outdated(None));
        }
        leader.writes();
    }
    let _permit = context.transfer_permit().await;
    context.objects.destination.delete(key).await?;
    Ok(Step::Ended(Verdict::Deleted))
}
