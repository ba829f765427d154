//! One page of a listing, flat or of a folder, read from a store's answer.

use aws_sdk_s3::types::Object;

use super::Bucket;
use super::encoding::decode;
use super::list_mode::Next;
use shared::object::{ETag, Entry, Pin, Timestamp};
use shared::retry::{self, LIST, PROBE};
use shared::{ErrorKind, Result};

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
            full.ok_or_else(|| corrupt(format!("a key has an invalid encoding: {raw:?}")))
        };
        // The last key or folder that came, in the bucket.
        let mut last = None;
        let mut relative = |raw: Option<&str>| -> Result<String> {
            let full = full(raw.unwrap_or_default())?;
            last = last.take().max(Some(full.clone()));
            let key = self.location.relative_key(&full).filter(|key| key.starts_with(&ask.prefix));
            let key = key.ok_or_else(|| corrupt(format!("{full:?} lies outside the requested range")))?;
            Ok(key.to_owned())
        };
        let mut page = Page::default();
        for object in &answer.objects {
            let key = relative(object.key.as_deref())?;
            let entry = entry(key, object).map_err(|key| corrupt(format!("{key:?} has no size or no time")))?;
            // The folder marker of the location itself is the location, and no object in it.
            if !entry.key.is_empty() || entry.size > 0 {
                page.objects.push(entry);
            }
        }
        for folder in &answer.folders {
            page.folders.push(relative(folder.prefix.as_deref())?);
        }
        if !answer.encoded {
            self.check_spelling(&page).await?;
        }
        if !answer.is_truncated {
            return Ok(page);
        }
        let place = match &answer.next {
            Some(token) if answer.list_mode.by_v2 => Some(token.clone()),
            Some(key) => Some(full(key)?),
            None if answer.list_mode.by_v2 => None,
            // `NextMarker` comes only with a delimiter (Amazon S3, `ListObjects`).
            None => last,
        };
        page.next = place.map(|place| Next { list_mode: answer.list_mode, place });
        if page.next.is_none() || page.next == ask.next {
            return Err(corrupt("the listing has another page, but its continuation token does not change".to_owned()));
        }
        Ok(page)
    }

    /// A listing that is not encoded can tell no key with a character that XML does not have, and some stores
    /// put U+FFFD in its place: another key, that is not there. One that is there is told apart by asking.
    async fn check_spelling(&self, page: &Page) -> Result<()> {
        for Entry { key, .. } in page.objects.iter().filter(|entry| entry.key.contains('\u{fffd}')) {
            match self.head(key, &Pin::default()).await {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let message = format!(
                        "the store lists {key:?}, which does not exist: it cannot list a key with a character that is illegal in XML; rename the object or remove it"
                    );
                    return Err(self.corrupt(LIST.verb, key, message));
                }
                answer => drop(answer?),
            }
        }
        Ok(())
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
