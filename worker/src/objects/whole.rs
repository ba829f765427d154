//! An object in one request.

use std::time::Duration;

use shared::config::multipart_threshold_at;
use shared::digest::{Algorithm, Checksum};
use shared::object::{ETag, ObjectInfo, Pin};
use shared::objects::job::JobObject;
use shared::retry::{self, TRANSFER};
use shared::store::{Body, EtagMeaning, Object, Read, Write, Written, copy_source};
use shared::{Error, ErrorKind, Result};

use crate::engine::progress::Attempt;
use crate::objects::context::Context;
use crate::objects::integrity::{self, READ_AGAIN, source_word, words};
use crate::objects::item::Item;
use crate::objects::metadata::{self, SourceSnapshot};
use crate::objects::pipe::Pipe;
use crate::objects::plan;
use crate::objects::reread::{self, Expected};
use crate::objects::service_copies::is_refusal;
use crate::objects::verdict::Copied;
use crate::objects::version::at_version;

/// Whether the object goes in one request. The answer changes with the latency that the stores show; see
/// [`always_fits`].
pub(crate) fn fits(context: &Context, object: &JobObject) -> bool {
    fits_at(context, object, || latency(context, object))
}

/// Whether the object goes in one request however far the stores are: no process sends it in parts, then.
pub(crate) fn always_fits(context: &Context, object: &JobObject) -> bool {
    fits_at(context, object, || Duration::MAX)
}

/// The latency of the farther store; zero if it is not known, and if the service copies the object: its bytes do not
/// come here.
pub(crate) fn latency(context: &Context, object: &JobObject) -> Duration {
    let (source, destination) = (&context.objects.source, &context.objects.destination);
    let is_tried = context.objects.service_copies.are_tried();
    match is_tried && copy_source(&**source, &object.key, &**destination).is_some() {
        true => Duration::ZERO,
        false => source.latency().max(destination.latency()).unwrap_or_default(),
    }
}

fn fits_at(context: &Context, object: &JobObject, latency: impl FnOnce() -> Duration) -> bool {
    let (source, destination) = (context.objects.source.capabilities(), context.objects.destination.capabilities());
    let etag = object.etag.as_ref().filter(|_| source.etags != EtagMeaning::Opaque);
    let was_in_parts = etag.is_some_and(|tag| tag.part_count().is_some());
    if was_in_parts && source.etags == destination.etags && destination.etags == EtagMeaning::Md5AndParts {
        // Cut as the source was, it gets the same ETag.
        return object.size == 0;
    }
    let md5 = etag.is_some_and(|tag| tag.md5_form().is_some()) && destination.verifies.contains(&Algorithm::Md5);
    let threshold = context.objects.options.multipart_threshold;
    let threshold = threshold.unwrap_or_else(|| multipart_threshold_at(md5, latency()));
    object.size == 0
        || object.size <= threshold.min(destination.max_put_bytes)
            && object.size < context.objects.options.giant_threshold
}

/// Copies the pinned version: by the service itself where it can, else through here.
pub(crate) async fn copy(item: &Item, object: &JobObject) -> Result<Box<Copied>> {
    let context = &*item.context;
    let _permit = context.transfer_permit().await;
    let progress = context.engine.moved.object(&item.job.run, &object.key, object.size);
    if let Some(copied) = by_service(context, object).await? {
        progress.attempt().copied_by_service(object.size);
        return Ok(Box::new(copied));
    }
    let subject = context.objects.destination.location().display_key(&object.key);
    // A body that broke off cannot be sent again: each try opens the source anew.
    let attempt = async || {
        loop {
            let counted = progress.attempt();
            if let Some(copied) = stream(item, object, &subject, &counted).await? {
                counted.keep();
                return Ok(copied);
            }
        }
    };
    let copied = retry::run(&TRANSFER, &subject, attempt).await?;
    context.lane.limiter.succeeded();
    Ok(Box::new(copied))
}

/// `None` if the destination refused what the object comes with, and can have it without.
async fn stream(item: &Item, wanted: &JobObject, subject: &str, counted: &Attempt) -> Result<Option<Copied>> {
    let context = &*item.context;
    let destination = context.objects.destination_capabilities();
    let (Object { info, body }, tags) =
        metadata::opened_with_tags(item, wanted, open(context, wanted, wanted.pin())).await?;
    let write = metadata::write(context, wanted, &info, tags).await?;
    let source = context.objects.source.capabilities();
    let has_checksum = info.size == 0 || integrity::known(&info, source).is_some();
    let is_required = context.objects.requires_checksums();
    // The source shows only the first part's size and the number of parts: where the others were cut unevenly, the tag
    // cannot come out equal, and the next attempt does without.
    let expect_etag =
        if has_checksum || item.job.attempt > 1 { None } else { source_parts(context, wanted, &info).await? };
    let first = integrity::read_first_whole(&info, expect_etag.is_some(), is_required, source, &destination);
    let opened = Object { info: info.clone(), body };
    let (read_before, body) = open_hashed(context, wanted, subject, opened, first).await?;
    let check = integrity::whole(&info, read_before.as_ref(), source, &destination);
    let pipe = Pipe {
        subject: subject.to_owned(),
        size: info.size,
        hash: check.hash.clone(),
        expect: check.expect.clone(),
        expect_etag: expect_etag.clone(),
        limits: context.objects.limits.clone(),
        attempt: counted.clone(),
        permit: None,
    };
    let (body, hashed) = pipe.through(body).await?;
    let object = at_version(wanted, &info);
    let write = Write { checksum: check.send.clone(), ..write };
    let written = match context.objects.destination.put(&wanted.key, &write, body).await {
        Err(error) if context.objects.can_do_without(&write, &error) => return Ok(None),
        // Others may have learned it meanwhile: what counts is how this one was sent.
        Err(error) if !is_required && context.objects.learn_required_checksums(&error) => return Ok(None),
        written => written?,
    };
    context.objects.learn_tags(written.etag_is_opaque);
    let hashed = hashed.take();
    let checksum = check.ours(&hashed);
    let by_destination = match (check.confirmed_by(&written, &hashed, &destination), &checksum) {
        (Some(algorithm), _) => Some(format!("destination {algorithm}")),
        (None, Some(ours)) if info.size > 0 && context.objects.can_be_read(write.storage_class.as_deref()) => {
            read_again(context, &wanted.key, &written, info.size, ours).await?;
            // The bytes are right, so its tag is none of theirs.
            context.objects.learn_tags(destination.etags != EtagMeaning::Opaque);
            Some(READ_AGAIN.to_owned())
        }
        _ => None,
    };
    let known = check.send.as_ref().or(check.expect.as_ref());
    let by_etag = expect_etag.map(|_| "source etag".to_owned());
    // A file's second read comes out of the memory that answered the first, and shows nothing.
    let by_read = (known.is_some() && (source.is_remote || read_before.is_none()))
        .then(|| source_word(known, read_before.is_some()))
        .flatten();
    let verified = words(by_etag.or(by_read), by_destination);
    let snapshot = metadata::snapshot(context, &info, write);
    Ok(Some(Copied { object, etag: written.etag, checksum, verified, upload: None, snapshot }))
}

/// Reads the written object, and removes it if its bytes are wrong.
async fn read_again(context: &Context, key: &str, written: &Written, size: u64, ours: &Checksum) -> Result<()> {
    // Nobody who has a permit, as here, waits for a buffer.
    let buffer = reread::free_buffer(context, size);
    match reread::expect(context, key, written, size, Expected::Checksum(ours), buffer).await {
        Ok(()) => Ok(()),
        Err(error) => Err(reread::withdraw(context, key, error).await),
    }
}

/// Opens the source, and reads it once before where `first` says so: the second read is the one that is sent.
async fn open_hashed(
    context: &Context,
    wanted: &JobObject,
    subject: &str,
    opened: Object,
    first: Option<Algorithm>,
) -> Result<(Option<Checksum>, Body)> {
    let Object { info, body } = opened;
    let Some(algorithm) = first else { return Ok((None, body)) };
    let checksum = reread::hash(context, subject, body, algorithm).await?;
    Ok((Some(checksum), open(context, wanted, info.pin()).await?.body))
}

/// The source's tag, and the size of the parts that it is made of, where it can be computed from the bytes.
async fn source_parts(context: &Context, wanted: &JobObject, info: &ObjectInfo) -> Result<Option<(u64, ETag)>> {
    let has_meaning = context.objects.source.capabilities().etags == EtagMeaning::Md5AndParts && !info.etag_is_opaque;
    let Some(tag) = info.etag.as_ref().filter(|tag| has_meaning && tag.part_count().is_some()) else { return Ok(None) };
    let layout = context.objects.source.part_layout(&wanted.key, &info.pin()).await?;
    let layout = layout.filter(|layout| plan::is_regular(info.size, layout.part_bytes, layout.count));
    Ok(layout.map(|layout| (layout.part_bytes, tag.clone())))
}

async fn open(context: &Context, wanted: &JobObject, pin: Pin) -> Result<Object> {
    let object = context.objects.source.get(&wanted.key, &Read { range: None, pin }).await?;
    if object.info.size != wanted.size {
        let subject = context.objects.source.location().display_key(&wanted.key);
        return Err(Error::new(ErrorKind::PreconditionFailed, "get", subject, size_differs(&object.info, wanted.size)));
    }
    Ok(object)
}

/// What to say of an object whose size is not the one that was listed.
fn size_differs(info: &ObjectInfo, listed: u64) -> String {
    let is_packed = info.attributes.content_encoding.as_deref().is_some_and(|encoding| encoding.contains("gzip"));
    let hint = if is_packed {
        "; the object has Content-Encoding: gzip, and the store may unpack it before it sends it"
    } else {
        ""
    };
    format!("the object has {} bytes, but the listing said {listed}{hint}", info.size)
}

/// `None` where the service does not copy between the two: the caller streams.
async fn by_service(context: &Context, object: &JobObject) -> Result<Option<Copied>> {
    let destination = &context.objects.destination;
    let Some(source) = copy_source(&*context.objects.source, &object.key, &**destination) else { return Ok(None) };
    if !context.objects.service_copies.are_tried() || object.size > destination.capabilities().max_copy_bytes {
        return Ok(None);
    }
    let pin = object.pin();
    // The service copies headers and tags without showing them: where the source is looked at again, they are read
    // before. No listing shows what the service leaves behind either: it is read where the source may have it.
    let is_known = object.is_listed() && !context.objects.follow.look_again && !context.objects.options.strict;
    let (class, snapshot) = match is_known && !context.objects.unsupported.may_be(&*context.objects.source).await {
        true => (object.storage_class.clone(), SourceSnapshot::default()),
        false => {
            let info = context.objects.source.head(&object.key, &pin).await?;
            metadata::leave_behind(context, &object.key, &info)?;
            let snapshot = metadata::snapshot_before(context, &object.key, &info).await?;
            (info.storage_class, snapshot)
        }
    };
    let write = metadata::beside(context, object, class.as_deref()).await?;
    match destination.copy(&source, &pin, &object.key, &write).await {
        Err(error) if context.objects.can_do_without(&write, &error) => Ok(None),
        Ok(written) => match copied_by_service(context, object, &pin, written).await {
            Ok(copied) => {
                context.objects.service_copies.worked();
                Ok(Some(Copied { snapshot, ..copied }))
            }
            Err(error) => Err(reread::withdraw(context, &object.key, error).await),
        },
        Err(error) if is_refusal(&error) => {
            context.objects.service_copies.refused(&object.key, &error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn copied_by_service(context: &Context, object: &JobObject, pin: &Pin, written: Written) -> Result<Copied> {
    let meaning = context.objects.destination.capabilities().etags;
    let same = match (&pin.etag, &written.etag) {
        (Some(ours), Some(theirs)) if !written.etag_is_opaque => meaning.compare(ours, meaning, theirs),
        _ => None,
    };
    // A tag in the listing may only look like an MD5: encrypted by KMS, its HEAD says so.
    let doubted = same == Some(false);
    if doubted && !context.objects.source.head(&object.key, pin).await?.etag_is_opaque {
        let subject = context.objects.destination.location().display_key(&object.key);
        let message = "the ETag of the service's copy differs from the source's";
        return Err(Error::new(ErrorKind::BadDigest, "copy", subject, message));
    }
    let verified = if same == Some(true) { "service, etag" } else { "service" };
    let by_etag = || pin.etag.as_ref().filter(|_| same == Some(true))?.md5_form().map(Checksum::md5);
    let checksum = written.checksum.or_else(by_etag);
    let (object, verified) = (object.clone(), verified.into());
    Ok(Copied { object, etag: written.etag, checksum, verified, upload: None, snapshot: SourceSnapshot::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::object::Attributes;

    #[test]
    fn regression_a_packed_object_of_another_size_names_gzip() {
        let packed = Attributes { content_encoding: Some("gzip".into()), ..Attributes::default() };
        let info = ObjectInfo { size: 5_000, attributes: packed, ..ObjectInfo::default() };
        assert!(size_differs(&info, 49).contains("Content-Encoding: gzip"));
        let plain = ObjectInfo { size: 5_000, ..ObjectInfo::default() };
        assert_eq!(size_differs(&plain, 49), "the object has 5000 bytes, but the listing said 49");
    }
}
