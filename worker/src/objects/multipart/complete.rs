//! From parts to the object: completing an upload, reading the result, checking it.

use std::collections::HashMap;

use shared::digest::{Checksum, multipart_etag};
use shared::object::{ETag, Pin};
use shared::objects::job::JobObject;
use shared::objects::{PartRecord, UploadRecord};
use shared::store::{EtagMeaning, Part, Written};
use shared::{Error, ErrorKind, Result, terminal};

use crate::objects::context::Context;
use crate::objects::integrity::finished::{Finished, Remaining, finished};
use crate::objects::integrity::{READ_AGAIN, words};
use crate::objects::metadata;
use crate::objects::multipart::upload::{check_version, created_with, is_listed};
use crate::objects::reread::{self, Expected};
use crate::objects::verdict::Copied;

/// How completing an upload ended.
pub(crate) enum Completion {
    /// The object is there.
    Copied(Box<Copied>),
    /// The destination does not list these parts as they were recorded: another delivery, which lost its lease, has
    /// sent them too. They are to be sent again.
    Unlisted(Vec<u32>),
}

/// Completions of which each may meet a part that was replaced since the listing before it.
const MOST_COMPLETIONS: u32 = 3;

/// Makes the object of its parts and checks it. An upload that is gone, or an unclear answer, is no
/// verdict: the destination is looked at, and done by another is done. `compared` is the CRC of the bytes that were
/// compared with the source's checksum while they were sent: an object of these is not read again for that.
pub(crate) async fn complete(
    context: &Context,
    record: &UploadRecord,
    compared: Option<Checksum>,
) -> Result<Completion> {
    for _ in 1..MOST_COMPLETIONS {
        if let Some(completion) = complete_once(context, record, compared.clone(), true).await? {
            return Ok(completion);
        }
    }
    let last = complete_once(context, record, compared, false).await?;
    Ok(last.expect("the last one looks for no replaced part"))
}

/// As [`complete`]; `None`, with `looks`, if another delivery, which lost its lease, has replaced a part since the listing:
/// the store then has another tag for it, and refuses the completion.
async fn complete_once(
    context: &Context,
    record: &UploadRecord,
    compared: Option<Checksum>,
    looks: bool,
) -> Result<Option<Completion>> {
    let recorded = context.objects.upload_log.recorded_parts(&record.task, &record.upload).await?;
    // At the same time, for each may be far away: all parts that count are recorded by now, so they were read before.
    let listed = context.objects.destination.list_parts(&record.upload);
    let (listed, is_unchanged) = tokio::join!(listed, source_is_unchanged(context, record));
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => {
            let recorded = one_each(recorded);
            let found = Finished { compared, ..look(context, record, &recorded, error).await? };
            return finish(context, record, &recorded, found).await.map(Box::new).map(Completion::Copied).map(Some);
        }
    };
    let (parts, recorded) = match agreed_at_last(context, record, &recorded, listed).await? {
        Ok(agreed) => agreed,
        Err(unlisted) => {
            let (parts, key) = (terminal::counted(unlisted.len() as u64, "part"), &record.upload.key);
            tracing::warn!("the destination does not list {parts} of {key:?} as they were sent: sending them again");
            return Ok(Some(Completion::Unlisted(unlisted)));
        }
    };
    is_unchanged?;
    let found = match context.objects.destination.complete_upload(&record.upload, &parts, &created_with(record)).await {
        Ok(written) => Finished { written, is_ours: true, compared },
        Err(error) if looks && error.kind() == ErrorKind::Invalid && is_replaced(context, record, &parts).await => {
            return Ok(None);
        }
        Err(error) => Finished { compared, ..look(context, record, &recorded, error).await? },
    };
    finish(context, record, &recorded, found).await.map(Box::new).map(Completion::Copied).map(Some)
}

/// Whether the destination lists other parts than these by now, or has the upload no more. Without an answer they are
/// taken for the same: the refusal stands.
async fn is_replaced(context: &Context, record: &UploadRecord, sent: &[Part]) -> bool {
    match context.objects.destination.list_parts(&record.upload).await {
        Ok(listed) => {
            !sent.iter().all(|part| listed.iter().any(|now| now.number == part.number && now.etag == part.etag))
        }
        Err(error) => error.kind() == ErrorKind::NoSuchUpload,
    }
}

/// Parts in order with the record of each; or the numbers of those that are not listed as they were recorded.
type Agreed = std::result::Result<(Vec<Part>, Vec<PartRecord>), Vec<u32>>;

/// As [`agreed`], listing once more before parts are sent again: another delivery may be replacing them at this moment.
async fn agreed_at_last(
    context: &Context,
    record: &UploadRecord,
    recorded: &[PartRecord],
    listed: Vec<Part>,
) -> Result<Agreed> {
    match agreed(record, recorded, listed) {
        Ok(agreed) => Ok(Ok(agreed)),
        Err(_) => Ok(agreed(record, recorded, context.objects.destination.list_parts(&record.upload).await?)),
    }
}

/// The parts as the destination lists them, with the record of each; or the numbers of those that it does not list as
/// any record of theirs says.
fn agreed(record: &UploadRecord, recorded: &[PartRecord], listed: Vec<Part>) -> Agreed {
    let mut listed: HashMap<u32, Part> = listed.into_iter().map(|part| (part.number, part)).collect();
    let mut records: HashMap<u32, Vec<&PartRecord>> = HashMap::new();
    recorded.iter().for_each(|part| records.entry(part.number).or_default().push(part));
    let (mut agreed, mut unlisted) = ((Vec::new(), Vec::new()), Vec::new());
    for number in 1..=record.part_count() {
        let part = listed.remove(&number);
        let sent = records.get(&number).into_iter().flatten();
        match part.and_then(|part| Some((sent.copied().find(|sent| is_listed(record, sent, &part))?.clone(), part))) {
            Some((sent, part)) => {
                agreed.0.push(part);
                agreed.1.push(sent);
            }
            None => unlisted.push(number),
        }
    }
    if unlisted.is_empty() { Ok(agreed) } else { Err(unlisted) }
}

/// One record for each part, where the destination cannot say which of them it has: all are of the same bytes.
fn one_each(mut recorded: Vec<PartRecord>) -> Vec<PartRecord> {
    recorded.dedup_by_key(|part| part.number);
    recorded
}

/// One more look at the source before its parts become an object. Each part was read from the version
/// that is named in the record, as far as the store heeds such a name: some do not when they copy parts
/// themselves. A version that was there before the first part and is there after the last was there
/// for each.
async fn source_is_unchanged(context: &Context, record: &UploadRecord) -> Result<()> {
    let info = context.objects.source.head(&record.upload.key, &record.source).await?;
    check_version(record, &info, &context.objects.source.location().display_key(&record.upload.key))
}

/// The tag that the object must get, where the destination's tags mean something.
fn expected_etag(context: &Context, record: &UploadRecord, sent: &[PartRecord]) -> Option<ETag> {
    let has_meaning = context.objects.destination_capabilities().etags == EtagMeaning::Md5AndParts;
    if !has_meaning || sent.len() != record.part_count() as usize {
        return None;
    }
    let md5s: Option<Vec<[u8; 16]>> = sent.iter().map(|part| part.etag.md5_form()).collect();
    md5s.map(|md5s| ETag::new(&multipart_etag(&md5s)))
}

/// Whether the destination says that the upload is gone. An upload that is open, or of which nothing is known, was not
/// completed as far as we know: an object there, though it have the same bytes, is an older one.
async fn is_gone(context: &Context, record: &UploadRecord) -> bool {
    let listed = context.objects.destination.list_parts(&record.upload).await;
    listed.is_err_and(|error| error.kind() == ErrorKind::NoSuchUpload)
}

/// Looks whether the object is there after `error` said that it could not be completed.
async fn look(context: &Context, record: &UploadRecord, sent: &[PartRecord], error: Error) -> Result<Finished> {
    let unclear = error.kind() == ErrorKind::NoSuchUpload || error.is_retryable();
    // Nobody completes an upload before all of its parts are recorded.
    if !unclear || sent.len() < record.part_count() as usize {
        return Err(error);
    }
    if error.kind() != ErrorKind::NoSuchUpload && !is_gone(context, record).await {
        return Err(error);
    }
    let info = match context.objects.destination.head(&record.upload.key, &Pin::default()).await {
        Ok(info) => info,
        Err(absent) if absent.kind() == ErrorKind::NotFound => return Err(error),
        Err(failed) => return Err(failed),
    };
    let by_tag = match (expected_etag(context, record, sent), &info.etag) {
        (Some(expected), Some(etag)) if !info.etag_is_opaque => Some(expected == *etag),
        _ => None,
    };
    // Only its time distinguishes this upload's object from an older one of the same size, both by the store's clock,
    // which may have whole seconds; and its bytes, which are read then.
    let by_time = || {
        info.modified.as_secs() >= record.opened.as_secs()
            || context.objects.destination.capabilities().keeps_modified && info.modified == record.modified
    };
    if info.size != record.size || !by_tag.unwrap_or_else(by_time) {
        return Err(error);
    }
    tracing::info!(key = ?record.upload.key, %error, "the upload no longer exists, but its object does");
    let checksum = info.checksums.into_iter().next();
    let written = Written { etag: info.etag, etag_is_opaque: info.etag_is_opaque, version: info.version, checksum };
    Ok(Finished { written, is_ours: by_tag == Some(true), compared: None })
}

/// Checks the finished object, and removes it if it is wrong.
async fn finish(context: &Context, record: &UploadRecord, sent: &[PartRecord], found: Finished) -> Result<Copied> {
    let key = &record.upload.key;
    context.objects.learn_tags(found.written.etag_is_opaque);
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
    let snapshot = metadata::snapshot_of(context, record);
    Ok(Copied { object, etag: found.written.etag, checksum, verified, upload, snapshot })
}

/// The object's checksum, and what was compared.
async fn check(
    context: &Context,
    record: &UploadRecord,
    sent: &[PartRecord],
    found: &Finished,
) -> Result<(Option<Checksum>, String)> {
    let (key, written) = (&record.upload.key, &found.written);
    let subject = context.objects.destination.location().display_key(key);
    let (source, destination) = (context.objects.source.capabilities(), context.objects.destination_capabilities());
    let (checksum, remaining) = finished(&subject, record, sent, found, source, &destination)?;
    let verified = match remaining {
        Remaining::Nothing(words) => words,
        Remaining::Read(_, source) if !context.objects.can_be_read(record.storage_class.as_deref()) => {
            words(source, None)
        }
        Remaining::ReadParts(_) if !context.objects.can_be_read(record.storage_class.as_deref()) => words(None, None),
        Remaining::Read(known, source) => {
            read_again(context, record, written, Expected::Checksum(&known)).await?;
            words(source, Some(READ_AGAIN.to_owned()))
        }
        Remaining::ReadParts(etag) => {
            read_again(context, record, written, Expected::Etag(record.part_bytes, &etag)).await?;
            words(Some("source etag".to_owned()), Some(READ_AGAIN.to_owned()))
        }
    };
    Ok((checksum, verified))
}

/// Reads the finished object. The permits of its parts are given back by now.
async fn read_again(context: &Context, record: &UploadRecord, written: &Written, expected: Expected<'_>) -> Result<()> {
    let (_permit, buffer) = reread::right(context, record.size).await;
    reread::expect(context, &record.upload.key, written, record.size, expected, buffer).await
}
