//! From parts to the object: completing an upload, looking at what became of it, checking it.

use std::collections::HashMap;

use shared::digest::{Checksum, multipart_etag};
use shared::job::JobObject;
use shared::ledger::{PartRecord, UploadRecord};
use shared::object::{ETag, Pin};
use shared::store::{EtagMeaning, Part, Written};
use shared::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::ending::Copied;
use crate::integrity::{self, Finished, Left, READ_AGAIN, words};
use crate::upload::{check_version, is_held, write};
use crate::{carry, reread};

/// Makes the object of its parts and checks it. An upload that is gone, or an unclear answer, is no
/// verdict: the destination is looked at, and done by another is done.
pub(crate) async fn complete(context: &Context, record: &UploadRecord) -> Result<Copied> {
    let recorded = context.ledger.recorded_parts(&record.task, &record.upload).await?;
    let listed = match context.destination.list_parts(&record.upload).await {
        Ok(listed) => listed,
        Err(error) => {
            let found = look(context, record, &recorded, error).await?;
            return finish(context, record, &recorded, found).await;
        }
    };
    let parts = agreed(context, record, &recorded, listed)?;
    source_is_unchanged(context, record).await?;
    let found = match context.destination.complete_upload(&record.upload, &parts, &write(record)).await {
        Ok(written) => Finished { written, is_ours: true },
        Err(error) => look(context, record, &recorded, error).await?,
    };
    finish(context, record, &recorded, found).await
}

/// The parts as the destination lists them. `Conflict` if they are not those that were recorded: others
/// may be sending them again at this moment.
fn agreed(context: &Context, record: &UploadRecord, recorded: &[PartRecord], listed: Vec<Part>) -> Result<Vec<Part>> {
    let mut listed: HashMap<u32, Part> = listed.into_iter().map(|part| (part.number, part)).collect();
    let mut parts = Vec::with_capacity(recorded.len());
    for (number, sent) in (1..=record.part_count()).zip(recorded.iter().map(Some).chain(std::iter::repeat(None))) {
        let held = listed.remove(&number).filter(|part| sent.is_some_and(|sent| is_held(record, sent, part)));
        parts.push(held.ok_or_else(|| {
            let subject = context.destination.location().display_key(&record.upload.key);
            let message = format!("the destination does not list part {number} as it was sent");
            Error::new(ErrorKind::Conflict, "complete", subject, message)
        })?);
    }
    Ok(parts)
}

/// One more look at the source before its parts become an object. Each part was read from the version
/// that is named in the record, as far as the store heeds such a name: some do not when they copy parts
/// themselves. A version that was there before the first part and is there after the last was there
/// for each.
async fn source_is_unchanged(context: &Context, record: &UploadRecord) -> Result<()> {
    let info = context.source.head(&record.upload.key, &record.source).await?;
    check_version(record, &info, &context.source.location().display_key(&record.upload.key))
}

/// The tag that the object must get, where the destination's tags mean something.
fn expected_etag(context: &Context, record: &UploadRecord, sent: &[PartRecord]) -> Option<ETag> {
    let tells = context.destination_capabilities().etags == EtagMeaning::Md5AndParts;
    if !tells || sent.len() != record.part_count() as usize {
        return None;
    }
    let md5s: Option<Vec<[u8; 16]>> = sent.iter().map(|part| part.etag.md5_form()).collect();
    md5s.map(|md5s| ETag::new(&multipart_etag(&md5s)))
}

/// Looks whether the object is there after `error` said that it could not be completed.
async fn look(context: &Context, record: &UploadRecord, sent: &[PartRecord], error: Error) -> Result<Finished> {
    let unclear = error.kind() == ErrorKind::NoSuchUpload || error.is_retryable();
    // Nobody completes an upload before all of its parts are recorded.
    if !unclear || sent.len() < record.part_count() as usize {
        return Err(error);
    }
    // What is still open was not completed: an object there, though it have the same bytes, is an older one.
    if error.kind() != ErrorKind::NoSuchUpload && context.destination.list_parts(&record.upload).await.is_ok() {
        return Err(error);
    }
    let info = match context.destination.head(&record.upload.key, &Pin::default()).await {
        Ok(info) => info,
        Err(absent) if absent.kind() == ErrorKind::NotFound => return Err(error),
        Err(failed) => return Err(failed),
    };
    let by_tag = match (expected_etag(context, record, sent), &info.etag) {
        (Some(expected), Some(etag)) if !info.etag_is_opaque => Some(expected == *etag),
        _ => None,
    };
    // Nothing tells this upload's object from an older one of the same size but its time, both by the
    // store's clock, which may tell whole seconds; and its bytes, which are read then.
    let by_time = || {
        info.modified.as_secs() >= record.opened.as_secs()
            || context.destination.capabilities().keeps_modified && info.modified == record.modified
    };
    if info.size != record.size || !by_tag.unwrap_or_else(by_time) {
        return Err(error);
    }
    tracing::info!(key = ?record.upload.key, %error, "the upload is gone, but its object is there");
    let checksum = info.checksums.into_iter().next();
    let written = Written { etag: info.etag, etag_is_opaque: info.etag_is_opaque, version: info.version, checksum };
    Ok(Finished { written, is_ours: by_tag == Some(true) })
}

/// Checks the finished object, and removes it if it is wrong.
async fn finish(context: &Context, record: &UploadRecord, sent: &[PartRecord], found: Finished) -> Result<Copied> {
    let key = &record.upload.key;
    context.learn_tags(found.written.etag_is_opaque);
    let (checksum, verified) = match check(context, record, sent, &found).await {
        Ok(checked) => checked,
        Err(error) if found.is_ours => return Err(reread::withdraw(context, key, error).await),
        Err(error) => return Err(error),
    };
    let object = JobObject {
        index: record.index,
        key: key.clone(),
        size: record.size,
        modified: record.modified,
        etag: record.source.etag.clone(),
        version: record.source.version.clone(),
        ..JobObject::default()
    };
    let upload = Some(Box::new(record.upload.clone()));
    let told = carry::told_of(context, record);
    Ok(Copied { object, etag: found.written.etag, checksum, verified, upload, told })
}

/// The object's checksum, and what was compared.
async fn check(
    context: &Context,
    record: &UploadRecord,
    sent: &[PartRecord],
    found: &Finished,
) -> Result<(Option<Checksum>, String)> {
    let (key, written) = (&record.upload.key, &found.written);
    let subject = context.destination.location().display_key(key);
    let (source, destination) = (context.source.capabilities(), context.destination_capabilities());
    let (checksum, left) = integrity::finished(&subject, record, sent, found, source, &destination)?;
    let verified = match left {
        Left::Nothing(words) => words,
        Left::Read(_, source) if !context.can_be_read(record.storage_class.as_deref()) => words(source, None),
        Left::ReadParts(_) if !context.can_be_read(record.storage_class.as_deref()) => words(None, None),
        Left::Read(known, source) => {
            reread::expect_checksum(context, key, written, &known).await?;
            words(source, Some(READ_AGAIN.to_owned()))
        }
        Left::ReadParts(etag) => {
            reread::expect_etag(context, key, written, record.part_bytes, &etag).await?;
            words(Some("source etag".to_owned()), Some(READ_AGAIN.to_owned()))
        }
    };
    Ok((checksum, verified))
}
