//! A store whose requests are limited in number a second.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Body, KeyRange, Listed, Listing, ObjectStore, Part, PartWrite, Store, StoreWrapper, Upload, Write, Written,
};
use crate::Result;
use crate::filter::Filter;
use crate::limits::LiveRate;
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

    fn around<'a, T: Send + 'a>(
        &'a self,
        call: impl Future<Output = T> + Send + 'a,
    ) -> impl Future<Output = T> + Send + 'a {
        self.turns(call)
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
}
