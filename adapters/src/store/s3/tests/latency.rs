//! How long a store takes to answer, over a service in memory and a paused clock.

use std::collections::VecDeque;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use futures::future::join_all;
use http_body_util::BodyExt as _;
use tokio::time::{Instant, sleep};

use super::*;

/// Headers of each answer.
const HEADERS: [(&str, &str); 4] = [
    ("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT"),
    ("etag", "\"e\""),
    ("content-length", "3"),
    ("retry-after", "10"),
];

/// A service that gives these answers by their status, each after so many milliseconds; the last one stays.
#[derive(Debug, Clone)]
struct Late(Arc<Mutex<VecDeque<(u64, u16)>>>);

impl Late {
    fn next(&self) -> (u64, u16) {
        let mut answers = self.0.lock().unwrap();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0] }
    }

    /// A store at this service, at an endpoint of its own: its request rate is nobody else's.
    async fn store(host: &str, answers: &[(u64, u16)]) -> S3Store {
        let service = Late(Arc::new(Mutex::new(answers.iter().copied().collect())));
        store_over(service, host, "anonymous", FrequentCalls::Lean).await
    }
}

impl HttpClient for Late {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Late {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let (delay, status) = self.next();
        let body = std::mem::replace(request.body_mut(), SdkBody::taken());
        HttpConnectorFuture::new(async move {
            body.collect().await.map_err(ConnectorError::io)?;
            sleep(Duration::from_millis(delay)).await;
            let mut answer = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
            for (name, value) in HEADERS {
                answer.headers_mut().insert(name, value);
            }
            Ok(answer)
        })
    }
}

async fn head(store: &S3Store) -> Result<ObjectInfo> {
    store.head("key", &Pin::default()).await
}

fn milliseconds(store: &S3Store) -> Option<u128> {
    store.latency().map(|latency| latency.as_millis())
}

/// Timers of the runtime may end a millisecond late.
fn is_about_40(store: &S3Store) -> bool {
    milliseconds(store).is_some_and(|known| (40..=42).contains(&known))
}

#[tokio::test(start_paused = true)]
async fn the_least_time_of_good_answers_without_a_body_is_known() {
    let store = Late::store("latency", &[(60, 200), (40, 200), (50, 200), (10, 200), (10, 404)]).await;
    assert_eq!(milliseconds(&store), None);
    head(&store).await.unwrap();
    assert!(milliseconds(&store).is_some_and(|known| (30..=31).contains(&known)), "half of a single answer's time");
    head(&store).await.unwrap();
    head(&store).await.unwrap();
    assert!(is_about_40(&store), "{:?}", milliseconds(&store));
    store.put("key", &sized(3), body(&["foo"])).await.unwrap();
    head(&store).await.unwrap_err();
    assert!(is_about_40(&store), "{:?}", milliseconds(&store));
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_turn_is_no_part_of_the_latency() {
    let store = Late::store("latency-of-turns", &[(10, 503), (10, 503), (10, 503), (40, 200)]).await;
    let began = Instant::now();
    for answer in join_all((0..3).map(|_| head(&store))).await {
        answer.unwrap();
    }
    assert!(began.elapsed() >= Duration::from_secs(9), "the requests wait: {:?}", began.elapsed());
    assert!(is_about_40(&store), "{:?}", milliseconds(&store));
}
