//! A slow part at the end of an upload, which is sent a second time.

use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use adapters::store::file::FileStore;
use async_trait::async_trait;
use flotilla_tests::stage::content;
use futures::StreamExt;
use shared::Result;
use shared::ledger::{Ledger, State};
use shared::store::{Body, Capabilities, EtagMeaning, ObjectStore, Part, PartWrite, Store, StoreWrapper, Upload};

use crate::in_order::Md5Store;
use crate::stage::{Stage, TASK, folder};

const PARTS: u64 = 6;

const PART_BYTES: u64 = 1 << 20;

/// A remote destination that never answers the first try of one part.
#[derive(Debug)]
struct HangingStore {
    inner: FileStore,
    capabilities: Capabilities,
    /// Whether it takes some bytes before it hangs.
    takes_bytes: bool,
    parts: AtomicU64,
    has_hung: AtomicBool,
}

impl HangingStore {
    fn new(path: PathBuf, takes_bytes: bool) -> Arc<HangingStore> {
        let inner = folder(&path);
        let capabilities = Capabilities { is_remote: true, etags: EtagMeaning::Md5, ..inner.capabilities().clone() };
        let (parts, has_hung) = Default::default();
        Arc::new(HangingStore { inner, capabilities, takes_bytes, parts, has_hung })
    }
}

#[async_trait]
impl StoreWrapper for HangingStore {
    fn inner(&self) -> &dyn ObjectStore {
        &self.inner
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn upload_part(&self, upload: &Upload, part: &PartWrite, mut body: Body) -> Result<Part> {
        self.parts.fetch_add(1, SeqCst);
        if part.number == 2 && !self.has_hung.swap(true, SeqCst) {
            if self.takes_bytes {
                body.next().await;
            }
            return pending().await;
        }
        self.inner.upload_part(upload, part, body).await
    }
}

/// Copies an object of which one part hangs.
async fn assert_copied(stage: &Stage, source: Store, takes_bytes: bool, case: &str) {
    let size = (PARTS * PART_BYTES) as usize;
    let objects = stage.files([size]);
    let key = &objects[0].key;
    std::fs::write(stage.source.join(key), content(key, size)).expect("a file");
    let destination = HangingStore::new(stage.destination.clone(), takes_bytes);
    stage.copy(&objects).await;
    let working = stage.start_between(source, destination.clone());
    stage.until_settled(1).await;
    let moved = working.moved.bytes();
    working.stop().await.expect("the worker ends well");
    let outcome = stage.ledger.outcome(TASK, key).await.expect("the ledger answers").expect("an outcome");
    assert_eq!(outcome.state, State::Copied, "{case}: {outcome:?}");
    // On a busy machine another part may be slow too.
    assert!(destination.parts.load(SeqCst) > PARTS, "{case}: one part more");
    assert_eq!(moved, size as u64, "{case}: the bytes of the try that hung do not count");
    assert!(std::fs::read(stage.destination.join(key)).expect("a file") == content(key, size), "{case}: other bytes");
}

async fn in_parts() -> Stage {
    let mut stage = Stage::new().await;
    stage.options.part_size = Some(PART_BYTES);
    stage.options.multipart_threshold = Some(PART_BYTES);
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_part_that_hangs_is_sent_a_second_time() {
    let stage = in_parts().await;
    let source = Arc::new(folder(&stage.source));
    assert_copied(&stage, source, false, "streamed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_in_memory_that_hangs_is_sent_again_without_a_read() {
    let stage = in_parts().await;
    let source = Arc::new(Md5Store::new(stage.source.clone()));
    assert_copied(&stage, source.clone(), true, "in memory").await;
    assert_eq!(source.reads() as u64, PARTS);
}
