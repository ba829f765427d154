//! A store over another store.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{
    Body, Capabilities, CopySource, KeyRange, Listing, Object, ObjectStore, Part, PartLayout, PartWrite, Read, Restore,
    Service, Upload, Write, Written,
};
use crate::Result;
use crate::acl::Acl;
use crate::digest::{Algorithm, Checksum};
use crate::filter::Filter;
use crate::location::Location;
use crate::object::{ObjectInfo, Pin, Tags, Timestamp, Uncarried};

/// Makes [`StoreWrapper`], and the [`ObjectStore`] of each wrapper, from one list of the port's methods.
macro_rules! forward {
    (
        $(fn $method:ident(&self $(, $argument:ident: $type:ty)*) -> $answer:ty;)*
        $(async fn $call:ident(&self $(, $part:ident: $part_type:ty)*) -> $result:ty;)*
    ) => {
        /// A store that changes some calls of another store.
        ///
        /// It implements [`inner`](Self::inner) and the methods that it changes; all others are forwarded, those with
        /// requests through [`around`](Self::around).
        #[async_trait]
        pub trait StoreWrapper: Send + Sync + std::fmt::Debug + 'static {
            /// The store that answers.
            fn inner(&self) -> &dyn ObjectStore;

            /// Makes a call that may send requests. Calls of methods that the wrapper implements do not come here.
            fn around<'a, T: Send + 'a>(
                &'a self,
                call: impl Future<Output = T> + Send + 'a,
            ) -> impl Future<Output = T> + Send + 'a {
                call
            }

            $(
                #[doc = concat!("As [`ObjectStore::", stringify!($method), "`].")]
                fn $method(&self $(, $argument: $type)*) -> $answer {
                    self.inner().$method($($argument),*)
                }
            )*

            $(
                #[doc = concat!("As [`ObjectStore::", stringify!($call), "`].")]
                async fn $call(&self $(, $part: $part_type)*) -> $result {
                    self.around(self.inner().$call($($part),*)).await
                }
            )*
        }

        #[async_trait]
        impl<W: StoreWrapper> ObjectStore for W {
            $(fn $method(&self $(, $argument: $type)*) -> $answer {
                StoreWrapper::$method(self $(, $argument)*)
            })*

            $(async fn $call(&self $(, $part: $part_type)*) -> $result {
                StoreWrapper::$call(self $(, $part)*).await
            })*
        }
    };
}

// All methods of the port: it has no defaults, so a method that is missing here does not compile.
forward! {
    fn location(&self) -> &Location;
    fn capabilities(&self) -> &Capabilities;
    fn throttles(&self) -> u64;
    fn latency(&self) -> Option<Duration>;
    fn now(&self) -> Timestamp;
    fn stored_time(&self, time: Timestamp) -> Timestamp;
    fn list(&self, range: KeyRange) -> Box<dyn Listing>;
    fn list_filtered(&self, range: KeyRange, filter: &Arc<Filter>) -> Box<dyn Listing>;
    fn service(&self) -> Option<&Service>;
    async fn probe(&self) -> Result<()>;
    async fn probe_listing(&self) -> Result<()>;
    async fn prepare(&self) -> Result<()>;
    async fn head(&self, key: &str, pin: &Pin) -> Result<ObjectInfo>;
    async fn checksum(&self, key: &str, pin: &Pin, algorithm: Algorithm) -> Result<Option<Checksum>>;
    async fn tags(&self, key: &str, pin: &Pin) -> Result<Tags>;
    async fn acl(&self, key: &str, pin: &Pin) -> Result<Acl>;
    async fn restore(&self, key: &str, pin: &Pin, restore: &Restore) -> Result<()>;
    async fn part_layout(&self, key: &str, pin: &Pin) -> Result<Option<PartLayout>>;
    async fn get(&self, key: &str, read: &Read) -> Result<Object>;
    async fn put(&self, key: &str, write: &Write, body: Body) -> Result<Written>;
    async fn create_upload(&self, key: &str, write: &Write) -> Result<Upload>;
    async fn upload_part(&self, upload: &Upload, part: &PartWrite, body: Body) -> Result<Part>;
    async fn list_parts(&self, upload: &Upload) -> Result<Vec<Part>>;
    async fn complete_upload(&self, upload: &Upload, parts: &[Part], write: &Write) -> Result<Written>;
    async fn abort_upload(&self, upload: &Upload) -> Result<()>;
    async fn list_uploads(&self, key: &str) -> Result<Vec<(Upload, Option<Timestamp>)>>;
    async fn delete(&self, key: &str) -> Result<()>;
    async fn delete_many(&self, keys: &[String]) -> Result<Vec<Result<()>>>;
    async fn may_lose(&self) -> Uncarried;
    async fn copy(&self, source: &CopySource, pin: &Pin, key: &str, write: &Write) -> Result<Written>;
    async fn copy_part(
        &self,
        source: &CopySource,
        pin: &Pin,
        range: Range<u64>,
        upload: &Upload,
        part: &PartWrite
    ) -> Result<Part>;
}
