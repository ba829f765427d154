//! An object's tags, as far as we may read them and the destination can have them.

use std::sync::atomic::Ordering::Relaxed;

use shared::object::{ObjectInfo, Pin, Tags};
use shared::objects::job::JobObject;
use shared::store::{Object, Support};
use shared::{Error, ErrorKind, Result};

use crate::objects::context::Context;
use crate::objects::item::Item;
use crate::objects::metadata::Unsupported;

/// After this number of refusals the tags of further objects are not requested: each would cost a request, and the
/// warning was logged. A policy may still refuse some prefixes only, so the first refusals do not decide.
const MAX_DENIED: u32 = 25;

/// A source that reports no numbers of tags and knows no request for tags has none. Believed when it says so twice.
const MAX_UNKNOWN: u32 = 2;

/// The answer to a request for tags that was sent before the answer to the one for the content had come.
pub(crate) type EarlyTags = Option<Result<Tags>>;

/// Opens an object, with its [early tags](with_early_tags).
pub(crate) async fn opened_with_tags(
    item: &Item,
    wanted: &JobObject,
    open: impl Future<Output = Result<Object>>,
) -> Result<(Object, EarlyTags)> {
    with_early_tags(item, wanted, open, |object| &object.info).await
}

/// The source's description of an object, with its [early tags](with_early_tags).
pub(crate) async fn described_with_tags(item: &Item, wanted: &JobObject) -> Result<(ObjectInfo, EarlyTags)> {
    let pin = wanted.pin();
    with_early_tags(item, wanted, item.context.objects.source.head(&wanted.key, &pin), |info| info).await
}

/// Sends the request `ask` about an object, and asks for its tags at the same time where every copy asks for them: one
/// round trip less.
///
/// Tags have no `If-Match`, so what was read early counts only if the answer to `ask` shows that nobody has replaced
/// the object since it was listed. It shows that by tag, version and time; and the object was written in an earlier
/// second than this work began, so that a later write has another time. A tag set that changes alone is seen by the
/// second look, as one that changes after a later request is. An object that cannot be read costs one request for tags
/// at most.
async fn with_early_tags<T>(
    item: &Item,
    wanted: &JobObject,
    ask: impl Future<Output = Result<T>>,
    info_of: impl Fn(&T) -> &ObjectInfo,
) -> Result<(T, EarlyTags)> {
    let context = &item.context;
    if !may_be_early(item, wanted) {
        return Ok((ask.await?, None));
    }
    let pin = wanted.pin();
    let tags = async { Ok(context.objects.source.tags(&wanted.key, &pin).await) };
    let (answer, tags) = futures::future::try_join(ask, tags).await?;
    let info = info_of(&answer);
    let is_as_listed =
        info.etag == wanted.etag && info.modified.as_secs() == wanted.modified.as_secs() && info.size == wanted.size;
    if info.version != wanted.version || info.tag_count.is_some() {
        // A store that says more than its listing does: the next object is described first.
        context.objects.unsupported.are_early_tags_useless.store(true, Relaxed);
        return Ok((answer, None));
    }
    Ok((answer, Some(tags).filter(|_| is_as_listed)))
}

/// Whether the tags of an object may be asked for before its content's answer has come.
fn may_be_early(item: &Item, wanted: &JobObject) -> bool {
    let objects = &item.context.objects;
    let (source, unsupported) = (objects.source.capabilities(), &objects.unsupported);
    let is_left_out = objects.is_unsupported(Unsupported::Tags) && unsupported.is_said(Unsupported::Tags);
    let are_asked_for = objects.options.tags
        && source.is_remote
        && !source.reports_tag_counts
        && source.metadata.tags != Support::No
        && unsupported.denied_tags.load(Relaxed) == 0
        && unsupported.unknown_tags.load(Relaxed) == 0
        && !is_left_out;
    let is_old = wanted.is_listed() && wanted.modified.as_secs() < item.source_time.as_secs();
    are_asked_for && is_old && wanted.etag.is_some() && !unsupported.are_early_tags_useless.load(Relaxed)
}

/// The tags that an object is written with. If tags are left out, that is a warning, or with `strict` an error.
///
/// Where the source does not report the number of tags, they are asked for, unless they were already: the number is
/// missing both where there are no tags and where we may not read them.
pub(super) async fn read(context: &Context, key: &str, info: &ObjectInfo, early: EarlyTags) -> Result<Tags> {
    let (unsupported, strict) = (&context.objects.unsupported, context.objects.options.strict);
    let has_none = info.tag_count == Some(0) || context.objects.source.capabilities().metadata.tags == Support::No;
    if !context.objects.options.tags || has_none {
        return Ok(Tags::new());
    }
    let is_reported = info.tag_count.is_some();
    if context.objects.is_unsupported(Unsupported::Tags) && (is_reported || unsupported.is_said(Unsupported::Tags)) {
        if is_reported {
            context.objects.leave_out(Unsupported::Tags, key)?;
        }
        if !strict {
            return Ok(Tags::new());
        }
    }
    let gives_up = unsupported.denied_tags.load(Relaxed) >= MAX_DENIED && !strict
        || unsupported.unknown_tags.load(Relaxed) >= MAX_UNKNOWN && !is_reported;
    if gives_up {
        return Ok(Tags::new());
    }
    let answer = match early {
        Some(answer) => answer,
        None => context.objects.source.tags(key, &info.pin()).await,
    };
    let tags = match answer {
        Ok(tags) => tags,
        Err(error) if !is_reported && is_unknown(&error) => {
            unsupported.unknown_tags.fetch_add(1, Relaxed);
            return Ok(Tags::new());
        }
        Err(error) if matches!(error.kind(), ErrorKind::Denied | ErrorKind::Unsupported) => {
            unsupported.denied_tags.fetch_add(1, Relaxed);
            context.objects.leave_out(Unsupported::SourceTags, key)?;
            return Ok(Tags::new());
        }
        Err(error) => return Err(error),
    };
    if !tags.is_empty() && !are_kept(context, key).await? {
        context.objects.leave_out(Unsupported::Tags, key)?;
        return Ok(Tags::new());
    }
    Ok(tags)
}

/// Whether a store might answer so that does not know the request.
fn is_unknown(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Invalid | ErrorKind::Corrupt)
}

/// Whether the destination keeps tags. A store may take tags, forget them, and only say so when it is asked for some.
async fn are_kept(context: &Context, key: &str) -> Result<bool> {
    if context.objects.destination.capabilities().metadata.tags == Support::Unknown {
        let ask = || async {
            match context.objects.destination.tags(key, &Pin::default()).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    context.objects.unsupported.refuse(Unsupported::Tags)
                }
                Err(error) if error.is_retryable() => return Err(error),
                _ => {}
            }
            Ok(())
        };
        context.objects.unsupported.asked_for_tags.get_or_try_init(ask).await?;
    }
    Ok(!context.objects.is_unsupported(Unsupported::Tags))
}
