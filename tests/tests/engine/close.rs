//! Uploads of cancelled runs and deleted tasks are closed, whatever dies on the way.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use adapters::store::file::FileStore;
use flotilla_tests::probe::Fate;
use shared::ErrorKind;
use shared::job::Origin;
use shared::ledger::{Ledger, Phase};
use shared::location::Location;
use shared::object::{Attributes, Pin, Timestamp};
use shared::objects::{UploadLog, UploadRecord};
use shared::store::{Store, Write};
use tokio_util::sync::CancellationToken;
use worker::{CloseStep, Closing, Look, UploadCloser};

use super::stage::{RUN, Stage, TASK};

const SIZE: u64 = 10 << 20;

/// A worker opens an upload by what it has read of the run within 5 s.
const KNOWN_FOR: Duration = Duration::from_secs(6);

fn store(folder: &Path) -> Store {
    let location = Location::folder(folder).expect("a folder is a location");
    Arc::new(FileStore::open(&location).expect("the folder opens"))
}

/// An upload that is open at the destination and recorded for a run.
async fn open(stage: &Stage, run: &str, index: u32) -> UploadRecord {
    let (store, key) = (store(&stage.destination), format!("{run}-{index}"));
    let write = Write { size: SIZE, ..Write::default() };
    stage.ledger.intend_upload(TASK, run, &key, store.now()).await.expect("is announced");
    let record = UploadRecord {
        task: TASK.into(),
        run: run.into(),
        origin: Origin { id: "0/1".into(), items: 20 },
        index,
        upload: store.create_upload(&key, &write).await.expect("is created"),
        source: Pin::default(),
        modified: Timestamp::now(),
        size: SIZE,
        part_bytes: 5 << 20,
        attributes: Attributes::default(),
        tags: Default::default(),
        storage_class: None,
        acl: None,
        encryption: None,
        writes: String::new(),
        same_parts: false,
        checksum: None,
        attempt: 1,
        restarts: 0,
        opened: Timestamp::now(),
    };
    assert_eq!(stage.ledger.open_upload(&record).await.expect("is recorded"), record);
    record
}

/// An upload that is open at the destination and announced, as after a crash.
async fn announce(stage: &Stage, run: &str, key: &str) {
    let store = store(&stage.destination);
    stage.ledger.intend_upload(TASK, run, key, store.now()).await.expect("is announced");
    store.create_upload(key, &Write { size: SIZE, ..Write::default() }).await.expect("is created");
}

fn closer(stage: &Stage, run: Option<&str>) -> UploadCloser {
    UploadCloser {
        task: TASK.into(),
        run: run.map(str::to_owned),
        destination: store(&stage.destination),
        ledger: stage.ledger.clone(),
        upload_log: stage.ledger.clone(),
        worker: "closer".into(),
    }
}

/// The next look, to its end.
async fn look(closer: &UploadCloser, closing: &mut Closing) -> shared::Result<CloseStep> {
    let until = Instant::now() + Duration::from_secs(60);
    closer.close(closing, &CancellationToken::new(), until).await
}

/// All looks, without the time between them.
async fn close(closer: &UploadCloser) -> shared::Result<Closing> {
    let mut closing = Closing::default();
    while look(closer, &mut closing).await? != CloseStep::Done {}
    Ok(closing)
}

/// Keys of which something is open at the destination or recorded.
async fn left(stage: &Stage, keys: &[String]) -> Vec<String> {
    let mut left: Vec<String> = Vec::new();
    for key in keys {
        let is_open = !store(&stage.destination).list_uploads(key).await.expect("uploads are listed").is_empty();
        let is_recorded = !stage.ledger.open_uploads(TASK, &[key]).await.expect("the log answers").is_empty();
        assert_eq!(is_open, is_recorded, "{key}");
        left.extend(is_open.then(|| key.clone()));
    }
    left
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_killed_between_two_calls_goes_on_and_counts_once() {
    for killed_at in 1.. {
        let stage = Stage::new().await;
        stage.next_run("other").await;
        let mut keys: Vec<String> = Vec::new();
        for index in 0..3 {
            keys.push(open(&stage, RUN, index).await.upload.key);
        }
        announce(&stage, RUN, "announced").await;
        announce(&stage, "other", "others").await;
        keys.extend(["announced".to_owned(), "others".to_owned(), open(&stage, "other", 7).await.upload.key]);
        let (calls, mut met) = (stage.ledger.calls.clone(), 0);
        calls.decide(move |_, _| {
            met += 1;
            if met >= killed_at { Fate::Fail(ErrorKind::Unavailable) } else { Fate::Pass }
        });
        let closer = closer(&stage, Some(RUN));
        let is_killed = close(&closer).await.is_err();
        stage.ledger.calls.decide(|_, _| Fate::Pass);
        let closing = close(&closer).await.expect("it goes on");
        assert_eq!(closing.closed.kept, 0, "{closing:?}");
        assert_eq!(left(&stage, &keys).await, ["others", "other-7"]);
        let settled = stage.settled().await;
        assert_eq!((settled.cancelled, settled.objects()), (3, 3), "killed at call {killed_at}");
        let other = stage.ledger.run("other").await.expect("answers").expect("is there").settled;
        assert_eq!(other.objects(), 0, "another run's uploads are its own");
        if !is_killed {
            assert!(killed_at > 9, "each call was met");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_task_has_no_upload_of_any_run() {
    let stage = Stage::new().await;
    stage.next_run("other").await;
    let mut keys = vec![open(&stage, RUN, 0).await.upload.key, open(&stage, "other", 1).await.upload.key];
    announce(&stage, "other", "announced").await;
    keys.push("announced".to_owned());
    let closing = close(&closer(&stage, None)).await.expect("closes");
    assert_eq!((closing.closed.aborted, closing.closed.kept), (3, 0));
    assert_eq!(left(&stage, &keys).await, [""; 0]);
    assert_eq!(close(&closer(&stage, None)).await.expect("closes").closed.aborted, 0, "repeated");
}

/// What was settled before its record could be removed stays as it was counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_close_counts_no_object_that_was_settled() {
    let stage = Stage::new().await;
    let record = open(&stage, RUN, 4).await;
    let outcome = shared::ledger::Outcome::new(record.upload.key.clone(), shared::ledger::State::Copied);
    let outcomes = [(4, outcome)];
    let (task, run, origin) = (TASK, RUN, &record.origin);
    let settlement = shared::ledger::Settlement { task, run, origin, reasons: &[], outcomes: &outcomes, span: None };
    stage.ledger.settle(&settlement).await.expect("is settled");
    close(&closer(&stage, Some(RUN))).await.expect("closes");
    let settled = stage.settled().await;
    assert_eq!((settled.copied, settled.cancelled), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_ends_after_a_page_when_it_is_to_stop() {
    let stage = Stage::new().await;
    let mut keys = Vec::new();
    for index in 0..205 {
        let key = format!("{RUN}-{index}");
        stage.ledger.intend_upload(TASK, RUN, &key, Timestamp::now()).await.expect("is announced");
        keys.push(key);
    }
    let recorded = async || {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        stage.ledger.open_uploads(TASK, &keys).await.expect("the log answers").len()
    };
    let (closer, mut closing, stop) = (closer(&stage, Some(RUN)), Closing::default(), CancellationToken::new());
    stop.cancel();
    let until = Instant::now() + Duration::from_secs(60);
    closing.look = Look::Last;
    assert_eq!(closer.close(&mut closing, &stop, until).await.expect("answers"), CloseStep::Continues);
    assert_eq!(recorded().await, 5);
    assert_eq!(closer.close(&mut closing, &stop, until).await.expect("answers"), CloseStep::Done);
    assert_eq!(recorded().await, 0);
}

/// A worker that does not know of the cancel yet announces an upload within the time before the second look, and the
/// upload appears within the time before the last one.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_opened_during_a_close_is_found() {
    for run in [Some(RUN), None] {
        for (announced_before, opened_before) in [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3)] {
            let case = format!("{run:?}: announced before look {announced_before}, opened before {opened_before}");
            let stage = Stage::new().await;
            let (closer, mut closing, store) = (closer(&stage, run), Closing::default(), store(&stage.destination));
            for number in 1.. {
                if number == announced_before {
                    stage.ledger.intend_upload(TASK, RUN, "late", store.now()).await.expect("is announced");
                }
                if number == opened_before {
                    let write = Write { size: SIZE, ..Write::default() };
                    store.create_upload("late", &write).await.expect("is created");
                }
                match look(&closer, &mut closing).await.expect("answers") {
                    CloseStep::Done => break,
                    step => assert!(matches!(step, CloseStep::Waits(_)), "{case}: {step:?}"),
                }
            }
            assert_eq!(closing.closed.aborted, 1, "{case}");
            assert_eq!(left(&stage, &["late".to_owned()]).await, [""; 0], "{case}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_without_an_upload_looks_twice() {
    let stage = Stage::new().await;
    for (run, looks) in [(Some(RUN), 2), (None, 2), (Some("unknown"), 1)] {
        let (closer, mut closing) = (closer(&stage, run), Closing::default());
        let mut made = 1;
        while look(&closer, &mut closing).await.expect("answers") != CloseStep::Done {
            made += 1;
        }
        assert_eq!(made, looks, "{run:?}");
    }
}

/// They were counted as lost.
#[tokio::test(flavor = "multi_thread")]
async fn regression_uploads_of_a_lost_run_are_closed_not_counted() {
    let stage = Stage::new().await;
    let record = open(&stage, RUN, 0).await;
    for phase in [Phase::Listed, Phase::Lost] {
        stage.ledger.set_phase(RUN, phase, None, None).await.expect("moves on");
    }
    assert_eq!(close(&closer(&stage, Some(RUN))).await.expect("closes").closed.aborted, 1);
    assert_eq!(left(&stage, &[record.upload.key]).await, [""; 0]);
    assert_eq!(stage.settled().await.objects(), 0);
}

/// The ledger is slow, or the worker was stopped for a while: all that it knows of the run is old.
#[tokio::test(flavor = "multi_thread")]
async fn regression_no_upload_is_opened_by_old_knowledge_of_the_run() {
    let mut stage = Stage::new().await;
    (stage.options.part_size, stage.options.multipart_threshold) = (Some(100), Some(100));
    let objects = stage.files([1_000]);
    stage.copy(&objects).await;
    // The run is read when its job begins, the task before the upload is announced: then nothing is answered any more.
    stage.ledger.calls.decide(|call, number| match call {
        "run-state" if number > 2 => Fate::Hang,
        _ => Fate::Pass,
    });
    let goes_on = Arc::new(AtomicBool::new(false));
    let may = goes_on.clone();
    stage.ledger.calls.wait_for("intend-upload", move || may.load(Ordering::SeqCst));
    let working = stage.start();
    stage.ledger_is_called("intend-upload", 1).await;
    tokio::time::sleep(KNOWN_FOR).await;
    goes_on.store(true, Ordering::SeqCst);
    stage.ledger_is_called("run-state", 3).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let key = &objects[0].key;
    assert!(store(&stage.destination).list_uploads(key).await.expect("answers").is_empty());
    working.kill().await;
}
