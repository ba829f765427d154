//! One page of a listing, flat or of a folder, read from a store's answer.

use aws_sdk_s3::types::Object;

use super::Bucket;
use super::encoding::decode;
use super::way::Next;
use crate::Result;
use crate::object::{ETag, Entry, Timestamp};
use crate::retry::{self, LIST, PROBE};

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
    pub next: Option<Next>,
}

/// What came; keys are relative to the location.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Objects, in the order in which they came.
    pub objects: Vec<Entry>,
    /// Folders, in the order in which they came, each with its slash.
    pub folders: Vec<String>,
    /// The next page, if there is one.
    pub next: Option<Next>,
}

impl Bucket {
    /// Checks with one request that the bucket is there and may be read.
    pub(super) async fn probe(&self) -> Result<()> {
        let ask = Ask::default();
        retry::run(&PROBE, &self.subject(""), || self.list_once(&ask, 1)).await.map(drop)
    }

    /// Read-only, so a page that is slow, cut off, throttled or garbled is asked for again from the
    /// same place.
    pub(super) async fn page(&self, ask: &Ask) -> Result<Page> {
        let answer = retry::run(&LIST, &self.subject(&ask.prefix), || self.list_once(ask, PAGE_KEYS)).await?;
        let corrupt = |message: String| self.corrupt(LIST.verb, &ask.prefix, message);
        let full = |raw: &str| {
            let full = if answer.encoded { decode(raw) } else { Some(raw.to_owned()) };
            full.ok_or_else(|| corrupt(format!("a key is not well encoded: {raw:?}")))
        };
        // The last key or folder that came, in the bucket.
        let mut last = None;
        let mut relative = |raw: Option<&str>| -> Result<Option<String>> {
            let full = full(raw.unwrap_or_default())?;
            last = last.take().max(Some(full.clone()));
            // The folder marker of the location itself is no object in it.
            if full == self.location.prefix() {
                return Ok(None);
            }
            let key = self.location.relative_key(&full).filter(|key| key.starts_with(&ask.prefix));
            let key = key.ok_or_else(|| corrupt(format!("{full:?} is outside of what was asked for")))?;
            Ok(Some(key.to_owned()))
        };
        let mut page = Page::default();
        for object in &answer.objects {
            if let Some(key) = relative(object.key.as_deref())? {
                let entry = entry(key, object);
                page.objects.push(entry.map_err(|key| corrupt(format!("{key:?} has no size or no time")))?);
            }
        }
        for folder in &answer.folders {
            page.folders.extend(relative(folder.prefix.as_deref())?);
        }
        if !answer.is_truncated {
            return Ok(page);
        }
        let place = match &answer.next {
            Some(token) if answer.way.by_v2 => Some(token.clone()),
            Some(key) => Some(full(key)?),
            None if answer.way.by_v2 => None,
            // `NextMarker` comes only with a delimiter (Amazon S3, `ListObjects`).
            None => last,
        };
        page.next = place.map(|place| Next { way: answer.way, place });
        if page.next.is_none() || page.next == ask.next {
            return Err(corrupt("the listing goes on but its continuation token does not".to_owned()));
        }
        Ok(page)
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
