//! Lists keys in byte order from a store that lists folder by folder.
//!
//! This store compares the bytes of one name, so `a/x` comes before `a-b`. For keys that is wrong: `-` is
//! less than `/`. The walk lists one folder at a time, objects and folders in it. A [`level::Level`] puts
//! each folder where its keys belong: after `a-b` and `a.c`, before `a0`.
//!
//! # Cost
//! One request per folder, and one more per thousand names in it. The walk requests up to [`AHEAD`]
//! neighbouring folders at once. The beginning of a range costs one request for each folder on the path to
//! it, and one for each beginning of a name on that path that might be a folder itself (`2024`, `2024-01`
//! for `2024-01-31/x`). Folders outside of the range are not requested.
//!
//! # Memory
//! The rest of one page (1,000 names, and at most 255 waiting folders) for each folder on the path from the
//! top, and [`AHEAD_TOTAL`] pages that were requested ahead.

mod level;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::Bucket;
use super::keys::not_folder_like;
use super::listing::MAX_EMPTY_PAGES;
use super::page::{Page, PageRequest};
use level::{Level, Step};
use shared::object::Entry;
use shared::retry::{LIST, with_turns_of_caller};
use shared::store::KeyRange;
use shared::{Error, ErrorKind, Result};

/// Most entries of a page, as in the listings of S3.
const PAGE_ENTRIES: usize = 1000;

/// Neighbouring folders that are requested at once: enough to hide most of a round trip, few enough for a
/// single disk.
const AHEAD: usize = 8;

/// Most first pages that all levels of one walk request ahead.
const AHEAD_TOTAL: usize = 32;

/// Most nested folders; a key of 1,024 bytes has at most half as many.
const MAX_DEPTH: usize = 1024;

/// Lists folders.
#[async_trait]
pub(super) trait Folders: Send + Sync + 'static {
    /// One page of a folder's contents ([`PageRequest::by_folder`]). Objects and folders may come in any
    /// relative order.
    async fn folder(&self, request: &PageRequest) -> Result<Page>;

    /// How a folder is named in messages.
    fn subject(&self, folder: &str) -> String;

    /// Whether a folder can have this name.
    fn can_be(&self, folder: &str) -> bool;
}

#[async_trait]
impl Folders for Bucket {
    /// SeaweedFS lists an empty folder as its own marker, but without an ETag, which every object has. A
    /// folder that lost its last object is not an object.
    async fn folder(&self, request: &PageRequest) -> Result<Page> {
        let mut page = self.page(request).await?;
        let has_tag = |entry: &Entry| entry.etag.as_ref().is_some_and(|tag| !tag.as_str().is_empty());
        page.objects.retain(|entry| entry.key != request.prefix || has_tag(entry));
        Ok(page)
    }

    fn subject(&self, folder: &str) -> String {
        Bucket::subject(self, folder)
    }

    fn can_be(&self, folder: &str) -> bool {
        let full = self.location.full_key(folder);
        full.is_empty() || not_folder_like(&full, 0).is_none()
    }
}

/// A listing under way.
pub(super) struct Walk<F> {
    folders: Arc<F>,
    range: Arc<KeyRange>,
    /// The path from the top to the current folder.
    levels: Vec<Level>,
    ahead: Arc<Semaphore>,
}

/// A first page that was requested ahead; dropping it cancels the request.
struct Ahead {
    page: JoinHandle<Result<Page>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.page.abort();
    }
}

/// A folder that is listed later.
struct Next {
    level: Level,
    ahead: Option<Ahead>,
}

impl<F: Folders> Walk<F> {
    /// A walk that has made no request yet.
    pub fn new(folders: Arc<F>, range: KeyRange) -> Self {
        let top = range.prefix.rfind('/').map_or(0, |at| at + 1);
        // A store that changes the prefix would list other folders.
        let is_possible = folders.can_be(&range.prefix[..top]) && !range.prefix[top..].contains(['\\', '\0']);
        let levels = match is_possible && level::may_contain(&range, &range.prefix) {
            true => vec![Level::open(&range, range.prefix[..top].to_owned(), &|folder| folders.can_be(folder))],
            false => Vec::new(),
        };
        Walk { folders, range: Arc::new(range), levels, ahead: Arc::new(Semaphore::new(AHEAD_TOTAL)) }
    }

    /// The next entries, in byte order; none at the end.
    pub async fn next_page(&mut self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        // Empty pages in a row.
        let mut empty = 0;
        while entries.len() < PAGE_ENTRIES {
            let Some(level) = self.levels.last_mut() else { break };
            match level.next() {
                Some(Step::Object(entry)) => entries.push(entry),
                Some(Step::Folder(folder)) => self.enter(folder).await?,
                None => match level.request() {
                    Some(request) => {
                        let page = self.folders.folder(request).await?;
                        empty = if page.objects.is_empty() && page.folders.is_empty() { empty + 1 } else { 0 };
                        if empty > MAX_EMPTY_PAGES && page.next.is_some() {
                            let folder = level.folder().to_owned();
                            return Err(self.corrupt(&folder, format!("{MAX_EMPTY_PAGES} pages without a key")));
                        }
                        self.take(page)?;
                    }
                    None => drop(self.levels.pop()),
                },
            }
        }
        Ok(entries)
    }

    /// Enters a folder, and requests its neighbours.
    async fn enter(&mut self, next: Box<Next>) -> Result<()> {
        let Next { level, ahead } = *next;
        self.request_ahead();
        if self.levels.len() >= MAX_DEPTH {
            return Err(self.corrupt(level.folder(), format!("more than {MAX_DEPTH} nested folders")));
        }
        self.levels.push(level);
        if let Some(mut ahead) = ahead {
            let page = (&mut ahead.page).await.unwrap_or_else(|error| {
                let subject = self.folders.subject(&self.range.prefix);
                Err(Error::new(ErrorKind::Cancelled, LIST.verb, subject, "the listing was cancelled")
                    .with_source(error))
            })?;
            drop(ahead);
            self.take(page)?;
        }
        Ok(())
    }

    /// Adds a page to the innermost folder.
    fn take(&mut self, page: Page) -> Result<()> {
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        let folders = &self.folders;
        if let Err(why) = level.take(&self.range, page, &|folder| folders.can_be(folder)) {
            let folder = level.folder().to_owned();
            return Err(self.corrupt(&folder, why));
        }
        self.request_ahead();
        Ok(())
    }

    /// Requests the first pages of the next folders in the innermost one.
    fn request_ahead(&mut self) {
        let Some(level) = self.levels.last_mut() else { return };
        for next in level.folders_to_come().take(AHEAD).filter(|next| next.ahead.is_none()) {
            let Ok(permit) = self.ahead.clone().try_acquire_owned() else { return };
            let Some(request) = next.level.request().cloned() else { continue };
            let folders = self.folders.clone();
            let page = tokio::spawn(with_turns_of_caller(async move { folders.folder(&request).await }));
            next.ahead = Some(Ahead { page, _permit: permit });
        }
    }

    fn corrupt(&self, folder: &str, message: String) -> Error {
        Error::new(ErrorKind::Corrupt, LIST.verb, self.folders.subject(folder), message)
    }
}

#[cfg(test)]
mod tests;
