//! Copies within the service.

use std::ops::Range;

use aws_sdk_s3::types::{MetadataDirective, RequestPayer, TaggingDirective};

use super::Bucket;
use super::encoding::encode_path;
use super::extras::with_extras;
use super::read::{carried, checksums, is_opaque};
use shared::digest::{Algorithm, Checksum};
use shared::object::{ETag, Pin};
use shared::retry::{self, COPY};
use shared::store::{CopySource, Part, PartWrite, Upload, Write, Written};
use shared::{Error, ErrorKind, Result};

impl Bucket {
    /// A second copy writes the same version again. So a call with a lost answer, or with an error inside of a
    /// 200 (which the SDK reads as an error), is repeated.
    pub(super) async fn copy(&self, source: &CopySource, pin: &Pin, key: &str, write: &Write) -> Result<Written> {
        self.check_key(COPY.verb, key, write.size).await?;
        let extras = self.extras(COPY.verb, key, write).await?;
        let once = || async {
            let request = self
                .client
                .copy_object()
                .bucket(self.name())
                .key(self.full_key(COPY.verb, key)?)
                .copy_source(source_header(source, pin))
                .set_request_payer(source.requester_pays.then_some(RequestPayer::Requester))
                .set_copy_source_if_match(pin.etag.as_ref().and_then(ETag::condition))
                .metadata_directive(MetadataDirective::Copy)
                .tagging_directive(if write.drops_tags { TaggingDirective::Replace } else { TaggingDirective::Copy });
            let answer =
                with_extras!(request, &extras).send().await.map_err(|error| self.refused(COPY.verb, key, error))?;
            let result = answer.copy_object_result.as_ref();
            let etag = result.and_then(|result| result.e_tag.as_deref()).map(ETag::new);
            if etag.is_none() {
                return Err(self.corrupt(COPY.verb, key, "the answer has no ETag"));
            }
            Ok(Written {
                etag_is_opaque: is_opaque(
                    answer.server_side_encryption.as_ref(),
                    answer.sse_customer_algorithm.as_deref(),
                ),
                version: answer.version_id.clone(),
                checksum: result.and_then(|result| checksums!(result, etag).into_iter().next()),
                etag,
            })
        };
        retry::run(&COPY, &self.subject(key), once).await
    }

    /// A second copy replaces the part by the same bytes.
    pub(super) async fn copy_part(
        &self,
        source: &CopySource,
        pin: &Pin,
        range: Range<u64>,
        upload: &Upload,
        part: &PartWrite,
    ) -> Result<Part> {
        if !self.provider.profile().copies_parts {
            let message = format!("{} has no server-side copy of ranges", self.provider.profile().name);
            return Err(Error::new(ErrorKind::Unsupported, COPY.verb, self.subject(&upload.key), message));
        }
        let once = || async {
            let request = self
                .client
                .upload_part_copy()
                .bucket(self.name())
                .key(self.full_key(COPY.verb, &upload.key)?)
                .upload_id(&upload.id)
                .part_number(part.number as i32)
                .copy_source(source_header(source, pin))
                .set_request_payer(source.requester_pays.then_some(RequestPayer::Requester))
                .set_copy_source_if_match(pin.etag.as_ref().and_then(ETag::condition))
                .copy_source_range(format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
            let answer = request.send().await.map_err(|error| self.error(COPY.verb, &upload.key, error))?;
            let result = answer.copy_part_result.as_ref();
            let etag = result.and_then(|result| result.e_tag.as_deref()).map(ETag::new);
            let etag = etag.ok_or_else(|| self.corrupt(COPY.verb, &upload.key, "the answer has no ETag"))?;
            Ok(Part {
                number: part.number,
                size: range.end - range.start,
                etag,
                etag_is_opaque: is_opaque(
                    answer.server_side_encryption.as_ref(),
                    answer.sse_customer_algorithm.as_deref(),
                ),
                checksum: result.and_then(|result| carried!(result).into_iter().next()),
            })
        };
        retry::run(&COPY, &self.subject(&upload.key), once).await
    }
}

/// `x-amz-copy-source`: bucket and key URL-encoded, and the pinned version.
fn source_header(source: &CopySource, pin: &Pin) -> String {
    let path = format!("{}/{}", source.bucket, encode_path(&source.key));
    match &pin.version {
        Some(version) => format!("{path}?versionId={}", encode_path(version)),
        None => path,
    }
}
