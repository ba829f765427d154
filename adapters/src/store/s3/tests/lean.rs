//! The lean client beside the SDK: connections and checksums.

use std::sync::atomic::AtomicUsize;

use super::*;

pub const CLIENTS: [FrequentCalls; 2] = [FrequentCalls::Lean, FrequentCalls::Sdk];

/// A server that keeps connections open. It gives the first answer once, and then the last one. Returns its port, and
/// the number of connections.
async fn keeping(answers: [String; 2]) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let opened = connections.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            opened.fetch_add(1, Ordering::SeqCst);
            let (answers, requests) = (answers.clone(), requests.clone());
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(1..) = stream.read(&mut buffer).await {
                    let number = requests.fetch_add(1, Ordering::SeqCst).min(1);
                    stream.write_all(answers[number].as_bytes()).await.unwrap();
                }
            });
        }
    });
    (port, connections)
}

async fn store_by(client: FrequentCalls, port: u16) -> S3Store {
    let connection = Connection {
        endpoint_url: Some(format!("http://127.0.0.1:{port}")),
        region: Some("us-east-1".into()),
        credentials: Some("anonymous".into()),
    };
    let location = Location::bucket_at(Scheme::S3, "bucket", "");
    let side = Side { location, connection, addressing_style: Addressing::Auto, requester_pays: false };
    S3Store::open_with(&side, client).await.unwrap()
}

#[tokio::test]
async fn a_connection_to_a_failed_server_is_not_used_again() {
    let open = |text: String| text.replace("connection: close\r\n", "");
    let found = || open(answer("200 OK", TIME, ""));
    for (first, connections) in [
        (open(answer("500 Internal Server Error", "", "")), 2),
        (open(answer("504 Gateway Timeout", "", "")), 2),
        (open(answer("404 Not Found", "", "")), 1),
        (found(), 1),
    ] {
        for client in CLIENTS {
            let (port, opened) = keeping([first.clone(), found()]).await;
            let store = store_by(client, port).await;
            for _ in 0..2 {
                let _ = store.head("key", &Pin::default()).await;
            }
            assert_eq!(opened.load(Ordering::SeqCst), connections, "{client:?} after {first}");
        }
    }
}

#[tokio::test]
async fn google_reports_the_checksum_of_each_write() {
    let crc32c = Checksum::from_base64(Algorithm::Crc32c, "yZRlqg==");
    let hashes = "x-goog-hash: crc32c=yZRlqg==\r\netag: \"e\"\r\n";
    for (scheme, expected) in [(Scheme::Gs, crc32c), (Scheme::S3, None)] {
        let store = store_of(scheme, Server::start(vec![answer("200 OK", hashes, "")]).await.port).await;
        let written = store.put("key", &sized(3), body(&["foo"])).await.unwrap();
        assert_eq!(written.checksum, expected, "{scheme:?}");
        let upload = Upload { key: "key".into(), id: "id".into() };
        let part = PartWrite { number: 1, offset: 0, size: 3, checksum: None };
        let part = store.upload_part(&upload, &part, body(&["foo"])).await.unwrap();
        assert_eq!(part.checksum, expected, "{scheme:?}");
    }
}
