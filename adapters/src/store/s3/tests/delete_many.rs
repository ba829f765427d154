//! Requests that delete many objects: the result of each key.

use super::faults::service::{Reply, Service, refusal, reply};
use super::*;
use shared::retry::DELETE_MANY;

fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn deleted(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("<Deleted><Key>{key}</Key></Deleted>")).collect()
}

fn error(key: &str, code: &str) -> String {
    format!("<Error><Key>{key}</Key><Code>{code}</Code><Message>no</Message></Error>")
}

fn answer(text: &str) -> Reply {
    reply(200, &format!("<DeleteResult>{text}</DeleteResult>"))
}

/// The kinds of the results: `None` for a success.
async fn results(service: &Service, names: &[&str]) -> Vec<Option<ErrorKind>> {
    let results = service.store("anonymous").await.delete_many(&keys(names)).await.expect("the store answers");
    results.into_iter().map(|result| result.err().map(|error| error.kind())).collect()
}

#[tokio::test(start_paused = true)]
async fn each_key_has_its_own_result() {
    let text = format!("{}{}{}", deleted(&["b", "a"]), error("c", "AccessDenied"), error("d", "NoSuchKey"));
    let service = Service::new(move |_, _| answer(&text));
    assert_eq!(results(&service, &["a", "b", "c", "d"]).await, [None, None, Some(ErrorKind::Denied), None]);
    assert_eq!(service.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_the_answer_does_not_name_is_an_error() {
    let service = Service::new(|_, _| answer(&deleted(&["a", "other"])));
    assert_eq!(results(&service, &["a", "b"]).await, [None, Some(ErrorKind::Corrupt)]);
    assert_eq!(service.count(), DELETE_MANY.attempts as usize);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_key_goes_before_its_success() {
    let text = format!("{}{}{}", deleted(&["a"]), error("a", "AccessDenied"), deleted(&["b"]));
    let service = Service::new(move |_, _| answer(&text));
    assert_eq!(results(&service, &["a", "b"]).await, [Some(ErrorKind::Denied), None]);
}

#[tokio::test(start_paused = true)]
async fn only_keys_without_a_final_result_are_sent_again() {
    let service = Service::new(|request, number| {
        let body = String::from_utf8_lossy(request.body().bytes().expect("it is in memory")).into_owned();
        let sent: Vec<&str> = ["a", "b", "c"].into_iter().filter(|key| body.contains(&format!(">{key}<"))).collect();
        match number {
            0 => answer(&format!("{}{}{}", deleted(&["a"]), error("b", "SlowDown"), error("c", "AccessDenied"))),
            _ => {
                assert_eq!(sent, ["b"]);
                answer(&deleted(&sent))
            }
        }
    });
    assert_eq!(results(&service, &["a", "b", "c"]).await, [None, None, Some(ErrorKind::Denied)]);
    assert_eq!(service.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn results_stay_when_later_requests_fail() {
    let text = format!("{}{}", deleted(&["a"]), error("b", "InternalError"));
    let service = Service::new(move |_, number| if number == 0 { answer(&text) } else { Reply::Reset });
    assert_eq!(results(&service, &["a", "b"]).await, [None, Some(ErrorKind::Unavailable)]);
}

#[tokio::test(start_paused = true)]
async fn keys_that_xml_may_change_are_not_sent() {
    let service = Service::new(|request, _| {
        let body = String::from_utf8_lossy(request.body().bytes().expect("it is in memory")).into_owned();
        assert_eq!(body.matches("<Key>").count(), 1, "{body}");
        answer(&deleted(&["a&amp;b&lt;"]))
    });
    let odd = ["c\u{1}", "c\r", "c\n", " c", "c ", "c\u{2028}d", "c\u{ffff}", "a//b", "../c"];
    let long = "k".repeat(1_025);
    let sent = [&["a&b<"], &odd[..], &[long.as_str()]].concat();
    let expected: Vec<_> = std::iter::once(None).chain(vec![Some(ErrorKind::Unsupported); odd.len() + 1]).collect();
    assert_eq!(results(&service, &sent).await, expected);
    let none = Service::new(|_, _| panic!("nothing is left to be sent"));
    assert_eq!(results(&none, &["c\u{1}"]).await, [Some(ErrorKind::Unsupported)]);
}

#[tokio::test(start_paused = true)]
async fn a_store_without_the_request_is_asked_once() {
    for (status, code) in [(501, "NotImplemented"), (405, "MethodNotAllowed")] {
        let service = Service::new(move |_, _| refusal(status, code));
        let store = service.store("anonymous").await;
        for _ in 0..2 {
            let error = store.delete_many(&keys(&["a"])).await.expect_err("it has none");
            assert_eq!((error.kind(), service.count()), (ErrorKind::Unsupported, 1), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_request_is_verbose_and_carries_its_md5() {
    let service = Service::new(|request, _| {
        let body = request.body().bytes().expect("it is in memory");
        let md5 = aws_smithy_types::base64::encode(md5::compute(body).0);
        assert_eq!(request.headers().get("content-md5"), Some(md5.as_str()));
        assert!(request.headers().iter().all(|(name, _)| !name.contains("checksum")), "{:?}", request.headers());
        assert!(String::from_utf8_lossy(body).contains("<Quiet>false</Quiet>"));
        answer(&deleted(&["a"]))
    });
    assert_eq!(results(&service, &["a"]).await, [None]);
}
