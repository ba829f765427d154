//! One page of a listing, flat or of a folder.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::Bucket;
use super::encoding::decode;
use super::list_mode::{Next, RawObject, RawPage};
use shared::object::{Entry, Pin};
use shared::retry::{self, LIST, PROBE};
use shared::sync::lock;
use shared::{Error, ErrorKind, Result};

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

    /// As [`probe`](Self::probe), by a request of a whole page, which the next listing of the location uses. A page that is
    /// invalid or slow is left to the listing, if the store answers to a request of one key: a listing has more time.
    pub(super) async fn probe_listing(&self) -> Result<()> {
        let request = PageRequest::default();
        match retry::run(&PROBE, &self.subject(""), || self.list_once(&request, PAGE_KEYS)).await {
            Ok(page) => *lock(&self.first_page.0) = Some((Instant::now(), page)),
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Timeout) => self.probe().await?,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Read-only: a page that is slow, cut off, throttled or garbled is requested again from the same position.
    pub(super) async fn page(&self, request: &PageRequest) -> Result<Page> {
        let subject = self.subject(&request.prefix);
        let mut answer = match self.first_page.take(request) {
            Some(page) => page,
            None => retry::run(&LIST, &subject, || self.list_once(request, PAGE_KEYS)).await?,
        };
        let objects = std::mem::take(&mut answer.objects);
        let folders = std::mem::take(&mut answer.folders);
        // The last key of the page, as a full key; kept only where the next page begins after it.
        let begins_after_last = answer.has_more() && answer.next.is_none() && !answer.list_mode.by_v2;
        let mut last = None;
        let mut relative = |raw: Option<String>| -> Result<String> {
            let full = self.decoded(&answer, raw.unwrap_or_default(), request)?;
            if begins_after_last {
                last = last.take().max(Some(full.clone()));
            }
            let key = self.location.relative_key(&full).filter(|key| key.starts_with(&request.prefix));
            let begin = full.len() - key.map(str::len).ok_or_else(|| self.outside(request, &full))?;
            Ok(if begin == 0 { full } else { full[begin..].to_owned() })
        };
        let mut page = Page { objects: Vec::with_capacity(objects.len()), ..Page::default() };
        for mut object in objects {
            let key = relative(object.key.take())?;
            let entry = entry(key, object)
                .map_err(|key| self.corrupt(LIST.verb, &request.prefix, format!("{key:?} has no size or no time")))?;
            // An empty key is the folder marker of the location itself, not an object in it.
            if !entry.key.is_empty() || entry.size > 0 {
                page.objects.push(entry);
            }
        }
        for folder in folders {
            page.folders.push(relative(folder)?);
        }
        if !answer.encoded {
            self.check_spelling(&page).await?;
        }
        if answer.has_more() {
            page.next = Some(self.next(request, answer, last)?);
        }
        Ok(page)
    }

    /// Where the page after a truncated one begins.
    fn next(&self, request: &PageRequest, answer: RawPage, last: Option<String>) -> Result<Next> {
        let list_mode = answer.list_mode;
        let position = match answer.next.clone() {
            Some(token) if list_mode.by_v2 => Some(token),
            Some(key) => Some(self.decoded(&answer, key, request)?),
            // `NextMarker` comes only with a delimiter (Amazon S3, `ListObjects`).
            None => last,
        };
        let next = position.map(|position| Next { list_mode, position });
        next.filter(|next| request.next.as_ref() != Some(next)).ok_or_else(|| {
            let message = "the listing has another page, but its continuation token does not change";
            self.corrupt(LIST.verb, &request.prefix, message)
        })
    }

    /// A key of a page, decoded if the page is encoded.
    fn decoded(&self, answer: &RawPage, raw: String, request: &PageRequest) -> Result<String> {
        if !answer.encoded || !raw.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
            return Ok(raw);
        }
        decode(&raw)
            .ok_or_else(|| self.corrupt(LIST.verb, &request.prefix, format!("a key has an invalid encoding: {raw:?}")))
    }

    fn outside(&self, request: &PageRequest, key: &str) -> Error {
        self.corrupt(LIST.verb, &request.prefix, format!("{key:?} lies outside the requested range"))
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

/// The entry of an object; its key if it has no size or no time.
fn entry(key: String, object: RawObject) -> Result<Entry, String> {
    let RawObject { size: Some(size), modified: Some(modified), etag, storage_class, .. } = object else {
        return Err(key);
    };
    Ok(Entry { key, size, modified, etag, version: None, storage_class })
}
