//! One page of a listing, flat or of a folder, read from a store's answer.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{EncodingType, Object};

use super::Bucket;
use super::encoding::decode;
use crate::object::{ETag, Entry, Timestamp};
use crate::retry::{self, LIST, PROBE};
use crate::{Error, ErrorKind, Result};

/// Keys a page; Amazon gives no more (`ListObjectsV2`, `MaxKeys`).
const PAGE_KEYS: i32 = 1000;

/// What a page is asked for; all keys are relative to the location.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ask {
    /// Only keys that start with this.
    pub prefix: String,
    /// Whether keys with a further slash come as the folder that they are in.
    pub by_folder: bool,
    /// Where the first page begins.
    pub after: Option<String>,
    /// Where a later page begins.
    pub token: Option<String>,
}

/// What came; keys are relative to the location.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Objects, in the order in which they came.
    pub objects: Vec<Entry>,
    /// Folders, in the order in which they came, each with its slash.
    pub folders: Vec<String>,
    /// The next page's token, if there is one.
    pub next: Option<String>,
}

impl Bucket {
    /// Checks with one request that the bucket is there and may be read.
    pub(super) async fn probe(&self) -> Result<()> {
        let ask = Ask::default();
        retry::run(&PROBE, &self.subject(""), || self.list_once(&ask, 1)).await.map(drop)
    }

    /// Read-only, so a page that is slow, cut off, throttled or garbled is asked for again by the
    /// same token.
    pub(super) async fn page(&self, ask: &Ask) -> Result<Page> {
        let answer = retry::run(&LIST, &self.subject(&ask.prefix), || self.list_once(ask, PAGE_KEYS)).await?;
        let corrupt = |message: String| self.corrupt(LIST.verb, &ask.prefix, message);
        let truncated = answer.is_truncated == Some(true);
        let next = answer.next_continuation_token.filter(|_| truncated);
        if truncated && (next.is_none() || next == ask.token) {
            return Err(corrupt("the listing goes on but its continuation token does not".to_owned()));
        }
        let encoded = answer.encoding_type == Some(EncodingType::Url);
        let relative = |raw: &str| -> Result<Option<String>> {
            let full = if encoded { decode(raw) } else { Some(raw.to_owned()) };
            let full = full.ok_or_else(|| corrupt(format!("a key is not well encoded: {raw:?}")))?;
            // The folder marker of the location itself is no object in it.
            if full == self.location.prefix() {
                return Ok(None);
            }
            let key = self.location.relative_key(&full).filter(|key| key.starts_with(&ask.prefix));
            let key = key.ok_or_else(|| corrupt(format!("{full:?} is outside of what was asked for")))?;
            Ok(Some(key.to_owned()))
        };
        let mut page = Page { next, ..Page::default() };
        for object in answer.contents.unwrap_or_default() {
            if let Some(key) = relative(object.key.as_deref().unwrap_or_default())? {
                let entry = entry(key, &object);
                page.objects.push(entry.map_err(|key| corrupt(format!("{key:?} has no size or no time")))?);
            }
        }
        for folder in answer.common_prefixes.unwrap_or_default() {
            page.folders.extend(relative(folder.prefix.as_deref().unwrap_or_default())?);
        }
        Ok(page)
    }

    pub(super) async fn list_once(&self, ask: &Ask, keys: i32) -> Result<ListObjectsV2Output> {
        let after = ask.after.as_deref().filter(|_| ask.token.is_none());
        let request = self
            .client
            .list_objects_v2()
            .bucket(self.name())
            .prefix(self.location.full_key(&ask.prefix))
            .set_delimiter(ask.by_folder.then(|| "/".to_owned()))
            .max_keys(keys)
            .encoding_type(EncodingType::Url)
            .set_start_after(after.map(|after| self.location.full_key(after)))
            .set_continuation_token(ask.token.clone());
        request.send().await.map_err(|error| {
            let error = self.error(LIST.verb, &ask.prefix, error);
            match error.kind() {
                // A listing's 404 can only mean the bucket, whatever the code.
                ErrorKind::NotFound => {
                    Error::new(ErrorKind::NoSuchContainer, LIST.verb, self.subject(&ask.prefix), error.message())
                }
                _ => error,
            }
        })
    }
}

fn entry(key: String, object: &Object) -> Result<Entry, String> {
    let size = object.size.and_then(|size| u64::try_from(size).ok());
    let modified = object.last_modified.as_ref().and_then(|time| time.to_millis().ok()).map(Timestamp);
    let (Some(size), Some(modified)) = (size, modified) else { return Err(key) };
    let class = object.storage_class.as_ref().map(|class| class.as_str().to_owned());
    Ok(Entry {
        key,
        size,
        modified,
        etag: object.e_tag.as_deref().map(ETag::new),
        version: None,
        storage_class: class.filter(|class| class != "STANDARD" && !class.is_empty()),
    })
}
