//! Open uploads of giant objects.

use std::collections::{BTreeMap, BTreeSet};

use shared::acl::{Acl, Grant, Grantee, Permission};
use shared::digest::Checksum;
use shared::object::{Attributes, ETag, Pin, Timestamp};
use shared::objects::{Intents, OpenUploads, PartRecord, PartSet, Proof, SharedUploadLog, UploadRecord};
use shared::store::{Encryption, Upload};

use crate::conformance::ledger::{odd_keys, origin, unique};

/// The record of an upload.
pub(crate) fn upload_record(task: &str, key: &str, id: &str) -> UploadRecord {
    let user = BTreeMap::from([("owner".to_owned(), "J\u{fc}rgen".to_owned()), ("empty".to_owned(), String::new())]);
    UploadRecord {
        task: task.to_owned(),
        run: "run-1".to_owned(),
        origin: origin("0/7", 1),
        index: 0,
        upload: Upload { key: key.to_owned(), id: id.to_owned() },
        source: Pin { etag: Some(ETag::new("abc-12")), version: None },
        modified: Timestamp(1_700_000_000_123),
        size: 50 << 40,
        part_bytes: 5 << 30,
        writes: "cdef".to_owned(),
        same_parts: false,
        attributes: Attributes { content_type: Some("text/plain".to_owned()), user, ..Attributes::default() },
        tags: BTreeMap::from([("\u{e9}t\u{e9}".to_owned(), "a b".to_owned())]),
        storage_class: Some("STANDARD_IA".to_owned()),
        acl: Some(Acl::new([Grant { grantee: Grantee::Owner, permission: Permission::FullControl }])),
        encryption: Some(Encryption::Kms(Some("key".to_owned()))),
        checksum: Some(Checksum::md5([7; 16])),
        attempt: 2,
        restarts: 2,
        opened: Timestamp(1_700_000_000_456),
    }
}

/// Records of parts.
pub(crate) fn part_records(numbers: impl IntoIterator<Item = u32>) -> Vec<PartRecord> {
    let checksum = |number: u32| (!number.is_multiple_of(3)).then(|| Checksum::md5([number as u8; 16]));
    let proof = |number: u32| [Proof::None, Proof::Destination, Proof::Service][number as usize % 3];
    let part = |number| PartRecord {
        number,
        etag: ETag::new(&format!("part-{number}")),
        checksum: checksum(number),
        md5: number.is_multiple_of(2).then(|| Checksum::md5([1; 16])),
        proof: proof(number),
    };
    numbers.into_iter().map(part).collect()
}

/// A later caller gets it, whole.
pub async fn the_first_upload_of_a_key_is_the_one_that_is_kept(log: SharedUploadLog) {
    let task = unique("task");
    assert_eq!(log.upload(&task, "key").await.unwrap(), None);
    let (first, second) = (upload_record(&task, "key", "first"), upload_record(&task, "key", "second"));
    for later in [&first, &second, &first] {
        assert_eq!(log.open_upload(later).await.unwrap(), first);
        assert_eq!(log.upload(&task, "key").await.unwrap().as_ref(), Some(&first));
    }
    let other = upload_record(&unique("task"), "key", "other");
    assert_eq!(log.open_upload(&other).await.unwrap(), other);
}

/// And all get the same answer.
pub async fn of_many_uploads_opened_at_once_one_is_kept(log: SharedUploadLog) {
    let task = unique("task");
    let opens = (0..8).map(|n| {
        let (log, record) = (log.clone(), upload_record(&task, "key", &format!("upload-{n}")));
        tokio::spawn(async move { log.open_upload(&record).await.unwrap() })
    });
    let mut kept = Vec::new();
    for open in opens.collect::<Vec<_>>() {
        kept.push(open.await.unwrap());
    }
    assert!(kept.iter().all(|record| *record == kept[0]), "{kept:?}");
    assert_eq!(log.upload(&task, "key").await.unwrap().as_ref(), Some(&kept[0]));
}

/// However often, and in whatever order they were recorded, and whatever the caller knew. A part sent again has its
/// new record among those that come.
pub async fn parts_are_counted_once_and_come_by_number(log: SharedUploadLog) {
    let task = unique("task");
    let upload = log.open_upload(&upload_record(&task, "key", "upload")).await.unwrap().upload;
    assert_eq!(log.recorded_parts(&task, &upload).await.unwrap(), []);
    assert!(log.part_set(&task, &upload).await.unwrap().is_empty());
    let mut expected = BTreeSet::new();
    let mut known = PartSet::default();
    for (numbers, is_known) in [(9..12, true), (2..4, true), (9..12, false), (1..11, true), (1..12, false)] {
        expected.extend(numbers.clone());
        let none = PartSet::default();
        let listed = if is_known { &known } else { &none };
        known = log.record_parts(&task, &upload, &part_records(numbers), listed).await.unwrap();
        assert_eq!(known, expected.iter().copied().collect());
        assert_eq!(log.part_set(&task, &upload).await.unwrap(), known);
    }
    let recorded = log.recorded_parts(&task, &upload).await.unwrap();
    assert!(recorded.is_sorted_by_key(|part| part.number), "{recorded:?}");
    let deduplicated = |mut parts: Vec<PartRecord>| {
        parts.dedup();
        parts
    };
    assert_eq!(deduplicated(recorded), part_records(1..12));
    let again = PartRecord { checksum: Some(Checksum::md5([99; 16])), ..part_records([2]).remove(0) };
    let set = log.record_parts(&task, &upload, std::slice::from_ref(&again), &known).await.unwrap();
    assert_eq!(set, known);
    assert!(log.recorded_parts(&task, &upload).await.unwrap().contains(&again));
}

/// The most that an upload can have (Amazon S3, "Multipart upload limits"), by four workers at the same words.
pub async fn ten_thousand_parts_are_recorded(log: SharedUploadLog) {
    let task = unique("task");
    let upload = log.open_upload(&upload_record(&task, "key", "upload")).await.unwrap().upload;
    let workers = (0..4).map(|worker| {
        let (log, task, upload) = (log.clone(), task.clone(), upload.clone());
        tokio::spawn(async move {
            let mut known = PartSet::default();
            for first in (worker * 250 + 1..10_001).step_by(1_000) {
                let before = known.len();
                known = log.record_parts(&task, &upload, &part_records(first..first + 250), &known).await.unwrap();
                assert!(known.len() >= before + 250, "{} after {before}", known.len());
            }
            known.is_complete(10_000)
        })
    });
    let mut complete = 0;
    for worker in workers.collect::<Vec<_>>() {
        complete += u32::from(worker.await.unwrap());
    }
    assert!(complete >= 1, "nobody saw the set complete");
    assert!(log.part_set(&task, &upload).await.unwrap().is_complete(10_000));
    assert!(log.recorded_parts(&task, &upload).await.unwrap() == part_records(1..10_001), "parts were lost or changed");
}

/// Its parts are forgotten with it.
pub async fn only_the_recorded_upload_is_closed(log: SharedUploadLog) {
    let task = unique("task");
    let first = log.open_upload(&upload_record(&task, "key", "first")).await.unwrap();
    let stale = Upload { key: "key".to_owned(), id: "stale".to_owned() };
    let none = PartSet::default();
    log.record_parts(&task, &first.upload, &part_records(1..4), &none).await.unwrap();
    assert_eq!(log.record_parts(&task, &stale, &part_records(1..4), &none).await.unwrap(), none);
    log.close_upload(&task, &stale).await.unwrap();
    assert_eq!(log.upload(&task, "key").await.unwrap().as_ref(), Some(&first));
    assert_eq!(log.recorded_parts(&task, &first.upload).await.unwrap().len(), 3);
    for _ in 0..2 {
        log.close_upload(&task, &first.upload).await.unwrap();
        assert_eq!(log.upload(&task, "key").await.unwrap(), None);
        assert_eq!(log.recorded_parts(&task, &first.upload).await.unwrap(), []);
    }
    let second = upload_record(&task, "key", "second");
    assert_eq!(log.open_upload(&second).await.unwrap(), second);
    log.close_upload(&task, &first.upload).await.unwrap();
    assert_eq!(log.record_parts(&task, &first.upload, &part_records(7..8), &none).await.unwrap(), none, "late");
    let known: PartSet = [1, 2, 3].into_iter().collect();
    assert_eq!(
        log.record_parts(&task, &first.upload, &part_records(1..4), &known).await.unwrap(),
        none,
        "sent again, late"
    );
    assert_eq!(log.recorded_parts(&task, &first.upload).await.unwrap(), []);
    assert!(log.part_set(&task, &second.upload).await.unwrap().is_empty());
    let stale: PartSet = [1, 2, 3].into_iter().collect();
    let set = log.record_parts(&task, &second.upload, &part_records(7..8), &stale).await.unwrap();
    assert_eq!(set, [7].into_iter().collect());
}

/// Those that were recorded do not count, and the earliest time stays.
pub async fn intents_of_uploads_stay_until_the_uploads_are_searched(log: SharedUploadLog) {
    let task = unique("task");
    let (upload, other) = (upload_record(&task, "key", "upload"), upload_record(&task, "key", "other"));
    let seen = async |log: &SharedUploadLog| log.intents(&task, "key").await.unwrap();
    let intents = async |log: &SharedUploadLog| seen(log).await.map(unmarked);
    assert_eq!(intents(&log).await, None);
    let first = Timestamp(1_700_000_000_000);
    log.intend_upload(&task, "run", "key", first).await.unwrap();
    assert_eq!(intents(&log).await, Some(announced(1, first, "run")));
    assert_eq!(log.upload(&task, "key").await.unwrap(), None);
    // The earliest time counts, whatever the order.
    let other_key = |at| log.intend_upload(&task, "run", "other", Timestamp(first.0 + at));
    other_key(9).await.unwrap();
    other_key(3).await.unwrap();
    other_key(7).await.unwrap();
    let earliest = announced(3, Timestamp(first.0 + 3), "run");
    assert_eq!(log.intents(&task, "other").await.unwrap().map(unmarked), Some(earliest));
    // Recorded: the intent is fulfilled, and closing leaves nothing.
    assert_eq!(log.open_upload(&upload).await.unwrap(), upload);
    assert_eq!(log.open_upload(&upload).await.unwrap(), upload);
    assert_eq!(intents(&log).await, None);
    assert_eq!(log.close_upload(&task, &upload.upload).await.unwrap(), None);
    // Three tries, of which two ended in a record that came too late, or in none.
    for later in 1..4 {
        log.intend_upload(&task, "run", "key", Timestamp(first.0 + later)).await.unwrap();
    }
    assert_eq!(log.open_upload(&upload).await.unwrap(), upload);
    assert_eq!(log.open_upload(&other).await.unwrap(), upload);
    assert_eq!(intents(&log).await, Some(announced(2, Timestamp(first.0 + 1), "run")));
    let left = seen(&log).await.unwrap();
    assert_eq!(log.close_upload(&task, &other.upload).await.unwrap(), Some(left.clone()));
    assert_eq!(log.upload(&task, "key").await.unwrap().as_ref(), Some(&upload));
    log.record_parts(&task, &upload.upload, &part_records(1..4), &PartSet::default()).await.unwrap();
    assert_eq!(log.close_upload(&task, &upload.upload).await.unwrap(), Some(left.clone()));
    assert_eq!(log.upload(&task, "key").await.unwrap(), None);
    assert_eq!(log.recorded_parts(&task, &upload.upload).await.unwrap(), []);
    assert!(log.part_set(&task, &upload.upload).await.unwrap().is_empty());
    // One more while somebody looks: not cleared.
    log.intend_upload(&task, "later-run", "key", Timestamp(first.0 + 9)).await.unwrap();
    log.clear_intents(&task, "key", &left).await.unwrap();
    assert_eq!(intents(&log).await, Some(announced(3, left.since, "later-run")));
    let left = seen(&log).await.unwrap();
    for _ in 0..2 {
        log.clear_intents(&task, "key", &left).await.unwrap();
        assert_eq!(intents(&log).await, None);
    }
    // Cleared beside a record, which stays.
    log.intend_upload(&task, "run", "key", first).await.unwrap();
    assert_eq!(log.open_upload(&other).await.unwrap(), other);
    log.intend_upload(&task, "run", "key", first).await.unwrap();
    let left = seen(&log).await.unwrap();
    log.clear_intents(&task, "key", &left).await.unwrap();
    assert_eq!(intents(&log).await, None);
    assert_eq!(log.upload(&task, "key").await.unwrap().as_ref(), Some(&other));
    assert_eq!(log.close_upload(&task, &other.upload).await.unwrap(), None);
    assert_eq!(log.intents(&unique("task"), "key").await.unwrap(), None);
}

/// Two workers have looked for the same intent, and its owner announces it once more between their answers; and another
/// one announces an upload after the first one's was recorded. Number and time are those that were seen.
pub async fn regression_intents_that_only_look_the_same_are_not_cleared(log: SharedUploadLog) {
    let (task, since) = (unique("task"), Timestamp(1_700_000_000_000));
    let intend = async || log.intend_upload(&task, "run", "key", since).await.unwrap();
    let intents = async || log.intents(&task, "key").await.unwrap();
    intend().await;
    let seen = intents().await.unwrap();
    log.clear_intents(&task, "key", &seen).await.unwrap();
    intend().await;
    log.clear_intents(&task, "key", &seen).await.unwrap();
    let again = intents().await.expect("it is not the one that was seen");
    assert_eq!(unmarked(again.clone()), unmarked(seen));
    log.open_upload(&upload_record(&task, "key", "upload")).await.unwrap();
    intend().await;
    log.clear_intents(&task, "key", &again).await.unwrap();
    assert_eq!(intents().await.map(unmarked), Some(unmarked(again)));
}

/// Intents whose mark nobody can know.
fn announced(count: u32, since: Timestamp, run: &str) -> Intents {
    Intents { count, since, run: run.to_owned(), mark: 0 }
}

fn unmarked(intents: Intents) -> Intents {
    Intents { mark: 0, ..intents }
}

fn without_mark(open: OpenUploads) -> OpenUploads {
    OpenUploads { intents: open.intents.map(unmarked), ..open }
}

/// Each has its own parts.
pub async fn uploads_of_odd_keys_are_distinct(log: SharedUploadLog) {
    let task = unique("task");
    for key in odd_keys() {
        let record = upload_record(&task, &key, "upload");
        assert_eq!(log.open_upload(&record).await.unwrap(), record);
        let set = log.record_parts(&task, &record.upload, &part_records(1..3), &PartSet::default()).await.unwrap();
        assert_eq!(set, [1, 2].into_iter().collect());
    }
    for key in odd_keys() {
        assert_eq!(log.upload(&task, &key).await.unwrap(), Some(upload_record(&task, &key, "upload")));
    }
}

/// Among them keys of which nothing is known, more than one request takes.
pub async fn open_uploads_of_many_keys_are_found_at_once(log: SharedUploadLog) {
    let task = unique("task");
    let since = Timestamp(1_700_000_000_000);
    let mut expected = Vec::new();
    for key in odd_keys() {
        log.intend_upload(&task, "run", &key, since).await.unwrap();
        expected.push(OpenUploads { key, record: None, intents: Some(announced(1, since, "run")) });
    }
    for number in 0..3 {
        let record = upload_record(&task, &format!("recorded-{number}"), "upload");
        log.open_upload(&record).await.unwrap();
        expected.push(OpenUploads { key: record.upload.key.clone(), record: Some(record), intents: None });
    }
    log.close_upload(&task, &upload_record(&task, "recorded-2", "upload").upload).await.unwrap();
    expected.pop();
    let unknown: Vec<String> = (0..230).map(|number| format!("unknown-{number}")).collect();
    let keys: Vec<&str> =
        expected.iter().map(|open| open.key.as_str()).chain(unknown.iter().map(String::as_str)).collect();
    let mut found = log.open_uploads(&task, &keys).await.unwrap();
    found.sort_by(|a, b| a.key.cmp(&b.key));
    let found: Vec<OpenUploads> = found.into_iter().map(without_mark).collect();
    expected.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(found, expected);
    assert!(log.open_uploads(&task, &["recorded-2"]).await.unwrap().is_empty());
    assert!(log.open_uploads(&task, &[]).await.unwrap().is_empty());
}

/// By pages of any size, and nothing of another task.
pub async fn open_uploads_of_a_task_are_listed_by_pages(log: SharedUploadLog) {
    let (task, since) = (unique("task"), Timestamp(1_700_000_000_000));
    let mut expected = Vec::new();
    for (number, key) in odd_keys().into_iter().chain((0..30).map(|n| format!("key-{n}"))).enumerate() {
        let run = format!("run-{}", number % 2);
        let (is_recorded, has_intent) = (number % 3 != 0, number % 3 != 1);
        for _ in 0..usize::from(is_recorded) + usize::from(has_intent) {
            log.intend_upload(&task, &run, &key, since).await.unwrap();
        }
        let mut recorded = None;
        if is_recorded {
            recorded = Some(log.open_upload(&upload_record(&task, &key, &format!("upload-{number}"))).await.unwrap());
        }
        let intents = has_intent.then(|| announced(1, since, &run));
        expected.push(OpenUploads { key, record: recorded, intents });
    }
    // Closed again: with intents, and without.
    log.open_upload(&upload_record(&task, "closed", "closed")).await.unwrap();
    log.close_upload(&task, &upload_record(&task, "closed", "closed").upload).await.unwrap();
    let with_intents = expected.iter().position(|open| open.record.is_some() && open.intents.is_some()).unwrap();
    let closed = expected[with_intents].record.take().unwrap();
    let left = log.close_upload(&task, &closed.upload).await.unwrap();
    assert_eq!(left.map(unmarked), expected[with_intents].intents);
    log.open_upload(&upload_record(&unique("task"), "key-1", "other")).await.unwrap();
    expected.sort_by(|a, b| a.key.cmp(&b.key));
    for limit in [1, 7, expected.len(), 1_000] {
        let (mut found, mut after) = (Vec::new(), None);
        for page in 0.. {
            assert!(page <= expected.len(), "the listing does not end");
            let (open, token) = log.uploads_of_task(&task, after.as_deref(), limit).await.unwrap();
            assert!(open.len() <= limit);
            found.extend(open);
            after = token;
            if after.is_none() {
                break;
            }
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        let found: Vec<OpenUploads> = found.into_iter().map(without_mark).collect();
        assert_eq!(found, expected, "by {limit}");
    }
    assert_eq!(log.uploads_of_task(&unique("task"), None, 10).await.unwrap(), (Vec::new(), None));
}
