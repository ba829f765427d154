//! An object in one request.

use shared::config::multipart_threshold_bytes;
use shared::digest::Algorithm;
use shared::job::JobObject;
use shared::object::Pin;
use shared::retry::{self, TRANSFER};
use shared::store::{EtagMeaning, Object, Read, Write, Written, copy_source};
use shared::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::ending::Copied;
use crate::integrity;
use crate::pipe::Pipe;
use crate::version::at_version;

/// Whether the object goes in one request.
pub(crate) fn fits(context: &Context, object: &JobObject) -> bool {
    let (source, destination) = (context.source.capabilities(), context.destination.capabilities());
    let etag = object.etag.as_ref().filter(|_| source.etags != EtagMeaning::Opaque);
    let was_in_parts = etag.is_some_and(|tag| tag.part_count().is_some());
    if was_in_parts && source.etags == destination.etags && destination.etags == EtagMeaning::Md5AndParts {
        // Cut as the source was, it gets the same ETag.
        return object.size == 0;
    }
    let md5 = etag.is_some_and(|tag| tag.md5_form().is_some()) && destination.verifies.contains(&Algorithm::Md5);
    let threshold = context.options.multipart_threshold.unwrap_or(multipart_threshold_bytes(md5));
    object.size == 0
        || object.size <= threshold.min(destination.max_put_bytes) && object.size < context.options.giant_threshold
}

/// Copies the pinned version: by the service itself where it can, else through here.
pub(crate) async fn copy(context: &Context, object: &JobObject) -> Result<Copied> {
    let _permit = context.transfer_permit().await;
    if let Some(copied) = by_service(context, object).await? {
        return Ok(copied);
    }
    let subject = context.destination.location().display_key(&object.key);
    // A body that broke off cannot be sent again: each try opens the source anew.
    let copied = retry::run(&TRANSFER, &subject, || stream(context, object, &subject)).await?;
    context.brake.succeeded();
    Ok(copied)
}

async fn stream(context: &Context, wanted: &JobObject, subject: &str) -> Result<Copied> {
    let destination = context.destination.capabilities();
    let read = Read { range: None, pin: wanted.pin() };
    let Object { info, body } = context.source.get(&wanted.key, &read).await?;
    if info.size != wanted.size {
        let message = format!("{} bytes where the listing had {}", info.size, wanted.size);
        return Err(Error::new(ErrorKind::PreconditionFailed, "get", subject, message));
    }
    let check = integrity::whole(&info, context.source.capabilities(), destination);
    let pipe = Pipe {
        subject: subject.to_owned(),
        size: info.size,
        hash: check.hash.clone(),
        expect: check.expect.clone(),
        bandwidth: context.bandwidth.clone(),
        moved: context.moved.clone(),
    };
    let (body, hashed) = pipe.through(body);
    let object = at_version(wanted, &info);
    let write = Write {
        size: info.size,
        attributes: info.attributes,
        storage_class: None,
        modified: Some(object.modified),
        checksum: check.send.clone(),
    };
    let written = context.destination.put(&wanted.key, &write, body).await?;
    let (checksum, verified) = check.judge(subject, &written, &hashed.take(), destination)?;
    Ok(Copied { object, etag: written.etag, checksum, verified, upload: None })
}

/// `None` where the service does not copy between the two: the caller streams.
async fn by_service(context: &Context, object: &JobObject) -> Result<Option<Copied>> {
    let destination = &context.destination;
    let Some(source) = copy_source(&*context.source, &object.key, &**destination) else { return Ok(None) };
    if !context.may_copy_server_side() || object.size > destination.capabilities().max_copy_bytes {
        return Ok(None);
    }
    let pin = object.pin();
    let write = Write { size: object.size, modified: Some(object.modified), ..Write::default() };
    match destination.copy(&source, &pin, &object.key, &write).await {
        Ok(written) => Ok(Some(copied_by_service(context, object, &pin, written).await?)),
        Err(error) if is_refusal(&error) => {
            context.no_server_side_copy(&error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Whether the service will not copy at all, so that streaming may still do. A missing bucket or
/// key may only mean that the destination's credentials do not see the source.
pub(crate) fn is_refusal(error: &Error) -> bool {
    use ErrorKind::*;
    matches!(error.kind(), Denied | Unsupported | Invalid | NoSuchContainer | NotFound)
}

async fn copied_by_service(context: &Context, object: &JobObject, pin: &Pin, written: Written) -> Result<Copied> {
    let meaning = context.destination.capabilities().etags;
    let same = match (&pin.etag, &written.etag) {
        (Some(ours), Some(theirs)) if !written.etag_is_opaque => meaning.compare(ours, meaning, theirs),
        _ => None,
    };
    // A tag in the listing may only look like an MD5: encrypted by KMS, its HEAD says so.
    let doubted = same == Some(false);
    if doubted && !context.source.head(&object.key, pin).await?.etag_is_opaque {
        let subject = context.destination.location().display_key(&object.key);
        let message = "the service's copy has another ETag than its source";
        return Err(Error::new(ErrorKind::BadDigest, "copy", subject, message));
    }
    let verified = if same == Some(true) { "service, etag" } else { "service" };
    let (object, verified) = (object.clone(), verified.into());
    Ok(Copied { object, etag: written.etag, checksum: written.checksum, verified, upload: None })
}
