//! HeadObject, GetObject, PutObject and UploadPart. The answers have the SDK's types, so the callers are the same.

use std::borrow::Cow;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::operation::upload_part::UploadPartOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ArchiveStatus, ChecksumType, ObjectLockLegalHoldStatus, ObjectLockMode, ServerSideEncryption, StorageClass,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::body::SdkBody;

use super::call::Call;
use super::headers::{METADATA, metadata, number, text, time};
use super::{Answered, LeanClient};
use crate::store::s3::extras::Extras;
use shared::digest::{Algorithm, Checksum};
use shared::object::{ETag, Pin};
use shared::store::{PartWrite, Read, Write};

/// The type of an object that has none, as the SDK writes it.
const OCTETS: &str = "application/octet-stream";

/// Sets the headers that HEAD and GET have in common. The SDK's builders have the same setters, but no common trait.
macro_rules! object_headers {
    ($builder:expr, $headers:expr) => {{
        let text = |name: &str| text($headers, name);
        $builder
            .set_content_length(number($headers, "content-length")?)
            .set_last_modified(time($headers, "last-modified")?)
            .set_e_tag(text("etag")?)
            .set_version_id(text("x-amz-version-id")?)
            .set_content_type(text("content-type")?)
            .set_content_encoding(text("content-encoding")?)
            .set_content_disposition(text("content-disposition")?)
            .set_content_language(text("content-language")?)
            .set_cache_control(text("cache-control")?)
            .set_expires_string(text("expires")?)
            .set_metadata(metadata($headers)?)
            .set_missing_meta(number($headers, "x-amz-missing-meta")?)
            .set_website_redirect_location(text("x-amz-website-redirect-location")?)
            .set_restore(text("x-amz-restore")?)
            .set_storage_class(text("x-amz-storage-class")?.as_deref().map(StorageClass::from))
            .set_object_lock_mode(text("x-amz-object-lock-mode")?.as_deref().map(ObjectLockMode::from))
            .set_object_lock_legal_hold_status(
                text("x-amz-object-lock-legal-hold")?.as_deref().map(ObjectLockLegalHoldStatus::from),
            )
            .set_parts_count(number($headers, "x-amz-mp-parts-count")?)
            .set_tag_count(number($headers, "x-amz-tagging-count")?)
            .set_checksum_type(text("x-amz-checksum-type")?.as_deref().map(ChecksumType::from))
    }};
}

/// Sets encryption and checksums, which every answer about an object or a part may have.
macro_rules! checked {
    ($builder:expr, $headers:expr) => {{
        let text = |name: &str| text($headers, name);
        let encryption = text("x-amz-server-side-encryption")?;
        $builder
            .set_server_side_encryption(encryption.as_deref().map(ServerSideEncryption::from))
            .set_sse_customer_algorithm(text("x-amz-server-side-encryption-customer-algorithm")?)
            .set_checksum_crc64_nvme(text("x-amz-checksum-crc64nvme")?)
            .set_checksum_crc32_c(text("x-amz-checksum-crc32c")?)
            .set_checksum_sha256(text("x-amz-checksum-sha256")?)
            .set_checksum_crc32(text("x-amz-checksum-crc32")?)
            .set_checksum_sha1(text("x-amz-checksum-sha1")?)
    }};
}

impl LeanClient {
    /// Read-only.
    pub(in crate::store::s3) async fn head(
        &self,
        key: &str,
        pin: &Pin,
        part: Option<i32>,
        checksums: bool,
    ) -> Answered<HeadObjectOutput> {
        let call = pinned("HEAD", key, pin, part).header("x-amz-checksum-mode", checksums.then_some("ENABLED"));
        let answer = self.send(call).await?;
        read(answer, |headers| {
            let archive = text(headers, "x-amz-archive-status")?;
            let output = checked!(object_headers!(HeadObjectOutput::builder(), headers), headers);
            Ok(output.set_archive_status(archive.as_deref().map(ArchiveStatus::from)).build())
        })
    }

    /// Read-only, up to the headers of the answer. Its body is read once, by the caller.
    pub(in crate::store::s3) async fn get(&self, key: &str, get: &Read, checksums: bool) -> Answered<GetObjectOutput> {
        let range = get.range.as_ref().map(|range| format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
        let call = pinned("GET", key, &get.pin, None)
            .parameter("x-id", self.named("GetObject"))
            .header("x-amz-checksum-mode", checksums.then_some("ENABLED"))
            .header("range", range);
        let mut answer = self.send(call).await?;
        let body = ByteStream::new(std::mem::replace(answer.body_mut(), SdkBody::taken()));
        read(answer, |headers| {
            let output = checked!(object_headers!(GetObjectOutput::builder(), headers), headers);
            Ok(output.set_content_range(text(headers, "content-range")?).body(body).build())
        })
    }

    /// Sent once: the body cannot be read again here.
    pub(in crate::store::s3) async fn put(
        &self,
        key: &str,
        write: &Write,
        extras: &Extras,
        checksum: Option<&Checksum>,
        body: SdkBody,
    ) -> Answered<PutObjectOutput> {
        let attributes = &write.attributes;
        let call = Call { body, length: write.size, ..Call::new("PUT", Some(key)) };
        let mut call = call
            .parameter("x-id", self.named("PutObject"))
            .header("content-type", Some(attributes.content_type.as_deref().unwrap_or(OCTETS)))
            .header("content-encoding", attributes.content_encoding.as_deref())
            .header("content-disposition", attributes.content_disposition.as_deref())
            .header("content-language", attributes.content_language.as_deref())
            .header("cache-control", attributes.cache_control.as_deref())
            .header("expires", attributes.expires.as_deref())
            .header("x-amz-tagging", extras.tagging.as_deref())
            .header("x-amz-storage-class", extras.class.as_ref().map(StorageClass::as_str))
            .header("x-amz-acl", extras.canned.as_ref().map(aws_sdk_s3::types::ObjectCannedAcl::as_str))
            .header("x-amz-grant-full-control", extras.full_control.as_deref())
            .header("x-amz-grant-read", extras.read.as_deref())
            .header("x-amz-grant-read-acp", extras.read_acp.as_deref())
            .header("x-amz-grant-write-acp", extras.write_acp.as_deref())
            .header("x-amz-server-side-encryption", extras.encryption.as_ref().map(ServerSideEncryption::as_str))
            .header("x-amz-server-side-encryption-aws-kms-key-id", extras.kms_key.as_deref());
        for (name, value) in &attributes.user {
            call.headers.push((Cow::Owned(format!("{METADATA}{}", name.to_lowercase())), Cow::Borrowed(value)));
        }
        let answer = self.without_document(self.send(verified(call, checksum)).await?).await?;
        read(answer, |headers| {
            let output = checked!(PutObjectOutput::builder(), headers);
            let kind = text(headers, "x-amz-checksum-type")?;
            Ok(output
                .set_e_tag(text(headers, "etag")?)
                .set_version_id(text(headers, "x-amz-version-id")?)
                .set_checksum_type(kind.as_deref().map(ChecksumType::from))
                .build())
        })
    }

    /// Sent once, as a put.
    pub(in crate::store::s3) async fn upload_part(
        &self,
        key: &str,
        upload: &str,
        part: &PartWrite,
        checksum: Option<&Checksum>,
        body: SdkBody,
    ) -> Answered<UploadPartOutput> {
        let call = Call { body, length: part.size, ..Call::new("PUT", Some(key)) };
        let call = call
            .parameter("partNumber", Some(part.number.to_string()))
            .parameter("uploadId", Some(upload))
            .parameter("x-id", self.named("UploadPart"))
            .header("content-type", Some(OCTETS));
        let answer = self.without_document(self.send(verified(call, checksum)).await?).await?;
        read(answer, |headers| {
            let output = checked!(UploadPartOutput::builder(), headers);
            Ok(output.set_e_tag(text(headers, "etag")?).build())
        })
    }

    /// The operation's name in the query, as the SDK writes it; `None` for a provider that refuses it.
    fn named(&self, operation: &'static str) -> Option<&'static str> {
        self.provider.profile().accepts_x_id.then_some(operation)
    }
}

/// A request for a version of an object.
fn pinned<'a>(method: &'static str, key: &'a str, pin: &'a Pin, part: Option<i32>) -> Call<'a> {
    Call { reads_object: true, ..Call::new(method, Some(key)) }
        .parameter("partNumber", part.map(|part| part.to_string()))
        .parameter("versionId", pin.version.as_deref())
        .header("if-match", pin.etag.as_ref().and_then(ETag::condition))
}

/// Adds the checksum that the store verifies.
fn verified<'a>(call: Call<'a>, checksum: Option<&Checksum>) -> Call<'a> {
    let Some(checksum) = checksum else { return call };
    let name = match checksum.algorithm {
        Algorithm::Md5 => "content-md5",
        Algorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
        Algorithm::Crc32c => "x-amz-checksum-crc32c",
        Algorithm::Crc32 => "x-amz-checksum-crc32",
        Algorithm::Sha256 => "x-amz-checksum-sha256",
        Algorithm::Sha1 => "x-amz-checksum-sha1",
    };
    call.header(name, Some(checksum.to_base64()))
}

/// The output of an answer, from its headers.
#[allow(clippy::result_large_err, reason = "the error is the SDK's, which holds the answer")]
fn read<T>(answer: HttpResponse, of: impl FnOnce(&Headers) -> Result<T, BoxError>) -> Answered<T> {
    match of(answer.headers()) {
        Ok(output) => Ok(output),
        Err(error) => Err(SdkError::response_error(error, answer)),
    }
}
