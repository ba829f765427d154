//! Objects in parts: uploads that are shared, interrupted, resumed and ended.

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use flotilla_tests::proxy::{Fault, Kind, Rule};
use flotilla_tests::stage::{RUN, TASK};
use shared::ledger::{Ledger, NO_FENCE, Phase, RunStart};
use shared::object::{ETag, Timestamp};
use shared::objects::UploadLog;
use shared::objects::job::{JobObject, ObjectJob};
use worker::Stop;

use super::stage::{Stage, until};
use crate::support::{MIB, content};

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_n_parts_makes_n_part_calls_and_ends_its_upload() {
    let mut stage = Stage::new().await;
    stage.options.part_size = Some(5 << 20);
    stage.options.multipart_threshold = Some(6 << 20);
    let object = stage.object(0, "a", 21 * MIB).await;
    stage.send(&stage.job("j", vec![object])).await;
    stage.work_until_settled(1).await;
    assert_eq!(stage.destination_has("a").await, Some(content("a", 21 * MIB)));
    let counts = [Kind::Create, Kind::Part, Kind::Complete, Kind::Abort, Kind::Put].map(|kind| stage.to.count(kind));
    assert_eq!(counts, [1, 5, 1, 0, 0]);
    assert_eq!(stage.open_uploads().await, 0);
    assert!(stage.ledger.upload(TASK, "a").await.expect("answers").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_uploaded_in_parts_is_cut_alike_and_compared() {
    let stage = Stage::new().await;
    let (client, bucket) = (&stage.client, &stage.source);
    let bytes = content("m", 11 * MIB);
    let upload = client.create_multipart_upload().bucket(bucket).key("m").send().await.expect("is opened");
    let id = upload.upload_id().expect("has an id");
    let mut parts = aws_sdk_s3::types::CompletedMultipartUpload::builder();
    for (number, chunk) in (1..).zip(bytes.chunks(5 * MIB)) {
        let body = ByteStream::from(chunk.to_vec());
        let request = client.upload_part().bucket(bucket).key("m").upload_id(id).part_number(number).body(body);
        let etag = request.send().await.expect("is taken").e_tag().map(str::to_owned);
        parts = parts.parts(aws_sdk_s3::types::CompletedPart::builder().part_number(number).set_e_tag(etag).build());
    }
    let complete = client.complete_multipart_upload().bucket(bucket).key("m").upload_id(id);
    let done = complete.multipart_upload(parts.build()).send().await.expect("is completed");
    let etag = done.e_tag().map(ETag::new).expect("has a tag");
    assert_eq!(etag.part_count(), Some(3));
    let object = JobObject {
        index: 0,
        key: "m".into(),
        size: bytes.len() as u64,
        modified: Timestamp::now(),
        etag: Some(etag.clone()),
        ..JobObject::default()
    };
    stage.send(&stage.job("j", vec![object])).await;
    stage.work_until_settled(1).await;
    assert_eq!(stage.destination_has("m").await, Some(bytes));
    let detail = stage.detail("m").await;
    assert_eq!((detail.verified.as_deref(), detail.etag), (Some("etag"), Some(etag)));
    assert_eq!(stage.to.count(Kind::Part), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_giant_is_shared_by_two_workers_and_counted_once() {
    let mut stage = Stage::new().await;
    stage.options.part_size = Some(5 << 20);
    stage.options.giant_threshold = 20 << 20;
    let object = stage.object(0, "giant", 64 * MIB).await;
    let job = stage.job("j", vec![object]);
    stage.send(&job).await;
    stage.send(&job).await;
    let (one, two) = tokio::join!(stage.work_until_settled(1), stage.work_until_settled(1));
    let outcome = stage.outcome("giant").await;
    assert_eq!((one.objects(), two.copied, two.bytes), (1, 1, 64 * MIB as u64), "{outcome:?}");
    assert_eq!(stage.destination_has("giant").await, Some(content("giant", 64 * MIB)));
    assert_eq!(stage.open_uploads().await, 0);
    assert_eq!(stage.detail("giant").await.verified.as_deref(), Some("source md5, destination read again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completion_with_a_lost_answer_is_looked_up() {
    let mut stage = Stage::new().await;
    stage.options.part_size = Some(5 << 20);
    stage.options.multipart_threshold = Some(6 << 20);
    let object = stage.object(0, "a", 12 * MIB).await;
    stage.to.inject(Rule::on(Kind::Complete, Fault::CloseAfter).times(1));
    stage.send(&stage.job("j", vec![object])).await;
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!(stage.destination_has("a").await, Some(content("a", 12 * MIB)));
    assert_eq!((stage.to.count(Kind::Part), stage.open_uploads().await), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_stop_the_next_worker_sends_only_missing_parts() {
    let mut stage = Stage::new().await;
    stage.options.part_size = Some(5 << 20);
    stage.options.multipart_threshold = Some(6 << 20);
    stage.machine.concurrency = 1;
    stage.machine.drain = Duration::ZERO;
    let object = stage.object(0, "a", 40 * MIB).await;
    stage.send(&stage.job("j", vec![object])).await;
    // The fifth part is on its way when the four before it are recorded.
    stage.to.inject(Rule::on(Kind::Part, Fault::Stall).containing("partNumber=5"));
    let stop = Stop::default();
    let first = tokio::spawn(stage.worker().await.run(stop.clone()));
    while stage.to.count(Kind::Part) < 5 {
        assert!(!first.is_finished(), "the worker ended");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let upload = stage.ledger.upload(TASK, "a").await.expect("answers").expect("the upload is recorded").upload;
    let recorded = async || stage.ledger.recorded_parts(TASK, &upload).await.expect("answers");
    until(async || recorded().await.len() == 4).await;
    stop.escalate();
    first.await.expect("no panic").expect("the worker ends well");
    assert_eq!(recorded().await.iter().map(|part| part.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(stage.ledger.upload(TASK, "a").await.expect("answers").is_some(), "the upload stays recorded");
    stage.to.heal();
    stage.to.reset();
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!(stage.to.count(Kind::Part), 4);
    assert_eq!(stage.destination_has("a").await, Some(content("a", 40 * MIB)));
    let run = stage.ledger.run(RUN).await.expect("answers").expect("is there");
    assert_eq!(run.phase, Phase::Listing, "the worker does not touch the finder's part");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_two_runs_count_one_giant_once_each() {
    let mut stage = Stage::new().await;
    stage.options.part_size = Some(5 * MIB as u64);
    stage.options.multipart_threshold = Some(6 * MIB as u64);
    stage.options.giant_threshold = 8 * MIB as u64;
    let older = stage.job("old", vec![stage.object(0, "giant", 12 * MIB).await]);
    let newer = ObjectJob { run: "run-newer".into(), ..older.clone() };
    let start = stage.ledger.run(RUN).await.expect("answers").expect("is there").start;
    stage.ledger.start_run(&RunStart { id: newer.run.clone(), ..start }, NO_FENCE).await.expect("the run is recorded");
    stage.to.inject(Rule::on(Kind::Part, Fault::Stall));
    let stop = Stop::default();
    let worker = tokio::spawn(stage.worker().await.run(stop.clone()));
    // The newer run opens its upload, then the older one comes by.
    stage.send(&newer).await;
    until(async || stage.ledger.upload(TASK, "giant").await.expect("answers").is_some()).await;
    let opened = stage.ledger.upload(TASK, "giant").await.expect("answers").expect("is open");
    stage.send(&older).await;
    until(async || stage.settled().await.objects() > 0).await;
    assert_eq!(stage.ledger.upload(TASK, "giant").await.expect("answers"), Some(opened), "it is left alone");
    stop.escalate();
    stop.escalate();
    worker.await.expect("no panic").expect("the worker ends well");
    stage.to.heal();
    let settled = stage.work_until_settled(1).await;
    assert_eq!((settled.skipped, settled.objects()), (1, 1));
    let newest = stage.ledger.run(&newer.run).await.expect("answers").expect("is there").settled;
    assert_eq!((newest.copied, newest.objects()), (1, 1));
    assert_eq!(stage.destination_has("giant").await, Some(content("giant", 12 * MIB)));
    assert_eq!(stage.open_uploads().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_only_the_tasks_unrecorded_uploads_are_aborted() {
    let stage = Stage::new().await.with_parts_of_5_mib();
    let open = async |key: &str| {
        let created = stage.client.create_multipart_upload().bucket(&stage.destination).key(key).send().await;
        created.expect("is opened").upload_id().map(str::to_owned)
    };
    let others = [open("a").await, open("ab").await, open("other").await];
    // Times are in whole seconds.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let object = stage.object(0, "a", 12 * MIB).await;
    stage.send(&stage.job("j", vec![object])).await;
    stage.to.inject(Rule::on(Kind::Create, Fault::StallAfter).times(1));
    stage.interrupt_at(Kind::Create, 1).await;
    assert_eq!(stage.open_uploads().await, 4, "one was created");
    // The stopped worker announced it once more, for it never saw the answer.
    assert_eq!(stage.ledger.intents(TASK, "a").await.expect("answers").map(|intents| intents.count), Some(2));
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!(stage.destination_has("a").await, Some(content("a", 12 * MIB)));
    let left = stage.client.list_multipart_uploads().bucket(&stage.destination).send().await.expect("are listed");
    let mut left: Vec<_> = left.uploads().iter().map(|upload| upload.upload_id().map(str::to_owned)).collect();
    let mut others = others.to_vec();
    left.sort();
    others.sort();
    assert_eq!(left, others);
    assert!(stage.ledger.intents(TASK, "a").await.expect("answers").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_uploads_with_a_lost_create_answer_are_aborted() {
    let stage = Stage::new().await.with_parts_of_5_mib();
    let object = stage.object(0, "a", 12 * MIB).await;
    stage.to.inject(Rule::on(Kind::Create, Fault::CloseAfter).times(2));
    stage.send(&stage.job("j", vec![object])).await;
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!((stage.to.count(Kind::Create), stage.to.count(Kind::ListUploads)), (3, 1));
    stage.assert_nothing_is_open("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_failed_object_leaves_no_upload_open() {
    let mut stage = Stage::new().await.with_parts_of_5_mib();
    stage.options.attempts = 2;
    let object = stage.object(0, "a", 12 * MIB).await;
    stage.to.inject(Rule::on(Kind::Part, Fault::Respond(500, String::new())).containing("partNumber=3"));
    stage.send(&stage.job("j", vec![object])).await;
    assert_eq!(stage.work_until_settled(1).await.failed, 1);
    stage.assert_nothing_is_open("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_uploads_of_small_or_gone_objects_are_aborted() {
    let stage = Stage::new().await.with_parts_of_5_mib();
    let objects = vec![stage.object(0, "a", 12 * MIB).await, stage.object(1, "b", 12 * MIB).await];
    stage.send(&stage.job("j", objects)).await;
    stage.to.inject(Rule::on(Kind::Part, Fault::Stall));
    stage.interrupt_at(Kind::Part, 4).await;
    assert_eq!(stage.open_uploads().await, 2);
    stage.object(0, "a", 100).await;
    stage.client.delete_object().bucket(&stage.source).key("b").send().await.expect("is deleted");
    let settled = stage.work_until_settled(2).await;
    assert_eq!((settled.copied, settled.skipped), (1, 1));
    assert_eq!(stage.destination_has("a").await, Some(content("a", 100)));
    stage.assert_nothing_is_open("a").await;
    stage.assert_nothing_is_open("b").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_completed_unsettled_object_is_not_sent_again() {
    let stage = Stage::new().await.with_parts_of_5_mib();
    let object = stage.object(0, "a", 12 * MIB).await;
    stage.send(&stage.job("j", vec![object])).await;
    stage.to.inject(Rule::on(Kind::Complete, Fault::StallAfter).times(1));
    stage.interrupt_at(Kind::Complete, 1).await;
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!((stage.to.count(Kind::Part), stage.to.count(Kind::Create)), (3, 1));
    assert_eq!(stage.destination_has("a").await, Some(content("a", 12 * MIB)));
    stage.assert_nothing_is_open("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_changed_between_workers_arrives_wholly_new() {
    let stage = Stage::new().await.with_parts_of_5_mib();
    let object = stage.object(0, "a", 12 * MIB).await;
    stage.send(&stage.job("j", vec![object])).await;
    stage.to.inject(Rule::on(Kind::Part, Fault::Stall).containing("partNumber=3"));
    stage.interrupt_at(Kind::Part, 3).await;
    // Of the same size: only its version differs.
    let now = ByteStream::from(content("another a", 12 * MIB));
    stage.client.put_object().bucket(&stage.source).key("a").body(now).send().await.expect("is put");
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!(stage.destination_has("a").await, Some(content("another a", 12 * MIB)));
    stage.assert_nothing_is_open("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_only_a_part_missing_at_completion_is_resent() {
    let stage = Stage::new().await.with_parts_of_5_mib();
    let object = stage.object(0, "a", 12 * MIB).await;
    // As when another delivery is sending the parts once more.
    let none = "<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>";
    stage.to.inject(Rule::on(Kind::ListParts, Fault::Respond(200, none.to_owned())).times(1));
    stage.send(&stage.job("j", vec![object])).await;
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!((stage.to.count(Kind::Create), stage.to.count(Kind::Part), stage.to.count(Kind::Abort)), (1, 3, 0));
    assert_eq!(stage.destination_has("a").await, Some(content("a", 12 * MIB)));
    stage.assert_nothing_is_open("a").await;
}
