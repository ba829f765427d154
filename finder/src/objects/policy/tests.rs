use shared::config::Compare::*;
use shared::object::Timestamp;
use shared::store::EtagMeaning::{Md5, Md5AndParts, Opaque};

use super::*;
use crate::fakes::{entry, tagged};

const A: &str = "0123456789abcdef0123456789abcdef";
const B: &str = "fedcba9876543210fedcba9876543210";
const A2: &str = "0123456789abcdef0123456789abcdef-2";
const B2: &str = "fedcba9876543210fedcba9876543210-2";
const A3: &str = "0123456789abcdef0123456789abcdef-3";

fn policy(compare: Compare, source: EtagMeaning, destination: EtagMeaning) -> Policy {
    Policy { compare, delete: false, source, destination }
}

#[test]
fn what_only_one_side_has_is_copied_deleted_or_left() {
    for compare in [Auto, SizeMtime, Size, Etag, Checksum, Always] {
        for delete in [false, true] {
            let policy = Policy { delete, ..policy(compare, Md5, Md5) };
            assert_eq!(policy.decide(&Pair::Source(entry("k", 1, 1))), Decision::Copy(Reason::Missing));
            let expected = if delete { Decision::Delete } else { Decision::Leave };
            assert_eq!(policy.decide(&Pair::Destination(entry("k", 1, 1))), expected);
        }
    }
}

#[test]
fn objects_of_another_size_are_copied_however_they_are_compared() {
    for compare in [Auto, SizeMtime, Size, Etag, Checksum] {
        let older = Pair::Both(entry("k", 1, 9), entry("k", 2, 1));
        assert_eq!(policy(compare, Md5, Md5).decide(&older), Decision::Copy(Reason::Size), "{compare:?}");
        // A HEAD decides whether the listing is wrong.
        let younger = Pair::Both(entry("k", 1, 1), entry("k", 2, 9));
        assert_eq!(policy(compare, Md5, Md5).decide(&younger), Decision::VerifySize, "{compare:?}");
    }
}

#[test]
fn the_truth_table_of_objects_of_equal_size() {
    let copy = Decision::Copy;
    let skip = Decision::Skip;
    // compare, the tags' meanings, the tags, whether the destination is older → decision
    for (compare, meanings, tags, older, expected) in [
        (Always, (Md5, Md5), (A, A), false, copy(Reason::Always)),
        (Size, (Md5, Md5), (A, B), true, skip(Same::Size)),
        (SizeMtime, (Md5, Md5), (A, B), false, skip(Same::Time)),
        (SizeMtime, (Md5, Md5), (A, A), true, copy(Reason::Newer)),
        // Tags that mean the same decide, and time does not.
        (Auto, (Md5, Md5AndParts), (A, A), true, skip(Same::Etag)),
        (Auto, (Md5, Md5AndParts), (A, B), false, Decision::VerifyEtag),
        (Auto, (Md5, Md5AndParts), (A, B), true, copy(Reason::Etag)),
        (Auto, (Md5AndParts, Md5AndParts), (A2, A2), true, skip(Same::Etag)),
        (Auto, (Md5AndParts, Md5AndParts), (A2, B2), false, Decision::VerifyEtag),
        (Auto, (Md5AndParts, Md5AndParts), (A2, B2), true, copy(Reason::Etag)),
        // Tags that do not mean the same leave it to time.
        (Auto, (Md5AndParts, Md5AndParts), (A2, A3), true, copy(Reason::Newer)),
        (Auto, (Md5AndParts, Md5AndParts), (A2, A), false, skip(Same::Time)),
        (Auto, (Md5AndParts, Md5), (A2, A2), true, copy(Reason::Newer)),
        (Auto, (Opaque, Md5), (A, A), true, copy(Reason::Newer)),
        (Auto, (Md5, Opaque), (A, B), false, skip(Same::Time)),
        (Auto, (Md5, Md5), ("0x8D1", A), true, copy(Reason::Newer)),
        (Etag, (Md5, Md5), (A, A), true, skip(Same::Etag)),
        (Etag, (Md5, Md5), (A, B), false, Decision::VerifyEtag),
        (Etag, (Md5, Md5), (A, B), true, copy(Reason::Etag)),
        (Etag, (Opaque, Opaque), (A, A), true, copy(Reason::Newer)),
        // Checksums are asked for only where the tags cannot decide.
        (Checksum, (Md5, Md5), (A, A), true, skip(Same::Etag)),
        (Checksum, (Md5, Md5), (A, B), false, Decision::VerifyEtag),
        (Checksum, (Md5, Md5), (A, B), true, copy(Reason::Etag)),
        (Checksum, (Opaque, Md5), (A, A), false, Decision::NeedsChecksum),
        (Checksum, (Md5AndParts, Md5AndParts), (A2, A3), true, Decision::NeedsChecksum),
    ] {
        let mut source = tagged("k", tags.0);
        let mut destination = tagged("k", tags.1);
        source.modified = Timestamp(if older { 9_000 } else { 5_000 });
        destination.modified = Timestamp(7_000);
        let policy = policy(compare, meanings.0, meanings.1);
        let decision = policy.decide(&Pair::Both(source, destination));
        assert_eq!(decision, expected, "{compare:?} {meanings:?} {tags:?} {older}");
    }
}

#[test]
fn an_object_without_a_tag_is_compared_by_time() {
    let pair = Pair::Both(entry("k", 1, 5), tagged("k", A));
    let policy = policy(Etag, Md5, Md5);
    assert_eq!(policy.decide(&pair), Decision::Copy(Reason::Newer));
    assert!(policy.fell_back(policy.decide(&pair)));
    assert!(!policy.fell_back(Decision::Skip(Same::Etag)));
}

#[test]
fn times_within_a_second_count_only_if_both_sides_are_finer() {
    let (copy, skip) = (Decision::Copy, Decision::Skip(Same::Time));
    for (source_ms, destination_ms, expected) in [
        (5_000, 5_000, skip),
        (5_700, 5_700, skip),
        (5_700, 5_200, copy(Reason::Newer)),
        (5_200, 5_700, skip),
        // One of them was cut to the second.
        (5_700, 5_000, copy(Reason::TimeUnclear)),
        (5_000, 5_300, copy(Reason::TimeUnclear)),
        (6_000, 5_900, copy(Reason::Newer)),
        (5_900, 6_000, skip),
        (-500, -1_000, copy(Reason::TimeUnclear)),
    ] {
        let (mut source, mut destination) = (entry("k", 1, 0), entry("k", 1, 0));
        source.modified = Timestamp(source_ms);
        destination.modified = Timestamp(destination_ms);
        assert_eq!(by_time(&source, &destination), expected, "{source_ms} {destination_ms}");
    }
}

#[test]
fn reasons_are_numbered_in_their_order() {
    for (number, reason) in Reason::ALL.into_iter().enumerate() {
        assert_eq!(reason as usize, number);
    }
}
