//! Objects in parts: an error is never taken for "gone".

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adapters::store::s3::S3Store;
use bytes::Bytes;
use flotilla_tests::conformance::store::body;
use flotilla_tests::emulators::side;
use flotilla_tests::proxy::{Fault, Kind, Rule};
use shared::objects::UploadLog;
use shared::store::{ObjectStore as _, PartWrite};
use tokio::time::sleep;

use crate::stage::{Objects, Stage, TASK, content};

const LARGE: &str = "large";

/// A stage whose large object goes in two parts: here, or shared out as a giant.
async fn stage(is_giant: bool) -> (Stage, usize) {
    let objects = Objects::with_parts();
    let size = objects.0.last().expect("there is one").1;
    let mut stage = Stage::new(objects).await;
    if is_giant {
        stage.work.giant_threshold = size as u64;
    }
    (stage, size)
}

fn respond(status: u16, code: &str) -> Fault {
    Fault::Respond(status, format!("<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>"))
}

/// Another object of the same bytes appears while the upload is open.
async fn plant(stage: &Stage, size: usize) {
    while stage.to.count(Kind::Create) == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    let bytes = content(LARGE, size);
    let now = shared::object::Timestamp::now();
    stage.cloud.put_as(stage.destination.location.bucket(), LARGE, bytes, |object| object.modified = now);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_an_upload_that_cannot_be_listed_is_not_gone() {
    for is_giant in [false, true] {
        let (stage, size) = stage(is_giant).await;
        let case = format!("giant: {is_giant}");
        // Completing fails, and so does each look at the upload after it, until both work again.
        stage.to.inject(Rule::on(Kind::Complete, respond(500, "InternalError")).times(4));
        stage.to.inject(Rule::on(Kind::ListParts, respond(403, "AccessDenied")).after(1).times(2));
        let (end, ()) = tokio::join!(stage.sync(), plant(&stage, size));
        let run = end.done(&case);
        assert_eq!((run.settled.copied, run.settled.failed), (7, 0), "{case}");
        assert_eq!(stage.open_uploads(), 0, "{case}: the upload was taken for gone");
        assert_eq!((stage.to.count(Kind::Create), stage.to.count(Kind::Part)), (1, 2), "{case}");
        stage.assert_stored_all_but(&[], &case);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_404_to_a_part_costs_no_other_part() {
    for is_giant in [false, true] {
        let (stage, _) = stage(is_giant).await;
        let case = format!("giant: {is_giant}");
        // As a gateway answers.
        let page = Fault::Respond(404, "<html>Not Found</html>".to_owned());
        stage.to.inject(Rule::on(Kind::Part, page).containing("partNumber=2").times(1));
        // The first part has arrived by then.
        stage.to.inject(Rule::on(Kind::Part, Fault::Delay(Duration::from_millis(500))).containing("partNumber=2"));
        let end = stage.sync().await;
        let run = end.done(&case);
        assert_eq!((run.settled.copied, run.settled.failed), (7, 0), "{case}");
        let counts = [Kind::Create, Kind::Abort].map(|kind| stage.to.count(kind));
        assert_eq!(counts, [1, 0], "{case}: the upload was given up");
        assert_eq!(stage.open_uploads(), 0, "{case}");
        stage.assert_stored_all_but(&[], &case);
    }
}

/// Another delivery, which lost its lease, replaces a part between the listing of the parts and the completion: the store
/// refuses to complete the upload with the earlier tag.
#[tokio::test(flavor = "multi_thread")]
async fn regression_a_part_replaced_before_completion_fails_nothing() {
    for is_giant in [false, true] {
        let (stage, _) = stage(is_giant).await;
        let case = format!("giant: {is_giant}");
        stage.to.inject(Rule::on(Kind::Complete, Fault::Delay(Duration::from_secs(3))).times(1));
        let direct = side(&stage.cloud.endpoint, stage.destination.location.bucket(), "");
        let replace = async {
            while stage.to.count(Kind::Complete) == 0 {
                sleep(Duration::from_millis(1)).await;
            }
            let record = stage.ledger.upload(TASK, LARGE).await.expect("answers").expect("is recorded");
            let bytes = Bytes::from(vec![b'!'; record.part_bytes as usize]);
            let part = PartWrite { number: 1, offset: 0, size: record.part_bytes, checksum: None };
            let store = S3Store::open(&direct).await.expect("the destination opens");
            store.upload_part(&record.upload, &part, body(&bytes)).await.expect("the part is replaced");
        };
        let (end, ()) = tokio::join!(stage.sync(), replace);
        let run = end.done(&case);
        assert_eq!((run.settled.copied, run.settled.failed), (7, 0), "{case}");
        if !is_giant {
            // Two workers of a giant may complete it at once: then it may be begun anew.
            assert_eq!([Kind::Create, Kind::Part].map(|kind| stage.to.count(kind)), [1, 3], "{case}");
        }
        assert_eq!(stage.open_uploads(), 0, "{case}");
        stage.assert_stored_all_but(&[], &case);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_lost_create_stays_announced_while_others_look() {
    let (stage, _) = stage(false).await;
    stage.to.inject(Rule::on(Kind::Create, Fault::CloseAfter).times(1));
    // The first announcement passes. The next one waits until another worker, which looked before the create took
    // effect, has cleared the intent.
    let (is_first, is_cleared) = (AtomicBool::new(true), Arc::new(AtomicBool::new(false)));
    let cleared = is_cleared.clone();
    let may_go_on = move || is_first.swap(false, Ordering::SeqCst) || cleared.load(Ordering::SeqCst);
    stage.worker_ledger.calls.wait_for("intend-upload", may_go_on);
    let other = async {
        while stage.to.count(Kind::Create) == 0 {
            sleep(Duration::from_millis(1)).await;
        }
        let intents = stage.ledger.intents(TASK, LARGE).await.expect("answers").expect("is announced");
        stage.ledger.clear_intents(TASK, LARGE, &intents).await.expect("answers");
        is_cleared.store(true, Ordering::SeqCst);
    };
    let (end, ()) = tokio::join!(stage.sync(), other);
    assert_eq!(end.done("a lost create").settled.copied, 7);
    assert_eq!(stage.open_uploads(), 0, "the upload of the lost answer stays open");
}
