//! Describes and reads objects.

use std::future::Future;
use std::ops::Range;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::SdkBody;
use aws_sdk_s3::types::{ChecksumMode, ServerSideEncryption};

use super::extras::access;
use super::provider::Feature;
use super::{Bucket, body};
use shared::digest::{Algorithm, Checksum};
use shared::object::{Access, Attributes, ETag, ObjectInfo, Pin, Timestamp, Uncarried};
use shared::retry::{self, GET, HEAD};
use shared::store::{EtagMeaning, Object, PartLayout, Read, WHOLE_BYTES};
use shared::{Error, ErrorKind, Result};

/// The checksums in an answer, of the object or of a part.
macro_rules! carried {
    ($answer:expr) => {{
        let carried = [
            (Algorithm::Crc64Nvme, &$answer.checksum_crc64_nvme),
            (Algorithm::Crc32c, &$answer.checksum_crc32_c),
            (Algorithm::Sha256, &$answer.checksum_sha256),
            (Algorithm::Crc32, &$answer.checksum_crc32),
            (Algorithm::Sha1, &$answer.checksum_sha1),
        ];
        let read =
            |(algorithm, text): &(Algorithm, &Option<String>)| Checksum::from_base64(*algorithm, text.as_deref()?);
        carried.iter().filter_map(read).collect::<Vec<_>>()
    }};
}
pub(super) use carried;

/// The checksums of the *whole* object in an answer. A checksum of type `COMPOSITE`, or with a `-N` behind it, is
/// made of the parts' checksums. If a store names no type, those of objects with parts are not trusted.
macro_rules! checksums {
    ($answer:expr, $etag:expr) => {{
        let whole = match &$answer.checksum_type {
            Some(kind) => *kind == aws_sdk_s3::types::ChecksumType::FullObject,
            None => $etag.as_ref().is_none_or(|tag: &ETag| !tag.as_str().contains('-')),
        };
        if whole { $crate::store::s3::read::carried!($answer) } else { Vec::new() }
    }};
}
pub(super) use checksums;

/// Whether the ETag is not an MD5: with any encryption except by the store's own keys (Amazon S3, "Object",
/// "ETag").
pub(super) fn is_opaque(encryption: Option<&ServerSideEncryption>, customer_key: Option<&str>) -> bool {
    !matches!(encryption, None | Some(ServerSideEncryption::Aes256)) || customer_key.is_some()
}

/// The encoding of the stored object. Some stores keep `aws-chunked`, which belonged only to the request that wrote
/// it. Copied, it would make the object look chunked.
fn stored_encoding(header: &str) -> Option<String> {
    let stored: Vec<&str> = header.split(',').map(str::trim).filter(|coding| *coding != "aws-chunked").collect();
    Some(stored.join(",")).filter(|encoding| !encoding.is_empty())
}

/// HEAD and GET have the same headers in different types.
macro_rules! info {
    ($answer:expr, $size:expr, $access:expr, $tag_count:expr) => {{
        let answer = $answer;
        let etag = answer.e_tag.as_deref().map(ETag::new);
        let modified = answer.last_modified.as_ref().and_then(|time| time.to_millis().ok());
        let class = answer.storage_class.as_ref().map(|class| class.as_str().to_owned());
        modified.map(|modified| ObjectInfo {
            size: $size,
            modified: Timestamp(modified),
            checksums: checksums!(answer, etag),
            etag,
            unreported_metadata: answer.missing_meta.and_then(|count| u32::try_from(count).ok()).unwrap_or(0),
            tag_count: $tag_count,
            uncarried: Uncarried {
                redirect: answer.website_redirect_location.is_some(),
                retention: answer.object_lock_mode.is_some(),
                legal_hold: answer.object_lock_legal_hold_status
                    == Some(aws_sdk_s3::types::ObjectLockLegalHoldStatus::On),
            },
            access: $access,
            // "null" is the version of an object that was written before versioning.
            version: answer.version_id.clone().filter(|version| version != "null"),
            storage_class: class.filter(|class| class != "STANDARD"),
            etag_is_opaque: is_opaque(answer.server_side_encryption.as_ref(), answer.sse_customer_algorithm.as_deref()),
            attributes: Attributes {
                content_type: answer.content_type.clone(),
                content_encoding: answer.content_encoding.as_deref().and_then(stored_encoding),
                content_disposition: answer.content_disposition.clone(),
                content_language: answer.content_language.clone(),
                cache_control: answer.cache_control.clone(),
                expires: answer.expires_string.clone(),
                user: answer.metadata.iter().flatten().map(|(k, v)| (k.to_lowercase(), v.clone())).collect(),
            },
        })
    }};
}

impl Bucket {
    pub(super) async fn head(&self, key: &str, pin: &Pin) -> Result<ObjectInfo> {
        let answer = self.head_answer(key, pin, None).await?;
        let size = answer.content_length.and_then(|size| u64::try_from(size).ok());
        let tag_count = self.tag_count(HEAD.verb, pin, answer.tag_count);
        let info =
            size.and_then(|size| info!(&answer, size, access(&answer, self.metadata_support().classes), tag_count));
        info.ok_or_else(|| self.corrupt(HEAD.verb, key, "the answer has no size or no time"))
    }

    pub(super) async fn checksum(&self, key: &str, pin: &Pin, algorithm: Algorithm) -> Result<Option<Checksum>> {
        let info = self.head(key, pin).await?;
        if let Some(kept) = info.checksums.into_iter().find(|checksum| checksum.algorithm == algorithm) {
            return Ok(Some(kept));
        }
        let tag_is_md5 = self.provider.profile().etags != EtagMeaning::Opaque && !info.etag_is_opaque;
        let md5 = info.etag.and_then(|tag| tag.md5_form()).filter(|_| tag_is_md5 && algorithm == Algorithm::Md5);
        Ok(md5.map(Checksum::md5))
    }

    /// `HEAD` of part 1 answers with the part's size and the number of parts. A store that does not support it
    /// answers for the whole object, without the number.
    pub(super) async fn part_layout(&self, key: &str, pin: &Pin) -> Result<Option<PartLayout>> {
        let answer = match self.head_answer(key, pin, Some(1)).await {
            Ok(answer) => answer,
            Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Unsupported) => return Ok(None),
            Err(error) => return Err(error),
        };
        let count = answer.parts_count.and_then(|count| u32::try_from(count).ok()).filter(|&count| count > 0);
        let size = answer.content_length.and_then(|size| u64::try_from(size).ok()).filter(|&size| size > 0);
        // An ETag of the usual form counts the parts too.
        let of_tag = answer.e_tag.as_deref().map(ETag::new).and_then(|tag| tag.part_count());
        let agrees = of_tag.is_none() || of_tag == count;
        Ok(count.zip(size).filter(|_| agrees).map(|(count, part_bytes)| PartLayout { part_bytes, count }))
    }

    /// Read-only: repeated after a failed attempt.
    async fn head_answer(&self, key: &str, pin: &Pin, part: Option<i32>) -> Result<HeadObjectOutput> {
        self.check_representable(HEAD.verb, key).await?;
        let once = || self.with_checksums(true, |ask| self.head_once(key, pin, part, ask));
        retry::run(&HEAD, &self.subject(key), once).await
    }

    /// Makes a request for an object with its checksums. If the store refuses, it may not support checksums: the
    /// request is made again without them. `may_be_denied`: this object's encryption key may also be forbidden.
    async fn with_checksums<T, F>(&self, may_be_denied: bool, once: impl Fn(bool) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let asked = self.provider.uses(Feature::Checksums);
        let refusal = match once(asked).await {
            Err(error) if asked && is_refusal(&error, may_be_denied) => error,
            answer => {
                if asked && answer.is_ok() {
                    self.provider.note_supported(Feature::Checksums);
                }
                return answer;
            }
        };
        let Ok(answer) = once(false).await else { return Err(refusal) };
        if refusal.kind() != ErrorKind::Denied {
            self.provider.note_refused(Feature::Checksums);
        }
        Ok(answer)
    }

    async fn head_once(&self, key: &str, pin: &Pin, part: Option<i32>, checksums: bool) -> Result<HeadObjectOutput> {
        if let Some(lean) = &self.lean {
            self.full_key(HEAD.verb, key)?;
            let answer = lean.head(&self.location.full_key(key), pin, part, checksums).await;
            let answer = answer.map_err(|error| self.refused(HEAD.verb, key, error))?;
            self.check_pin(HEAD.verb, key, pin, answer.e_tag.as_deref())?;
            return Ok(answer);
        }
        let request = self
            .client
            .head_object()
            .bucket(self.name())
            .key(self.full_key(HEAD.verb, key)?)
            .set_if_match(pin.etag.as_ref().and_then(ETag::condition))
            .set_version_id(pin.version.clone())
            .set_part_number(part)
            .set_checksum_mode(checksums.then_some(ChecksumMode::Enabled));
        let answer = request.send().await.map_err(|error| self.refused(HEAD.verb, key, error))?;
        self.check_pin(HEAD.verb, key, pin, answer.e_tag.as_deref())?;
        Ok(answer)
    }

    /// A store that ignores `If-Match` must not return another version as the pinned one.
    fn check_pin(&self, verb: &'static str, key: &str, pin: &Pin, etag: Option<&str>) -> Result<()> {
        match (&pin.etag, etag.map(ETag::new)) {
            (Some(wanted), Some(found)) if *wanted != found => {
                let message = format!("the object's ETag is {found}, not {wanted}");
                Err(Error::new(ErrorKind::PreconditionFailed, verb, self.subject(key), message))
            }
            _ => Ok(()),
        }
    }

    /// Repeated until the headers have come. The body is read once: here if it is small, and no attempt of the request
    /// counts its errors.
    pub(super) async fn get(&self, key: &str, read: &Read) -> Result<Object> {
        self.check_representable(GET.verb, key).await?;
        let once = || self.with_checksums(false, |ask| self.get_once(key, read, ask));
        let answer = retry::run(&GET, &self.subject(key), once).await?;
        let (info, length, answered) = self.opened(key, read, answer)?;
        let body = match length <= WHOLE_BYTES {
            true => body::whole(&self.subject(key), length, answered, self.stall).await?.into(),
            false => body::incoming(self.subject(key), length, answered, self.stall),
        };
        Ok(Object { info, body })
    }

    /// The description in an answer, and its body with the body's length.
    fn opened(&self, key: &str, read: &Read, answer: GetObjectOutput) -> Result<(ObjectInfo, u64, SdkBody)> {
        let corrupt = |message: String| self.corrupt(GET.verb, key, message);
        let named =
            |(kind, why): (ErrorKind, String)| Error::new(kind, GET.verb, self.subject(key), why + compressed(&answer));
        let (size, length) = sizes(&answer, read.range.as_ref()).map_err(named)?;
        let tag_count = self.tag_count(GET.verb, &read.pin, answer.tag_count);
        let info = info!(&answer, size, Access::Readable, tag_count);
        let info = info.ok_or_else(|| corrupt("the answer has no time".to_owned()))?;
        Ok((info, length, answer.body.into_inner()))
    }

    async fn get_once(&self, key: &str, read: &Read, checksums: bool) -> Result<GetObjectOutput> {
        if let Some(lean) = &self.lean {
            self.full_key(GET.verb, key)?;
            let answer = lean.get(&self.location.full_key(key), read, checksums).await;
            let answer = answer.map_err(|error| self.refused(GET.verb, key, error))?;
            self.check_pin(GET.verb, key, &read.pin, answer.e_tag.as_deref())?;
            return Ok(answer);
        }
        let range = read.range.as_ref().map(|range| format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
        let request = self
            .client
            .get_object()
            .bucket(self.name())
            .key(self.full_key(GET.verb, key)?)
            .set_range(range)
            .set_if_match(read.pin.etag.as_ref().and_then(ETag::condition))
            .set_version_id(read.pin.version.clone());
        // The SDK must not see this header: it would hash every byte once more. The reader decides which
        // checksum is compared.
        let request = request.customize().mutate_request(move |request| {
            if checksums {
                request.headers_mut().insert("x-amz-checksum-mode", "ENABLED");
            }
        });
        let answer = request.send().await.map_err(|error| self.refused(GET.verb, key, error))?;
        self.check_pin(GET.verb, key, &read.pin, answer.e_tag.as_deref())?;
        Ok(answer)
    }
}

/// Whether this may be the answer of a store that does not support a header.
fn is_refusal(error: &Error, may_be_denied: bool) -> bool {
    match error.kind() {
        ErrorKind::Invalid | ErrorKind::Unsupported => true,
        ErrorKind::Denied => may_be_denied,
        _ => false,
    }
}

/// The explanation of a wrong length, if the object is stored compressed.
fn compressed(answer: &GetObjectOutput) -> &'static str {
    let is_packed = answer.content_encoding.as_deref().is_some_and(|encoding| encoding.contains("gzip"));
    if is_packed {
        "; the object has Content-Encoding: gzip, and the store may unpack it before it sends it"
    } else {
        ""
    }
}

/// The whole object's size, and the number of bytes in this answer's body. Any other range than the requested one
/// is an error.
fn sizes(answer: &GetObjectOutput, range: Option<&Range<u64>>) -> Result<(u64, u64), (ErrorKind, String)> {
    let corrupt = |why: String| (ErrorKind::Corrupt, why);
    let length = answer.content_length.and_then(|length| u64::try_from(length).ok());
    let length = length.ok_or_else(|| corrupt("the answer has no length".to_owned()))?;
    match (range, &answer.content_range) {
        (None, None) => Ok((length, length)),
        (None, Some(part)) => Err(corrupt(format!("requested the whole object, received {part:?}"))),
        // A store may answer the range of the whole object with the whole object.
        (Some(range), None) if *range == (0..length) => Ok((length, length)),
        (Some(range), None) => Err((ErrorKind::RangeIgnored, format!("the store ignored the range {range:?}"))),
        (Some(range), Some(text)) => match parse_content_range(text) {
            Some((got, size)) if got == *range && length == range.end - range.start => Ok((size, length)),
            _ => Err(corrupt(format!("requested bytes {range:?}, received {text:?} and {length} bytes"))),
        },
    }
}

/// `bytes FIRST-LAST/SIZE` (RFC 9110 §14.4), as a range with its end exclusive.
fn parse_content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, size): (u64, u64, u64) = (first.parse().ok()?, last.parse().ok()?, size.parse().ok()?);
    (first <= last && last < size).then(|| (first..last + 1, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_is_read_or_refused() {
        assert_eq!(parse_content_range("bytes 0-4/10"), Some((0..5, 10)));
        for bad in ["bytes 0-4/*", "bytes 4-0/10", "bytes 0-10/10", "0-4/10", "bytes 0-18446744073709551615/1", ""] {
            assert_eq!(parse_content_range(bad), None, "{bad}");
        }
    }
}
