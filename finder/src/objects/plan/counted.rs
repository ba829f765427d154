//! A store that counts its requests: those of a plan while it lists and compares, which its run makes too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_trait::async_trait;
use shared::Result;
use shared::digest::{Algorithm, Checksum};
use shared::filter::Filter;
use shared::object::{ObjectInfo, Pin, Tags};
use shared::store::{KeyRange, Listed, Listing, ObjectStore, Store, StoreWrapper};

/// The number of requests by verb.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) pages: AtomicU64,
    pub(super) heads: AtomicU64,
    pub(super) tags: AtomicU64,
}

/// A store whose requests are counted. A plan makes no others.
#[derive(Debug)]
pub(super) struct Counted {
    inner: Store,
    asked: Arc<Asked>,
}

impl Counted {
    pub(super) fn of(inner: Store) -> (Store, Arc<Asked>) {
        let asked = Arc::new(Asked::default());
        (Arc::new(Counted { inner, asked: asked.clone() }), asked)
    }

    fn pages(&self, inner: Box<dyn Listing>) -> Box<dyn Listing> {
        Box::new(Pages { inner, asked: self.asked.clone(), is_first: true })
    }
}

struct Pages {
    inner: Box<dyn Listing>,
    asked: Arc<Asked>,
    is_first: bool,
}

#[async_trait]
impl Listing for Pages {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>> {
        let page = self.inner.next_page().await?;
        // The last page says that it is the last; an empty listing takes one request to say so.
        if page.is_some() || self.is_first {
            self.asked.pages.fetch_add(1, Relaxed);
        }
        self.is_first = false;
        Ok(page)
    }

    fn has_ended(&self) -> bool {
        self.inner.has_ended()
    }
}

#[async_trait]
impl StoreWrapper for Counted {
    fn inner(&self) -> &dyn ObjectStore {
        &*self.inner
    }

    fn list(&self, range: KeyRange) -> Box<dyn Listing> {
        self.pages(self.inner.list(range))
    }

    fn list_filtered(&self, range: KeyRange, filter: &Arc<Filter>) -> Box<dyn Listing> {
        self.pages(self.inner.list_filtered(range, filter))
    }

    async fn head(&self, key: &str, pin: &Pin) -> Result<ObjectInfo> {
        self.asked.heads.fetch_add(1, Relaxed);
        self.inner.head(key, pin).await
    }

    async fn checksum(&self, key: &str, pin: &Pin, algorithm: Algorithm) -> Result<Option<Checksum>> {
        self.asked.heads.fetch_add(1, Relaxed);
        self.inner.checksum(key, pin, algorithm).await
    }

    async fn tags(&self, key: &str, pin: &Pin) -> Result<Tags> {
        self.asked.tags.fetch_add(1, Relaxed);
        self.inner.tags(key, pin).await
    }
}
