//! Whole requests of the client of stores, one after the other, over a connection that stays open.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use adapters::store::s3::S3Store;
use criterion::{Criterion, Throughput};
use shared::config::{Addressing, Connection, Side};
use shared::location::{Location, Scheme};
use shared::object::Pin;
use shared::store::{KeyRange, ObjectStore as _};
use tempfile::NamedTempFile;
use tokio::runtime::{Builder, Runtime};

use crate::prepared::serve;
use crate::sample::{self, OBJECTS, SIZE};

/// One page of a listing, of 1,000 entries and of one: the difference is what 999 entries take to be received and read.
pub fn pages(c: &mut Criterion) {
    let keys = keys();
    let mut group = c.benchmark_group("page");
    for entries in [1, OBJECTS] {
        let client = Client::open(page(entries), &credentials(&keys));
        group.throughput(Throughput::Elements(entries as u64));
        group.bench_function(entries.to_string(), |b| {
            b.iter_custom(|count| {
                client.time(count, async |store| {
                    let page = store.list(KeyRange::default()).next_page().await.expect("the page is valid");
                    assert_eq!(page.map(|page| page.len()), Some(entries));
                })
            });
        });
    }
    group.finish();
}

/// One HEAD, signed and unsigned: the difference is what a signature by a cached key takes.
pub fn heads(c: &mut Criterion) {
    let keys = keys();
    let key = sample::key(0);
    let mut group = c.benchmark_group("head");
    for (name, credentials) in [("unsigned", "anonymous".to_owned()), ("signed", credentials(&keys))] {
        let client = Client::open(head(), &credentials);
        group.bench_function(name, |b| {
            b.iter_custom(|count| {
                client.time(count, async |store| {
                    let info = store.head(&key, &Pin::default()).await.expect("the answer is valid");
                    assert_eq!(info.size, SIZE);
                })
            });
        });
    }
    group.finish();
}

/// A store at a server with a prepared answer. One thread runs all its tasks.
struct Client {
    runtime: Runtime,
    store: S3Store,
}

impl Client {
    fn open(answer: Vec<u8>, credentials: &str) -> Client {
        let connection = Connection {
            endpoint_url: Some(serve(answer)),
            region: Some("us-east-1".to_owned()),
            credentials: Some(credentials.to_owned()),
        };
        let side = Side {
            location: Location::bucket_at(Scheme::S3, "bucket", ""),
            connection,
            addressing_style: Addressing::Path,
            requester_pays: false,
        };
        let runtime = Builder::new_current_thread().enable_all().build().expect("the system allows a runtime");
        let store = runtime.block_on(S3Store::open(&side)).expect("the configuration is valid");
        Client { runtime, store }
    }

    /// Makes so many calls, and returns the time that they take together.
    fn time(&self, count: u64, call: impl AsyncFn(&S3Store)) -> Duration {
        self.runtime.block_on(async {
            let began = Instant::now();
            for _ in 0..count {
                call(&self.store).await;
                // Lets the connection return to its pool: the next call must not open another.
                tokio::task::yield_now().await;
            }
            began.elapsed()
        })
    }
}

/// A file of access keys, which sign requests.
fn keys() -> NamedTempFile {
    let file = NamedTempFile::new().expect("the folder for temporary files is writable");
    let (id, secret) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    let keys = format!(r#"{{"access_key_id":"{id}","secret_access_key":"{secret}"}}"#);
    std::fs::write(file.path(), keys).expect("a temporary file is writable");
    file
}

/// The setting `credentials` that names a file of keys.
fn credentials(keys: &NamedTempFile) -> String {
    format!("file:{}", keys.path().display())
}

/// An answer to ListObjectsV2, as Amazon S3 writes it.
fn page(entries: usize) -> Vec<u8> {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>bucket</Name><Prefix></Prefix>\
         <KeyCount>{entries}</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType>\
         <IsTruncated>false</IsTruncated>"
    );
    for number in 0..entries {
        let (key, etag) = (sample::key(number), sample::etag(number));
        let _ = write!(
            xml,
            "<Contents><Key>{key}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified>\
             <ETag>&quot;{etag}&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>\
             <ChecksumType>FULL_OBJECT</ChecksumType><Size>{SIZE}</Size>\
             <StorageClass>STANDARD</StorageClass></Contents>"
        );
    }
    xml.push_str("</ListBucketResult>");
    answer("content-type: application/xml", xml.len() as u64, &xml)
}

/// [`sample::WRITTEN`], as a header spells it.
const DATE: &str = "Mon, 01 Jan 2024 00:00:00 GMT";

/// An answer to HeadObject.
fn head() -> Vec<u8> {
    let etag = sample::etag(0);
    let headers = format!("last-modified: {DATE}\r\netag: \"{etag}\"\r\ncontent-type: image/jpeg");
    answer(&headers, SIZE, "")
}

/// An answer with headers, the length that it names, and a body.
fn answer(headers: &str, length: u64, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}
