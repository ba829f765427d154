//! The probe of one side.

use std::time::Duration;

use adapters::open;
use futures::{StreamExt as _, stream};
use shared::config::Side;
use shared::object::{Entry, Pin};
use shared::store::{Body, KeyRange, Listed, Read, Right, RightNames, Store, Write};
use shared::{Error, ErrorKind, Result};
use tokio::time::timeout;

use super::SideProbe;
use super::right::{Answer, Rights};

/// Each call must answer within this time: long enough for some retries, short enough for somebody who waits.
const CALL_LIMIT: Duration = Duration::from_secs(20);

/// Objects that are looked at for one that can be read: archived ones cannot.
const LOOKED_AT: usize = 10;

/// The answer about rights of a store that cannot be used at all.
const UNUSABLE: &str = "the store cannot be used";

/// What a write test writes.
const BYTES: &[u8] = b"flotilla probe\n";

const UNWRITTEN: &str = "a source is not written to";
const NO_WRITE_TEST: &str = "only a write test (--write-test) writes an object and deletes it";

/// One side, to be probed.
pub struct Probe {
    store: Store,
    side: Side,
    names: RightNames,
}

impl Probe {
    /// A probe of a side's store.
    pub fn new(store: Store, side: &Side) -> Probe {
        let names = store.capabilities().rights;
        Probe { store, side: side.clone(), names }
    }

    /// The rights that a source needs.
    pub async fn source(self) -> SideProbe {
        let (list, read) = match self.unusable().await {
            Some(no) => (no, Answer::not_tried(UNUSABLE)),
            None => self.list_and_read(false).await,
        };
        let unwritten = || Answer::not_tried(UNWRITTEN);
        self.result(Rights { list, read, write: unwritten(), delete: unwritten() })
    }

    /// The rights that a destination needs.
    ///
    /// Nothing is written to a store that cannot be used: some make a missing bucket by the first write.
    pub async fn destination(self, write_test: bool) -> SideProbe {
        if let Some(list) = self.unusable().await {
            let untried = || Answer::not_tried(UNUSABLE);
            return self.result(Rights { list, read: untried(), write: untried(), delete: untried() });
        }
        let (list, read) = self.list_and_read(true).await;
        let write = if self.is_folder() { self.folder_permission() } else { self.upload().await };
        let mut rights = Rights { list, read, write, delete: Answer::not_tried(NO_WRITE_TEST) };
        if write_test && !rights.write.is_no() {
            self.write_test(&mut rights).await;
        } else if write_test {
            rights.delete = Answer::not_tried("nothing could be written");
        }
        self.result(rights)
    }

    fn result(&self, rights: Rights) -> SideProbe {
        SideProbe { location: self.side.location.to_string(), rights }
    }

    fn is_folder(&self) -> bool {
        self.names == RightNames::Folder
    }

    fn no(&self, error: &Error, rights: &[Right]) -> Answer {
        Answer::of(error, self.names, rights)
    }

    /// Why the store cannot be used, whatever rights the credentials have: it does not answer, has no such bucket, or
    /// does not know the credentials. Fails sooner than a listing, which waits for a store that is away. A folder is
    /// always usable: what is wrong with it shows by right.
    async fn unusable(&self) -> Option<Answer> {
        if self.is_folder() {
            return None;
        }
        let error = self.bounded("list", self.store.probe()).await.err()?;
        let answer = self.no(&error, &[Right::List]);
        let lacks_a_right = error.kind() == ErrorKind::Denied && answer.is_cured_by_a_right();
        (!lacks_a_right).then_some(answer)
    }

    /// Read-only: slow, it is given up; repeated, it changes nothing.
    async fn list_and_read(&self, makes_folder: bool) -> (Answer, Answer) {
        let mut listing = self.store.list(KeyRange::default());
        let page = match self.bounded("list", listing.next_page()).await {
            Ok(page) => page.unwrap_or_default(),
            Err(error) if makes_folder && self.is_folder() && error.kind() == ErrorKind::NoSuchContainer => {
                let reason = "the folder does not exist yet: a run makes it";
                return (Answer::not_tried(reason), Answer::not_tried(reason));
            }
            Err(error) => return (self.no(&error, &[Right::List]), Answer::not_tried("it cannot be listed")),
        };
        let objects = page.into_iter().filter_map(|listed| match listed {
            Listed::Object(entry) => Some(entry),
            Listed::Unlisted(_) => None,
        });
        let objects: Vec<Entry> = objects.take(LOOKED_AT).collect();
        if objects.is_empty() {
            return (Answer::Yes, Answer::not_tried("there is no object to read"));
        }
        for object in &objects {
            match self.bounded("get", self.read(&object.key, object.size)).await {
                Ok(()) => return (Answer::Yes, Answer::Yes),
                // Deleted meanwhile, or archived, which says nothing about the right.
                Err(error)
                    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Archived | ErrorKind::PassedOver) => {}
                Err(error) => return (Answer::Yes, self.no(&error, &[Right::Get])),
            }
        }
        (Answer::Yes, Answer::not_tried("the first objects are archived, or were deleted"))
    }

    /// Reads the first byte of an object.
    async fn read(&self, key: &str, size: u64) -> Result<()> {
        let range = (size > 0).then_some(0..1);
        let object = match self.store.get(key, &Read { range, pin: Pin::default() }).await {
            // The store sends the object, though not this range.
            Err(error) if error.kind() == ErrorKind::RangeIgnored => return Ok(()),
            object => object?,
        };
        let mut body = object.body;
        body.next().await.transpose().map(drop)
    }

    /// Opens an upload and aborts it. If the answer to the create is lost, the upload is looked for.
    async fn upload(&self) -> Answer {
        let key = probe_key();
        let write = Write { size: self.store.capabilities().min_part_bytes, ..Write::default() };
        let rights = [Right::Put, Right::CreateUpload, Right::PutPart, Right::CompleteUpload, Right::AbortUpload];
        let upload = match self.bounded("create", self.store.create_upload(&key, &write)).await {
            Ok(upload) => upload,
            Err(error) => {
                if error.is_unclear() {
                    self.abort_all(&key).await;
                }
                return self.no(&error, &rights);
            }
        };
        match self.bounded("abort", self.store.abort_upload(&upload)).await {
            Ok(()) => Answer::Yes,
            Err(error) => {
                let named = self.store.location().display_key(&key);
                self.no(&error, &[Right::AbortUpload]).with_fact(&format!("the upload of {named} stays open"))
            }
        }
    }

    /// Best effort: a lifecycle rule removes what stays.
    async fn abort_all(&self, key: &str) {
        let uploads = self.bounded("list-uploads", self.store.list_uploads(key)).await.unwrap_or_default();
        for (upload, _) in uploads {
            if let Err(error) = self.bounded("abort", self.store.abort_upload(&upload)).await {
                tracing::warn!(%error, "an upload of the probe stays open");
            }
        }
    }

    /// Whether the folder, or the one that it would be made in, may be written to.
    fn folder_permission(&self) -> Answer {
        match open::check_writable(&self.side.location) {
            Ok(()) => Answer::Yes,
            Err(error) => self.no(&error, &[Right::Put]),
        }
    }

    /// Writes, reads and deletes an object of its own.
    async fn write_test(&self, rights: &mut Rights) {
        let key = probe_key();
        let write = Write { size: BYTES.len() as u64, ..Write::default() };
        if let Err(error) = self.bounded("put", self.put(&key, &write)).await {
            rights.write = self.no(&error, &[Right::Put]);
            rights.delete = Answer::not_tried("nothing could be written");
            if error.is_unclear() {
                // It may have been written: remove it.
                let _ = self.bounded("delete", self.store.delete(&key)).await;
            }
            return;
        }
        rights.write = Answer::Yes;
        if !rights.read.is_no() {
            rights.read = match self.bounded("get", self.read(&key, write.size)).await {
                Ok(()) => Answer::Yes,
                Err(error) => self.no(&error, &[Right::Get]),
            };
        }
        rights.delete = match self.bounded("delete", self.store.delete(&key)).await {
            Ok(()) => Answer::Yes,
            Err(error) => {
                let named = self.store.location().display_key(&key);
                self.no(&error, &[Right::Delete]).with_fact(&format!("the object {named} stays"))
            }
        };
    }

    async fn put(&self, key: &str, write: &Write) -> Result<()> {
        self.store.prepare().await?;
        let body = Body::stream(stream::iter([Ok(BYTES.into())]));
        self.store.put(key, write, body).await.map(drop)
    }

    async fn bounded<T>(&self, verb: &'static str, call: impl Future<Output = Result<T>>) -> Result<T> {
        timeout(CALL_LIMIT, call).await.unwrap_or_else(|_| {
            let message = format!("no answer within {} s", CALL_LIMIT.as_secs());
            Err(Error::new(ErrorKind::Timeout, verb, self.side.location.to_string(), message))
        })
    }
}

/// A key that no object has.
fn probe_key() -> String {
    format!(".flotilla-probe-{}", uuid::Uuid::now_v7().simple())
}
