//! Uploads are closed at a store that has rights, and other programs' uploads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::store::s3::S3Store;
use flotilla_tests::emulators::{READ_ONLY_KEY, READ_ONLY_SECRET, side, side_as};
use flotilla_tests::proxy::{Fault, Kind, Rule};
use flotilla_tests::stage::{RUN, TASK};
use shared::config::Side;
use shared::objects::UploadLog;
use tokio_util::sync::CancellationToken;
use worker::{CloseStep, Closed, Closing, UploadCloser};

use super::stage::Stage;
use crate::support::MIB;

async fn close(stage: &Stage, destination: &Side) -> Closed {
    let closer = UploadCloser {
        task: TASK.into(),
        run: Some(RUN.into()),
        destination: Arc::new(S3Store::open(destination).await.expect("the destination opens")),
        ledger: stage.ledger.clone(),
        upload_log: stage.ledger.clone(),
        worker: "closer".into(),
    };
    let (mut closing, until) = (Closing::default(), Instant::now() + Duration::from_secs(60));
    while closer.close(&mut closing, &CancellationToken::new(), until).await.expect("closes") != CloseStep::Done {}
    closing.closed
}

/// The message of the first job is lost, the create of the second was never answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_close_aborts_recorded_and_announced_uploads_and_no_others() {
    let stage = Stage::new().await.with_parts_of_5_mib();
    let create = |key| stage.client.create_multipart_upload().bucket(&stage.destination).key(key).send();
    create("announced").await.expect("is created by another program");
    // Times of uploads are whole seconds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let objects = vec![stage.object(0, "recorded", 12 * MIB).await];
    stage.send(&stage.job("j", objects)).await;
    stage.to.inject(Rule::on(Kind::Part, Fault::Stall));
    stage.interrupt_at(Kind::Part, 2).await;
    let before = S3Store::open(&side(&stage.to.endpoint, &stage.destination, "")).await.expect("opens");
    shared::store::ObjectStore::probe(&before).await.expect("answers");
    let now = shared::store::ObjectStore::now(&before);
    stage.ledger.intend_upload(TASK, RUN, "announced", now).await.expect("is announced");
    create("announced").await.expect("is created");
    assert_eq!(stage.open_uploads().await, 3);

    let denied = side_as(&stage.to.endpoint, &stage.destination, "", READ_ONLY_KEY, READ_ONLY_SECRET);
    let closed = close(&stage, &denied).await;
    assert_eq!((closed.aborted, closed.kept, stage.open_uploads().await), (0, 2, 3));
    assert!(closed.named.iter().any(|kept| kept.reason.contains("s3:AbortMultipartUpload")), "{closed:?}");
    assert!(stage.ledger.upload(TASK, "recorded").await.expect("answers").is_some(), "the record stays");
    assert_eq!(stage.settled().await.cancelled, 1, "it is counted all the same");

    let closed = close(&stage, &side(&stage.to.endpoint, &stage.destination, "")).await;
    assert_eq!((closed.aborted, closed.kept, stage.open_uploads().await), (2, 0, 1));
    assert!(stage.ledger.uploads_of_task(TASK, None, 10).await.expect("answers").0.is_empty());
    assert_eq!(stage.settled().await.objects(), 1);
}
