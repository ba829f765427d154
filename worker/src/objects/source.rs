//! The source's state at a key: is the object there, or is it gone?

use shared::object::{ObjectInfo, Pin};
use shared::objects::job::JobObject;
use shared::store::{KeyRange, Listed};
use shared::{Error, ErrorKind, Result};

use crate::objects::context::Context;
use crate::objects::version;

/// Between a HEAD and a listing others may create the key, or delete it.
const MAX_ROUNDS: u32 = 3;

/// The source's state at a key, as it was seen last.
#[derive(Debug, Clone)]
pub(crate) enum SourceState {
    /// This version. It is described, unless only a listing showed it.
    Present(JobObject, Option<Box<ObjectInfo>>),
    /// Nothing.
    Gone,
}

/// Looks at the source; `last` is what was known of the object.
pub(crate) async fn look(context: &Context, last: &JobObject) -> Result<SourceState> {
    let found = find(context, &last.key).await?;
    let present = |info| SourceState::Present(version::at_version(last, &info), Some(Box::new(info)));
    Ok(found.map_or(SourceState::Gone, present))
}

/// The object as it is now; `None` if it is gone.
///
/// That a HEAD does not find it is not enough, since things are skipped and deleted for it: in a bucket that is gone
/// it answers the same (it has no body that shows the difference), and some stores list objects that they do not serve.
/// So the listing is asked as well.
pub(crate) async fn find(context: &Context, key: &str) -> Result<Option<ObjectInfo>> {
    for _ in 0..MAX_ROUNDS {
        match context.objects.source.head(key, &Pin::default()).await {
            Ok(info) => return Ok(Some(info)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if !is_listed(context, key).await? {
            return Ok(None);
        }
    }
    let subject = context.objects.source.location().display_key(key);
    let message = "the source lists the object, but answers that it does not exist";
    Err(Error::new(ErrorKind::Corrupt, "get", subject, message))
}

async fn is_listed(context: &Context, key: &str) -> Result<bool> {
    let range = KeyRange { prefix: key.to_owned(), ..KeyRange::default() };
    let page = context.objects.source.list(range).next_page().await?.unwrap_or_default();
    for listed in page {
        // A key whose state the source cannot report is not gone.
        if let Listed::Unlisted(unlisted) = &listed
            && unlisted.keys.covers(key)
        {
            let kind = if unlisted.is_failure { ErrorKind::Denied } else { ErrorKind::PassedOver };
            return Err(Error::new(kind, "list", unlisted.position(), &unlisted.reason));
        }
        if matches!(&listed, Listed::Object(entry) if entry.key == key) {
            return Ok(true);
        }
    }
    Ok(false)
}
