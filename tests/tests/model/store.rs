//! Object stores in memory, whose calls wait for their turns.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{TryStreamExt, stream};
use shared::acl::Acl;
use shared::digest::{Algorithm, Checksum, Hasher};
use shared::filter::Filter;
use shared::location::Location;
use shared::object::{Entry, ObjectInfo, Pin, Tags, Timestamp, Uncarried};
use shared::store::*;
use shared::sync::lock;
use shared::{Error, ErrorKind, Result};

use crate::bucket::{Bucket, Item};
use crate::schedule::{Call, Kind, Schedule};

/// Most entries of a page.
const PAGE: usize = 1_000;

/// An error of a fake.
pub fn refusal(kind: ErrorKind, verb: &'static str, subject: &str, message: &str) -> Error {
    Error::new(kind, verb, subject, message)
}

/// MD5 of the bytes.
pub fn md5(bytes: &[u8]) -> Checksum {
    let mut hasher = Hasher::new(Algorithm::Md5).expect("MD5 is computed");
    hasher.update(bytes);
    hasher.finish()
}

/// The buckets of one service, by name.
pub type Service = BTreeMap<String, Bucket>;

/// A bucket as one worker sees it.
#[derive(Debug, Clone)]
pub struct FakeStore {
    pub location: Location,
    pub capabilities: Capabilities,
    /// All buckets.
    pub cloud: Arc<Mutex<Service>>,
    /// Set where the service copies between its buckets.
    pub service: Option<shared::store::Service>,
    /// Who calls.
    pub worker: u32,
    pub schedule: Schedule,
}

/// What a store of tests can do.
pub fn capabilities(etags: EtagMeaning, verifies: Vec<Algorithm>) -> Capabilities {
    Capabilities {
        etags,
        parallel_listing: false,
        max_put_bytes: 5 << 30,
        min_part_bytes: 1,
        max_part_bytes: 5 << 30,
        max_parts: 10_000,
        max_object_bytes: 50 << 40,
        max_copy_bytes: 5 << 30,
        copies_parts: true,
        max_delete_keys: 1_000,
        verifies,
        keeps_attributes: true,
        keeps_modified: false,
        metadata: MetadataSupport::NOTHING,
        surely_verifies: true,
        lists_consistently: true,
        reports_tag_counts: true,
        has_folders: false,
        is_remote: true,
        rights: shared::store::RightNames::Amazon,
    }
}

/// Answer and words of a call that returns nothing.
pub fn described<T>(answer: Result<T>, words: impl FnOnce(&T) -> String) -> (Result<T>, String) {
    let words = match &answer {
        Ok(value) => words(value),
        Err(error) => format!("-> {}", error.kind()),
    };
    (answer, words)
}

impl FakeStore {
    /// One call about this store's bucket.
    pub async fn call<T, F>(&self, kind: Kind, key: &str, what: String, effect: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Bucket) -> (Result<T>, String) + Send + 'static,
    {
        let (cloud, bucket) = (self.cloud.clone(), self.location.bucket().to_owned());
        let call = Call { worker: self.worker, key: key.to_owned(), kind, what };
        let subject = self.location.display_key(key);
        self.schedule
            .call(call, move || match lock(&cloud).get_mut(&bucket) {
                Some(bucket) => effect(bucket),
                None => (Err(Error::new(ErrorKind::NoSuchContainer, "call", subject, "no such bucket")), String::new()),
            })
            .await
    }

    /// The whole body, as it came: it is handed over before the write waits for its turn.
    pub async fn gather(&self, key: &str, size: u64, checksum: Option<&Checksum>, body: Body) -> Result<Bytes> {
        let chunks: Vec<Bytes> = body.try_collect().await?;
        let bytes = Bytes::from(chunks.concat());
        if bytes.len() as u64 != size {
            return Err(refusal(ErrorKind::Invalid, "put", key, "another number of bytes than was announced"));
        }
        if let Some(sent) = checksum.filter(|sent| self.capabilities.verifies.contains(&sent.algorithm))
            && let Some(mut hasher) = Hasher::new(sent.algorithm)
        {
            hasher.update(&bytes);
            if hasher.finish() != *sent {
                return Err(refusal(ErrorKind::BadDigest, "put", key, "another checksum than was announced"));
            }
        }
        Ok(bytes)
    }

    fn side(&self) -> &str {
        self.location.bucket()
    }
}

/// A body of these bytes.
pub fn body_of(bytes: &Bytes) -> Body {
    let chunks: Vec<_> =
        (0..bytes.len()).step_by(64 << 10).map(|at| Ok(bytes.slice(at..bytes.len().min(at + (64 << 10))))).collect();
    Body::stream(stream::iter(chunks))
}

/// The bytes of a range; an error where it reaches beyond the end.
pub fn slice(bytes: &Bytes, key: &str, range: Option<&Range<u64>>) -> Result<Bytes> {
    match range {
        None => Ok(bytes.clone()),
        Some(range) if range.end <= bytes.len() as u64 => Ok(bytes.slice(range.start as usize..range.end as usize)),
        Some(_) => Err(refusal(ErrorKind::Invalid, "get", key, "the range reaches beyond the object's end")),
    }
}

fn unsupported<T>(verb: &'static str, key: &str) -> Result<T> {
    Err(refusal(ErrorKind::Unsupported, verb, key, "this store keeps none"))
}

struct Pages {
    store: FakeStore,
    range: KeyRange,
    done: bool,
}

#[async_trait]
impl Listing for Pages {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>> {
        if self.done {
            return Ok(None);
        }
        let range = self.range.clone();
        let what = format!("LIST {}/{}", self.store.side(), range.prefix);
        let effect = move |bucket: &mut Bucket| {
            let entries = bucket.items.iter().filter(|(key, _)| range.contains(key)).take(PAGE).map(entry_of);
            described(Ok(entries.collect::<Vec<_>>()), |page| {
                let names: Vec<_> = page.iter().map(|entry| bucket.name(&entry.key)).collect();
                format!("-> [{}]", names.join(", "))
            })
        };
        let prefix = self.range.prefix.clone();
        let page = self.store.call(Kind::Ask, &prefix, what, effect).await?;
        self.done = page.len() < PAGE;
        self.range.after = page.last().map(|entry| entry.key.clone()).or(self.range.after.take());
        let page: Vec<Listed> = page.into_iter().map(Listed::Object).collect();
        Ok(Some(page).filter(|page| !page.is_empty()))
    }
}

/// An object as a listing shows it.
pub fn entry_of((key, item): (&String, &Item)) -> Entry {
    Entry {
        key: key.clone(),
        size: item.bytes.len() as u64,
        modified: item.modified,
        etag: Some(item.etag.clone()),
        // As S3 lists it: without versions.
        version: None,
        storage_class: None,
    }
}

#[async_trait]
impl ObjectStore for FakeStore {
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
        lock(&self.cloud).get(self.location.bucket()).map_or(Timestamp(0), Bucket::now)
    }

    fn stored_time(&self, time: Timestamp) -> Timestamp {
        time
    }

    async fn probe_listing(&self) -> Result<()> {
        self.probe().await
    }

    /// Without a turn: nothing else depends on when it is done.
    async fn probe(&self) -> Result<()> {
        match lock(&self.cloud).contains_key(self.location.bucket()) {
            true => Ok(()),
            false => Err(refusal(ErrorKind::NoSuchContainer, "probe", self.side(), "no such bucket")),
        }
    }

    async fn prepare(&self) -> Result<()> {
        Ok(())
    }

    fn list(&self, range: KeyRange) -> Box<dyn Listing> {
        Box::new(Pages { store: self.clone(), range, done: false })
    }

    fn list_filtered(&self, range: KeyRange, _: &Arc<Filter>) -> Box<dyn Listing> {
        self.list(range)
    }

    async fn head(&self, key: &str, pin: &Pin) -> Result<ObjectInfo> {
        let (what, wanted, pin) = (format!("HEAD {}/{key}", self.side()), key.to_owned(), pin.clone());
        let effect = move |bucket: &mut Bucket| match bucket.find("head", &wanted, &pin) {
            Ok(item) => (Ok(item.info()), format!("-> {}", item.name())),
            Err(error) => described(Err(error), |_| String::new()),
        };
        self.call(Kind::Ask, key, what, effect).await
    }

    async fn checksum(&self, key: &str, pin: &Pin, algorithm: Algorithm) -> Result<Option<Checksum>> {
        let (what, wanted, pin) = (format!("CHECKSUM {}/{key}", self.side()), key.to_owned(), pin.clone());
        let effect = move |bucket: &mut Bucket| {
            let checksum = bucket.find("checksum", &wanted, &pin).map(|item| {
                let mut hasher = Hasher::new(algorithm)?;
                hasher.update(&item.bytes);
                Some(hasher.finish())
            });
            described(checksum, |_| String::new())
        };
        self.call(Kind::Ask, key, what, effect).await
    }

    async fn tags(&self, key: &str, _: &Pin) -> Result<Tags> {
        unsupported("tags", key)
    }

    async fn acl(&self, key: &str, _: &Pin) -> Result<Acl> {
        unsupported("acl", key)
    }

    async fn restore(&self, key: &str, _: &Pin, _: &Restore) -> Result<()> {
        unsupported("restore", key)
    }

    async fn part_layout(&self, key: &str, pin: &Pin) -> Result<Option<PartLayout>> {
        let (what, wanted, pin) = (format!("PARTS {}/{key}", self.side()), key.to_owned(), pin.clone());
        let effect = move |bucket: &mut Bucket| {
            described(bucket.find("head", &wanted, &pin).map(|item| item.layout), |_| String::new())
        };
        self.call(Kind::Ask, key, what, effect).await
    }

    async fn get(&self, key: &str, read: &Read) -> Result<Object> {
        let (what, wanted, read) = (format!("GET {}/{key}", self.side()), key.to_owned(), read.clone());
        let effect = move |bucket: &mut Bucket| match bucket.find("get", &wanted, &read.pin) {
            Ok(item) => {
                let name = format!("-> {}", item.name());
                let answer = slice(&item.bytes, &wanted, read.range.as_ref());
                (answer.map(|bytes| Object { info: item.info(), body: body_of(&bytes) }), name)
            }
            Err(error) => described(Err(error), |_| String::new()),
        };
        self.call(Kind::Ask, key, what, effect).await
    }

    async fn put(&self, key: &str, write: &Write, body: Body) -> Result<Written> {
        if !write.tags.is_empty() || write.acl.is_some() || write.storage_class.is_some() || write.encryption.is_some()
        {
            return unsupported("put", key);
        }
        let bytes = self.gather(key, write.size, write.checksum.as_ref(), body).await?;
        let (what, wanted, attributes) =
            (format!("PUT {}/{key}", self.side()), key.to_owned(), write.attributes.clone());
        let effect = move |bucket: &mut Bucket| {
            let written = bucket.write(&wanted, bytes, attributes);
            (Ok(written), format!(":= {}", bucket.name(&wanted)))
        };
        self.call(Kind::Write, key, what, effect).await
    }

    async fn create_upload(&self, key: &str, write: &Write) -> Result<Upload> {
        self.create(key, write).await
    }

    async fn upload_part(&self, upload: &Upload, part: &PartWrite, body: Body) -> Result<Part> {
        let bytes = self.gather(&upload.key, part.size, part.checksum.as_ref(), body).await?;
        self.take_part(upload, part.number, bytes).await
    }

    async fn list_parts(&self, upload: &Upload) -> Result<Vec<Part>> {
        self.parts_of(upload).await
    }

    async fn complete_upload(&self, upload: &Upload, parts: &[Part], write: &Write) -> Result<Written> {
        self.complete(upload, parts, write).await
    }

    async fn abort_upload(&self, upload: &Upload) -> Result<()> {
        self.abort(upload).await
    }

    async fn list_uploads(&self, key: &str) -> Result<Vec<(Upload, Option<Timestamp>)>> {
        self.uploads_of(key).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let (what, wanted) = (format!("DELETE {}/{key}", self.side()), key.to_owned());
        let effect = move |bucket: &mut Bucket| {
            bucket.remove(&wanted);
            (Ok(()), String::new())
        };
        self.call(Kind::Write, key, what, effect).await
    }

    async fn delete_many(&self, keys: &[String]) -> Result<Vec<Result<()>>> {
        let (what, wanted) = (format!("DELETE {}/{}", self.side(), keys.join(", ")), keys.to_vec());
        let effect = move |bucket: &mut Bucket| {
            wanted.iter().for_each(|key| bucket.remove(key));
            (Ok(wanted.iter().map(|_| Ok(())).collect()), String::new())
        };
        self.call(Kind::Write, keys.first().map_or("", String::as_str), what, effect).await
    }

    fn service(&self) -> Option<&shared::store::Service> {
        self.service.as_ref()
    }

    async fn may_lose(&self) -> Uncarried {
        Uncarried::default()
    }

    async fn copy(&self, source: &CopySource, pin: &Pin, key: &str, _: &Write) -> Result<Written> {
        self.service.as_ref().map_or_else(|| unsupported("copy", key), |_| Ok(()))?;
        let (cloud, bucket) = (self.cloud.clone(), self.location.bucket().to_owned());
        let (source, pin, wanted) = (source.clone(), pin.clone(), key.to_owned());
        let what = format!("COPY {}/{key}", self.side());
        let call = Call { worker: self.worker, key: key.to_owned(), kind: Kind::Write, what };
        self.schedule
            .call(call, move || {
                let mut cloud = lock(&cloud);
                let found = cloud.get(&source.bucket).map(|from| from.find("copy", &source.key, &pin).cloned());
                let missing = || Err(refusal(ErrorKind::NotFound, "copy", &source.key, "no such bucket"));
                match (found.unwrap_or_else(missing), cloud.get_mut(&bucket)) {
                    (Ok(item), Some(to)) => {
                        let written = to.write(&wanted, item.bytes, item.attributes);
                        (Ok(written), format!(":= {}", to.name(&wanted)))
                    }
                    (Err(error), _) => described(Err(error), |_| String::new()),
                    (_, None) => described(missing().map(|_| Written::default()), |_| String::new()),
                }
            })
            .await
    }

    async fn copy_part(
        &self,
        source: &CopySource,
        pin: &Pin,
        range: Range<u64>,
        upload: &Upload,
        part: &PartWrite,
    ) -> Result<Part> {
        self.service.as_ref().map_or_else(|| unsupported("copy", &upload.key), |_| Ok(()))?;
        let bytes = {
            let cloud = lock(&self.cloud);
            let missing = || refusal(ErrorKind::NotFound, "copy", &source.key, "no such bucket");
            let item = cloud.get(&source.bucket).ok_or_else(missing)?.find("copy", &source.key, pin)?;
            slice(&item.bytes, &source.key, Some(&range))?
        };
        self.take_part(upload, part.number, bytes).await
    }
}
