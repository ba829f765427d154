//! One page of a listing, flat or of a folder.

use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_s3::types::Object;
use tokio::time::Instant;

use super::Bucket;
use super::encoding::decode;
use super::list_mode::{Next, RawPage};
use shared::object::{ETag, Entry, Pin, Timestamp};
use shared::retry::{self, LIST, PROBE};
use shared::sync::lock;
use shared::{ErrorKind, Result};

/// Keys a page; Amazon gives no more (`ListObjectsV2`, `MaxKeys`).
const PAGE_KEYS: i32 = 1000;

/// A first page that was read ahead is used within this time.
const FIRST_PAGE_LIVES: Duration = Duration::from_secs(5);

/// The first page of the whole location, read ahead by [`Bucket::probe_listing`] for one listing.
#[derive(Debug, Default)]
pub(super) struct FirstPage(Mutex<Option<(Instant, RawPage)>>);

impl FirstPage {
    /// The page, for a request of the same page. It is given once.
    fn take(&self, request: &PageRequest) -> Option<RawPage> {
        if *request != PageRequest::default() {
            return None;
        }
        lock(&self.0).take().filter(|(read, _)| read.elapsed() < FIRST_PAGE_LIVES).map(|(_, page)| page)
    }
}

/// Which page of which listing; all keys are relative to the location.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PageRequest {
    /// Only keys that start with this.
    pub prefix: String,
    /// Whether a key with a further slash is listed as its folder.
    pub by_folder: bool,
    /// Where the first page begins.
    pub after: Option<String>,
    /// Where a later page begins.
    pub next: Option<Next>,
}

/// A page; keys are relative to the location.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Objects, in the store's order.
    pub objects: Vec<Entry>,
    /// Folders, in the store's order, each with its slash.
    pub folders: Vec<String>,
    /// The next page, if there is one.
    pub next: Option<Next>,
}

impl Bucket {
    /// Checks with one request that the bucket exists and may be read.
    pub(super) async fn probe(&self) -> Result<()> {
        let request = PageRequest::default();
        retry::run(&PROBE, &self.subject(""), || self.list_once(&request, 1)).await.map(drop)
    }

    /// As [`probe`](Self::probe), by a request of a whole page, which the next listing of the location uses.
    pub(super) async fn probe_listing(&self) -> Result<()> {
        let request = PageRequest::default();
        let page = retry::run(&PROBE, &self.subject(""), || self.list_once(&request, PAGE_KEYS)).await?;
        *lock(&self.first_page.0) = Some((Instant::now(), page));
        Ok(())
    }

    /// Read-only: a page that is slow, cut off, throttled or garbled is requested again from the same position.
    pub(super) async fn page(&self, request: &PageRequest) -> Result<Page> {
        let subject = self.subject(&request.prefix);
        let answer = match self.first_page.take(request) {
            Some(page) => page,
            None => retry::run(&LIST, &subject, || self.list_once(request, PAGE_KEYS)).await?,
        };
        let corrupt = |message: String| self.corrupt(LIST.verb, &request.prefix, message);
        let full = |raw: &str| {
            let full = if answer.encoded { decode(raw) } else { Some(raw.to_owned()) };
            full.ok_or_else(|| corrupt(format!("a key has an invalid encoding: {raw:?}")))
        };
        // The last key or folder of the page, as a full key.
        let mut last = None;
        let mut relative = |raw: Option<&str>| -> Result<String> {
            let full = full(raw.unwrap_or_default())?;
            last = last.take().max(Some(full.clone()));
            let key = self.location.relative_key(&full).filter(|key| key.starts_with(&request.prefix));
            let key = key.ok_or_else(|| corrupt(format!("{full:?} lies outside the requested range")))?;
            Ok(key.to_owned())
        };
        let mut page = Page::default();
        for object in &answer.objects {
            let key = relative(object.key.as_deref())?;
            let entry = entry(key, object).map_err(|key| corrupt(format!("{key:?} has no size or no time")))?;
            // An empty key is the folder marker of the location itself, not an object in it.
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
        let position = match &answer.next {
            Some(token) if answer.list_mode.by_v2 => Some(token.clone()),
            Some(key) => Some(full(key)?),
            None if answer.list_mode.by_v2 => None,
            // `NextMarker` comes only with a delimiter (Amazon S3, `ListObjects`).
            None => last,
        };
        page.next = position.map(|position| Next { list_mode: answer.list_mode, position });
        if page.next.is_none() || page.next == request.next {
            return Err(corrupt("the listing has another page, but its continuation token does not change".to_owned()));
        }
        Ok(page)
    }

    /// A listing that is not encoded cannot carry a character that is illegal in XML. Some stores replace it
    /// with U+FFFD, which names another key. A HEAD shows whether the listed key exists.
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
