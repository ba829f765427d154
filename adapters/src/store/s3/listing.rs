//! Listing keys, page by page. The order of the keys is checked.

use std::cmp::Ordering;
use std::mem;
use std::sync::Arc;

use async_trait::async_trait;

use super::Bucket;
use super::page::{Page, PageRequest};
use super::walk::Walk;
use shared::object::Entry;
use shared::retry::LIST;
use shared::store::{KeyRange, Listed, Listing};
use shared::{Error, ErrorKind, Result};

/// Most pages in a row without a key. Amazon gives some where millions of versions were deleted.
pub(super) const MAX_EMPTY_PAGES: u32 = if cfg!(test) { 100 } else { 10_000 };

/// A listing under way.
pub(super) struct Pages {
    bucket: Arc<Bucket>,
    range: KeyRange,
    request: PageRequest,
    /// The last key so far.
    last: Option<String>,
    state: State,
}

enum State {
    /// A listing in byte order has more pages.
    Flat,
    /// The store lists by folder; the walk sorts.
    ByFolder(Walk<Bucket>),
    /// The listing is complete.
    Over,
    /// After an error, and while a page is requested.
    Broken,
}

impl Pages {
    pub fn new(bucket: Arc<Bucket>, range: KeyRange) -> Self {
        let request =
            PageRequest { prefix: range.prefix.clone(), after: range.after.clone(), ..PageRequest::default() };
        Pages { bucket, range, request, last: None, state: State::Flat }
    }

    fn lists_by_folder(&self) -> bool {
        self.bucket.provider.lists_by_folder()
    }

    /// Entries (none at the end) and the next state. The answer may be the first one that names a store which
    /// lists by folder: then its page is dropped.
    async fn flat(&mut self) -> Result<(Vec<Entry>, State)> {
        for _ in 0..MAX_EMPTY_PAGES {
            let page = match self.lists_by_folder() {
                true => None,
                false => Some(self.bucket.page(&self.request).await?),
            };
            let Some(page) = page.filter(|_| !self.lists_by_folder()) else {
                if self.last.is_some() {
                    return Err(self.corrupt("the store changed its way of listing during the listing"));
                }
                return by_folder(Walk::new(self.bucket.clone(), self.range.clone())).await;
            };
            let (entries, is_last) = self.take(page)?;
            if is_last {
                return Ok((entries, State::Over));
            }
            if !entries.is_empty() {
                return Ok((entries, State::Flat));
            }
        }
        Err(self.corrupt(format!("{MAX_EMPTY_PAGES} pages without a key")))
    }

    /// The page's entries within the range, and whether this is the last page.
    fn take(&mut self, page: Page) -> Result<(Vec<Entry>, bool)> {
        let is_last = page.next.is_none();
        self.request.next = page.next;
        let mut entries = Vec::with_capacity(page.objects.len());
        for entry in page.objects {
            let key = entry.key.as_str();
            let last = entries.last().map(|last: &Entry| last.key.as_str()).or(self.last.as_deref());
            match last.map(|last| (last, last.cmp(key))) {
                Some((_, Ordering::Equal)) => {
                    let message = format!(
                        "the store lists {key:?} twice, so the listing is not reliable: report this to the vendor"
                    );
                    return Err(self.corrupt(message));
                }
                Some((last, Ordering::Greater)) => {
                    let message = format!(
                        "the store does not list in byte order ({key:?} after {last:?}), so the listing is not reliable: report this to the vendor"
                    );
                    return Err(self.corrupt(message));
                }
                _ => {}
            }
            entries.push(entry);
        }
        let until = self.range.until.as_deref();
        let end = until.map_or(entries.len(), |until| entries.partition_point(|entry| entry.key.as_str() < until));
        let is_last = is_last || end < entries.len();
        entries.truncate(end);
        if let Some(key) = self.range.outside(entries.iter().map(|entry| entry.key.as_str())) {
            return Err(self.corrupt(format!("{key:?} lies before the requested range")));
        }
        if let Some(last) = entries.last() {
            self.last = Some(last.key.clone());
        }
        Ok((entries, is_last))
    }

    fn corrupt(&self, message: impl Into<String>) -> Error {
        self.bucket.corrupt(LIST.verb, &self.range.prefix, message)
    }
}

async fn by_folder(mut walk: Walk<Bucket>) -> Result<(Vec<Entry>, State)> {
    let entries = walk.next_page().await?;
    let state = if entries.is_empty() { State::Over } else { State::ByFolder(walk) };
    Ok((entries, state))
}

#[async_trait]
impl Listing for Pages {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>> {
        // The listing is broken until a whole page is taken: after an error, or a call that was dropped half
        // way, its end must not look like the end of the keys.
        let (entries, state) = match mem::replace(&mut self.state, State::Broken) {
            State::Flat => self.flat().await?,
            State::ByFolder(walk) => by_folder(walk).await?,
            State::Over => (Vec::new(), State::Over),
            State::Broken => {
                let message = "an earlier page of this listing failed";
                return Err(Error::new(
                    ErrorKind::Invalid,
                    LIST.verb,
                    self.bucket.subject(&self.range.prefix),
                    message,
                ));
            }
        };
        self.state = state;
        Ok((!entries.is_empty()).then(|| entries.into_iter().map(Listed::Object).collect()))
    }

    fn has_ended(&self) -> bool {
        matches!(self.state, State::Over)
    }
}
