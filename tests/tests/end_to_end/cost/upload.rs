//! The writes for the records of one upload. Groups of parts are full, so no clock counts.

use shared::digest::{Algorithm, Checksum, to_hex};
use shared::job::Origin;
use shared::object::{Attributes, ETag, Pin, Timestamp};
use shared::objects::{PartRecord, PartSet, Proof, UploadLog as _, UploadRecord};
use shared::store::Upload;

use super::*;

/// As long as ids at Amazon S3.
const ID_CHARS: usize = 128;

fn record() -> UploadRecord {
    UploadRecord {
        task: TASK.to_owned(),
        run: "0190c0c3-6f6e-7b1f-8b59-4f8f3c0f5d11".to_owned(),
        origin: Origin { id: "0/17".to_owned(), items: 1 },
        index: 0,
        upload: Upload { key: "folder/object-of-one-gibibyte.bin".to_owned(), id: "i".repeat(ID_CHARS) },
        source: Pin { etag: Some(ETag::new("0123456789abcdef0123456789abcdef-64")), version: None },
        modified: Timestamp(1_700_000_000_123),
        size: 1 << 30,
        part_bytes: 16 << 20,
        attributes: Attributes { content_type: Some("application/octet-stream".to_owned()), ..Attributes::default() },
        tags: Default::default(),
        storage_class: None,
        acl: None,
        encryption: None,
        writes: "w".repeat(64),
        same_parts: true,
        checksum: None,
        attempt: 1,
        restarts: 0,
        opened: Timestamp(1_700_000_000_456),
    }
}

fn part(number: u8) -> PartRecord {
    PartRecord {
        number: u32::from(number),
        etag: ETag::new(&to_hex(&[number; 16])),
        checksum: Some(Checksum { algorithm: Algorithm::Crc64Nvme, value: vec![number; 8] }),
        md5: None,
        proof: Proof::Destination,
    }
}

/// Announced, recorded, the set of its parts, deleted: a write each. Its parts: two KiB, written and deleted.
#[tokio::test(flavor = "multi_thread")]
async fn the_records_of_an_upload_of_64_parts_cost_eight_writes() {
    let services = ministack();
    let meter = Meter::start(&services.endpoint).await;
    let table = LedgerConfig::new(unique_name("cost"), connection(&meter.endpoint, ACCESS_KEY, SECRET_KEY));
    DynamoDbLedger::create(&table).await.expect("the table is made");
    let ledger = DynamoDbLedger::open(&table).await.expect("the table opens");
    let (record, parts) = (record(), (1..65).map(part).collect::<Vec<_>>());
    meter.take();
    ledger.intend_upload(TASK, &record.run, &record.upload.key, record.opened).await.expect("it is announced");
    ledger.open_upload(&record).await.expect("it is recorded");
    let set = ledger.record_parts(TASK, &record.upload, &parts, &PartSet::default()).await.expect("they are recorded");
    assert!(set.is_complete(64));
    assert_eq!(ledger.recorded_parts(TASK, &record.upload).await.expect("they are read"), parts);
    assert_eq!(ledger.close_upload(TASK, &record.upload).await.expect("it is closed"), None);
    let counted = meter.take();
    assert_eq!(counted.writes, 8, "{counted:?}");
    assert_eq!(ledger.recorded_parts(TASK, &record.upload).await.expect("they are read"), []);
}
