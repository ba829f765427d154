//! An object's tags, as far as we may read them and the destination can have them.

use std::sync::atomic::Ordering::Relaxed;

use shared::object::{ObjectInfo, Pin, Tags};
use shared::store::Support;
use shared::{Error, ErrorKind, Result};

use crate::objects::context::Context;
use crate::objects::metadata::Unsupported;

/// After this number of refusals the tags of further objects are not requested: each would cost a request, and the
/// warning was logged. A policy may still refuse some prefixes only, so the first refusals do not decide.
const MAX_DENIED: u32 = 25;

/// A source that reports no numbers of tags and knows no request for tags has none. Believed when it says so twice.
const MAX_UNKNOWN: u32 = 2;

/// The tags that an object is written with. If tags are left out, that is a warning, or with `strict` an error.
///
/// Where the source does not report the number of tags, they are asked for: the number is missing both where there
/// are no tags and where we may not read them.
pub(super) async fn read(context: &Context, key: &str, info: &ObjectInfo) -> Result<Tags> {
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
    let tags = match context.objects.source.tags(key, &info.pin()).await {
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
