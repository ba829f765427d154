//! Large objects that are read again in ranges after they were written.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::store::file::FileStore;
use async_trait::async_trait;
use flotilla_tests::stage::content;
use futures::StreamExt;
use futures::stream;
use shared::ledger::{Ledger, Outcome, State};
use shared::limits::RANGE_BYTES;
use shared::objects::ObjectDetail;
use shared::store::{Body, Capabilities, Object, ObjectStore, Read, StoreWrapper, Write, Written};
use shared::sync::lock;
use shared::{Error, ErrorKind, Result};
use tokio::time::{sleep, timeout};

use crate::stage::{Stage, TASK, folder, with_a_wrong_byte};

/// Three ranges.
const SIZE: u64 = 2 * RANGE_BYTES + 1;

/// What happens to the reads of the written object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The first range is answered when all are requested.
    FirstIsLast,
    /// The first read of the second range breaks off.
    BreaksOff,
    /// The first read of the second range has a wrong byte.
    WrongByte,
    /// Ranges are ignored.
    IgnoresRanges,
    /// The object is replaced before the second range is read.
    Replaced,
}

/// A folder as a store that reports nothing of the bytes it has, so that they are read again.
#[derive(Debug)]
struct SilentStore {
    inner: FileStore,
    path: PathBuf,
    capabilities: Capabilities,
    fault: Fault,
    /// The ranges of all reads.
    reads: Mutex<Vec<Option<Range<u64>>>>,
}

impl SilentStore {
    fn new(path: PathBuf, fault: Fault) -> SilentStore {
        let inner = folder(&path);
        let known = inner.capabilities().clone();
        let capabilities = Capabilities { is_remote: true, surely_verifies: false, verifies: Vec::new(), ..known };
        SilentStore { inner, path, capabilities, fault, reads: Mutex::default() }
    }

    /// How often each range was read, and the whole object.
    fn counts(&self) -> ([usize; 3], usize) {
        let reads = lock(&self.reads);
        let count = |read: &Option<Range<u64>>| reads.iter().filter(|seen| *seen == read).count();
        let ranges = [0..RANGE_BYTES, RANGE_BYTES..2 * RANGE_BYTES, 2 * RANGE_BYTES..SIZE];
        (ranges.map(|range| count(&Some(range))), count(&None))
    }

    /// Waits until each range was requested.
    async fn all_requested(&self, key: &str) -> Result<()> {
        let requested = async {
            while self.counts().0 != [1; 3] {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let late = |_| Error::new(ErrorKind::Invalid, "get", key, "the ranges are not requested at once");
        timeout(Duration::from_secs(60), requested).await.map_err(late)
    }
}

fn broken_off(body: Body) -> Body {
    let end = stream::iter([Err(Error::new(ErrorKind::Connection, "get", "k", "the connection was lost"))]);
    Body::stream(body.take(1).chain(end))
}

#[async_trait]
impl StoreWrapper for SilentStore {
    fn inner(&self) -> &dyn ObjectStore {
        &self.inner
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn put(&self, key: &str, write: &Write, body: Body) -> Result<Written> {
        Ok(Written { checksum: None, ..self.inner.put(key, write, body).await? })
    }

    async fn get(&self, key: &str, read: &Read) -> Result<Object> {
        lock(&self.reads).push(read.range.clone());
        let Some(range) = &read.range else { return self.inner.get(key, read).await };
        let is_second = range.start == RANGE_BYTES;
        let is_first_time = is_second && self.counts().0[1] == 1;
        match self.fault {
            Fault::FirstIsLast if range.start == 0 => self.all_requested(key).await?,
            Fault::IgnoresRanges => {
                return Err(Error::new(ErrorKind::RangeIgnored, "get", key, "the store ignored the range"));
            }
            Fault::Replaced if is_second => {
                std::fs::write(self.path.join(key), vec![b'y'; SIZE as usize]).expect("can be written");
            }
            _ => {}
        }
        let Object { info, body } = self.inner.get(key, read).await?;
        let body = match self.fault {
            Fault::BreaksOff if is_first_time => broken_off(body),
            Fault::WrongByte if is_first_time => with_a_wrong_byte(body),
            _ => body,
        };
        Ok(Object { info, body })
    }
}

/// Copies an object of three ranges; its outcome, how often each range was read, and the whole object.
async fn copied(fault: Fault) -> (Outcome, ([usize; 3], usize)) {
    let mut stage = Stage::new().await;
    stage.options.attempts = 1;
    let objects = stage.files([SIZE as usize]);
    let key = &objects[0].key;
    std::fs::write(stage.source.join(key), content(key, SIZE as usize)).expect("files can be written");
    let destination = Arc::new(SilentStore::new(stage.destination.clone(), fault));
    stage.copy(&objects).await;
    let working = stage.start_into(destination.clone());
    stage.until_settled(1).await;
    working.stop().await.expect("the worker ends well");
    let outcome = stage.ledger.outcome(TASK, key).await.expect("the ledger answers").expect("an outcome");
    (outcome, destination.counts())
}

/// Copies an object, whose bytes are right in the end.
async fn verified(fault: Fault) -> ([usize; 3], usize) {
    let (outcome, counts) = copied(fault).await;
    assert_eq!(outcome.state, State::Copied, "{fault:?}: {outcome:?}");
    let verified = ObjectDetail::read(&outcome).expect("a detail").verified;
    assert_eq!(verified.as_deref(), Some("destination read again"), "{fault:?}");
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_large_object_is_read_again_in_ranges() {
    assert_eq!(verified(Fault::FirstIsLast).await, ([1, 1, 1], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_that_breaks_off_is_read_again_alone() {
    assert_eq!(verified(Fault::BreaksOff).await, ([1, 2, 1], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_byte_in_one_range_is_found() {
    assert_eq!(verified(Fault::WrongByte).await, ([2, 2, 2], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_ignores_ranges_is_read_in_one_stream() {
    let (ranges, whole) = verified(Fault::IgnoresRanges).await;
    assert_eq!(whole, 1, "{ranges:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_replaced_between_two_ranges_is_not_verified() {
    let (outcome, _) = copied(Fault::Replaced).await;
    assert_eq!(outcome.state, State::Failed, "{outcome:?}");
    let error = outcome.error.unwrap_or_default();
    assert!(error.contains("another program changed it before it could be verified"), "{error}");
}
