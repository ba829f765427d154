//! Listing keys, page by page, in an order that is checked and not believed.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{EncodingType, Object};

use super::Bucket;
use super::encoding::decode;
use crate::object::{ETag, Entry, Timestamp};
use crate::retry::{self, LIST};
use crate::store::{KeyRange, Listing};
use crate::{Error, ErrorKind, Result};

/// Keys a page; Amazon gives no more (`ListObjectsV2`, `MaxKeys`).
const PAGE_KEYS: i32 = 1000;

/// Most pages in a row without a key. Amazon gives some where millions of versions were deleted.
const MAX_EMPTY_PAGES: u32 = 10_000;

/// A listing under way.
pub(super) struct Pages {
    bucket: Arc<Bucket>,
    range: KeyRange,
    token: Option<String>,
    /// The last full key that came.
    last: Option<String>,
    done: bool,
}

impl Pages {
    pub fn new(bucket: Arc<Bucket>, range: KeyRange) -> Self {
        Pages { bucket, range, token: None, last: None, done: false }
    }

    /// Read-only, so a page that is slow, cut off, throttled or garbled is asked for again by the
    /// same token.
    async fn fetch(&self) -> Result<ListObjectsV2Output> {
        let after = match (&self.token, &self.range.after) {
            (None, Some(after)) => Some(self.bucket.location.full_key(after)),
            _ => None,
        };
        retry::run(&LIST, &self.bucket.subject(&self.range.prefix), || {
            self.bucket.list_once(&self.range.prefix, PAGE_KEYS, after.clone(), self.token.clone())
        })
        .await
    }

    /// The page's entries, as far as the range goes.
    fn take(&mut self, page: ListObjectsV2Output) -> Result<Vec<Entry>> {
        let next = page.next_continuation_token.filter(|_| page.is_truncated == Some(true));
        if page.is_truncated == Some(true) && (next.is_none() || next == self.token) {
            return Err(self.corrupt("the listing goes on but its continuation token does not"));
        }
        self.done = next.is_none();
        self.token = next;
        let encoded = page.encoding_type == Some(EncodingType::Url);
        let objects = page.contents.unwrap_or_default();
        let mut entries = Vec::with_capacity(objects.len());
        for object in objects {
            let raw = object.key.as_deref().unwrap_or_default();
            let full = if encoded { decode(raw) } else { Some(raw.to_owned()) };
            let full = full.ok_or_else(|| self.corrupt(format!("a key is not well encoded: {raw:?}")))?;
            if self.last.as_deref().is_some_and(|last| *last >= *full) {
                return Err(self.corrupt(format!("the listing is not in order: {full:?} after {:?}", self.last)));
            }
            self.last = Some(full.clone());
            // The folder marker of the location itself is no object in it.
            if full == self.bucket.location.prefix() {
                continue;
            }
            let key = self.bucket.location.relative_key(&full);
            let key = key.filter(|key| key.starts_with(&self.range.prefix));
            let key = key.ok_or_else(|| self.corrupt(format!("{full:?} is outside of what was asked for")))?;
            if self.range.until.as_deref().is_some_and(|until| key >= until) {
                self.done = true;
                break;
            }
            if !self.range.contains(key) {
                return Err(self.corrupt(format!("{full:?} is before what was asked for")));
            }
            entries.push(self.entry(key.to_owned(), &object)?);
        }
        Ok(entries)
    }

    fn entry(&self, key: String, object: &Object) -> Result<Entry> {
        let size = object.size.and_then(|size| u64::try_from(size).ok());
        let modified = object.last_modified.as_ref().and_then(|time| time.to_millis().ok()).map(Timestamp);
        let (Some(size), Some(modified)) = (size, modified) else {
            return Err(self.corrupt(format!("{key:?} has no size or no time")));
        };
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

    fn corrupt(&self, message: impl Into<String>) -> Error {
        self.bucket.corrupt(LIST.verb, &self.range.prefix, message)
    }
}

#[async_trait]
impl Listing for Pages {
    async fn next_page(&mut self) -> Result<Option<Vec<Entry>>> {
        for _ in 0..MAX_EMPTY_PAGES {
            if self.done {
                return Ok(None);
            }
            // Until the page has been taken whole, the listing is over: an error must end it.
            let page = self.fetch().await.inspect_err(|_| self.done = true);
            let taken = page.and_then(|page| self.take(page)).inspect_err(|_| self.done = true)?;
            if !taken.is_empty() {
                return Ok(Some(taken));
            }
        }
        self.done = true;
        Err(self.corrupt(format!("{MAX_EMPTY_PAGES} pages without a key")))
    }
}

impl Bucket {
    pub(super) async fn probe(&self) -> Result<()> {
        let subject = self.subject("");
        retry::run(&LIST, &subject, || self.list_once("", 1, None, None)).await.map(drop)
    }

    async fn list_once(
        &self,
        prefix: &str,
        keys: i32,
        after: Option<String>,
        token: Option<String>,
    ) -> Result<ListObjectsV2Output> {
        let request = self
            .client
            .list_objects_v2()
            .bucket(self.name())
            .prefix(self.location.full_key(prefix))
            .max_keys(keys)
            .encoding_type(EncodingType::Url)
            .set_start_after(after)
            .set_continuation_token(token);
        request.send().await.map_err(|error| {
            let error = self.error(LIST.verb, prefix, error);
            match error.kind() {
                // A listing's 404 can only mean the bucket, whatever the code.
                ErrorKind::NotFound => {
                    Error::new(ErrorKind::NoSuchContainer, LIST.verb, self.subject(prefix), error.message())
                }
                _ => error,
            }
        })
    }
}
