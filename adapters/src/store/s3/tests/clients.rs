//! The requests of the lean client and of the SDK, compared.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use proptest::prelude::*;

use super::faults::service::{Reply, Service};
use super::*;

const KEYS: &str = r#"{"access_key_id":"id","secret_access_key":"secret","session_token":"to/ken=="}"#;

/// Headers that differ: the signature and its time, and those that name the client.
const OWN: &[&str] = &["authorization", "x-amz-date", "user-agent", "x-amz-user-agent"];

/// A request as it was sent.
#[derive(Debug, Clone)]
struct Sent {
    method: String,
    uri: String,
    headers: BTreeMap<String, String>,
}

impl Sent {
    fn of(request: &HttpRequest) -> Sent {
        let headers = request.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Sent { method: request.method().to_owned(), uri: request.uri().to_owned(), headers: headers.collect() }
    }

    /// The part that both clients send: parameters in the order of their names.
    fn common(&self) -> (String, String, Vec<String>, BTreeMap<String, String>) {
        let (path, query) = self.uri.split_once('?').unwrap_or((&self.uri, ""));
        // Each service has a host of its own.
        let path = path.split_once(".test/").map_or(path, |(_, path)| path);
        // `tagging` and `tagging=` are one parameter, and have one signature.
        let mut query: Vec<String> = query.split('&').map(|one| one.trim_end_matches('=').to_owned()).collect();
        query.sort();
        let mut headers = self.headers.clone();
        headers.retain(|name, _| name != "host" && !OWN.contains(&&**name) && !name.starts_with("amz-sdk-"));
        (self.method.clone(), path.to_owned(), query, headers)
    }

    fn authorization(&self, part: &str) -> &str {
        let (_, rest) = self.headers["authorization"].split_once(&format!("{part}=")).unwrap();
        rest.split(',').next().unwrap()
    }

    /// The signature that Amazon's signer makes over the signed headers.
    fn signature(&self) -> String {
        let settings = {
            let mut settings = SigningSettings::default();
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings
        };
        let identity = Credentials::from_keys("id", "secret", Some("to/ken==".into())).into();
        let date = &self.headers["x-amz-date"];
        let text = format!("{}-{}-{}:{}:{}Z", &date[..4], &date[4..6], &date[6..11], &date[11..13], &date[13..15]);
        let time = SystemTime::try_from(DateTime::from_str(&text, Format::DateTime).unwrap()).unwrap();
        let params = aws_sigv4::sign::v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("s3")
            .time(time)
            .settings(settings)
            .build()
            .unwrap();
        let own = ["x-amz-date", "x-amz-content-sha256", "x-amz-security-token"];
        let signed = self.authorization("SignedHeaders").split(';').filter(|name| !own.contains(name));
        let headers = signed.map(|name| (name, self.headers.get(name).map_or(self.host(), String::as_str)));
        let body = match self.headers["x-amz-content-sha256"].as_str() {
            "UNSIGNED-PAYLOAD" => SignableBody::UnsignedPayload,
            hash => SignableBody::Precomputed(hash.to_owned()),
        };
        let request = SignableRequest::new(&self.method, &self.uri, headers, body).unwrap();
        sign(request, &params.into()).unwrap().into_parts().1
    }

    /// The transport adds `Host` where a client leaves it out.
    fn host(&self) -> &str {
        self.uri.split('/').nth(2).unwrap()
    }
}

/// A store by each client, and what they have sent.
struct Clients {
    stores: [(S3Store, Arc<Mutex<Vec<Sent>>>); 2],
    _keys: tempfile::NamedTempFile,
}

impl Clients {
    async fn open() -> Clients {
        let keys = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(keys.path(), KEYS).unwrap();
        let credentials = format!("file:{}", keys.path().display());
        let open = async |client| {
            let sent = Arc::new(Mutex::new(Vec::new()));
            let seen = sent.clone();
            let service = Service::new(move |request, _| {
                seen.lock().unwrap().push(Sent::of(request));
                Reply::Answer(404, Vec::new(), String::new())
            });
            (service.store_by(client, &credentials).await, sent)
        };
        Clients { stores: [open(FrequentCalls::Lean).await, open(FrequentCalls::Sdk).await], _keys: keys }
    }

    /// Makes a call by both clients, and compares the requests.
    async fn compare(&self, call: impl AsyncFn(&S3Store)) {
        let mut requests = Vec::new();
        for (store, sent) in &self.stores {
            sent.lock().unwrap().clear();
            call(store).await;
            let sent = sent.lock().unwrap();
            assert_eq!(sent.len(), 1, "{sent:?}");
            assert_eq!(sent[0].authorization("Signature"), sent[0].signature(), "{:?}", sent[0]);
            requests.push(sent[0].clone());
        }
        assert_eq!(requests[0].common(), requests[1].common());
        let signed = |sent: &Sent| -> Vec<String> {
            let names = sent.authorization("SignedHeaders").split(';').filter(|name| !OWN.contains(name));
            // The lean client adds the length after it has signed.
            names.filter(|name| *name != "content-length").map(str::to_owned).collect()
        };
        assert_eq!(signed(&requests[0]), signed(&requests[1]));
    }
}

/// Keys of the pieces that encodings get wrong.
fn keys() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a",
        "Z",
        "0",
        " ",
        "+",
        "é",
        "語",
        "\u{1f600}",
        "/",
        "//",
        "..",
        ".",
        "%",
        "%2F",
        "?",
        "#",
        "&",
        "=",
        "~",
        "*",
        "'",
        "(",
        "!",
        "@",
        ":",
        ";",
        ",",
        "\\",
        "\"",
        "<",
        "|",
        "^",
        "`",
        "$",
        "\n",
        "\u{7f}",
    ];
    prop::collection::vec(prop::sample::select(pieces), 1..8)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("the SDK cannot send a key of white space alone", |key| !key.trim().is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn requests_and_signatures_are_those_of_the_sdk(
        key in keys(),
        values in prop::collection::vec("[a-z=,+%]{1,3} {0,3}[a-z]{1,3}", 0..3),
        content_type in prop::option::of("text/[a-z]{1,5};  charset=[a-z]{1,3}"),
        range in prop::option::of((0_u64..9, 9_u64..99)),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let clients = Clients::open().await;
            let pin = Pin { etag: Some(shared::object::ETag::new("e")), version: Some("v +/=".into()) };
            clients.compare(async |store| drop(store.head(&key, &pin).await)).await;
            clients.compare(async |store| drop(store.tags(&key, &Pin::default()).await)).await;
            let get = Read { range: range.map(|(from, to)| from..to), pin: pin.clone() };
            clients.compare(async |store| drop(store.get(&key, &get).await)).await;
            let mut write = sized(3);
            write.attributes.content_type = content_type;
            write.attributes.user = values.into_iter().enumerate().map(|(n, value)| (format!("n{n}"), value)).collect();
            clients.compare(async |store| drop(store.put(&key, &write, body(&["foo"])).await)).await;
            let upload = Upload { key: key.clone(), id: "i +/=d".into() };
            let part = PartWrite { number: 7, offset: 0, size: 3, checksum: None };
            clients.compare(async |store| drop(store.upload_part(&upload, &part, body(&["foo"])).await)).await;
            let listed = page::PageRequest { prefix: key.clone(), after: Some(format!("{key}b")), ..Default::default() };
            clients.compare(async |store| drop(store.0.list_once(&listed, 1000).await)).await;
        });
    }
}
