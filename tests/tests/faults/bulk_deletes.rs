//! Requests that delete many keys, under faults: every key that the source lacks is gone at the end, and no other.

use std::time::Duration;

use flotilla_tests::cloud::Profile;
use flotilla_tests::proxy::{Fault, Kind, Rule};
use shared::config::Find;

use crate::stage::{Objects, Stage};

pub const STALE: usize = 20;

pub fn stale(n: usize) -> String {
    format!("stale/{n:02}")
}

/// Two buckets of a store with consistent listings; the destination has keys that the source does not.
pub async fn stage() -> Stage {
    let mut stage = Stage::at(Profile::UNKNOWN, Objects::small(3)).await;
    // The scheme names the provider before its first answer.
    for side in [&mut stage.source, &mut stage.destination] {
        side.location = format!("r2://{}", side.location.bucket()).parse().expect("a location");
    }
    stage.find = Find { delete: true, ..stage.find };
    stage.work.look_again = Some(true);
    for n in 0..STALE {
        stage.cloud.put(stage.destination.location.bucket(), &stale(n), "stale");
    }
    stage
}

/// The answer to a request for all stale keys but `left_out`, of which `refused` was not deleted.
fn answer(left_out: usize, refused: Option<(usize, &str)>) -> String {
    let deleted = (0..STALE).filter(|n| *n != left_out && refused.is_none_or(|(at, _)| at != *n));
    let mut text: String = deleted.map(|n| format!("<Deleted><Key>{}</Key></Deleted>", stale(n))).collect();
    if let Some((at, code)) = refused {
        text += &format!("<Error><Key>{}</Key><Code>{code}</Code><Message>no</Message></Error>", stale(at));
    }
    format!("<DeleteResult>{text}</DeleteResult>")
}

/// Runs under one fault of the request, and gives the numbers of requests for many keys and for one key.
async fn deleted_under(case: &str, rule: Option<Rule>) -> (u64, u64) {
    let stage = stage().await;
    rule.into_iter().for_each(|rule| stage.to.inject(rule));
    let end = stage.sync().await;
    let run = end.done(case);
    assert_eq!((run.settled.deleted, run.settled.copied, run.settled.failed), (STALE as u64, 3, 0), "{case}");
    stage.assert_stored_all_but(&[], case);
    (stage.to.count(Kind::DeleteMany), stage.to.count(Kind::Delete))
}

fn on(fault: Fault) -> Rule {
    Rule::on(Kind::DeleteMany, fault)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_deletes_all_keys_of_a_job() {
    assert_eq!(deleted_under("no fault", None).await, (1, 0));
    let slow = on(Fault::Delay(Duration::from_secs(2)));
    assert_eq!(deleted_under("slow", Some(slow)).await, (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_many_that_went_wrong_once_is_repeated() {
    let throttled = "<Error><Code>SlowDown</Code></Error>".to_owned();
    for (case, fault) in [
        ("throttled", Fault::Respond(503, throttled.clone())),
        ("throttled within a 200", Fault::RespondAfter(200, throttled)),
        ("the answer is lost", Fault::CloseAfter),
        ("never arrived", Fault::CloseBefore),
        ("the answer is cut off", Fault::CutResponse(300)),
        ("the answer is a page", Fault::RespondAfter(200, "<html><body>Welcome</body></html>".to_owned())),
    ] {
        assert_eq!(deleted_under(case, Some(on(fault).times(1))).await, (2, 0), "{case}");
    }
    let is_left_out = on(Fault::RespondAfter(200, answer(7, None))).times(1);
    assert_eq!(deleted_under("a key is missing", Some(is_left_out)).await, (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_refused_among_many_is_deleted_by_itself() {
    let refused = on(Fault::RespondAfter(200, answer(STALE, Some((7, "AccessDenied")))));
    assert_eq!(deleted_under("one refusal", Some(refused)).await, (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_requests_for_many_each_key_is_deleted_by_itself() {
    let missing = "<Error><Code>NotImplemented</Code></Error>".to_owned();
    let many = deleted_under("not implemented", Some(on(Fault::Respond(501, missing)))).await;
    assert_eq!(many, (1, STALE as u64));
    let (many, single) = deleted_under("fails each time", Some(on(Fault::CloseBefore))).await;
    assert!(many > 1 && single == STALE as u64, "{many} and {single}");
}

/// The right is missing: each key fails with its own error, which names the right.
#[tokio::test(flavor = "multi_thread")]
async fn deletes_that_are_denied_among_many_fail_key_by_key() {
    let stage = stage().await;
    stage.cloud.deny(stage.destination.location.bucket(), &["DeleteObject"]);
    let end = stage.sync().await;
    let failures = stage.failures(end.done("denied")).await;
    assert_eq!(failures.len(), STALE);
    assert!(failures.iter().all(|outcome| format!("{outcome:?}").contains("s3:DeleteObject")), "{failures:?}");
    assert!((0..STALE).all(|n| stage.holds(&stale(n))));
}

/// The source has a key again when it is looked at before the deletes.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_source_has_again_is_not_deleted_with_others() {
    let stage = stage().await;
    let bucket = stage.source.location.bucket().to_owned();
    // The finder has listed the source by then; the next LIST is the look before the deletes.
    stage.from.inject(Rule::on(Kind::List, Fault::Delay(Duration::from_millis(1_500))).after(2).times(1));
    let (end, ()) = tokio::join!(stage.sync(), async {
        while stage.from.count(Kind::List) < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stage.cloud.put(&bucket, &stale(7), "back");
    });
    let run = end.done("back");
    assert_eq!((run.settled.deleted, run.settled.failed), (STALE as u64 - 1, 0));
    assert!(stage.holds(&stale(7)));
    assert_eq!((stage.to.count(Kind::DeleteMany), stage.to.count(Kind::Delete)), (1, 0));
}
