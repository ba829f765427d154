//! The modes in which a page of a listing can be requested, and which of them the store supports.

use aws_sdk_s3::types::{EncodingType, Object};

use super::Bucket;
use super::lean::PageCall;
use super::page::PageRequest;
use super::provider::Feature;
use shared::object::{ETag, Timestamp};
use shared::retry::LIST;
use shared::{Error, ErrorKind, Result};

/// How a page is requested. A listing continues in the mode in which it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ListMode {
    /// `ListObjectsV2`, which continues by a token; else `ListObjects`, which continues after a key.
    pub by_v2: bool,
    /// Keys are encoded, so that XML can carry any key.
    pub encoded: bool,
}

/// Where a later page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Next {
    /// The mode of the first page.
    pub list_mode: ListMode,
    /// A token, or the key in the bucket after which the page begins.
    pub position: String,
}

/// A page as the store sent it.
#[derive(Debug)]
pub(super) struct RawPage {
    /// The mode in which it was requested.
    pub list_mode: ListMode,
    /// Whether it answers `ListObjectsV2`: a store that does not support that takes it for `ListObjects`.
    pub is_v2: bool,
    /// Whether keys are encoded. A store may ignore the request for that.
    pub encoded: bool,
    /// Whether there are more pages, if the store says so.
    pub is_truncated: Option<bool>,
    /// Objects and folders of the page, if the store says so: only `ListObjectsV2` does.
    pub key_count: Option<u64>,
    /// Where the next page begins, if the store says so.
    pub next: Option<String>,
    /// Objects.
    pub objects: Vec<RawObject>,
    /// Folders.
    pub folders: Vec<Option<String>>,
}

/// An object of a page, as far as the store reports it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RawObject {
    /// The key in the bucket, encoded where the page is.
    pub key: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// When it was written.
    pub modified: Option<Timestamp>,
    /// Its ETag.
    pub etag: Option<ETag>,
    /// Its storage class, unless that is the usual one.
    pub storage_class: Option<String>,
}

impl RawPage {
    /// Whether there are more pages. Where a store leaves `IsTruncated` out, a token says so.
    pub fn has_more(&self) -> bool {
        self.is_truncated.unwrap_or(self.list_mode.by_v2 && self.next.is_some())
    }

    /// Why the page is incomplete, although it is well-formed: an empty element or a page that lost entries would pass
    /// for a listing without those keys.
    fn fault(&self) -> Option<String> {
        let entries = self.objects.len() + self.folders.len();
        if self.is_truncated.is_none() && !self.has_more() {
            return Some("the page has no IsTruncated and no token, so it may not be the last one".to_owned());
        }
        if self.objects.iter().any(|object| object.key.is_none()) {
            return Some("an object of the page has no Key".to_owned());
        }
        if self.folders.iter().any(Option::is_none) {
            return Some("a common prefix of the page has no Prefix".to_owned());
        }
        let count = self.key_count.filter(|count| *count > entries as u64)?;
        Some(format!("the page has {entries} of {count} keys (KeyCount)"))
    }
}

impl RawObject {
    fn of(object: Object) -> RawObject {
        let class = object.storage_class.map(|class| class.as_str().to_owned());
        RawObject {
            key: object.key,
            size: object.size.and_then(|size| u64::try_from(size).ok()),
            modified: object.last_modified.and_then(|time| time.to_millis().ok()).map(Timestamp),
            etag: object.e_tag.as_deref().map(ETag::new),
            storage_class: class.filter(|class| class != "STANDARD" && !class.is_empty()),
        }
    }
}

impl Bucket {
    /// Requests one page. For the first page of a listing it tries the best mode that the store may support,
    /// then plainer ones, and finally plain `ListObjects`, which every store supports.
    pub(super) async fn list_once(&self, request: &PageRequest, keys: i32) -> Result<RawPage> {
        if let Some(next) = &request.next {
            return self.list_in(next.list_mode, request, keys).await;
        }
        let (v2, encoding) = (Feature::ListV2, Feature::EncodedKeys);
        let (is_v2_sure, is_encoding_sure) = (self.provider.is_sure(v2), self.provider.is_sure(encoding));
        let best = ListMode { by_v2: self.provider.uses(v2), encoded: self.provider.uses(encoding) };
        let plainer = [
            (best.by_v2 && !is_v2_sure).then_some(ListMode { by_v2: false, ..best }),
            (best.encoded && !is_encoding_sure).then_some(ListMode { by_v2: is_v2_sure, encoded: false }),
        ];
        let mut list_mode = best;
        for plainer in plainer.into_iter().flatten() {
            match self.list_in(list_mode, request, keys).await {
                // This answer may have named a provider that lists in this way: so it is asked again whether V2 is sure.
                Ok(page) if list_mode.by_v2 && !page.is_v2 && !self.provider.is_sure(v2) => {}
                Ok(page) => return Ok(self.learn_from(best, page)),
                Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Unsupported) => {}
                Err(error) => return Err(error),
            }
            list_mode = plainer;
        }
        Ok(self.learn_from(best, self.list_in(list_mode, request, keys).await?))
    }

    fn learn_from(&self, best: ListMode, page: RawPage) -> RawPage {
        let note = |feature, is_tried, is_used, is_answered| match is_used {
            true if is_answered => self.provider.note_supported(feature),
            false if is_tried => self.provider.note_refused(feature),
            _ => {}
        };
        note(Feature::ListV2, best.by_v2, page.list_mode.by_v2, page.is_v2);
        note(Feature::EncodedKeys, best.encoded, page.list_mode.encoded, page.encoded);
        page
    }

    async fn list_in(&self, list_mode: ListMode, page: &PageRequest, keys: i32) -> Result<RawPage> {
        let answer = self.page_in(list_mode, page, keys).await?;
        match answer.fault() {
            None => Ok(answer),
            Some(fault) => Err(self.corrupt(LIST.verb, &page.prefix, fault)),
        }
    }

    async fn page_in(&self, list_mode: ListMode, page: &PageRequest, keys: i32) -> Result<RawPage> {
        let prefix = self.location.full_key(&page.prefix);
        let delimiter = page.by_folder.then(|| "/".to_owned());
        let encoding = list_mode.encoded.then_some(EncodingType::Url);
        let after = page.after.as_deref().map(|after| self.location.full_key(after));
        let position = page.next.as_ref().map(|next| next.position.clone());
        if let Some(lean) = &self.lean {
            let call = PageCall {
                prefix: &prefix,
                delimiter: delimiter.as_deref(),
                after: after.as_deref(),
                position: position.as_deref(),
                keys,
            };
            let answer = lean.list(list_mode, &call).await;
            return answer.map_err(|error| self.not_listed(page, self.error(LIST.verb, &page.prefix, error)));
        }
        let is_encoded = |encoding: Option<EncodingType>| encoding == Some(EncodingType::Url);
        if list_mode.by_v2 {
            let request = self.client.list_objects_v2().bucket(self.name()).prefix(prefix).max_keys(keys);
            let request = request.set_delimiter(delimiter).set_encoding_type(encoding);
            let request = request.set_start_after(after.filter(|_| position.is_none()));
            let answer = request.set_continuation_token(position).send().await;
            let answer = answer.map_err(|error| self.not_listed(page, self.error(LIST.verb, &page.prefix, error)))?;
            return Ok(RawPage {
                list_mode,
                is_v2: answer.key_count.is_some()
                    || answer.start_after.is_some()
                    || answer.continuation_token.is_some()
                    || answer.next_continuation_token.is_some(),
                encoded: is_encoded(answer.encoding_type),
                is_truncated: answer.is_truncated,
                key_count: answer.key_count.and_then(|count| u64::try_from(count).ok()),
                next: answer.next_continuation_token,
                objects: answer.contents.into_iter().flatten().map(RawObject::of).collect(),
                folders: answer.common_prefixes.into_iter().flatten().map(|folder| folder.prefix).collect(),
            });
        }
        let request = self.client.list_objects().bucket(self.name()).prefix(prefix).max_keys(keys);
        let request = request.set_delimiter(delimiter).set_encoding_type(encoding);
        let answer = request.set_marker(position.or(after)).send().await;
        let answer = answer.map_err(|error| self.not_listed(page, self.error(LIST.verb, &page.prefix, error)))?;
        Ok(RawPage {
            list_mode,
            is_v2: false,
            encoded: is_encoded(answer.encoding_type),
            is_truncated: answer.is_truncated,
            key_count: None,
            next: answer.next_marker.filter(|marker| !marker.is_empty()),
            objects: answer.contents.into_iter().flatten().map(RawObject::of).collect(),
            folders: answer.common_prefixes.into_iter().flatten().map(|folder| folder.prefix).collect(),
        })
    }

    /// The error of a listing. A 404 can only mean the bucket, whatever its code.
    fn not_listed(&self, page: &PageRequest, error: Error) -> Error {
        match error.kind() {
            ErrorKind::NotFound => {
                Error::new(ErrorKind::NoSuchContainer, LIST.verb, self.subject(&page.prefix), error.message())
            }
            _ => error,
        }
    }
}
