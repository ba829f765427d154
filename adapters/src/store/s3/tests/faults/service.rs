//! A service in memory.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use super::super::super::*;
use super::super::store_over;
use super::verb::Verb::{Get, Head, List};

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Reply {
    Answer(u16, Vec<(&'static str, String)>, String),
    Reset,
    Stall,
}
use Reply::{Reset, Stall};

type Answers = Arc<dyn Fn(&HttpRequest, usize) -> Reply + Send + Sync>;

/// A service in memory, which is asked for the answer to its n-th request.
#[derive(Clone)]
pub struct Service {
    answers: Answers,
    count: Arc<AtomicUsize>,
    /// Whether it answers well to whatever is asked, and counts nothing.
    is_well: Arc<AtomicBool>,
    pub signed: Arc<Mutex<Vec<String>>>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service({:?})", self.count)
    }
}

impl Service {
    pub fn new(answers: impl Fn(&HttpRequest, usize) -> Reply + Send + Sync + 'static) -> Service {
        let is_well = Arc::new(AtomicBool::new(true));
        Service { answers: Arc::new(answers), count: Arc::default(), is_well, signed: Arc::default() }
    }

    /// A store at it that has asked it already and knows what it understands; at an endpoint of its own: its
    /// request rate is nobody else's.
    pub async fn store(&self, credentials: &str) -> S3Store {
        self.store_by(FrequentCalls::Lean, credentials).await
    }

    /// As [`store`](Service::store), by the named client.
    pub async fn store_by(&self, client: FrequentCalls, credentials: &str) -> S3Store {
        static ENDPOINTS: AtomicUsize = AtomicUsize::new(0);
        let port = ENDPOINTS.fetch_add(1, Ordering::Relaxed);
        let store = store_over(self.clone(), &format!("memory-{port}"), credentials, client).await;
        for verb in [List, Head, Get] {
            verb.call(&store).await.expect("the service is well");
        }
        self.is_well.store(false, Ordering::SeqCst);
        store
    }

    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl HttpClient for Service {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Service {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let reply = match self.is_well.load(Ordering::SeqCst) {
            true if request.method() == "HEAD" => Head.good(),
            true if request.uri().contains("/key") => Get.good(),
            true => List.good(),
            false => {
                let times = request.headers().get("x-amz-date").unwrap_or_default().to_owned();
                self.signed.lock().unwrap().push(times);
                (self.answers)(&request, self.count.fetch_add(1, Ordering::SeqCst))
            }
        };
        let body = std::mem::replace(request.body_mut(), SdkBody::taken());
        HttpConnectorFuture::new(async move {
            match reply {
                Reset => Err(ConnectorError::io("connection reset by peer".into())),
                Stall => std::future::pending().await,
                Reply::Answer(status, headers, text) => {
                    use http_body_util::BodyExt as _;
                    body.collect().await.map_err(ConnectorError::io)?;
                    let mut answer = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(text));
                    for (name, value) in headers {
                        answer.headers_mut().insert(name, value);
                    }
                    Ok(answer)
                }
            }
        })
    }
}

pub fn reply(status: u16, text: &str) -> Reply {
    Reply::Answer(status, Vec::new(), text.to_owned())
}

pub fn refusal(status: u16, code: &str) -> Reply {
    reply(status, &format!("<Error><Code>{code}</Code><Message>no</Message></Error>"))
}
