use super::*;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Every kernel has it, and none takes it by default.
const OTHER: &str = "reno";

const LIMITS: Limits = Limits { connect: Some(Duration::from_secs(5)), read: None };

/// A server that answers every request of each connection so.
async fn server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            });
        }
    });
    format!("http://{address}/")
}

fn request(uri: &str) -> HttpRequest {
    HttpRequest::try_from(http::Request::get(uri).body(SdkBody::empty()).unwrap()).unwrap()
}

#[tokio::test]
async fn connections_have_the_chosen_algorithm_or_the_kernels_own() {
    let uri: Uri = server("").await.parse().unwrap();
    let default = TcpStream::connect(uri.authority().unwrap().as_str()).await.unwrap();
    let default = rustix::net::sockopt::tcp_congestion(&default).unwrap();
    for (name, expected) in [(OTHER, OTHER), ("none-such", default.as_str())] {
        let tcp = connect::HttpConnector::new_with_resolver(Resolver);
        let mut chosen = Chosen { tcp, algorithm: name.into(), is_warned: Arc::default() };
        for _ in 0..2 {
            let stream = chosen.call(uri.clone()).await.unwrap();
            assert_eq!(rustix::net::sockopt::tcp_congestion(stream.inner()).unwrap(), expected);
        }
        assert_eq!(chosen.is_warned.load(Relaxed), name != OTHER);
    }
}

#[tokio::test]
async fn requests_share_a_connection_until_it_is_closed() {
    let uri = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let pool = Pool::new(OTHER.into(), LIMITS);
    let port = async |closes: bool| {
        let (mut request, connection) = (request(&uri), CaptureSmithyConnection::new());
        request.add_extension(connection.clone());
        assert!(pool.call(request).await.unwrap().status().is_success());
        let connection = connection.get().expect("a connection");
        if closes {
            connection.poison();
        }
        connection.local_addr().expect("an address").port()
    };
    let first = port(false).await;
    assert_eq!(port(true).await, first);
    assert_ne!(port(false).await, first);
}

#[tokio::test]
async fn errors_mean_what_they_mean_to_the_sdk() {
    let pool = |read| Pool::new(OTHER.into(), Limits { read, ..LIMITS });
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    assert!(pool(None).call(request(&closed)).await.unwrap_err().is_io());
    assert!(pool(None).call(request("http://no-such-name.invalid/")).await.unwrap_err().is_io());
    let silent = server("").await;
    let late = pool(Some(Duration::from_millis(50))).call(request(&silent)).await.unwrap_err();
    assert!(late.is_timeout());
    let cut = server("HTTP/1.1 200 OK\r\ncontent-le").await;
    assert!(pool(Some(Duration::from_millis(200))).call(request(&cut)).await.unwrap_err().is_timeout());
}
