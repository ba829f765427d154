//! Byte order of keys out of a store that lists folder by folder.
//!
//! Such a store answers by the bytes of one name, so that `a/x` comes before `a-b`, which is wrong
//! for keys: `-` is less than `/`. One folder is listed at a time, objects and folders in it, and a
//! [`level::Level`] puts each folder where its keys belong: after `a-b` and `a.c`, before `a0`.
//!
//! # Cost
//! One request per folder, and one more per thousand names in it; of the folders beside each other
//! [`AHEAD`] are asked for at once. A range's beginning costs a request per folder on the way to it
//! and one for each `/`-less beginning of a name on that way that might be a folder of its own
//! (`2024`, `2024-01` for `2024-01-31/x`). Folders outside of the range are not asked for.
//!
//! # Memory
//! What is left of a page (1,000 names, and at most 255 folders that wait) for each folder on the
//! way from the top to here, and [`AHEAD_TOTAL`] pages that were asked for ahead.

mod level;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::Bucket;
use super::keys::not_folder_like;
use super::listing::MAX_EMPTY_PAGES;
use super::page::{Ask, Page};
use level::{Level, Step};
use shared::object::Entry;
use shared::retry::LIST;
use shared::store::KeyRange;
use shared::{Error, ErrorKind, Result};

/// Most entries of a page, as in the listings of S3.
const PAGE_ENTRIES: usize = 1000;

/// Folders beside each other that are asked for at once: enough to hide most of a round trip, few
/// enough for a single disk.
const AHEAD: usize = 8;

/// Most first pages asked for ahead by all levels of one walk.
const AHEAD_TOTAL: usize = 32;

/// Most folders inside each other; a key of 1,024 bytes has no more than half of that.
const MAX_DEPTH: usize = 1024;

/// Where folders are listed.
#[async_trait]
pub(super) trait Folders: Send + Sync + 'static {
    /// One page of what is in a folder, [`Ask::by_folder`], in any order of objects to folders.
    async fn folder(&self, ask: &Ask) -> Result<Page>;

    /// How a folder is named in messages.
    fn subject(&self, folder: &str) -> String;

    /// Whether there can be a folder of that name.
    fn can_be(&self, folder: &str) -> bool;
}

#[async_trait]
impl Folders for Bucket {
    /// SeaweedFS shows a folder without anything in it as its own marker, but without a tag, which
    /// an object has: a folder is no object because something was in it once.
    async fn folder(&self, ask: &Ask) -> Result<Page> {
        let mut page = self.page(ask).await?;
        page.objects
            .retain(|entry| entry.key != ask.prefix || entry.etag.as_ref().is_some_and(|tag| !tag.as_str().is_empty()));
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
    /// From the top to where the walk is.
    levels: Vec<Level>,
    ahead: Arc<Semaphore>,
}

/// A first page on its way; given up when dropped.
struct Ahead {
    page: JoinHandle<Result<Page>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.page.abort();
    }
}

/// A folder whose turn comes.
struct Next {
    level: Level,
    ahead: Option<Ahead>,
}

impl<F: Folders> Walk<F> {
    /// A walk that has asked for nothing yet.
    pub fn new(folders: Arc<F>, range: KeyRange) -> Self {
        let top = range.prefix.rfind('/').map_or(0, |at| at + 1);
        // A prefix that is bent would list what is not below it.
        let is_possible = folders.can_be(&range.prefix[..top]) && !range.prefix[top..].contains(['\\', '\0']);
        let levels = match is_possible && level::may_hold(&range, &range.prefix) {
            true => vec![Level::open(&range, range.prefix[..top].to_owned(), &|folder| folders.can_be(folder))],
            false => Vec::new(),
        };
        Walk { folders, range: Arc::new(range), levels, ahead: Arc::new(Semaphore::new(AHEAD_TOTAL)) }
    }

    /// The next entries, in byte order; none at the end.
    pub async fn next_page(&mut self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        // Pages without anything in them, one after the other.
        let mut empty = 0;
        while entries.len() < PAGE_ENTRIES {
            let Some(level) = self.levels.last_mut() else { break };
            match level.next() {
                Some(Step::Object(entry)) => entries.push(entry),
                Some(Step::Folder(folder)) => self.enter(folder).await?,
                None => match level.ask() {
                    Some(ask) => {
                        let page = self.folders.folder(ask).await?;
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

    /// Goes into a folder, and asks for those beside it.
    async fn enter(&mut self, next: Box<Next>) -> Result<()> {
        let Next { level, ahead } = *next;
        self.ask_ahead();
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

    /// Takes a page into the innermost folder.
    fn take(&mut self, page: Page) -> Result<()> {
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        let folders = &self.folders;
        if let Err(why) = level.take(&self.range, page, &|folder| folders.can_be(folder)) {
            let folder = level.folder().to_owned();
            return Err(self.corrupt(&folder, why));
        }
        self.ask_ahead();
        Ok(())
    }

    /// Asks for the first pages of the folders that come next in the innermost one.
    fn ask_ahead(&mut self) {
        let Some(level) = self.levels.last_mut() else { return };
        for next in level.folders_to_come().take(AHEAD).filter(|next| next.ahead.is_none()) {
            let Ok(permit) = self.ahead.clone().try_acquire_owned() else { return };
            let Some(ask) = next.level.ask().cloned() else { continue };
            let folders = self.folders.clone();
            let page = tokio::spawn(async move { folders.folder(&ask).await });
            next.ahead = Some(Ahead { page, _permit: permit });
        }
    }

    fn corrupt(&self, folder: &str, message: String) -> Error {
        Error::new(ErrorKind::Corrupt, LIST.verb, self.folders.subject(folder), message)
    }
}

#[cfg(test)]
mod tests;
