//! Every verb under every fault: how it ends, after how many requests, after how long.
//!
//! The HTTP client answers in memory and the clock is paused: a stall of a minute takes no time.

use tokio::time::Instant;

use super::super::*;
use super::lean::CLIENTS;
use service::{Reply, Reply::Reset, Reply::Stall, Service, refusal, reply};
use shared::retry::LIST_PARTS;
use verb::{ALL, Verb, Verb::*};

mod credentials;
mod endless;
pub(super) mod service;
pub(super) mod verb;

fn kind<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("an error was expected").kind()
}

/// What always happens to a request, and what it means. A verb that is refused has a reason for a
/// second request at most: a store may not know what was asked for beside.
fn faults() -> Vec<(&'static str, Reply, ErrorKind)> {
    use ErrorKind::*;
    vec![
        ("503 SlowDown", refusal(503, "SlowDown"), Throttled),
        ("429", reply(429, ""), Throttled),
        ("500", refusal(500, "InternalError"), Unavailable),
        ("502 of a proxy", reply(502, "<html>Bad Gateway"), Unavailable),
        ("403", refusal(403, "AccessDenied"), Denied),
        ("expired token", refusal(400, "ExpiredToken"), ExpiredCredentials),
        ("clock skew", refusal(403, "RequestTimeTooSkewed"), ClockSkew),
        ("reset", Reset, Connection),
        ("stall", Stall, Timeout),
    ]
}

/// Each case by the lean client, and by the SDK.
fn by_each_client<T: Clone>(cases: impl IntoIterator<Item = T>) -> impl Iterator<Item = (FrequentCalls, T)> {
    cases.into_iter().flat_map(|case| CLIENTS.map(|client| (client, case.clone())))
}

#[tokio::test(start_paused = true)]
async fn every_verb_under_a_lasting_fault_ends_within_its_bounds() {
    for (client, (fault, always, kind)) in by_each_client(faults()) {
        for verb in ALL {
            let policy = verb.policy();
            let always = always.clone();
            let service = Service::new(move |_, _| always.clone());
            let store = service.store_by(client, "anonymous").await;
            let began = Instant::now();
            let error = verb.call(&store).await.expect_err(&format!("{client:?}: {verb:?} under {fault}"));
            assert_eq!(error.kind(), kind, "{verb:?} under {fault}: {error}");
            let (count, most) = (service.count(), verb.requests(kind));
            match kind {
                ErrorKind::Denied => assert!(count <= 2, "{verb:?} under {fault}: {count} requests"),
                // A minute's stall leaves no time for all attempts.
                ErrorKind::Timeout => assert!((1..=most).contains(&count), "{verb:?} under {fault}: {count} requests"),
                _ => assert_eq!(count, most, "{verb:?} under {fault}"),
            }
            let asks =
                if most > policy.attempts as usize { LIST_PARTS.total + LIST_PARTS.attempt } else { Duration::ZERO };
            let longest = policy.total + policy.attempt + asks;
            assert!(began.elapsed() <= longest, "{verb:?} under {fault}: {:?}", began.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn verbs_without_a_body_recover_from_each_passing_fault() {
    for (client, (fault, once, kind)) in by_each_client(faults()) {
        for verb in ALL.into_iter().filter(|verb| verb.policy().attempts > 1) {
            if !kind.is_retryable() || kind == ErrorKind::Timeout && verb == Probe {
                continue;
            }
            let once = once.clone();
            let service = Service::new(move |_, number| if number == 0 { once.clone() } else { verb.good() });
            let store = service.store_by(client, "anonymous").await;
            let ended = verb.call(&store).await;
            assert!(ended.is_ok(), "{client:?}: {verb:?} after {fault}: {ended:?}");
            assert_eq!(service.count(), 2, "{verb:?} after {fault}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalid_answer_is_asked_for_again_and_never_believed() {
    let whole = |verb: Verb| match verb.good() {
        Reply::Answer(_, _, text) => text,
        _ => String::new(),
    };
    for (client, verb) in by_each_client(ALL.into_iter().filter(|verb| verb.answers_xml())) {
        let cut = whole(verb)[..whole(verb).len() - 9].to_owned();
        for (fault, nonsense) in [
            ("nothing", String::new()),
            ("HTML", "<html><body>Welcome to the network</body></html>".to_owned()),
            ("no XML", "OK".to_owned()),
            ("other XML", "<Result><Key>key</Key></Result>".to_owned()),
            ("JSON", "{\"Contents\": []}".to_owned()),
            ("cut XML", cut),
            ("binary", "\u{0}\u{1}\u{2}".to_owned()),
        ] {
            let text = nonsense.clone();
            let once = Service::new(move |_, number| if number == 0 { reply(200, &text) } else { verb.good() });
            let ended = verb.call(&once.store_by(client, "anonymous").await).await;
            match verb.policy().attempts {
                1 => assert_eq!(kind(ended), ErrorKind::Corrupt, "{verb:?} after {fault}"),
                _ => assert!(ended.is_ok() && once.count() == 2, "{verb:?} after {fault}: {ended:?}"),
            }
            let always = Service::new(move |_, _| reply(200, &nonsense));
            let error =
                verb.call(&always.store_by(client, "anonymous").await).await.expect_err(&format!("{verb:?}: {fault}"));
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{verb:?}: {fault}: {error}");
            assert_eq!(always.count(), verb.policy().attempts as usize, "{verb:?}: {fault}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_in_a_200_is_that_error_for_each_verb() {
    for verb in [Complete, DeleteMany, Verb::Copy, PartCopy] {
        for (code, kind) in [
            ("InternalError", ErrorKind::Unavailable),
            ("SlowDown", ErrorKind::Throttled),
            ("NoSuchUpload", ErrorKind::NoSuchUpload),
            ("AccessDenied", ErrorKind::Denied),
        ] {
            let service = Service::new(move |_, _| refusal(200, code));
            let error = verb.call(&service.store("anonymous").await).await.expect_err("is no success");
            assert_eq!(error.kind(), kind, "{verb:?}: {error}");
            let times = if kind.is_retryable() { verb.requests(kind) } else { 1 };
            assert_eq!(service.count(), times, "{verb:?}: {code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_what_must_be_in_it_is_none() {
    let missing = [(Head, "content-length"), (Head, "last-modified"), (Get, "last-modified"), (Part, "etag")];
    for (client, (verb, header)) in by_each_client(missing) {
        let service = Service::new(move |_, _| match verb.good() {
            Reply::Answer(status, mut headers, text) => {
                headers.retain(|(name, _)| *name != header);
                Reply::Answer(status, headers, text)
            }
            other => other,
        });
        let error = verb.call(&service.store_by(client, "anonymous").await).await.expect_err("is no answer");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{verb:?} without {header}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_already_is_deleted_and_aborted() {
    for (verb, code) in [(Delete, "NoSuchKey"), (Abort, "NoSuchUpload")] {
        let lost = Service::new(move |_, number| if number == 0 { Reset } else { refusal(404, code) });
        assert!(verb.call(&lost.store("anonymous").await).await.is_ok(), "{verb:?}");
    }
}
