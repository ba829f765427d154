//! Credentials, clocks and request rates.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use tokio::time::Instant;

use super::super::super::*;
use super::service::{Reply, Service, refusal, reply};
use super::verb::Verb::{Delete, Head, List, ListParts, Put};
use shared::retry::DELETE;

const KEYS: &str = r#"{"access_key_id":"ID","secret_access_key":"secret"}"#;

fn keys_in_a_file(id: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), KEYS.replace("ID", id)).unwrap();
    file
}

fn is_signed_by(request: &HttpRequest, id: &str) -> bool {
    request.headers().get("authorization").is_some_and(|text| text.contains(&format!("Credential={id}/")))
}

#[tokio::test]
async fn rotated_credentials_are_used_whatever_the_refusal() {
    for verb in [List, Head, ListParts, Delete] {
        for refused in [
            refusal(400, "ExpiredToken"),
            refusal(403, "InvalidAccessKeyId"),
            refusal(400, "InvalidToken"),
            reply(400, ""),
            reply(403, ""),
        ] {
            let file = keys_in_a_file("old");
            let service = Service::new(move |request, number| match number {
                0 => verb.good(),
                _ if is_signed_by(request, "new") => verb.good(),
                _ => refused.clone(),
            });
            let store = service.store(&format!("file:{}", file.path().display())).await;
            verb.call(&store).await.expect("the old keys are good");
            std::fs::write(file.path(), KEYS.replace("ID", "new")).unwrap();
            // The file is looked at once in so long at most.
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(31)).await;
            tokio::time::resume();
            verb.call(&store).await.expect("the new keys are found");
            assert_eq!(service.count(), 3, "{verb:?}: refused once");
        }
    }
}

#[tokio::test]
async fn refused_credentials_are_renewed_a_bounded_number_of_times() {
    let file = keys_in_a_file("old");
    let service = Service::new(|_, _| refusal(400, "ExpiredToken"));
    let store = service.store(&format!("file:{}", file.path().display())).await;
    let error = store.delete("key").await.unwrap_err();
    assert_eq!((error.kind(), service.count()), (ErrorKind::ExpiredCredentials, DELETE.attempts as usize));
}

/// A service whose clock is hours away refuses what is signed more than a quarter of an hour off by it.
#[tokio::test]
async fn a_clock_wrong_by_hours_is_corrected_by_the_services_date() {
    for offset_s in [-5 * 3600, 7 * 3600] {
        for (verb, refused) in [(List, "RequestTimeTooSkewed"), (Head, ""), (Put, "SignatureDoesNotMatch")] {
            let service = Service::new(move |request, _| {
                let theirs = DateTime::from_secs(DateTime::from(std::time::SystemTime::now()).secs() + offset_s);
                let signed = request.headers().get("x-amz-date").expect("is signed");
                let hour = theirs.fmt(Format::DateTime).unwrap()[..13].replace('-', "");
                if signed.starts_with(&hour) {
                    return verb.good();
                }
                let text = refused
                    .is_empty()
                    .then(String::new)
                    .unwrap_or_else(|| format!("<Error><Code>{refused}</Code><Message>no</Message></Error>"));
                Reply::Answer(403, vec![("date", theirs.fmt(Format::HttpDate).unwrap())], text)
            });
            let file = keys_in_a_file("id");
            let store = service.store(&format!("file:{}", file.path().display())).await;
            let first = verb.call(&store).await;
            if verb == Put {
                // Its body cannot be had again in the adapter; the error says that it is worth another try.
                assert_eq!(first.expect_err("is refused").kind(), ErrorKind::ClockSkew);
            } else {
                first.expect("the second request is signed by the service's time");
            }
            verb.call(&store).await.expect("the clock stays corrected");
            let times = service.signed.lock().unwrap();
            assert_eq!(times.len(), if verb == Put { 2 } else { 3 }, "{verb:?}, {offset_s}: {times:?}");
        }
    }
}

#[tokio::test]
async fn the_date_of_a_cached_answer_signs_no_request() {
    let now = DateTime::from(std::time::SystemTime::now());
    let hours_ago = DateTime::from_secs(now.secs() - 5 * 3600).fmt(Format::HttpDate).unwrap();
    for client in super::super::lean::CLIENTS {
        let date = hours_ago.clone();
        let cached = move || match Head.good() {
            Reply::Answer(status, mut headers, text) => {
                headers.extend([("date", date.clone()), ("age", "18000".to_owned())]);
                Reply::Answer(status, headers, text)
            }
            other => other,
        };
        let service = Service::new(move |_, _| cached());
        let file = keys_in_a_file("id");
        let store = service.store_by(client, &format!("file:{}", file.path().display())).await;
        for _ in 0..2 {
            Head.call(&store).await.expect("the object is there");
        }
        let signed = service.signed.lock().unwrap().clone();
        let hour = |date: &str| date[9..11].parse::<i64>().unwrap();
        let hours = (hour(&signed[1]) - hour(&signed[0])).rem_euclid(24);
        assert!(hours <= 1, "{client:?}: {signed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_of_one_verb_slows_the_others_of_the_endpoint() {
    let service = Service::new(|_, number| match number {
        0 => Reply::Answer(503, vec![("retry-after", "4".to_owned())], String::new()),
        1 => Head.good(),
        _ => Delete.good(),
    });
    let store = service.store("anonymous").await;
    let began = Instant::now();
    Head.call(&store).await.expect("is asked again");
    assert!(began.elapsed() >= Duration::from_secs(4), "{:?}", began.elapsed());
    let throttled = Service::new(|_, number| match number {
        0 => Reply::Answer(503, vec![("retry-after", "4".to_owned())], String::new()),
        _ => Delete.good(),
    });
    let store = throttled.store("anonymous").await;
    let error = Put.call(&store).await.expect_err("a body is sent once");
    assert_eq!(error.kind(), ErrorKind::Throttled);
    let began = Instant::now();
    let deletes = futures::future::join_all((0..10).map(|_| Delete.call(&store))).await;
    assert!(deletes.iter().all(Result::is_ok) && began.elapsed() >= Duration::from_secs(4));
    assert!(began.elapsed() < Duration::from_secs(STALL_SECONDS));
}
