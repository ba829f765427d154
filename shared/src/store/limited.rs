//! A store whose requests are limited in number a second.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Body, CopySource, KeyRange, Listed, Listing, Object, ObjectStore, Part, PartLayout, PartWrite, Read, Restore,
    Store, StoreWrapper, Upload, Write, Written,
};
use crate::Result;
use crate::acl::Acl;
use crate::digest::{Algorithm, Checksum};
use crate::filter::Filter;
use crate::limits::LiveRate;
use crate::object::{ObjectInfo, Pin, Tags, Timestamp, Uncarried};
use crate::retry::taking_turns;

/// A store over a network, each of whose requests waits for its turn: also every page of a listing, and every attempt
/// that [`crate::retry`] makes. No limit of time of a call counts that wait; dropping the call ends it.
#[derive(Debug)]
pub struct LimitedStore {
    inner: Store,
    requests: Arc<LiveRate>,
}

impl LimitedStore {
    /// `inner` with this limit. A folder makes no requests, and is returned as it is.
    pub fn limited(inner: Store, requests: Arc<LiveRate>) -> Store {
        match inner.capabilities().is_remote {
            true => Arc::new(LimitedStore { inner, requests }),
            false => inner,
        }
    }

    /// A call whose requests [`crate::retry`] makes.
    async fn turns<T>(&self, call: impl Future<Output = T>) -> T {
        taking_turns(&self.requests, call).await
    }

    /// A call that is sent once, without [`crate::retry`]. What it asks first goes by that.
    async fn once<T>(&self, call: impl Future<Output = T>) -> T {
        self.requests.take(1.0).await;
        self.turns(call).await
    }
}

/// A listing whose pages wait for their turns.
struct LimitedListing {
    inner: Box<dyn Listing>,
    requests: Arc<LiveRate>,
}

#[async_trait]
impl Listing for LimitedListing {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>> {
        taking_turns(&self.requests, self.inner.next_page()).await
    }

    fn has_ended(&self) -> bool {
        self.inner.has_ended()
    }
}

#[async_trait]
impl StoreWrapper for LimitedStore {
    fn inner(&self) -> &dyn ObjectStore {
        &*self.inner
    }

    fn list(&self, range: KeyRange) -> Box<dyn Listing> {
        Box::new(LimitedListing { inner: self.inner.list(range), requests: self.requests.clone() })
    }

    fn list_filtered(&self, range: KeyRange, filter: &Arc<Filter>) -> Box<dyn Listing> {
        Box::new(LimitedListing { inner: self.inner.list_filtered(range, filter), requests: self.requests.clone() })
    }

    async fn probe(&self) -> Result<()> {
        self.turns(self.inner.probe()).await
    }

    async fn probe_listing(&self) -> Result<()> {
        self.turns(self.inner.probe_listing()).await
    }

    async fn prepare(&self) -> Result<()> {
        self.turns(self.inner.prepare()).await
    }

    async fn head(&self, key: &str, pin: &Pin) -> Result<ObjectInfo> {
        self.turns(self.inner.head(key, pin)).await
    }

    async fn checksum(&self, key: &str, pin: &Pin, algorithm: Algorithm) -> Result<Option<Checksum>> {
        self.turns(self.inner.checksum(key, pin, algorithm)).await
    }

    async fn tags(&self, key: &str, pin: &Pin) -> Result<Tags> {
        self.turns(self.inner.tags(key, pin)).await
    }

    async fn acl(&self, key: &str, pin: &Pin) -> Result<Acl> {
        self.turns(self.inner.acl(key, pin)).await
    }

    async fn restore(&self, key: &str, pin: &Pin, restore: &Restore) -> Result<()> {
        self.turns(self.inner.restore(key, pin, restore)).await
    }

    async fn part_layout(&self, key: &str, pin: &Pin) -> Result<Option<PartLayout>> {
        self.turns(self.inner.part_layout(key, pin)).await
    }

    async fn get(&self, key: &str, read: &Read) -> Result<Object> {
        self.turns(self.inner.get(key, read)).await
    }

    async fn put(&self, key: &str, write: &Write, body: Body) -> Result<Written> {
        self.once(self.inner.put(key, write, body)).await
    }

    async fn create_upload(&self, key: &str, write: &Write) -> Result<Upload> {
        self.once(self.inner.create_upload(key, write)).await
    }

    async fn upload_part(&self, upload: &Upload, part: &PartWrite, body: Body) -> Result<Part> {
        self.once(self.inner.upload_part(upload, part, body)).await
    }

    async fn list_parts(&self, upload: &Upload) -> Result<Vec<Part>> {
        self.turns(self.inner.list_parts(upload)).await
    }

    async fn complete_upload(&self, upload: &Upload, parts: &[Part], write: &Write) -> Result<Written> {
        self.turns(self.inner.complete_upload(upload, parts, write)).await
    }

    async fn abort_upload(&self, upload: &Upload) -> Result<()> {
        self.turns(self.inner.abort_upload(upload)).await
    }

    async fn list_uploads(&self, key: &str) -> Result<Vec<(Upload, Option<Timestamp>)>> {
        self.turns(self.inner.list_uploads(key)).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.turns(self.inner.delete(key)).await
    }

    async fn may_lose(&self) -> Uncarried {
        self.turns(self.inner.may_lose()).await
    }

    async fn copy(&self, source: &CopySource, pin: &Pin, key: &str, write: &Write) -> Result<Written> {
        self.turns(self.inner.copy(source, pin, key, write)).await
    }

    async fn copy_part(
        &self,
        source: &CopySource,
        pin: &Pin,
        range: Range<u64>,
        upload: &Upload,
        part: &PartWrite,
    ) -> Result<Part> {
        self.turns(self.inner.copy_part(source, pin, range, upload, part)).await
    }
}
