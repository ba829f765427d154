//! Writes whole objects, and the common parts of all writes.

use aws_sdk_s3::operation::put_object::PutObjectOutput;

use super::extras::{Extras, with_extras};
use super::read::{checksums, is_opaque};
use super::{Bucket, body};
use shared::Result;
use shared::digest::{Algorithm, Checksum};
use shared::object::ETag;
use shared::retry::PUT;
use shared::store::{Body, Write, Written};

/// Sets the headers of [`Attributes`](shared::object::Attributes). The builders of PutObject and
/// CreateMultipartUpload have the same setters, but no common trait.
macro_rules! with_attributes {
    ($request:expr, $write:expr) => {{
        let attributes = &$write.attributes;
        let user = attributes.user.iter().map(|(name, value)| (name.clone(), value.clone()));
        $request
            .set_content_type(attributes.content_type.clone())
            .set_content_encoding(attributes.content_encoding.clone())
            .set_content_disposition(attributes.content_disposition.clone())
            .set_content_language(attributes.content_language.clone())
            .set_cache_control(attributes.cache_control.clone())
            .set_metadata((!attributes.user.is_empty()).then(|| user.collect()))
    }};
}
pub(super) use with_attributes;

/// Sets the checksum that the store verifies.
macro_rules! with_checksum {
    ($request:expr, $checksum:expr) => {{
        let (request, checksum): (_, Option<&Checksum>) = ($request, $checksum);
        let text = checksum.map(Checksum::to_base64).unwrap_or_default();
        match checksum.map(|checksum| checksum.algorithm) {
            None => request,
            Some(Algorithm::Md5) => request.content_md5(text),
            Some(Algorithm::Crc64Nvme) => request.checksum_crc64_nvme(text),
            Some(Algorithm::Crc32c) => request.checksum_crc32_c(text),
            Some(Algorithm::Crc32) => request.checksum_crc32(text),
            Some(Algorithm::Sha256) => request.checksum_sha256(text),
            Some(Algorithm::Sha1) => request.checksum_sha1(text),
        }
    }};
}
pub(super) use with_checksum;

/// `Expires` keeps the source's text. The SDK would accept only a date.
macro_rules! with_expires {
    ($request:expr, $write:expr) => {{
        let expires = $write.attributes.expires.clone();
        $request.customize().mutate_request(move |request| {
            if let Some(expires) = &expires {
                request.headers_mut().insert("expires", expires.clone());
            }
        })
    }};
}
pub(super) use with_expires;

impl Bucket {
    /// Sent once: the body cannot be read again here. If the request is cut off, the store drops the bytes, because
    /// the length is announced. If the answer is lost, the caller writes the same object again.
    pub(super) async fn put(&self, key: &str, write: &Write, body: Body) -> Result<Written> {
        let full_key = self.full_key(PUT.verb, key)?;
        self.check_key(PUT.verb, key, write.size).await?;
        let extras = self.extras(PUT.verb, key, write).await?;
        let outgoing = body::outgoing(PUT.verb, self.subject(key), write.size, body, self.stall).await?;
        if let Some(lean) = &self.lean {
            let (full_key, body) = (self.location.full_key(key), outgoing.stream.into_inner());
            let checksum = self.verified(write.checksum.as_ref());
            let answer = async {
                let answer = lean.put(&full_key, write, &extras, checksum, body).await;
                answer.map_err(|error| self.refused(PUT.verb, key, error))
            };
            return Ok(written(outgoing.watch.over(self.stall, answer).await?));
        }
        // Boxed: the SDK's future is large, and the lean client's callers would carry it.
        Box::pin(self.put_by_sdk(key, full_key, write, &extras, outgoing)).await
    }

    async fn put_by_sdk(
        &self,
        key: &str,
        full_key: String,
        write: &Write,
        extras: &Extras,
        outgoing: body::Outgoing,
    ) -> Result<Written> {
        let request = self.client.put_object().bucket(self.name()).key(full_key).body(outgoing.stream);
        let request = request.content_length(announced(write.size));
        let request = with_checksum!(request, self.verified(write.checksum.as_ref()));
        let request = with_extras!(with_attributes!(request, write), extras).set_tagging(extras.tagging.clone());
        let request = with_expires!(request, write);
        let answer = async { request.send().await.map_err(|error| self.refused(PUT.verb, key, error)) };
        let answer = outgoing.watch.over(self.stall, answer).await?;
        Ok(written(answer))
    }

    /// The checksum, if the store verifies its algorithm.
    pub(super) fn verified<'a>(&self, checksum: Option<&'a Checksum>) -> Option<&'a Checksum> {
        checksum.filter(|checksum| self.provider.profile().verifies.contains(&checksum.algorithm))
    }
}

fn written(answer: PutObjectOutput) -> Written {
    let etag = answer.e_tag.as_deref().map(ETag::new);
    let checksum = checksums!(answer, etag).into_iter().next();
    Written {
        etag,
        etag_is_opaque: is_opaque(answer.server_side_encryption.as_ref(), answer.sse_customer_algorithm.as_deref()),
        version: answer.version_id,
        checksum,
    }
}

/// A size as the SDK's models have it; beyond 2^63 bytes the store refuses anyway.
pub(super) fn announced(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
