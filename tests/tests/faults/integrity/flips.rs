//! A bit that is flipped, on either leg, between all kinds of places.

use flotilla_tests::cloud::Profile;
use flotilla_tests::proxy::{Fault, Kind, Rule};
use flotilla_tests::scale::{scale, seed};
use futures::stream::{self, StreamExt};
use shared::ledger::State;
use shared::objects::ObjectDetail;

use super::pair::SideKind::{Crc, Folder, Md5, Nothing};
use super::pair::{PART, Pair, SideKind, TestSide, content};

/// Cases at a time.
const AT_ONCE: usize = 4;

/// Source, destination → what is compared of an object in one request, and of one in parts.
const TABLE: [(SideKind, SideKind, &str, &str); 12] = [
    (Md5, Md5, "source md5, destination md5", "source md5, destination parts"),
    (Md5, Crc, "source md5, destination read again", "source md5, destination read again"),
    (Md5, Folder, "source md5, destination md5", "source md5, destination parts"),
    (Crc, Md5, "source crc64nvme, destination md5", "source crc64nvme, destination parts"),
    (Crc, Crc, "source crc64nvme, destination read again", "source crc64nvme, destination read again"),
    (Crc, Folder, "source crc64nvme, destination crc64nvme", "source crc64nvme, destination crc64nvme"),
    (Nothing, Md5, "source read twice, destination md5", "source read twice, destination parts"),
    (Nothing, Crc, "source read twice, destination read again", "source read twice, destination read again"),
    (Nothing, Folder, "source read twice, destination crc64nvme", "source read twice, destination crc64nvme"),
    (Folder, Md5, "destination md5", "destination parts"),
    (Folder, Crc, "destination read again", "destination read again"),
    (Folder, Folder, "destination crc64nvme", "destination crc64nvme"),
];

const WHOLE: usize = 300_000;
const PARTS: usize = PART + 300_000;

/// Copies an object with this fault on the way, and checks that every byte arrives.
async fn copied(source: SideKind, destination: SideKind, size: usize, fault: Option<(Kind, Rule)>) -> (String, Pair) {
    let pair = Pair::of(source, destination).await;
    let case = format!("{source:?} to {destination:?}, {size} bytes, {fault:?}");
    let bytes = content(7, size);
    pair.source.put("k", &bytes);
    if let Some((kind, rule)) = fault {
        let side = if kind == Kind::Get { &pair.source } else { &pair.destination };
        side.proxy().inject(rule);
    }
    let outcome = pair.copy("k").await;
    assert_eq!(outcome.state, State::Copied, "{case}: {outcome:?}");
    assert!(pair.destination.stored("k") == Some(bytes), "{case}: the bytes differ");
    let detail = ObjectDetail::read(&outcome).expect("a detail");
    assert!(detail.checksum.is_some(), "{case}: {outcome:?}");
    (detail.verified.expect("it is said what was compared"), pair)
}

fn requests(pair: &Pair, kind: Kind) -> u64 {
    let side = if kind == Kind::Get { &pair.source } else { &pair.destination };
    side.proxy().count(kind)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_compared_is_said_for_every_pair_of_places() {
    let cases =
        TABLE.into_iter().flat_map(|(from, to, whole, parts)| [(from, to, WHOLE, whole), (from, to, PARTS, parts)]);
    let check = |(from, to, size, words)| async move {
        let (verified, _) = copied(from, to, size, None).await;
        (verified != words).then(|| format!("{from:?} to {to:?}, {size} bytes: {verified}, not {words}"))
    };
    let wrong: Vec<_> = stream::iter(cases).map(check).buffer_unordered(AT_ONCE).collect().await;
    let wrong: Vec<_> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_flipped_anywhere_on_either_leg_never_stays() {
    let cases =
        TABLE.into_iter().flat_map(|(from, to, ..)| [(from, to, WHOLE, Kind::Put), (from, to, PARTS, Kind::Part)]);
    let check = |(from, to, size, write): (SideKind, SideKind, usize, Kind)| async move {
        let (_, plain) = copied(from, to, size, None).await;
        let legs = [(Kind::Get, from), (write, to)].into_iter().filter(|(_, side)| *side != Folder);
        for (kind, _) in legs {
            // In the first, a middle and the last chunk; of an object in parts, also in its second part.
            // A change's run tries one of them, chosen by its seed and the case.
            let places = [(WHOLE as u64 / 2, 1), (0, 0), (WHOLE as u64 - 1, 0)];
            let first = scale((seed() as usize + from as usize + to as usize) % places.len(), 0);
            for (at, skip) in places.into_iter().skip(first).take(scale(1, places.len())) {
                let flip = if kind == Kind::Get { Fault::FlipResponse(at) } else { Fault::FlipRequest(at) };
                let rule = Rule::on(kind, flip).after(if size == WHOLE { 0 } else { skip }).times(1);
                let (_, bent) = copied(from, to, size, Some((kind, rule))).await;
                let (before, after) = (requests(&plain, kind), requests(&bent, kind));
                assert!(after > before, "{from:?} to {to:?}, {size} bytes, {kind:?}: nothing was sent again");
                if size == PARTS && at == 0 {
                    break;
                }
            }
        }
    };
    stream::iter(cases).for_each_concurrent(AT_ONCE, check).await;
}

/// The destination's own bytes may be wrong though each request was right.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_each_time_is_reported_and_does_not_stay() {
    for (from, to, size, kind, fault) in [
        (Folder, Md5, WHOLE, Kind::Put, Fault::FlipRequest(5)),
        (Folder, Crc, WHOLE, Kind::Put, Fault::FlipRequest(5)),
        (Crc, Crc, PARTS, Kind::Part, Fault::FlipRequest(5)),
    ] {
        let mut pair = Pair::of(from, to).await;
        pair.options.attempts = 2;
        pair.source.put("k", &content(7, size));
        pair.destination.proxy().inject(Rule::on(kind, fault));
        let outcome = pair.copy("k").await;
        let case = format!("{from:?} to {to:?}, {size} bytes, {kind:?}: {outcome:?}");
        assert_eq!(outcome.state, State::Failed, "{case}");
        assert_eq!(pair.destination.stored("k"), None, "{case}");
    }
}

/// It lies in another way at each read.
#[tokio::test(flavor = "multi_thread")]
async fn a_lying_source_without_checksums_is_found_out() {
    let pair = Pair::of(Nothing, Folder).await;
    pair.source.put("k", &content(7, WHOLE));
    for at in 0..7 {
        pair.source.proxy().inject(Rule::on(Kind::Get, Fault::FlipResponse(at)).times(1));
    }
    let outcome = pair.copy("k").await;
    assert_eq!(outcome.state, State::Copied, "{outcome:?}");
    assert!(pair.destination.stored("k") == pair.source.stored("k"), "a lie was believed");
    assert!(pair.source.proxy().count(Kind::Get) >= 9);
}

/// Cut as it was, or not at all alike; the tag of a source that reports its parts is made of the bytes.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_was_put_in_parts_arrives_whatever_they_were() {
    for (sizes, to, flip) in [
        (vec![PART, 1000], Md5, true),
        (vec![PART, 1000], Folder, true),
        (vec![PART, PART + 7, 1000], Folder, false),
        (vec![1000, 2000], Folder, true),
    ] {
        let bytes = content(3, sizes.iter().sum());
        let pair =
            Pair::new(TestSide::new(Md5, Profile::AMAZON).await, TestSide::new(to, Profile::UNKNOWN).await).await;
        pair.source.put_in_parts("k", &bytes, &sizes);
        if flip {
            pair.source.proxy().inject(Rule::on(Kind::Get, Fault::FlipResponse(500)).times(1));
        }
        let outcome = pair.copy("k").await;
        assert_eq!(outcome.state, State::Copied, "{sizes:?}: {outcome:?}");
        assert!(pair.destination.stored("k") == Some(bytes), "{sizes:?}: the bytes differ");
        let detail = ObjectDetail::read(&outcome).expect("a detail");
        assert!(detail.checksum.is_some() && detail.verified.is_some_and(|how| how.contains("source")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_ends_early_or_late_never_becomes_an_object() {
    for (from, to, size) in [(Md5, Md5, WHOLE), (Crc, Folder, WHOLE), (Nothing, Md5, PARTS), (Crc, Crc, PARTS)] {
        for at in [0, 1, WHOLE as u64 - 1] {
            let pair = Pair::of(from, to).await;
            let bytes = content(9, size);
            pair.source.put("k", &bytes);
            pair.source.proxy().inject(Rule::on(Kind::Get, Fault::CutResponse(at)).times(2));
            let outcome = pair.copy("k").await;
            assert_eq!(outcome.state, State::Copied, "{from:?} to {to:?}: {outcome:?}");
            assert!(pair.destination.stored("k") == Some(bytes), "{from:?} to {to:?}: the bytes differ");
        }
    }
}
