//! A file where a key needs a folder, and the reverse, at a destination that has folders.
//!
//! The finder defers deletes until they are allowed. A copy that one of these keys blocks waits for that, and then
//! replaces the blocking keys in one step. The delete of a blocking key is left to the copy: nothing that blocks a copy
//! is deleted unless the copy follows. An event's copy waits for no listing: see [`judge_event`].

use std::time::Duration;

use shared::filter::FilterVerdict;
use shared::ledger::Phase;
use shared::object::Pin;
use shared::objects::job::ObjectJob;
use shared::store::{KeyRange, Listed};
use shared::{Error, ErrorKind, Result};

use crate::objects::context::Context;
use crate::objects::mirror;
use crate::objects::source;

/// Longest time between two looks at whether deletes are allowed.
const LONGEST_DELAY: Duration = Duration::from_secs(300);

/// What becomes of a blocked copy.
pub(crate) enum Judged {
    /// Nothing blocks it any more.
    Free,
    /// Whether deletes are allowed is not known yet.
    Wait,
    /// It may replace the keys that block it.
    Replace,
}

/// What blocks a key.
enum Blocker {
    File(String),
    Folder,
    /// What the destination passes over, with the reason: a link to no file in the folder.
    PassedOver(String),
}

/// The time until a blocked copy is looked at again: twice as long each time, so that a listing of hours costs few
/// looks.
pub(crate) fn delay(looks: u32) -> Duration {
    Duration::from_secs(1).saturating_mul(2u32.saturating_pow(looks)).min(LONGEST_DELAY)
}

/// Whether blocked copies of this job wait for deletes. Events wait for nothing, and tasks without deletes replace
/// nothing.
pub(crate) fn waits(context: &Context, job: &ObjectJob) -> bool {
    let has_folders = context.objects.destination.capabilities().has_folders;
    has_folders && context.objects.follow.delete && job.run != shared::ledger::events_run(&job.task)
}

/// What becomes of a blocked copy. Fails by name if the keys that block it must stay.
pub(crate) async fn judge(context: &Context, job: &ObjectJob, key: &str) -> Result<Judged> {
    let Some(blocker) = find(context, key).await? else { return Ok(Judged::Free) };
    let refused = |why: &str| Err(refusal(context, key, &blocker, why));
    let Some(run) = context.engine.runs.state(&job.run).await? else {
        return refused("the ledger has no record of the run");
    };
    // A retry has not listed the destination: its deletes were counted by nobody.
    if run.options.retries.is_some() || !run.options.delete {
        return refused("remove it, or sync with --delete");
    }
    match run.phase {
        Phase::Listing => return Ok(Judged::Wait),
        Phase::Releasing | Phase::Listed => {}
        _ => return refused("deletes were refused; remove it, or raise max-delete and run again"),
    }
    match may_be_deleted(context, key, &blocker).await? {
        true => Ok(Judged::Replace),
        false => refused(IS_KEPT),
    }
}

/// Whether a key that an event names replaces the keys that block it (`false`: nothing blocks it any more). An event
/// deletes what the source no longer has without asking a scan; so it does with what blocks it. Fails with `blocked`
/// where nothing is deleted, and by name if the keys that block it must stay.
pub(crate) async fn judge_event(context: &Context, job: &ObjectJob, key: &str, blocked: Error) -> Result<bool> {
    if !mirror::deletes_for(context, job, true).await? {
        return Err(blocked);
    }
    let Some(blocker) = find(context, key).await? else { return Ok(false) };
    match may_be_deleted(context, key, &blocker).await? {
        true => Ok(true),
        false => Err(refusal(context, key, &blocker, IS_KEPT)),
    }
}

/// Why a blocker stays that is not the task's to delete.
const IS_KEPT: &str = "the source has it too, or the task's filters leave it out: remove it, or rename one of the two";

fn refusal(context: &Context, key: &str, blocker: &Blocker, why: &str) -> Error {
    let what = match blocker {
        Blocker::File(file) => format!("the file {file:?} stands where the key needs a folder"),
        Blocker::Folder => "a folder stands where the key needs a file".to_owned(),
        Blocker::PassedOver(reason) => format!("{reason}: remove it, or exclude the key"),
    };
    let why = if matches!(blocker, Blocker::PassedOver(_)) { String::new() } else { format!(": {why}") };
    let subject = context.objects.destination.location().display_key(key);
    Error::new(ErrorKind::Unrepresentable, "put", subject, format!("{what}{why}"))
}

async fn find(context: &Context, key: &str) -> Result<Option<Blocker>> {
    for above in above(key) {
        match context.objects.destination.head(above, &Pin::default()).await {
            Ok(_) => return Ok(Some(Blocker::File(above.to_owned()))),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PassedOver) => {}
            Err(error) => return Err(error),
        }
        let page = context.objects.destination.list(below(above)).next_page().await?.unwrap_or_default();
        if let Some(reason) = page.into_iter().find_map(|listed| passed_over(listed, key)) {
            return Ok(Some(Blocker::PassedOver(reason)));
        }
    }
    if key.ends_with('/') {
        return Ok(None);
    }
    let first = context.objects.destination.list(below(key)).next_page().await?;
    Ok(first.map(|_| Blocker::Folder))
}

/// Why the destination passes over a key.
fn passed_over(listed: Listed, key: &str) -> Option<String> {
    match listed {
        Listed::Unlisted(unlisted) if !unlisted.is_failure && unlisted.keys.covers(key) => Some(unlisted.reason),
        _ => None,
    }
}

/// Whether the finder takes all of a blocker for deletes: the source does not have it, and the task's bounds do not
/// leave it out.
async fn may_be_deleted(context: &Context, key: &str, blocker: &Blocker) -> Result<bool> {
    match blocker {
        Blocker::PassedOver(_) => Ok(false),
        Blocker::File(file) => {
            Ok(context.objects.follow.takes_key(file) && source::find(context, file).await?.is_none())
        }
        Blocker::Folder => {
            if context.objects.source.list(below(key)).next_page().await?.is_some() {
                return Ok(false);
            }
            let mut listing = context.objects.destination.list(below(key));
            while let Some(page) = listing.next_page().await? {
                let is_taken = |listed: &Listed| match listed {
                    Listed::Object(entry) => context.objects.follow.takes_key(&entry.key),
                    Listed::Unlisted(_) => false,
                };
                if !page.iter().all(is_taken) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
}

/// Whether a key that the destination alone has blocks a copy: then the copy removes it.
pub(crate) async fn is_needed(context: &Context, key: &str) -> Result<bool> {
    let filter = &context.objects.follow.filter;
    for above in above(key).filter(|above| context.objects.follow.takes_key(above)) {
        let found = source::find(context, above).await?;
        if found.is_some_and(|info| filter.takes_object(info.size, info.modified)) {
            return Ok(true);
        }
    }
    if key.ends_with('/') {
        return Ok(false);
    }
    let mut listing = context.objects.source.list(below(key));
    while let Some(page) = listing.next_page().await? {
        let is_copied = |listed: &Listed| match listed {
            Listed::Object(entry) => {
                let verdict = filter.judge(&entry.key, Some((entry.size, entry.modified)));
                filter.reaches(&entry.key) && verdict == FilterVerdict::Taken
            }
            Listed::Unlisted(_) => true,
        };
        if page.iter().any(is_copied) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The keys that must not be files for this key to be one, from the outermost.
fn above(key: &str) -> impl Iterator<Item = &str> {
    key.match_indices('/').map(|(at, _)| &key[..at]).filter(|above| !above.is_empty() && !above.ends_with('/'))
}

fn below(key: &str) -> KeyRange {
    KeyRange { prefix: format!("{key}/"), ..KeyRange::default() }
}
