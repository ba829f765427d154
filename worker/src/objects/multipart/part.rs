//! One part of an upload: sent from here, or copied by the service; its record.

use std::sync::Arc;

use shared::Result;
use shared::digest::{Algorithm, Checksum};
use shared::limits::Permit;
use shared::objects::{PartRecord, Proof, UploadRecord};
use shared::retry::{self, TRANSFER};
use shared::store::{Body, CopySource, EtagMeaning, Object, Part, PartWrite, Read, copy_source};

use crate::engine::progress::{Attempt, ObjectProgress};
use crate::objects::context::{Context, TransferPermit};
use crate::objects::integrity::{self, Check};
use crate::objects::multipart::slow_parts::{PartTimes, PartWatch};
use crate::objects::multipart::upload::check_version;
use crate::objects::pipe::Pipe;
use crate::objects::plan;
use crate::objects::reread;
use crate::objects::service_copies::is_refusal;

/// Sends one part; its record. The permit is given back when most of the part was read: while the destination answers,
/// another part is read.
pub(crate) async fn upload_part(
    context: &Context,
    record: &UploadRecord,
    number: u32,
    progress: &ObjectProgress,
    times: &PartTimes,
) -> Result<PartRecord> {
    let subject = &context.objects.destination.location().display_key(&record.upload.key);
    let target = UploadedPart { context, record, number, subject };
    let watch = &times.watch(target.size());
    let part = match part_by_service(context, record, number, progress).await? {
        Some(part) => PartRecord { number, etag: part.etag, checksum: None, md5: None, proof: Proof::Service },
        None => {
            // Waiting for the first one takes no time of the retries.
            let mut first = Some(context.transfer_permit().await);
            let stream = || {
                let mut first = first.take();
                async move {
                    loop {
                        let permit = match first.take() {
                            Some(permit) => permit,
                            None => context.transfer_permit().await,
                        };
                        let counted = progress.attempt();
                        if let Some(part) = stream_part(target, permit, &counted, Some(watch)).await? {
                            counted.keep();
                            return Ok(part);
                        }
                    }
                }
            };
            let first = retry::run(&TRANSFER, subject, stream);
            let again = |permit| stream_again(target, permit, progress);
            watch.first_success(|| target.permit_of_second_try(), first, again).await?
        }
    };
    context.lane.limiter.succeeded();
    Ok(part)
}

fn part_write(record: &UploadRecord, number: u32) -> PartWrite {
    let range = plan::part_range(record.size, record.part_bytes, number);
    PartWrite { number, offset: range.start, size: range.end - range.start, checksum: None }
}

/// A part of an upload that is sent from here.
#[derive(Clone, Copy)]
pub(crate) struct UploadedPart<'a> {
    pub context: &'a Context,
    pub record: &'a UploadRecord,
    pub number: u32,
    /// The object's name in errors.
    pub subject: &'a str,
}

impl UploadedPart<'_> {
    /// Bytes.
    pub fn size(&self) -> u64 {
        plan::part_size(self.record.size, self.record.part_bytes, self.number)
    }

    /// A permit that no transfer waits for. A folder gets no second try: a writer that begins removes the record of the
    /// part that another one has written. Nor does a store whose tags differ each time: the try that was dropped may
    /// still arrive, and the part would not be listed as it was recorded.
    pub fn permit_of_second_try(&self) -> Option<TransferPermit> {
        let destination = self.context.objects.destination.capabilities();
        let may_be_twice = destination.is_remote && destination.etags != EtagMeaning::Opaque;
        if may_be_twice { self.context.idle_transfer_permit() } else { None }
    }

    /// The bytes, of the version that the upload was opened for.
    pub async fn open(&self) -> Result<Body> {
        let UploadedPart { context, record, number, subject } = *self;
        let range = plan::part_range(record.size, record.part_bytes, number);
        let read = Read { range: Some(range), pin: record.source.clone() };
        let Object { info, body } = context.objects.source.get(&record.upload.key, &read).await?;
        check_version(record, &info, subject)?;
        Ok(body)
    }

    /// Sends these bytes, whose checksums may be `known` before. A permit is given back when most of them are sent.
    /// `has_other_tag`: the destination has answered with a tag before that is not the MD5 of the bytes. The second one
    /// in a row may not be made of them: the finished object is read again, which shows it.
    pub async fn send(
        &self,
        body: Body,
        check: &Check,
        known: &[Checksum],
        permit: Option<&Arc<Permit>>,
        counted: &Attempt,
        has_other_tag: bool,
    ) -> Result<PartRecord> {
        let UploadedPart { context, record, number, subject } = *self;
        let destination = context.objects.destination_capabilities();
        let write = PartWrite { checksum: check.send.clone(), ..part_write(record, number) };
        let pipe = Pipe {
            subject: format!("{subject} part {number}"),
            size: write.size,
            hash: check.hash.clone(),
            expect: check.expect.clone(),
            expect_etag: None,
            limits: context.objects.limits.clone(),
            attempt: counted.clone(),
            // A folder answers at once, and its writes take memory of their own.
            permit: permit.filter(|_| destination.is_remote).cloned(),
        };
        let (body, hashed) = pipe.through(body).await?;
        let part = context.objects.destination.upload_part(&record.upload, &write, body).await?;
        context.objects.learn_tags(part.etag_is_opaque);
        let hashed: Vec<Checksum> = known.iter().cloned().chain(hashed.take()).collect();
        let is_read_again = context.objects.can_be_read(record.storage_class.as_deref());
        let proof = match check.proof(subject, &part, &hashed, &destination) {
            Err(_) if has_other_tag && part.checksum.is_none() && is_read_again => Proof::None,
            proof => proof?,
        };
        let md5 = hashed.iter().find(|checksum| checksum.algorithm == Algorithm::Md5);
        let md5 = md5.filter(|_| record.same_parts).cloned();
        Ok(PartRecord { number, etag: part.etag, checksum: hashed.into_iter().next(), md5, proof })
    }
}

/// `None` if the destination takes the part only with a checksum, which is sent the next time.
async fn stream_part(
    part: UploadedPart<'_>,
    (permit, _limited): TransferPermit,
    counted: &Attempt,
    watch: Option<&PartWatch<'_>>,
) -> Result<Option<PartRecord>> {
    let UploadedPart { context, record, subject, .. } = part;
    let permit = Arc::new(permit);
    let destination = context.objects.destination_capabilities();
    let is_required = context.objects.requires_checksums();
    let first = integrity::read_first_part(record, is_required, context.objects.source.capabilities(), &destination);
    let read_before = match first {
        Some(algorithm) => {
            let body = part.open().await?;
            Some(reread::hash(context, subject, body, algorithm).await?)
        }
        None => None,
    };
    // Not earlier: no byte is sent while the source is read for the first time.
    if let Some(watch) = watch {
        watch.begins(counted);
    }
    let body = part.open().await?;
    let check = integrity::part(record, read_before.as_ref(), &destination);
    match part.send(body, &check, &[], Some(&permit), counted, false).await {
        Err(error) if !is_required && context.objects.learn_required_checksums(&error) => Ok(None),
        sent => sent.map(Some),
    }
}

/// The second try of a slow part; `None` if it fails: the first one may still succeed.
async fn stream_again(part: UploadedPart<'_>, permit: TransferPermit, progress: &ObjectProgress) -> Option<PartRecord> {
    let counted = progress.attempt();
    let sent = stream_part(part, permit, &counted, None).await.ok().flatten()?;
    counted.keep();
    Some(sent)
}

/// Where the service finds the object, if it may copy parts itself.
pub(crate) fn source_of_copies(context: &Context, key: &str) -> Option<CopySource> {
    let destination = &context.objects.destination;
    let source = copy_source(&*context.objects.source, key, &**destination);
    source.filter(|_| context.objects.service_copies.are_tried() && destination.capabilities().copies_parts)
}

/// The part, if the service copied it itself.
async fn part_by_service(
    context: &Context,
    record: &UploadRecord,
    number: u32,
    progress: &ObjectProgress,
) -> Result<Option<Part>> {
    let destination = &context.objects.destination;
    let Some(source) = source_of_copies(context, &record.upload.key) else { return Ok(None) };
    let range = plan::part_range(record.size, record.part_bytes, number);
    let part = part_write(record, number);
    let _permit = context.transfer_permit().await;
    match destination.copy_part(&source, &record.source, range, &record.upload, &part).await {
        Ok(part) => {
            context.objects.service_copies.worked();
            progress.attempt().copied_by_service(part_write(record, number).size);
            Ok(Some(part))
        }
        Err(error) if is_refusal(&error) => {
            context.objects.service_copies.refused(&record.upload.key, &error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
