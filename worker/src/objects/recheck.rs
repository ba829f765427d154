//! The second look: whether the source still is as it was written.

use shared::object::ObjectInfo;
use shared::objects::job::JobObject;
use shared::store::EtagMeaning;
use shared::{Error, ErrorKind, Result, metrics};

use crate::objects::context::Context;
use crate::objects::item::Item;
use crate::objects::metadata::{self, SourceSnapshot};
use crate::objects::mirror;
use crate::objects::source::{self, SourceState};
use crate::objects::source_pages::PageState;
use crate::objects::verdict::{Copied, Verdict};
use crate::objects::version;

/// Looks at the source, and says whether it still is as it was copied: for an object that several workers copied.
pub(crate) async fn is_unchanged(context: &Context, copied: &Copied) -> Result<bool> {
    let now = source::look(context, &copied.object).await?;
    is_as_copied(context, copied, &now).await
}

/// Whether the source's state `now` is the one that was written.
pub(crate) async fn is_as_written(context: &Context, written: &Verdict, now: &SourceState) -> Result<bool> {
    if let Verdict::Copied(copied) = written {
        return is_as_copied(context, copied, now).await;
    }
    let is_same = matches!(now, SourceState::Gone);
    metrics::looked_again(if is_same { "same" } else { "changed" });
    Ok(is_same)
}

async fn is_as_copied(context: &Context, copied: &Copied, now: &SourceState) -> Result<bool> {
    let is_same = match now {
        SourceState::Present(now, info) => {
            // Besides a version's name the time, which a change of headers alone moves as well.
            let is_as_old = !copied.object.is_listed() || copied.object.modified == now.modified;
            let is_same = is_as_old && version::is_same(&copied.object, now);
            match info {
                Some(info) if is_same => has_same_metadata(context, &copied.snapshot, &now.key, info).await?,
                _ => is_same,
            }
        }
        SourceState::Gone => {
            metrics::looked_again("gone");
            // Where nothing is deleted the written object stays.
            return Ok(!mirror::deletes_missing(context).await?);
        }
    };
    metrics::looked_again(if is_same { "same" } else { "changed" });
    Ok(is_same)
}

/// Whether the source's object has the attributes and tags that it had when it was read.
async fn has_same_metadata(context: &Context, snapshot: &SourceSnapshot, key: &str, now: &ObjectInfo) -> Result<bool> {
    if snapshot.attributes.is_some() && snapshot.attributes != metadata::attributes(context, now) {
        return Ok(false);
    }
    match &snapshot.tags {
        Some(tags) if tags.is_empty() && now.tag_count == Some(0) => Ok(true),
        Some(tags) => match context.objects.source.tags(key, &now.pin()).await {
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

/// Whether a page of the source's listing can show that the source still has what the item wrote.
///
/// Not of objects with tags, which no listing shows; not where headers are compared, or ETags say nothing. The object must
/// be older than this read by a second of the store's clock: listings have whole seconds, and a change of headers alone
/// keeps the ETag.
pub(crate) fn may_be_by_page(item: &Item, copied: &Copied) -> bool {
    let objects = &item.context.objects;
    let source = objects.source.capabilities();
    source.lists_consistently
        && source.etags != EtagMeaning::Opaque
        && !objects.follow.metadata
        && copied.upload.is_none()
        && copied.object.etag.is_some()
        && copied.object.is_listed()
        && copied.object.modified.as_secs() < item.source_time.as_secs()
        && copied.snapshot.tags.as_ref().is_none_or(|tags| tags.is_empty())
}

/// Whether the state that a page shows is the one that was written. `false` is a hint only.
pub(crate) fn is_as_listed(verdict: &Verdict, state: &PageState) -> bool {
    match (verdict, state) {
        (Verdict::Copied(copied), PageState::Listed(entry)) => {
            let now = JobObject {
                size: entry.size,
                modified: entry.modified,
                etag: entry.etag.clone(),
                version: entry.version.clone(),
                ..copied.object.clone()
            };
            now.modified == copied.object.modified && version::is_same(&copied.object, &now)
        }
        (Verdict::Deleted, PageState::Absent) => true,
        _ => false,
    }
}
