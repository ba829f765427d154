//! The tables of checks, row by row.

use super::finished::{Finished, Remaining, combined, finished};
use super::*;
use crate::fixtures::store;
use shared::digest::Hasher;
use shared::object::{ETag, Timestamp};
use shared::objects::PartRecord;

fn sum(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
    let mut hasher = Hasher::new(algorithm).unwrap();
    hasher.update(bytes);
    hasher.finish()
}

fn info(etag: &str, checksums: Vec<Checksum>) -> ObjectInfo {
    ObjectInfo { size: 1, etag: Some(ETag::new(etag)), checksums, ..ObjectInfo::default() }
}

/// Source has … | destination … → sent along, expected on the way, hashed.
#[test]
fn the_check_of_a_whole_put_follows_its_table() {
    use Algorithm::{Crc64Nvme, Md5};
    use EtagMeaning::{Md5AndParts, Opaque};
    let md5 = sum(Md5, b"x");
    let crc = sum(Crc64Nvme, b"x");
    let s3 = store(Md5AndParts, &[Md5]);
    let amazon = store(Md5AndParts, &[Md5, Crc64Nvme]);
    let folder = store(Opaque, &[]);
    let plain = info(&md5.to_hex(), vec![]);
    let multipart = info(&format!("{}-3", md5.to_hex()), vec![crc.clone()]);
    let opaque = info("xyz", vec![]);
    let table = [
        (&plain, &s3, Some(&md5), None, vec![]),
        (&plain, &folder, None, Some(&md5), vec![Md5]),
        (&multipart, &amazon, Some(&crc), None, vec![]),
        (&multipart, &s3, None, Some(&crc), vec![Crc64Nvme, Md5]),
        (&opaque, &s3, None, None, vec![Md5]),
        (&opaque, &folder, None, None, vec![Crc64Nvme]),
    ];
    for (row, (info, destination, send, expect, hash)) in table.into_iter().enumerate() {
        let check = whole(info, None, &s3, destination);
        assert_eq!((check.send.as_ref(), check.expect.as_ref(), check.hash), (send, expect, hash), "row {row}");
    }
    let encrypted = ObjectInfo { etag_is_opaque: true, ..plain };
    assert_eq!(whole(&encrypted, None, &s3, &s3).send, None, "a KMS object's tag is not its MD5");
}

#[test]
fn other_bytes_at_the_destination_are_found_out() {
    let s3 = store(EtagMeaning::Md5AndParts, &[Algorithm::Md5]);
    let check = whole(&info("opaque", vec![]), None, &s3, &s3);
    let answer = |etag: String| Written { etag: Some(ETag::new(&etag)), ..Written::default() };
    let ours = [sum(Algorithm::Md5, b"ours")];
    assert_eq!(check.confirmed_by(&answer(ours[0].to_hex()), &ours, &s3), Some(Algorithm::Md5));
    let theirs = sum(Algorithm::Md5, b"theirs").to_hex();
    assert_eq!(check.confirmed_by(&answer(theirs.clone()), &ours, &s3), None, "the bytes decide");
    let part = Part { number: 1, size: 4, etag: ETag::new(&theirs), etag_is_opaque: false, checksum: None };
    assert_eq!(check.proof("k", &part, &ours, &s3).unwrap_err().kind(), ErrorKind::BadDigest);
    let encrypted = Part { etag_is_opaque: true, ..part };
    assert_eq!(check.proof("k", &encrypted, &ours, &s3).unwrap(), Proof::None);
}

/// Whether the source has a checksum, source, destination → what the source is hashed with before.
#[test]
fn a_source_without_checksums_is_read_before_if_that_helps() {
    use Algorithm::{Crc64Nvme, Md5};
    use EtagMeaning::{Md5AndParts, Opaque};
    let amazon = store(Md5AndParts, &Algorithm::ALL);
    let unknown = store(EtagMeaning::Md5, &[Md5]);
    let mute = store(Opaque, &[]);
    let encrypted = store(Opaque, &[Md5]);
    let folder = Capabilities { is_remote: false, ..store(Opaque, &[Crc64Nvme, Md5]) };
    for (row, (has_checksum, source, destination, first)) in [
        (true, &amazon, &amazon, None),
        (false, &amazon, &amazon, Some(Crc64Nvme)),
        (false, &amazon, &unknown, Some(Md5)),
        (false, &amazon, &mute, Some(Crc64Nvme)),
        (false, &amazon, &folder, Some(Crc64Nvme)),
        (false, &folder, &unknown, None),
        (false, &folder, &encrypted, Some(Md5)),
        (false, &folder, &mute, None),
        (false, &folder, &folder, None),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(read_first(has_checksum, source, destination), first, "row {row}");
    }
}

fn record(etag: &str, same_parts: bool, checksum: Option<Checksum>) -> UploadRecord {
    UploadRecord {
        task: "t".into(),
        run: "r".into(),
        origin: shared::job::Origin { id: "o".into(), items: 1 },
        index: 0,
        upload: shared::store::Upload { key: "k".into(), id: "u".into() },
        source: shared::object::Pin { etag: Some(ETag::new(etag)), version: None },
        modified: Timestamp(0),
        size: 5,
        part_bytes: 3,
        attributes: Default::default(),
        tags: Default::default(),
        storage_class: None,
        acl: None,
        encryption: None,
        writes: String::new(),
        same_parts,
        checksum,
        attempt: 1,
        restarts: 0,
        opened: Timestamp(0),
    }
}

/// Source has, parts as they were sent, what the destination answers → what is left to be done.
#[test]
fn what_a_finished_object_still_needs_follows_its_table() {
    use Algorithm::{Crc64Nvme, Md5};
    use Proof::{Destination, Service};
    let s3 = store(EtagMeaning::Md5AndParts, &[Md5]);
    let sent = |proof: Proof, bytes: [&[u8]; 2]| -> Vec<PartRecord> {
        let checksum = |bytes| (proof != Service).then(|| sum(Crc64Nvme, bytes));
        let part =
            |(bytes, number)| PartRecord { number, etag: ETag::new("p"), checksum: checksum(bytes), md5: None, proof };
        bytes.into_iter().zip(1..).map(part).collect()
    };
    let good = |proof| sent(proof, [b"abc", b"de"]);
    let (crc, md5) = (sum(Crc64Nvme, b"abcde"), sum(Md5, b"abcde"));
    let tag = "d41d8cd98f00b204e9800998ecf8427e-2";
    let answer = |etag: &str, opaque: bool, checksum: Option<&Checksum>| Finished {
        written: Written {
            etag: Some(ETag::new(etag)),
            etag_is_opaque: opaque,
            version: None,
            checksum: checksum.cloned(),
        },
        is_ours: true,
        compared: None,
    };
    let plain = || answer("other", false, None);
    let doubtful = || Finished { is_ours: false, ..plain() };
    let by_etag = record(tag, true, None);
    let (by_crc, by_md5) = (record("x", false, Some(crc.clone())), record("x", false, Some(md5.clone())));
    let nothing = record("x", false, None);
    let done = |words: &str| Some(Remaining::Nothing(words.to_owned()));
    let read = |sum: &Checksum, word: &str| Some(Remaining::Read(sum.clone(), Some(word.to_owned())));
    let table = [
        (&by_etag, good(Proof::None), answer(tag, false, None), done("etag")),
        (&by_etag, good(Proof::None), answer("0-2", false, None), None),
        (&by_etag, good(Proof::None), answer("0-2", true, None), Some(Remaining::ReadParts(ETag::new(tag)))),
        (&by_etag, good(Service), answer("0-2", true, None), done("service")),
        (&by_crc, good(Destination), plain(), done("source crc64nvme, destination parts")),
        (&by_crc, good(Proof::None), answer("e", true, Some(&crc)), done("source crc64nvme, destination crc64nvme")),
        (&by_crc, good(Proof::None), plain(), read(&crc, "source crc64nvme")),
        (&by_crc, good(Destination), doubtful(), read(&crc, "source crc64nvme")),
        (&by_crc, sent(Destination, [b"abc", b"dX"]), plain(), None),
        (&by_crc, good(Destination)[..1].to_vec(), plain(), read(&crc, "source crc64nvme")),
        (&by_crc, good(Service), plain(), done("service")),
        (&by_md5, good(Destination), plain(), read(&md5, "source md5")),
        (&by_md5, good(Service), plain(), done("service")),
        (&nothing, good(Destination), plain(), done("source read twice, destination parts")),
        (&nothing, good(Proof::None), plain(), read(&crc, "source read twice")),
        (&nothing, good(Destination), doubtful(), read(&crc, "source read twice")),
        (&nothing, good(Proof::None), answer("e", true, Some(&crc)), done("source read twice, destination crc64nvme")),
        (&nothing, good(Service), plain(), done("service")),
        (&nothing, good(Destination)[..1].to_vec(), plain(), None),
    ];
    for (row, (record, sent, object, left)) in table.into_iter().enumerate() {
        let found = finished("k", record, &sent, &object, &s3, &s3);
        match (found, left) {
            (Ok(found), Some(left)) => assert_eq!(found.1, left, "row {row}"),
            (Err(error), None) => assert_eq!(error.kind(), ErrorKind::BadDigest, "row {row}"),
            (found, left) => panic!("row {row}: {found:?} instead of {left:?}"),
        }
    }
}

/// Parts as they were sent, what was compared meanwhile, whether the object is surely theirs → whether it is read
/// again.
#[test]
fn an_object_hashed_in_order_is_not_read_again() {
    use Algorithm::{Crc64Nvme, Md5};
    let s3 = store(EtagMeaning::Md5AndParts, &[Md5]);
    let record = record("x", false, Some(sum(Md5, b"abcde")));
    let (crc, other) = (sum(Crc64Nvme, b"abcde"), sum(Crc64Nvme, b"other"));
    let part = |number: u32, bytes: &[u8], proof: Proof| {
        let checksum = Some(sum(Crc64Nvme, bytes));
        PartRecord { number, etag: ETag::new("p"), checksum, md5: None, proof }
    };
    let sent = |proof: Proof| vec![part(1, b"abc", proof), part(2, b"de", proof)];
    for (row, (sent, compared, is_ours, is_read)) in [
        (sent(Proof::Destination), Some(&crc), true, false),
        (sent(Proof::Destination), None, true, true),
        (sent(Proof::Destination), Some(&other), true, true),
        (sent(Proof::Destination), Some(&crc), false, true),
        (sent(Proof::Destination)[..1].to_vec(), Some(&crc), true, true),
        (sent(Proof::None), Some(&crc), true, true),
    ]
    .into_iter()
    .enumerate()
    {
        let object = Finished { written: Written::default(), is_ours, compared: compared.cloned() };
        let (_, remaining) = finished("k", &record, &sent, &object, &s3, &s3).expect("nothing differs");
        match remaining {
            Remaining::Nothing(words) => assert_eq!((words.as_str(), is_read), (HASHED, false), "row {row}"),
            remaining => assert!(is_read, "row {row}: {remaining:?}"),
        }
    }
}

const HASHED: &str = "source md5, destination parts";

/// The CRCs that make the whole's come first, whatever else is compared.
#[test]
fn each_part_has_a_crc_and_what_its_destination_can_compare() {
    use Algorithm::{Crc32c, Crc64Nvme, Md5};
    let s3 = store(EtagMeaning::Md5AndParts, &[Md5]);
    let mute = store(EtagMeaning::Opaque, &[]);
    let (crc, md5) = (sum(Crc32c, b"x"), sum(Md5, b"x"));
    let by_crc = record("x", false, Some(crc));
    let nothing = record("x", false, None);
    for (row, (record, first, destination, send, hash)) in [
        (&by_crc, None, &s3, false, vec![Crc32c, Crc64Nvme, Md5]),
        (&by_crc, None, &mute, false, vec![Crc32c, Crc64Nvme]),
        (&nothing, None, &s3, false, vec![Crc64Nvme, Md5]),
        (&nothing, Some(&md5), &s3, true, vec![Crc64Nvme, Md5]),
        (&nothing, Some(&md5), &mute, false, vec![Crc64Nvme, Md5]),
        (&record("0-1", true, None), None, &s3, false, vec![Crc64Nvme]),
    ]
    .into_iter()
    .enumerate()
    {
        let check = part(record, first, destination);
        assert_eq!((check.send.is_some(), check.expect.as_ref(), check.hash), (send, first, hash), "row {row}");
    }
}

/// Destination → what a part in memory is hashed with, and what is sent along.
#[test]
fn a_part_in_memory_is_hashed_for_its_destination() {
    use Algorithm::{Crc64Nvme, Md5};
    use EtagMeaning::{Md5AndParts, Opaque};
    let amazon = store(Md5AndParts, &Algorithm::ALL);
    let unsure = Capabilities { surely_verifies: false, ..amazon.clone() };
    for (row, (destination, hash, send)) in [
        (&amazon, vec![Crc64Nvme], Some(Crc64Nvme)),
        (&unsure, vec![Crc64Nvme, Md5], Some(Crc64Nvme)),
        (&store(Md5AndParts, &[Md5]), vec![Crc64Nvme, Md5], Some(Md5)),
        (&store(EtagMeaning::Md5, &[]), vec![Crc64Nvme, Md5], None),
        (&store(Opaque, &[]), vec![Crc64Nvme], None),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(part_in_memory(destination), hash, "row {row}");
        let known: Vec<Checksum> = hash.iter().map(|&algorithm| sum(algorithm, b"x")).collect();
        let check = Check::of_known(&known, destination);
        let sent = check.send.map(|checksum| checksum.algorithm);
        assert_eq!((sent, check.expect, check.hash.as_slice()), (send, None, &[][..]), "row {row}");
    }
}

#[test]
fn crcs_of_parts_make_the_crc_of_the_whole() {
    let part = |bytes: &[u8]| (Some(sum(Algorithm::Crc64Nvme, bytes)), bytes.len() as u64);
    assert_eq!(combined(&[part(b"ab"), part(b"cde"), part(b"f")]), Some(sum(Algorithm::Crc64Nvme, b"abcdef")));
    assert_eq!(combined(&[part(b"ab"), (None, 3)]), None);
}

/// What was sent along proves nothing where nobody knows that it is looked at, or where nothing seems to be kept.
#[test]
fn regression_a_sent_checksum_counts_only_at_verifying_stores() {
    let known = store(EtagMeaning::Md5, &[Algorithm::Md5]);
    let unknown = Capabilities { surely_verifies: false, ..known.clone() };
    let md5 = sum(Algorithm::Md5, b"ours");
    let check = Check { send: Some(md5.clone()), ..Check::default() };
    let answer = |etag: Option<&str>| Written { etag: etag.map(ETag::new), ..Written::default() };
    for (etag, by_known, by_unknown) in [
        (Some(md5.to_hex()), true, true),
        (Some("opaque".to_owned()), true, false),
        (Some(format!("W/\"{}\"", md5.to_hex())), true, false),
        (None, false, false),
    ] {
        let answer = answer(etag.as_deref());
        assert_eq!(check.confirmed_by(&answer, &[], &known).is_some(), by_known, "{etag:?}");
        assert_eq!(check.confirmed_by(&answer, &[], &unknown).is_some(), by_unknown, "{etag:?}");
    }
}
