//! One part of an upload: sent from here, or copied by the service; its record.

use std::sync::Arc;

use shared::Result;
use shared::digest::Algorithm;
use shared::objects::{PartRecord, Proof, UploadRecord};
use shared::retry::{self, TRANSFER};
use shared::store::{Body, Object, Part, PartWrite, Read, copy_source};

use crate::engine::progress::{Attempt, ObjectProgress};
use crate::objects::context::{Context, TransferPermit};
use crate::objects::integrity;
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
) -> Result<PartRecord> {
    let subject = &context.objects.destination.location().display_key(&record.upload.key);
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
                        if let Some(part) = stream_part(context, record, number, (subject, permit), &counted).await? {
                            counted.keep();
                            return Ok(part);
                        }
                    }
                }
            };
            retry::run(&TRANSFER, subject, stream).await?
        }
    };
    context.lane.limiter.succeeded();
    Ok(part)
}

fn part_write(record: &UploadRecord, number: u32) -> PartWrite {
    let range = plan::part_range(record.size, record.part_bytes, number);
    PartWrite { number, offset: range.start, size: range.end - range.start, checksum: None }
}

/// `None` if the destination takes the part only with a checksum, which is sent the next time.
async fn stream_part(
    context: &Context,
    record: &UploadRecord,
    number: u32,
    (subject, (permit, _limited)): (&str, TransferPermit),
    counted: &Attempt,
) -> Result<Option<PartRecord>> {
    let permit = Arc::new(permit);
    let destination = context.objects.destination_capabilities();
    let is_required = context.objects.requires_checksums();
    let first = integrity::read_first_part(record, is_required, context.objects.source.capabilities(), &destination);
    let read_before = match first {
        Some(algorithm) => {
            let body = open_part(context, record, number, subject).await?;
            Some(reread::hash(context, subject, body, algorithm).await?)
        }
        None => None,
    };
    let body = open_part(context, record, number, subject).await?;
    let check = integrity::part(record, read_before.as_ref(), &destination);
    let write = PartWrite { checksum: check.send.clone(), ..part_write(record, number) };
    let pipe = Pipe {
        subject: format!("{subject} part {number}"),
        size: write.size,
        hash: check.hash.clone(),
        expect: check.expect.clone(),
        expect_etag: None,
        limits: context.objects.limits.clone(),
        attempt: counted.clone(),
        permit: Some(permit.clone()),
    };
    let (body, hashed) = pipe.through(body);
    let part = match context.objects.destination.upload_part(&record.upload, &write, body).await {
        Err(error) if !is_required && context.objects.learn_required_checksums(&error) => return Ok(None),
        part => part?,
    };
    context.objects.learn_tags(part.etag_is_opaque);
    let hashed = hashed.take();
    let proof = check.proof(subject, &part, &hashed, &destination)?;
    let md5 = hashed.iter().find(|checksum| checksum.algorithm == Algorithm::Md5);
    let md5 = md5.filter(|_| record.same_parts).cloned();
    Ok(Some(PartRecord { number, etag: part.etag, checksum: hashed.into_iter().next(), md5, proof }))
}

/// The bytes of a part, of the version that the upload was opened for.
async fn open_part(context: &Context, record: &UploadRecord, number: u32, subject: &str) -> Result<Body> {
    let range = plan::part_range(record.size, record.part_bytes, number);
    let read = Read { range: Some(range), pin: record.source.clone() };
    let Object { info, body } = context.objects.source.get(&record.upload.key, &read).await?;
    check_version(record, &info, subject)?;
    Ok(body)
}

/// The part, if the service copied it itself.
async fn part_by_service(
    context: &Context,
    record: &UploadRecord,
    number: u32,
    progress: &ObjectProgress,
) -> Result<Option<Part>> {
    let destination = &context.objects.destination;
    let source = copy_source(&*context.objects.source, &record.upload.key, &**destination);
    let may_copy = context.objects.service_copies.are_tried() && destination.capabilities().copies_parts;
    let Some(source) = source.filter(|_| may_copy) else { return Ok(None) };
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
