//! Wrong bytes at a destination: removed, or reported, by the rights that it gives.

use flotilla_tests::proxy::{Fault, Kind, Rule};
use shared::ledger::{Outcome, State};
use shared::objects::ObjectDetail;
use shared::objects::reasons::WRONG_BYTES_REMAIN;

use super::pair::{PART, Pair, SideKind, content};

const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";

/// Between two buckets of which neither verifies what the other reports: what is stored is read again.
async fn pair(denied: &[&'static str]) -> Pair {
    let pair = Pair::of(SideKind::Crc, SideKind::Crc).await;
    let (cloud, _, bucket) = pair.destination.cloud.as_ref().expect("it is a store");
    cloud.deny(bucket, denied);
    pair.source.put("k", &content(1, 1000));
    pair
}

fn assert_remains(outcome: &Outcome, remedy: &str) {
    assert_eq!((outcome.state, outcome.reason.as_deref()), (State::Failed, Some(WRONG_BYTES_REMAIN)), "{outcome:?}");
    let error = outcome.error.as_deref().unwrap_or_default();
    assert!(
        ["wrong copy", "left wrong bytes"].iter().any(|words| error.contains(words)) && error.contains(remedy),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_wrong_bytes_that_cannot_be_removed_are_named() {
    for size in [1000, PART + 1] {
        let pair = pair(&["DeleteObject"]).await;
        pair.source.put("k", &content(1, size));
        for kind in [Kind::Put, Kind::Part] {
            pair.destination.proxy().inject(Rule::on(kind, Fault::FlipRequest(7)));
        }
        let outcome = pair.copy("k").await;
        assert_remains(&outcome, "allow s3:DeleteObject");
        assert!(pair.destination.stored("k").is_some_and(|stored| stored != content(1, size)), "it is still there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_wrong_bytes_are_named_if_a_later_try_fails() {
    let pair = pair(&["DeleteObject"]).await;
    pair.destination.proxy().inject(Rule::on(Kind::Put, Fault::FlipRequest(7)).times(1));
    pair.source.proxy().inject(Rule::on(Kind::Get, Fault::Respond(403, DENIED.to_owned())).after(1));
    assert_remains(&pair.copy("k").await, "left wrong bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_bytes_that_are_removed_do_not_remain() {
    let pair = pair(&[]).await;
    pair.destination.proxy().inject(Rule::on(Kind::Put, Fault::FlipRequest(7)));
    let outcome = pair.copy("k").await;
    assert_eq!(outcome.state, State::Failed, "{outcome:?}");
    assert_ne!(outcome.reason.as_deref(), Some(WRONG_BYTES_REMAIN), "{outcome:?}");
    assert_eq!(pair.destination.stored("k"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_denied_version_is_read_again_by_its_tag() {
    let pair = pair(&["GetObjectVersion"]).await;
    let (cloud, _, bucket) = pair.destination.cloud.as_ref().expect("it is a store");
    cloud.keep_versions(bucket);
    let outcome = pair.copy("k").await;
    assert_eq!(outcome.state, State::Copied, "{outcome:?}");
    let verified = ObjectDetail::read(&outcome).expect("a detail").verified;
    assert!(verified.is_some_and(|how| how.contains("read again")), "{outcome:?}");
}
