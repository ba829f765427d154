//! Every verb under every fault: how it ends, after how many requests, after how long.
//!
//! The HTTP client answers in memory and the clock is paused: a stall of a minute takes no time.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::Format;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use tokio::time::Instant;

use super::super::*;
use crate::aws::sdk_config_over;
use shared::config::Connection;
use shared::object::ETag;
use shared::retry::{
    ABORT, COMPLETE, COPY, CREATE, DELETE, GET, HEAD, LIST, LIST_PARTS, PART, PROBE, PUT, Policy, STALL_SECONDS,
};

/// What becomes of a request.
#[derive(Debug, Clone)]
enum Reply {
    Answer(u16, Vec<(&'static str, String)>, String),
    Reset,
    Stall,
}
use Reply::{Reset, Stall};

type Answers = Arc<dyn Fn(&HttpRequest, usize) -> Reply + Send + Sync>;

/// A service in memory, which is asked for the answer to its n-th request.
#[derive(Clone)]
struct Service {
    answers: Answers,
    count: Arc<AtomicUsize>,
    /// Whether it answers well to whatever is asked, and counts nothing.
    is_well: Arc<AtomicBool>,
    signed: Arc<Mutex<Vec<String>>>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service({:?})", self.count)
    }
}

impl Service {
    fn new(answers: impl Fn(&HttpRequest, usize) -> Reply + Send + Sync + 'static) -> Service {
        let is_well = Arc::new(AtomicBool::new(true));
        Service { answers: Arc::new(answers), count: Arc::default(), is_well, signed: Arc::default() }
    }

    /// A store at it that has asked it already and knows what it understands; at an endpoint of its own: its
    /// request rate is nobody else's.
    async fn store(&self, credentials: &str) -> S3Store {
        static ENDPOINTS: AtomicUsize = AtomicUsize::new(0);
        let port = ENDPOINTS.fetch_add(1, Ordering::Relaxed);
        let connection = Connection {
            endpoint_url: Some(format!("http://memory-{port}.test")),
            region: Some("us-east-1".into()),
            credentials: Some(credentials.into()),
        };
        let config = sdk_config_over(&connection, SharedHttpClient::new(self.clone())).await.unwrap();
        let location = Location::bucket_at(Scheme::S3, "bucket", "");
        let side = Side { location, connection: connection.clone(), addressing_style: Addressing::Path };
        let store = S3Store::configured(&side, &connection, &config);
        for verb in [List, Head, Get] {
            verb.call(&store).await.expect("the service is well");
        }
        self.is_well.store(false, Ordering::SeqCst);
        store
    }

    fn count(&self) -> usize {
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

fn kind<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("an error was expected").kind()
}

fn reply(status: u16, text: &str) -> Reply {
    Reply::Answer(status, Vec::new(), text.to_owned())
}

fn refusal(status: u16, code: &str) -> Reply {
    reply(status, &format!("<Error><Code>{code}</Code><Message>no</Message></Error>"))
}

/// A verb, with its policy and what a good store answers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Probe,
    List,
    Head,
    Get,
    Put,
    Create,
    Part,
    ListParts,
    Complete,
    Abort,
    Delete,
    Copy,
    PartCopy,
}
use Verb::*;

const ALL: [Verb; 13] = [Probe, List, Head, Get, Put, Create, Part, ListParts, Complete, Abort, Delete, Copy, PartCopy];

impl Verb {
    fn policy(self) -> Policy {
        match self {
            Probe => PROBE,
            List => LIST,
            Head => HEAD,
            Get => GET,
            Put => PUT,
            // Sent once: the caller announces each.
            Create => Policy { attempts: 1, ..CREATE },
            Part => PART,
            ListParts => LIST_PARTS,
            Complete => COMPLETE,
            Abort => ABORT,
            Delete => DELETE,
            Verb::Copy | PartCopy => COPY,
        }
    }

    /// Requests that are made under an error that lasts.
    fn requests(self, kind: ErrorKind) -> usize {
        // A completion that keeps failing asks whether its upload is gone.
        let asks = matches!((self, kind), (Complete, ErrorKind::Unavailable));
        (self.policy().attempts + if asks { LIST_PARTS.attempts } else { 0 }) as usize
    }

    fn good(self) -> Reply {
        let described = vec![
            ("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT".to_owned()),
            ("etag", "\"e\"".to_owned()),
            ("content-length", "3".to_owned()),
        ];
        match self {
            Probe | List => reply(
                200,
                "<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>1</KeyCount>\
                 <EncodingType>url</EncodingType><Contents><Key>key</Key><Size>3</Size>\
                 <LastModified>2015-10-21T07:28:00Z</LastModified></Contents></ListBucketResult>",
            ),
            Head => Reply::Answer(200, described, String::new()),
            Get => Reply::Answer(200, described, "foo".to_owned()),
            Put | Part => Reply::Answer(200, described[1..2].to_vec(), String::new()),
            Create => {
                reply(200, "<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>")
            }
            ListParts => reply(
                200,
                "<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><Size>3</Size>\
                 <ETag>e</ETag></Part></ListPartsResult>",
            ),
            Complete => reply(200, "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"),
            Abort | Delete => reply(204, ""),
            Verb::Copy => reply(200, "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>"),
            PartCopy => reply(200, "<CopyPartResult><ETag>e</ETag></CopyPartResult>"),
        }
    }

    /// Whether its good answer has a body of XML.
    fn answers_xml(self) -> bool {
        !matches!(self, Head | Get | Put | Part | Abort | Delete)
    }

    async fn call(self, store: &S3Store) -> Result<()> {
        let upload = Upload { key: "key".into(), id: "id".into() };
        let part = PartWrite { number: 1, offset: 0, size: 3, checksum: None };
        let write = Write { size: 3, ..Write::default() };
        let body = || stream::iter([Ok(Bytes::from_static(b"foo"))]).boxed();
        let source = CopySource { bucket: "bucket".into(), key: "source".into() };
        let pin = Pin::default();
        match self {
            Probe => store.probe().await,
            List => {
                let mut listing = store.list(KeyRange::default());
                let mut keys = 0;
                while let Some(page) = listing.next_page().await? {
                    keys += page.len();
                }
                assert_eq!(keys, 1, "a listing that ends well is whole");
                Ok(())
            }
            Head => store.head("key", &pin).await.map(|info| assert_eq!(info.size, 3)),
            Get => store.get("key", &Read::default()).await.map(drop),
            Put => store.put("key", &write, body()).await.map(drop),
            Create => store.create_upload("key", &write).await.map(drop),
            Part => store.upload_part(&upload, &part, body()).await.map(drop),
            ListParts => store.list_parts(&upload).await.map(|parts| assert_eq!(parts.len(), 1)),
            Complete => {
                let parts =
                    [store::Part { number: 1, size: 3, etag: ETag::new("e"), etag_is_opaque: false, checksum: None }];
                store.complete_upload(&upload, &parts, &write).await.map(drop)
            }
            Abort => store.abort_upload(&upload).await,
            Delete => store.delete("key").await,
            Verb::Copy => store.copy(&source, &pin, "key", &write).await.map(drop),
            PartCopy => store.copy_part(&source, &pin, 0..3, &upload, &part).await.map(drop),
        }
    }
}

use shared::store;

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

#[tokio::test(start_paused = true)]
async fn every_verb_under_every_lasting_fault_ends_within_its_bounds_of_count_and_time() {
    for (fault, always, kind) in faults() {
        for verb in ALL {
            let policy = verb.policy();
            let always = always.clone();
            let service = Service::new(move |_, _| always.clone());
            let store = service.store("anonymous").await;
            let began = Instant::now();
            let error = verb.call(&store).await.expect_err(&format!("{verb:?} under {fault}"));
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
async fn every_verb_that_sends_no_body_recovers_from_each_fault_that_passes() {
    for (fault, once, kind) in faults() {
        for verb in ALL.into_iter().filter(|verb| verb.policy().attempts > 1) {
            if !kind.is_retryable() || kind == ErrorKind::Timeout && verb == Probe {
                continue;
            }
            let once = once.clone();
            let service = Service::new(move |_, number| if number == 0 { once.clone() } else { verb.good() });
            let store = service.store("anonymous").await;
            let ended = verb.call(&store).await;
            assert!(ended.is_ok(), "{verb:?} after {fault}: {ended:?}");
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
    for verb in ALL.into_iter().filter(|verb| verb.answers_xml()) {
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
            let ended = verb.call(&once.store("anonymous").await).await;
            match verb.policy().attempts {
                1 => assert_eq!(kind(ended), ErrorKind::Corrupt, "{verb:?} after {fault}"),
                _ => assert!(ended.is_ok() && once.count() == 2, "{verb:?} after {fault}: {ended:?}"),
            }
            let always = Service::new(move |_, _| reply(200, &nonsense));
            let error = verb.call(&always.store("anonymous").await).await.expect_err(&format!("{verb:?}: {fault}"));
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{verb:?}: {fault}: {error}");
            assert_eq!(always.count(), verb.policy().attempts as usize, "{verb:?}: {fault}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_inside_of_a_200_is_that_error_for_all_verbs_that_may_answer_so() {
    for verb in [Complete, Verb::Copy, PartCopy] {
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
    for (verb, header) in [(Head, "content-length"), (Head, "last-modified"), (Get, "last-modified"), (Part, "etag")] {
        let service = Service::new(move |_, _| match verb.good() {
            Reply::Answer(status, mut headers, text) => {
                headers.retain(|(name, _)| *name != header);
                Reply::Answer(status, headers, text)
            }
            other => other,
        });
        let error = verb.call(&service.store("anonymous").await).await.expect_err("is no answer");
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

/// An endless listing: what each page says, from its number.
fn endless(page: impl Fn(usize) -> String + Send + Sync + 'static) -> Service {
    Service::new(move |_, number| {
        let contents = page(number);
        let text = format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated>\
             <NextContinuationToken>t{number}</NextContinuationToken>{contents}</ListBucketResult>"
        );
        reply(200, &text)
    })
}

fn listed(key: &str) -> String {
    format!("<Contents><Key>{key}</Key><Size>1</Size><LastModified>2015-10-21T07:28:00Z</LastModified></Contents>")
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_goes_on_for_ever_without_new_keys_is_ended() {
    for (page, most) in [
        (endless(|_| String::new()), listing::MAX_EMPTY_PAGES as usize + 1),
        (endless(|_| listed("same")), 2),
        (endless(|number| listed(if number.is_multiple_of(2) { "b" } else { "a" })), 2),
    ] {
        let store = page.store("anonymous").await;
        let mut listing = store.list(KeyRange::default());
        let error = loop {
            match listing.next_page().await {
                Ok(page) => assert!(page.is_some(), "the end was believed"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(page.count() <= most, "{} pages", page.count());
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_of_folders_that_lists_for_ever_is_ended_too() {
    let service = Service::new(|_, number| {
        let text = format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated>\
             <NextContinuationToken>t{number}</NextContinuationToken></ListBucketResult>"
        );
        Reply::Answer(200, vec![("server", "SeaweedFS".to_owned())], text)
    });
    let store = service.store("anonymous").await;
    let error = store.list(KeyRange::default()).next_page().await.expect_err("it never ends");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    let uploads = Service::new(|_, number| {
        let text = format!(
            "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k{number}</NextKeyMarker>\
             <NextUploadIdMarker>i</NextUploadIdMarker></ListMultipartUploadsResult>"
        );
        reply(200, &text)
    });
    let error = uploads.store("anonymous").await.list_uploads("key").await.expect_err("it never ends");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}

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
async fn credentials_that_are_rotated_in_mid_run_go_on_whatever_the_refusal_is() {
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
async fn credentials_that_are_refused_for_good_are_asked_for_a_bounded_number_of_times() {
    let file = keys_in_a_file("old");
    let service = Service::new(|_, _| refusal(400, "ExpiredToken"));
    let store = service.store(&format!("file:{}", file.path().display())).await;
    let error = store.delete("key").await.unwrap_err();
    assert_eq!((error.kind(), service.count()), (ErrorKind::ExpiredCredentials, DELETE.attempts as usize));
}

/// A service whose clock is hours away refuses what is signed more than a quarter of an hour off by it.
#[tokio::test]
async fn a_clock_that_is_wrong_by_hours_is_corrected_by_the_services_date() {
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

#[tokio::test(start_paused = true)]
async fn throttling_of_one_verb_holds_back_the_others_of_the_endpoint() {
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
