//! Whether the destination has a version of an object already.

use shared::ledger::{Outcome, State};
use shared::object::{ObjectInfo, Pin};
use shared::objects::ObjectDetail;
use shared::objects::job::JobObject;
use shared::objects::reasons::IN_SYNC;
use shared::{ErrorKind, Result};

use crate::objects::context::Context;
use crate::objects::integrity;
use crate::objects::metadata::SourceSnapshot;
use crate::objects::verdict::Copied;

/// Whether the destination holds this version already. Decided by the destination's state; the ledger only says from
/// which source version that state was made.
pub(crate) async fn find(context: &Context, wanted: &JobObject, ours: Option<&ObjectInfo>) -> Result<Option<Copied>> {
    let info = match context.objects.destination.head(&wanted.key, &Pin::default()).await {
        Ok(info) => info,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if info.size != wanted.size {
        return Ok(None);
    }
    let meaning = context.objects.source.capabilities().etags;
    let theirs = context.objects.destination.capabilities();
    let is_opaque = info.etag_is_opaque || ours.is_some_and(|ours| ours.etag_is_opaque);
    let by_etag = match (&wanted.etag, &info.etag) {
        (Some(a), Some(b)) if !is_opaque => meaning.compare(a, theirs.etags, b),
        _ => None,
    };
    let (verified, checksum) = match by_etag {
        Some(true) => ("etag, found in place", integrity::known(&info, theirs)),
        Some(false) => return Ok(None),
        None => match recorded(context, wanted, &info).await? {
            Some(recorded) => ("record, found in place", recorded.checksum),
            None => return Ok(None),
        },
    };
    if let (Some(describer), Some(ours)) = (&context.objects.describer, ours)
        && !describer.differences(&wanted.key, ours, &info).await?.is_empty()
    {
        return Ok(None);
    }
    let (object, verified) = (wanted.clone(), verified.into());
    Ok(Some(Copied { object, etag: info.etag, checksum, verified, upload: None, snapshot: SourceSnapshot::default() }))
}

/// The record that says that the destination's object is the wanted version. Objects whose ETags cannot be compared have
/// records of their own. One that is older than the object's last copy says the same: the destination's tag is still
/// that of the version that the record names.
async fn recorded(context: &Context, wanted: &JobObject, info: &ObjectInfo) -> Result<Option<ObjectDetail>> {
    let outcome = context.engine.ledger.recorded(&context.engine.task, &wanted.key).await?;
    let is_copy = |o: &Outcome| o.state == State::Copied || o.reason.as_deref() == Some(IN_SYNC);
    let Some(outcome) = outcome.filter(is_copy) else { return Ok(None) };
    let detail = ObjectDetail::read(&outcome)?;
    let is_wanted = wanted.etag.is_some() && detail.source == wanted.pin();
    Ok((is_wanted && detail.etag.is_some() && detail.etag == info.etag).then_some(detail))
}
