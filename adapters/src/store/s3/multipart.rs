//! Multipart uploads.

use aws_sdk_s3::operation::upload_part::UploadPartOutput;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, EncodingType};

use super::encoding::decode;
use super::extras::with_extras;
use super::provider::Feature;
use super::read::{carried, checksums, is_opaque};
use super::write::{announced, with_attributes, with_checksum, with_expires};
use super::{Bucket, body};
use shared::digest::{Algorithm, Checksum};
use shared::object::{ETag, Timestamp};
use shared::retry::{self, ABORT, COMPLETE, CREATE, LIST_PARTS, LIST_UPLOADS, PART};
use shared::store::{Body, Part, PartWrite, Upload, Write, Written};
use shared::{Error, ErrorKind, Result};

/// Most parts of one upload (Amazon S3 "Multipart upload limits"), and most uploads of keys with one prefix.
const MAX_LISTED: usize = 10_000;

impl Bucket {
    /// Sent once, by the port's contract: each request creates another upload.
    pub(super) async fn create_upload(&self, key: &str, write: &Write) -> Result<Upload> {
        self.check_key(CREATE.verb, key, write.size).await?;
        // Amazon refuses a part's checksum if the upload was created with another algorithm. CRC-64/NVME is its default.
        let algorithm = self.whole_checksum(write).map(|(algorithm, _)| algorithm);
        let algorithm =
            algorithm.or(self.provider.profile().checks_completion.then_some(&ChecksumAlgorithm::Crc64Nvme));
        let extras = self.extras(CREATE.verb, key, write).await?;
        let request = self.client.create_multipart_upload().bucket(self.name()).key(self.full_key(CREATE.verb, key)?);
        let request = request
            .set_checksum_algorithm(algorithm.cloned())
            .set_checksum_type(algorithm.map(|_| ChecksumType::FullObject));
        let request = with_extras!(with_attributes!(request, write), &extras).set_tagging(extras.tagging.clone());
        let request = with_expires!(request, write);
        let answer = async { request.send().await.map_err(|error| self.refused(CREATE.verb, key, error)) };
        let answer = tokio::time::timeout(CREATE.attempt, answer).await.unwrap_or_else(|_| {
            let message = format!("no answer within {} s", CREATE.attempt.as_secs());
            Err(Error::new(ErrorKind::Timeout, CREATE.verb, self.subject(key), message))
        })?;
        let id = answer.upload_id.filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| self.corrupt(CREATE.verb, key, "the answer has no upload id"))?;
        Ok(Upload { key: key.to_owned(), id })
    }

    /// The whole object's checksum, if the store can combine it from the parts' checksums: CRCs only (Amazon S3
    /// "Checking object integrity", "Full object checksums").
    fn whole_checksum<'a>(&self, write: &'a Write) -> Option<(&'static ChecksumAlgorithm, &'a Checksum)> {
        let checksum = write.checksum.as_ref().filter(|_| self.provider.profile().checks_completion)?;
        let algorithm = match checksum.algorithm {
            Algorithm::Crc64Nvme => &ChecksumAlgorithm::Crc64Nvme,
            Algorithm::Crc32c => &ChecksumAlgorithm::Crc32C,
            Algorithm::Crc32 => &ChecksumAlgorithm::Crc32,
            _ => return None,
        };
        Some((algorithm, checksum))
    }

    /// Sent once, as a `put`. The caller may send the part again: it replaces the first one.
    pub(super) async fn upload_part(&self, upload: &Upload, part: &PartWrite, body: Body) -> Result<Part> {
        let key = &upload.key;
        let full_key = self.full_key(PART.verb, key)?;
        let outgoing = body::outgoing(PART.verb, self.subject(key), part.size, body, self.stall).await?;
        if let Some(lean) = &self.lean {
            let (full_key, body) = (self.location.full_key(key), outgoing.stream.into_inner());
            let checksum = self.verified(part.checksum.as_ref());
            let answer = async {
                let answer = lean.upload_part(&full_key, &upload.id, part, checksum, body).await;
                answer.map_err(|error| self.error(PART.verb, key, error))
            };
            return self.sent(key, part, outgoing.watch.over(self.stall, answer).await?);
        }
        let request = self.client.upload_part().bucket(self.name()).key(full_key).upload_id(&upload.id);
        let request =
            request.part_number(part.number as i32).content_length(announced(part.size)).body(outgoing.stream);
        let request = with_checksum!(request, self.verified(part.checksum.as_ref()));
        let answer = async { request.send().await.map_err(|error| self.error(PART.verb, key, error)) };
        let answer = outgoing.watch.over(self.stall, answer).await?;
        self.sent(key, part, answer)
    }

    /// A part by the answer to its request.
    fn sent(&self, key: &str, part: &PartWrite, answer: UploadPartOutput) -> Result<Part> {
        let etag = answer.e_tag.as_deref().map(ETag::new);
        let etag = etag.ok_or_else(|| self.corrupt(PART.verb, key, "the answer has no ETag"))?;
        Ok(Part {
            number: part.number,
            size: part.size,
            etag,
            etag_is_opaque: is_opaque(answer.server_side_encryption.as_ref(), answer.sse_customer_algorithm.as_deref()),
            checksum: carried!(answer).into_iter().next(),
        })
    }

    /// Read-only: each page is repeated after a failed attempt.
    pub(super) async fn list_parts(&self, upload: &Upload) -> Result<Vec<Part>> {
        let key = &upload.key;
        let mut listed = ListedParts::default();
        let mut marker = None;
        loop {
            let once = || async {
                let full_key = self.full_key(LIST_PARTS.verb, key)?;
                let request = self.client.list_parts().bucket(self.name()).key(full_key);
                let request = request.upload_id(&upload.id).set_part_number_marker(marker.clone());
                request.send().await.map_err(|error| match self.error(LIST_PARTS.verb, key, error) {
                    // Some stores have no code for an upload that does not exist.
                    error if error.kind() == ErrorKind::NotFound => {
                        Error::new(ErrorKind::NoSuchUpload, LIST_PARTS.verb, self.subject(key), error.message())
                    }
                    error => error,
                })
            };
            let page = retry::run(&LIST_PARTS, &self.subject(key), once).await?;
            let before = listed.last();
            for part in page.parts.unwrap_or_default() {
                listed.add(&part).map_err(|why| self.corrupt(LIST_PARTS.verb, key, why))?;
            }
            if page.is_truncated != Some(true) {
                return Ok(listed.finish());
            }
            if listed.last() == before {
                return Err(self.corrupt(
                    LIST_PARTS.verb,
                    key,
                    "the listing has another page, but its marker does not change",
                ));
            }
            // The store's marker, or the last part's number if the store leaves the marker out.
            let next = page.next_part_number_marker.filter(|next| next != "0");
            marker = next.or(Some(listed.last().to_string()));
        }
    }

    /// If the answer of a completed upload is lost, the next attempt finds no upload, and the caller looks at the
    /// destination. The SDK reads a 200 with an `<Error>` in it as that error.
    pub(super) async fn complete_upload(&self, upload: &Upload, parts: &[Part], write: &Write) -> Result<Written> {
        let key = &upload.key;
        let total: u64 = parts.iter().map(|part| part.size).sum();
        // A store would make an object of any parts.
        if parts.is_empty() || total != write.size {
            let message = format!("the parts have {total} bytes, but the object has {}", write.size);
            return Err(Error::new(ErrorKind::Invalid, COMPLETE.verb, self.subject(key), message));
        }
        let completed = parts
            .iter()
            .map(|part| CompletedPart::builder().part_number(part.number as i32).e_tag(part.etag.quoted()).build());
        let completed = CompletedMultipartUpload::builder().set_parts(Some(completed.collect())).build();
        let whole = self.whole_checksum(write);
        let once = || async {
            let request =
                self.client.complete_multipart_upload().bucket(self.name()).key(self.full_key(COMPLETE.verb, key)?);
            let request = request
                .upload_id(&upload.id)
                .multipart_upload(completed.clone())
                .set_checksum_type(whole.map(|_| ChecksumType::FullObject))
                .set_mpu_object_size(self.provider.profile().checks_completion.then(|| announced(write.size)));
            let request = match whole {
                Some((ChecksumAlgorithm::Crc64Nvme, sum)) => request.checksum_crc64_nvme(sum.to_base64()),
                Some((ChecksumAlgorithm::Crc32C, sum)) => request.checksum_crc32_c(sum.to_base64()),
                Some((_, sum)) => request.checksum_crc32(sum.to_base64()),
                None => request,
            };
            let answer = request.send().await.map_err(|error| self.error(COMPLETE.verb, key, error))?;
            let etag = answer.e_tag.as_deref().map(ETag::new);
            if etag.is_none() {
                return Err(self.corrupt(COMPLETE.verb, key, "the answer has no ETag"));
            }
            let checksum = checksums!(answer, etag).into_iter().next();
            Ok(Written {
                etag,
                etag_is_opaque: is_opaque(answer.server_side_encryption.as_ref(), None),
                version: answer.version_id,
                checksum,
            })
        };
        match retry::run(&COMPLETE, &self.subject(key), once).await {
            // Old builds of Ceph's gateway fail with 500 if the upload does not exist.
            Err(error) if error.kind() == ErrorKind::Unavailable && self.is_gone(upload).await => {
                let message = format!("the upload does not exist ({})", error.message());
                Err(Error::new(ErrorKind::NoSuchUpload, COMPLETE.verb, self.subject(key), message).with_source(error))
            }
            ended => ended,
        }
    }

    async fn is_gone(&self, upload: &Upload) -> bool {
        self.list_parts(upload).await.is_err_and(|error| error.kind() == ErrorKind::NoSuchUpload)
    }

    /// Safe to repeat: an upload that does not exist is `Ok`.
    pub(super) async fn abort_upload(&self, upload: &Upload) -> Result<()> {
        let key = &upload.key;
        let once = || async {
            let request = self.client.abort_multipart_upload().bucket(self.name()).key(self.full_key(ABORT.verb, key)?);
            match request.upload_id(&upload.id).send().await.map_err(|error| self.error(ABORT.verb, key, error)) {
                Err(error) if !matches!(error.kind(), ErrorKind::NoSuchUpload | ErrorKind::NotFound) => Err(error),
                _ => Ok(()),
            }
        };
        retry::run(&ABORT, &self.subject(key), once).await
    }

    /// Read-only: each page is repeated after a failed attempt. The prefix is the whole key, because some stores
    /// accept no shorter one. Not all stores list in the order of the keys, so other keys with this prefix are
    /// skipped, up to a bound.
    pub(super) async fn list_uploads(&self, key: &str) -> Result<Vec<(Upload, Option<Timestamp>)>> {
        if !self.provider.profile().lists_uploads {
            let message = format!("{} does not list open uploads", self.provider.profile().name);
            return Err(Error::new(ErrorKind::Unsupported, LIST_UPLOADS.verb, self.subject(key), message));
        }
        let full_key = self.location.full_key(key);
        let encoding = self.provider.uses(Feature::EncodedKeys).then_some(EncodingType::Url);
        let (mut uploads, mut seen) = (Vec::new(), 0);
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let once = || async {
                let request = self.client.list_multipart_uploads().bucket(self.name());
                let request = request
                    .prefix(&full_key)
                    .set_encoding_type(encoding.clone())
                    .set_key_marker(key_marker.clone())
                    .set_upload_id_marker(id_marker.clone());
                request.send().await.map_err(|error| self.error(LIST_UPLOADS.verb, key, error))
            };
            let page = retry::run(&LIST_UPLOADS, &self.subject(key), once).await?;
            let encoded = page.encoding_type == Some(EncodingType::Url);
            let found = page.uploads.unwrap_or_default();
            let is_empty = found.is_empty();
            seen += found.len();
            let full = |raw: &str| if encoded { decode(raw) } else { Some(raw.to_owned()) };
            for upload in found {
                let (Some(named), Some(id)) = (upload.key.as_deref().and_then(full), upload.upload_id) else {
                    return Err(self.corrupt(LIST_UPLOADS.verb, key, "an upload has no key or no id"));
                };
                let opened = upload.initiated.and_then(|time| time.to_millis().ok()).map(Timestamp);
                if named == full_key {
                    uploads.push((Upload { key: key.to_owned(), id }, opened));
                }
            }
            if page.is_truncated != Some(true) || seen >= MAX_LISTED {
                return Ok(uploads);
            }
            let next_key = page.next_key_marker.as_deref().and_then(full).filter(|key| !key.is_empty());
            let next = (next_key, page.next_upload_id_marker.filter(|id| !id.is_empty()));
            // Empty pages may follow each other without end. Not all stores list by key.
            if next.0.is_none() || is_empty || (&next.0, &next.1) == (&key_marker, &id_marker) {
                let message = "the listing of uploads has another page, but its marker does not change";
                return Err(self.corrupt(LIST_UPLOADS.verb, key, message));
            }
            (key_marker, id_marker) = next;
        }
    }
}

/// The parts of an upload in the order of a listing, each with the time it was written.
#[derive(Default)]
struct ListedParts(Vec<(Part, Option<i64>)>);

impl ListedParts {
    /// The last number, or 0.
    fn last(&self) -> u32 {
        self.0.last().map_or(0, |(part, _)| part.number)
    }

    /// Adds the next part. SeaweedFS lists a part twice that was sent twice: the newer one counts.
    fn add(&mut self, raw: &aws_sdk_s3::types::Part) -> Result<(), &'static str> {
        let number = raw.part_number.and_then(|number| u32::try_from(number).ok());
        let size = raw.size.and_then(|size| u64::try_from(size).ok());
        let (Some(number), Some(size), Some(etag)) = (number, size, &raw.e_tag) else {
            return Err("a part has no number, size or ETag");
        };
        if number < self.last() || self.0.len() >= 2 * MAX_LISTED {
            return Err("the parts are not in order, or there are too many");
        }
        let time = raw.last_modified.as_ref().and_then(|time| time.to_millis().ok());
        self.0.push((
            Part {
                number,
                size,
                etag: ETag::new(etag),
                etag_is_opaque: false,
                checksum: carried!(raw).into_iter().next(),
            },
            time,
        ));
        Ok(())
    }

    /// One part of each number. Of two different parts with one time neither counts: the part is sent again, and
    /// completion names that one.
    fn finish(self) -> Vec<Part> {
        let same = |a: &(Part, Option<i64>), b: &(Part, Option<i64>)| a.0.number == b.0.number;
        let newest = |group: &[(Part, Option<i64>)]| {
            let newest = group.iter().map(|(_, time)| *time).max()?;
            let mut those = group.iter().filter(|(_, time)| *time == newest);
            those.next().filter(|(part, _)| those.all(|(other, _)| other == part)).map(|(part, _)| part.clone())
        };
        self.0.chunk_by(same).filter_map(newest).collect()
    }
}
