//! Holds listings back until the first object is written.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::watch;

/// Counts the pages of listings, and knows whether an object was written.
#[derive(Debug)]
pub(super) struct ListGate {
    pages: AtomicU64,
    is_open: watch::Sender<bool>,
}

impl Default for ListGate {
    fn default() -> ListGate {
        ListGate { pages: AtomicU64::new(0), is_open: watch::Sender::new(false) }
    }
}

impl ListGate {
    /// Returns when a page may be answered: at once for the first `most` of them, else after the first write. 0 is
    /// unlimited.
    pub async fn pass(&self, most: u64) {
        if most > 0 && self.pages.fetch_add(1, Relaxed) >= most {
            // The sender lives as long as this.
            let _ = self.is_open.subscribe().wait_for(|is_open| *is_open).await;
        }
    }

    /// An object was written.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }
}
