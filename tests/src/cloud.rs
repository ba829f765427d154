//! An object store in this process, at a free loopback port, for adapters and real programs alike.
//!
//! It keeps keys exactly: the raw path, percent-decoded once, cleaned of nothing. It checks signatures,
//! lengths and digests, and answers and refuses as Amazon S3 documents; a [`Profile`] makes it take on
//! another vendor's limits. Tests put and look past the wire, and read from its log what was asked of it.
//! What goes wrong between a client and it is the [proxy](crate::proxy)'s.
//!
//! Everything is in memory, and a request is done under one lock: what a client sees is what happened.

mod answer;
mod call;
mod checksum;
mod configuration;
mod describe;
mod detail;
mod list;
mod multipart;
mod profile;
mod read;
mod refusal;
mod rights;
mod sign;
pub(crate) mod url;
mod world;
mod write;
pub(crate) mod xml;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use shared::config::Side;
use shared::object::Timestamp;
use shared::sync::lock;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::emulators::{ACCESS_KEY, SECRET_KEY, s3_client, side, unique_name};
use crate::proxy::{Kind, Seen};
use answer::{Answer, Outcome};
use call::{Call, collect};
use refusal::Refusal;
use sign::{Signed, Signer};
use world::World;

pub use crate::emulators::{READ_ONLY_KEY, READ_ONLY_SECRET};
pub use checksum::{Algorithm, Sum};
pub use profile::{Checksums, Control, Metadata, Order, Profile, Tags};
pub use world::{Encryption, Grant, OpenUpload, Restore, StoredObject, StoredPart};

/// How long before now an object was written that a test put there itself: so that copies are newer.
const PLANTED_AGE_MS: i64 = 3600 * 1000;

/// Requests remembered one by one; later ones are only counted.
const MOST_SEEN: usize = 100_000;

/// A store. It lives on the runtime it was started on, and ends when dropped. Every request is
/// signed with [`ACCESS_KEY`] (or [`READ_ONLY_KEY`], which may not write), or refused.
#[derive(Debug)]
pub struct Cloud {
    /// Base URL, `http://127.0.0.1:PORT`. Buckets are below it, or at `http://BUCKET.localhost:PORT`.
    pub endpoint: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    profile: Profile,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    world: World,
    counts: BTreeMap<Kind, u64>,
    seen: Vec<Seen>,
    received: Vec<Received>,
}

/// The body of a PUT or a part as it came, whole or cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Where to.
    pub bucket: String,
    /// Where to.
    pub key: String,
    /// Upload and number, if it was a part.
    pub part: Option<(String, u32)>,
    /// Bytes of the body that came.
    pub bytes: u64,
}

impl Cloud {
    /// Starts an empty store.
    pub async fn start(profile: Profile) -> Cloud {
        let shared = Arc::new(Shared { profile, inner: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Cloud { endpoint: format!("http://{address}"), shared, accepting }
    }

    /// Whose limits it has taken on.
    pub fn profile(&self) -> &Profile {
        &self.shared.profile
    }

    /// Makes a bucket with a new name that starts with `stem`; gives its name.
    pub fn create_bucket(&self, stem: &str) -> String {
        let name = unique_name(stem);
        self.shared.lock().world.buckets.insert(name.clone(), Default::default());
        name
    }

    /// From now on the bucket keeps versions.
    pub fn keep_versions(&self, bucket: &str) {
        self.bucket(bucket, |bucket| bucket.is_versioned = true);
    }

    /// From now on the bucket encrypts so what does not ask for another encryption.
    pub fn encrypt(&self, bucket: &str, encryption: Encryption) {
        self.bucket(bucket, |bucket| bucket.encryption = Some(encryption));
    }

    /// From now on nobody may do these actions in the bucket, named as in policies without `s3:`.
    pub fn deny(&self, bucket: &str, actions: &[&'static str]) {
        self.bucket(bucket, |bucket| bucket.denied = actions.iter().copied().collect());
    }

    /// From now on object lock makes each PUT and part of the bucket need a checksum.
    pub fn lock(&self, bucket: &str) {
        self.bucket(bucket, |bucket| bucket.is_locked = true);
    }

    /// From now on requests about objects of the bucket are refused, unless the requester agrees to pay.
    pub fn charge_requesters(&self, bucket: &str) {
        self.bucket(bucket, |bucket| bucket.charges_requesters = true);
    }

    /// From now on the bucket serves a website.
    pub fn serve_website(&self, bucket: &str) {
        self.bucket(bucket, |bucket| bucket.is_website = true);
    }

    /// One side of a task: a bucket and prefix (empty, or ending with `/`), with all rights.
    pub fn side(&self, bucket: &str, prefix: &str) -> Side {
        side(&self.endpoint, bucket, prefix)
    }

    /// A client with all rights.
    pub fn client(&self) -> aws_sdk_s3::Client {
        s3_client(&self.endpoint, ACCESS_KEY, SECRET_KEY)
    }

    /// Puts an object there past the wire, as of an hour ago.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) {
        self.put_as(bucket, key, bytes, |_| {});
    }

    /// As [`put`](Self::put), with more said of the object.
    pub fn put_as(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>, change: impl FnOnce(&mut StoredObject)) {
        let mut object = write::planted(&self.shared.profile, bytes.into());
        let mut inner = self.shared.lock();
        object.modified = Timestamp(inner.world.now().0 - PLANTED_AGE_MS);
        let version = inner.world.name("version-");
        let bucket = inner.world.buckets.get_mut(bucket).expect("the bucket is there");
        object.version = bucket.is_versioned.then_some(version);
        change(&mut object);
        bucket.put(key, object);
    }

    /// Changes the object that is there.
    pub fn change(&self, bucket: &str, key: &str, change: impl FnOnce(&mut StoredObject)) {
        self.bucket(bucket, |bucket| change(bucket.stored_mut(key, None).expect("the object is there")));
    }

    /// Removes an object past the wire, with all its versions.
    pub fn remove(&self, bucket: &str, key: &str) {
        self.bucket(bucket, |bucket| drop(bucket.keys.remove(key)));
    }

    /// All objects of a bucket, in byte order of their keys.
    pub fn objects(&self, bucket: &str) -> BTreeMap<String, StoredObject> {
        self.bucket(bucket, |bucket| {
            let keys = bucket.keys.keys();
            keys.filter_map(|key| Some((key.clone(), bucket.current(key)?.clone()))).collect()
        })
    }

    /// Their keys.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.objects(bucket).into_keys().collect()
    }

    /// One object.
    pub fn object(&self, bucket: &str, key: &str) -> Option<StoredObject> {
        self.bucket(bucket, |bucket| bucket.current(key).cloned())
    }

    /// All versions of a key, the newest last; delete markers are among them.
    pub fn versions(&self, bucket: &str, key: &str) -> Vec<StoredObject> {
        self.bucket(bucket, |bucket| bucket.keys.get(key).cloned().unwrap_or_default())
    }

    /// Uploads that are still open.
    pub fn uploads(&self, bucket: &str) -> Vec<OpenUpload> {
        self.bucket(bucket, |bucket| bucket.uploads.values().cloned().collect())
    }

    /// Gives up an open upload behind its owner's back, as a lifecycle rule does.
    pub fn drop_upload(&self, bucket: &str, id: &str) {
        self.bucket(bucket, |bucket| drop(bucket.uploads.remove(id)));
    }

    /// All objects that are being restored can be read now.
    pub fn finish_restores(&self, bucket: &str) {
        self.bucket(bucket, |bucket| {
            for object in bucket.keys.values_mut().flatten() {
                object.restore = object.restore.map(|_| Restore::Done);
            }
        });
    }

    /// Sets the store's clock so many seconds ahead of this machine's; negative: behind.
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.shared.lock().world.clock_ahead_s = seconds;
    }

    /// Requests of one kind so far, whatever became of them.
    pub fn count(&self, kind: Kind) -> u64 {
        self.shared.lock().counts.get(&kind).copied().unwrap_or(0)
    }

    /// Requests by kind so far.
    pub fn counts(&self) -> BTreeMap<Kind, u64> {
        self.shared.lock().counts.clone()
    }

    /// Requests so far that change something in the store.
    pub fn writes(&self) -> u64 {
        Kind::WRITES.into_iter().map(|kind| self.count(kind)).sum()
    }

    /// The first 100,000 requests in the order they came.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.lock().seen.clone()
    }

    /// The bodies of PUTs and parts, in the order they began to come.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// Bytes of objects and parts that came, those cut off included.
    pub fn bytes_received(&self) -> u64 {
        self.shared.lock().received.iter().map(|body| body.bytes).sum()
    }

    /// Forgets all requests.
    pub fn reset(&self) {
        let mut inner = self.shared.lock();
        inner.counts.clear();
        inner.seen.clear();
        inner.received.clear();
    }

    fn bucket<T>(&self, name: &str, with: impl FnOnce(&mut world::Bucket) -> T) -> T {
        let mut inner = self.shared.lock();
        with(inner.world.buckets.get_mut(name).unwrap_or_else(|| panic!("there is no bucket {name}")))
    }
}

impl Drop for Cloud {
    // Aborting drops the set of connections, and with it their tasks.
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// Writes the request down.
    fn note(&self, call: &Call, target: String) -> usize {
        let mut inner = self.lock();
        *inner.counts.entry(call.kind).or_default() += 1;
        if inner.seen.len() < MOST_SEEN {
            inner.seen.push(Seen {
                kind: call.kind,
                method: call.method.clone(),
                target,
                headers: call.headers.clone(),
            });
        }
        if matches!(call.kind, Kind::Put | Kind::Part) {
            let number = call.asks("partNumber").and_then(|number| number.parse().ok()).unwrap_or(0);
            let part = call.asks("uploadId").map(|upload| (upload.to_owned(), number));
            inner.received.push(Received { bucket: call.bucket.clone(), key: call.key.clone(), part, bytes: 0 });
        }
        inner.received.len()
    }

    fn now(&self) -> Timestamp {
        self.lock().world.now()
    }

    /// Executes the request.
    fn answer(&self, signer: Signer, call: &mut Call, body: Bytes) -> Outcome {
        call.take(body, &self.profile)?;
        if signer == Signer::ReadOnly && (Kind::WRITES.contains(&call.kind) || call.method == http::Method::PUT) {
            return Err(Refusal::new(403, "AccessDenied", "Access Denied"));
        }
        let (world, profile) = (&mut self.lock().world, &self.profile);
        if call.key.is_empty() && call.method == http::Method::PUT && call.query.iter().all(|(name, _)| name == "x-id")
        {
            world.buckets.entry(call.bucket.clone()).or_default();
            return Ok(answer::empty(200));
        }
        if !world.buckets.contains_key(&call.bucket) {
            return Err(write::no_such_bucket());
        }
        rights::check(world, call)?;
        let act = match call.kind {
            Kind::List if call.asks("versions").is_some() => return Err(Refusal::not_implemented("versions")),
            Kind::List => list::objects,
            Kind::ListUploads => list::uploads,
            Kind::ListParts => list::parts,
            Kind::Head | Kind::Get => read::object,
            Kind::Attributes => read::attributes,
            Kind::Detail => detail::detail,
            Kind::Restore => detail::restore,
            Kind::Put => write::put,
            Kind::Copy => write::copy,
            Kind::Create => multipart::create,
            Kind::Part => multipart::part,
            Kind::PartCopy => multipart::part_copy,
            Kind::Complete => multipart::complete,
            Kind::Abort => multipart::abort,
            Kind::Delete => read::delete,
            Kind::DeleteMany => read::delete_many,
            Kind::Bucket if call.method == http::Method::HEAD => return Ok(answer::empty(200)),
            Kind::Bucket => configuration::configuration,
            Kind::Other => return Err(Refusal::not_implemented("this request")),
        };
        act(world, profile, call)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(serve(stream, shared.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

// An error of the connection ends the connection: that is all that is to be done.
async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| handle(request, shared.clone()));
    let _ = stream.set_nodelay(true);
    let mut builder = hyper::server::conn::http1::Builder::new();
    let _ = builder.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn handle(request: Request<Incoming>, shared: Arc<Shared>) -> io::Result<Answer> {
    let (parts, body) = request.into_parts();
    let is_head = parts.method == http::Method::HEAD;
    let opened = Call::open(&parts, &shared.profile);
    let signed = Signed {
        method: &parts.method,
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
    };
    let signer = sign::verify(&signed, &shared.profile, shared.now());
    let noted = opened.as_ref().ok().map(|call| shared.note(call, parts.uri.to_string()));
    // A client sends its whole body before it reads, so it is taken even if nobody wants it.
    let is_object = opened.as_ref().is_ok_and(|call| matches!(call.kind, Kind::Put | Kind::Part));
    let body = collect(body, |bytes| {
        if let Some(noted) = noted.filter(|_| is_object) {
            // Gone if the log was cleared meanwhile.
            if let Some(received) = shared.lock().received.get_mut(noted - 1) {
                received.bytes += bytes;
            }
        }
    })
    .await?;
    let outcome = opened.and_then(|mut call| shared.answer(signer?, &mut call, body));
    let mut answer = outcome.unwrap_or_else(|refusal| refusal.answer(parts.uri.path(), is_head));
    let headers = answer.headers_mut();
    headers.insert("server", HeaderValue::from_static(shared.profile.server));
    headers.insert("x-amz-request-id", HeaderValue::from_static("4442587FB7D0A2F9"));
    let date = answer::http_date(shared.now());
    headers.insert("date", HeaderValue::from_str(&date).expect("a date is ASCII"));
    Ok(answer)
}
