//! A store that counts what is asked of it: what a plan asks while it lists and compares, its run asks too.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_trait::async_trait;
use shared::Result;
use shared::acl::Acl;
use shared::digest::{Algorithm, Checksum};
use shared::filter::Filter;
use shared::location::Location;
use shared::object::{ObjectInfo, Pin, Tags, Timestamp};
use shared::store::*;

/// What was asked of a store.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) pages: AtomicU64,
    pub(super) heads: AtomicU64,
    pub(super) tags: AtomicU64,
}

/// A store, and what was asked of it. A plan asks for nothing else.
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
}

#[async_trait]
impl ObjectStore for Counted {
    fn location(&self) -> &Location {
        self.inner.location()
    }
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }
    fn throttles(&self) -> u64 {
        self.inner.throttles()
    }
    fn now(&self) -> Timestamp {
        self.inner.now()
    }
    fn held_time(&self, time: Timestamp) -> Timestamp {
        self.inner.held_time(time)
    }
    fn service(&self) -> Option<&Service> {
        self.inner.service()
    }
    fn list(&self, range: KeyRange) -> Box<dyn Listing> {
        self.pages(self.inner.list(range))
    }
    fn list_filtered(&self, range: KeyRange, filter: &Arc<Filter>) -> Box<dyn Listing> {
        self.pages(self.inner.list_filtered(range, filter))
    }
    async fn probe(&self) -> Result<()> {
        self.inner.probe().await
    }
    async fn prepare(&self) -> Result<()> {
        self.inner.prepare().await
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
    async fn acl(&self, key: &str, pin: &Pin) -> Result<Acl> {
        self.inner.acl(key, pin).await
    }
    async fn restore(&self, key: &str, pin: &Pin, restore: &Restore) -> Result<()> {
        self.inner.restore(key, pin, restore).await
    }
    async fn part_layout(&self, key: &str, pin: &Pin) -> Result<Option<PartLayout>> {
        self.inner.part_layout(key, pin).await
    }
    async fn get(&self, key: &str, read: &Read) -> Result<Object> {
        self.inner.get(key, read).await
    }
    async fn put(&self, key: &str, write: &Write, body: Body) -> Result<Written> {
        self.inner.put(key, write, body).await
    }
    async fn create_upload(&self, key: &str, write: &Write) -> Result<Upload> {
        self.inner.create_upload(key, write).await
    }
    async fn upload_part(&self, upload: &Upload, part: &PartWrite, body: Body) -> Result<Part> {
        self.inner.upload_part(upload, part, body).await
    }
    async fn list_parts(&self, upload: &Upload) -> Result<Vec<Part>> {
        self.inner.list_parts(upload).await
    }
    async fn complete_upload(&self, upload: &Upload, parts: &[Part], write: &Write) -> Result<Written> {
        self.inner.complete_upload(upload, parts, write).await
    }
    async fn abort_upload(&self, upload: &Upload) -> Result<()> {
        self.inner.abort_upload(upload).await
    }
    async fn list_uploads(&self, key: &str) -> Result<Vec<(Upload, Option<Timestamp>)>> {
        self.inner.list_uploads(key).await
    }
    async fn delete(&self, key: &str) -> Result<()> {
        self.inner.delete(key).await
    }
    async fn copy(&self, source: &CopySource, pin: &Pin, key: &str, write: &Write) -> Result<Written> {
        self.inner.copy(source, pin, key, write).await
    }
    async fn copy_part(
        &self,
        source: &CopySource,
        pin: &Pin,
        range: Range<u64>,
        upload: &Upload,
        part: &PartWrite,
    ) -> Result<Part> {
        self.inner.copy_part(source, pin, range, upload, part).await
    }
}
