//! One range's two listings, each with one page read ahead, joined.

use std::sync::Arc;

use shared::filter::Filter;
use shared::store::{KeyRange, Listed, Store};
use shared::{Error, ErrorKind, Result, metrics};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::objects::diff::{Frontier, ListingSide, Merge, Pair};

/// Both sides of a task.
#[derive(Debug, Clone)]
pub struct Sides {
    /// Where objects come from.
    pub source: Store,
    /// Where they go.
    pub destination: Store,
    /// Whether a destination that does not exist yet counts as empty: for a dry run, which makes nothing.
    pub destination_may_be_missing: bool,
}

impl Sides {
    /// Whether several ranges may be listed at once to advantage.
    pub fn parallel_listing(&self) -> bool {
        [&self.source, &self.destination].iter().all(|store| store.capabilities().parallel_listing)
    }

    /// Starts listing a range on both sides, without folders that the filter excludes.
    /// Sends no request to a side that is `exhausted`: it has no key in the range.
    pub fn join(&self, range: KeyRange, filter: &Arc<Filter>, exhausted: Option<ListingSide>) -> Join {
        let start = |store, side, may_be_missing| match exhausted == Some(side) {
            true => Pages::none(),
            false => Pages::start(store, range.clone(), filter, side, may_be_missing),
        };
        let source = start(&self.source, ListingSide::Source, false);
        let destination = start(&self.destination, ListingSide::Destination, self.destination_may_be_missing);
        let merge = Merge::new(range)
            .with_folders(ListingSide::Source, self.source.capabilities().has_folders)
            .with_folders(ListingSide::Destination, self.destination.capabilities().has_folders);
        Join { merge, source, destination }
    }
}

/// The joined listings of a range.
#[derive(Debug)]
pub struct Join {
    merge: Merge,
    source: Pages,
    destination: Pages,
}

impl Join {
    /// Reads until some pairs are complete, and answers up to which key; `None` at the end. May be
    /// cancelled at any time: what was read is kept.
    pub async fn frontier(&mut self) -> Result<Option<String>> {
        loop {
            let side = match self.merge.frontier() {
                Frontier::Key(key) => return Ok(Some(key)),
                Frontier::End => return Ok(None),
                Frontier::NeedsPage(side) => side,
            };
            let (page, is_last) = match side {
                ListingSide::Source => self.source.next().await?,
                ListingSide::Destination => self.destination.next().await?,
            };
            self.merge.give(side, page)?;
            if is_last {
                self.merge.give(side, None)?;
            }
        }
    }

    /// Whether both listings have ended: no page is missing.
    pub fn has_ended(&self) -> bool {
        self.merge.has_ended()
    }

    /// A side that has no key beyond those that were taken.
    pub fn exhausted(&self) -> Option<ListingSide> {
        self.merge.exhausted()
    }

    /// Takes the pairs up to and including a key that is not beyond the frontier.
    pub fn take(&mut self, up_to: &str) -> Vec<Pair> {
        self.merge.take(up_to)
    }
}

/// The pages of one listing, read by a task of its own, which ends with this.
#[derive(Debug)]
struct Pages {
    pages: mpsc::Receiver<Result<Page>>,
    reader: Option<JoinHandle<()>>,
}

/// A page, or `None` at the end, and whether the end comes next.
type Page = (Option<Vec<Listed>>, bool);

impl Pages {
    /// The pages of a listing that is known to be empty.
    fn none() -> Pages {
        let (sender, pages) = mpsc::channel(1);
        // The channel is empty and its receiver is there.
        let _ = sender.try_send(Ok((None, true)));
        Pages { pages, reader: None }
    }

    fn start(store: &Store, range: KeyRange, filter: &Arc<Filter>, side: ListingSide, may_be_missing: bool) -> Pages {
        let mut listing = store.list_filtered(range, filter);
        let (sender, pages) = mpsc::channel(1);
        let reader = tokio::spawn(async move {
            // Room first, then the request: exactly one page is ahead of the one in use.
            while let Ok(room) = sender.reserve().await {
                // Slow, cut off or throttled: the adapter waits, tries again and at last fails.
                // A page that comes twice shows as keys out of order.
                let page = match listing.next_page().await {
                    Err(error) if may_be_missing && error.kind() == ErrorKind::NoSuchContainer => Ok(None),
                    page => page,
                };
                metrics::page_listed(side.as_str());
                let is_last = !matches!(page, Ok(Some(_))) || listing.has_ended();
                room.send(page.map(|page| (page, is_last)));
                if is_last {
                    return;
                }
            }
        });
        Pages { pages, reader: Some(reader) }
    }

    async fn next(&mut self) -> Result<Page> {
        // A reader that ends without a last word has panicked: its listing is not complete.
        let broken = || Error::new(ErrorKind::Corrupt, "list", "pages", "the listing stopped before its last page");
        self.pages.recv().await.unwrap_or_else(|| Err(broken()))
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            reader.abort();
        }
    }
}
