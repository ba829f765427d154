//! The store of a side that cannot be opened: each call fails with the reason, and no request is sent.
//!
//! A task whose credentials are gone must still end: its cancelled jobs are settled and its records are removed, which
//! needs no answer of a store. What needs one fails as a store that is away, so that it is tried again.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shared::acl::Acl;
use shared::digest::{Algorithm, Checksum};
use shared::filter::Filter;
use shared::location::Location;
use shared::object::{ObjectInfo, Pin, Tags, Timestamp, Uncarried};
use shared::store::{
    Body, Capabilities, CopySource, EtagMeaning, KeyRange, Listed, Listing, MetadataSupport, Object, ObjectStore, Part,
    PartLayout, PartWrite, Read, Restore, RightNames, Service, Upload, Write, Written,
};
use shared::{Error, ErrorKind, Result};

/// A store that could not be opened.
#[derive(Debug)]
pub struct UnopenedStore {
    location: Location,
    why: String,
    capabilities: Capabilities,
}

impl UnopenedStore {
    /// The store of a location that could not be opened, for this reason.
    pub fn new(location: Location, why: &Error) -> UnopenedStore {
        // Nothing asks them: no object is read or written.
        let capabilities = Capabilities {
            etags: EtagMeaning::Opaque,
            parallel_listing: false,
            max_put_bytes: u64::MAX,
            min_part_bytes: 1,
            max_part_bytes: u64::MAX,
            max_parts: 1,
            max_object_bytes: u64::MAX,
            max_copy_bytes: 0,
            copies_parts: false,
            max_delete_keys: 0,
            verifies: Vec::new(),
            keeps_attributes: false,
            keeps_modified: false,
            metadata: MetadataSupport::NOTHING,
            surely_verifies: false,
            lists_consistently: false,
            reports_tag_counts: false,
            has_folders: false,
            is_remote: true,
            rights: RightNames::Amazon,
        };
        UnopenedStore { location, why: why.message().to_owned(), capabilities }
    }

    fn error(&self, operation: &'static str) -> Error {
        unopened(operation, &self.location, &self.why)
    }
}

/// The cause may be mended while the process lives, so the call is worth a later try.
fn unopened(operation: &'static str, location: &Location, why: &str) -> Error {
    Error::new(ErrorKind::Unavailable, operation, location.to_string(), why)
}

/// A listing that fails.
struct Unlistable {
    location: Location,
    why: String,
}

#[async_trait]
impl Listing for Unlistable {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>> {
        Err(unopened("list", &self.location, &self.why))
    }

    fn has_ended(&self) -> bool {
        false
    }
}

/// Makes the [`ObjectStore`] of [`UnopenedStore`], whose calls fail.
macro_rules! fail {
    ($($operation:literal async fn $call:ident($($part:ident: $part_type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl ObjectStore for UnopenedStore {
            fn location(&self) -> &Location {
                &self.location
            }

            fn capabilities(&self) -> &Capabilities {
                &self.capabilities
            }

            fn throttles(&self) -> u64 {
                0
            }

            fn latency(&self) -> Option<Duration> {
                None
            }

            fn now(&self) -> Timestamp {
                Timestamp::now()
            }

            fn stored_time(&self, time: Timestamp) -> Timestamp {
                time
            }

            fn list(&self, _: KeyRange) -> Box<dyn Listing> {
                Box::new(Unlistable { location: self.location.clone(), why: self.why.clone() })
            }

            fn list_filtered(&self, range: KeyRange, _: &Arc<Filter>) -> Box<dyn Listing> {
                self.list(range)
            }

            fn service(&self) -> Option<&Service> {
                None
            }

            async fn may_lose(&self) -> Uncarried {
                Uncarried::default()
            }

            $(async fn $call(&self $(, $part: $part_type)*) -> Result<$answer> {
                Err(self.error($operation))
            })*
        }
    };
}

fail! {
    "probe" async fn probe() -> ();
    "probe" async fn probe_listing() -> ();
    "prepare" async fn prepare() -> ();
    "head" async fn head(_key: &str, _pin: &Pin) -> ObjectInfo;
    "checksum" async fn checksum(_key: &str, _pin: &Pin, _algorithm: Algorithm) -> Option<Checksum>;
    "tags" async fn tags(_key: &str, _pin: &Pin) -> Tags;
    "acl" async fn acl(_key: &str, _pin: &Pin) -> Acl;
    "restore" async fn restore(_key: &str, _pin: &Pin, _restore: &Restore) -> ();
    "parts" async fn part_layout(_key: &str, _pin: &Pin) -> Option<PartLayout>;
    "get" async fn get(_key: &str, _read: &Read) -> Object;
    "put" async fn put(_key: &str, _write: &Write, _body: Body) -> Written;
    "create-upload" async fn create_upload(_key: &str, _write: &Write) -> Upload;
    "upload-part" async fn upload_part(_upload: &Upload, _part: &PartWrite, _body: Body) -> Part;
    "list-parts" async fn list_parts(_upload: &Upload) -> Vec<Part>;
    "complete-upload" async fn complete_upload(_upload: &Upload, _parts: &[Part], _write: &Write) -> Written;
    "abort-upload" async fn abort_upload(_upload: &Upload) -> ();
    "list-uploads" async fn list_uploads(_key: &str) -> Vec<(Upload, Option<Timestamp>)>;
    "delete" async fn delete(_key: &str) -> ();
    "delete" async fn delete_many(_keys: &[String]) -> Vec<Result<()>>;
    "copy" async fn copy(_source: &CopySource, _pin: &Pin, _key: &str, _write: &Write) -> Written;
    "copy-part" async fn copy_part(
        _source: &CopySource,
        _pin: &Pin,
        _range: Range<u64>,
        _upload: &Upload,
        _part: &PartWrite
    ) -> Part;
}
