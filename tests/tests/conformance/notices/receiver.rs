//! A receiver of webhooks whose answers a test chooses.

use std::sync::{Arc, Mutex};

use shared::sync::lock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// With a status, and no body.
    Status(u16),
    /// With 302 to another path of this server.
    Redirect,
    /// With 200 and a body that never ends.
    Endless,
    /// Not at all; the connection stays open.
    Hang,
    /// Not at all; the connection is closed once the request was read.
    Close,
}

type Got = Arc<Mutex<Vec<(String, String)>>>;

/// It ends when dropped.
pub struct Receiver {
    address: String,
    got: Got,
    serving: JoinHandle<()>,
}

impl Receiver {
    /// Gives these answers in turn, and then the last one for ever.
    pub async fn start(answers: Vec<Answer>) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let got = Got::default();
        let serving = tokio::spawn(serve(listener, answers, got.clone()));
        Receiver { address, got, serving }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Heads and bodies of the requests so far.
    pub fn got(&self) -> Vec<(String, String)> {
        lock(&self.got).clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, answers: Vec<Answer>, got: Got) {
    let mut open = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let (answers, got) = (answers.clone(), got.clone());
        open.spawn(async move { converse(stream, &answers, &got).await });
    }
}

/// One request a connection.
async fn converse(mut stream: TcpStream, answers: &[Answer], got: &Got) -> Option<()> {
    let (head, body) = request(&mut stream).await?;
    let number = {
        let mut got = lock(got);
        got.push((head, body));
        got.len() - 1
    };
    let answer = answers.get(number).or(answers.last())?;
    let head = |status: u16, more: &str| format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{more}\r\n");
    match answer {
        Answer::Status(204) => stream.write_all(head(204, "").as_bytes()).await.ok(),
        Answer::Status(status) => stream.write_all(head(*status, "content-length: 0\r\n").as_bytes()).await.ok(),
        Answer::Redirect => {
            stream.write_all(head(302, "location: /elsewhere\r\ncontent-length: 0\r\n").as_bytes()).await.ok()
        }
        Answer::Endless => {
            stream.write_all(head(200, "content-length: 1000000000000\r\n").as_bytes()).await.ok()?;
            loop {
                stream.write_all(&[b' '; 1024]).await.ok()?;
            }
        }
        Answer::Hang => std::future::pending().await,
        Answer::Close => None,
    }
}

/// Reads a request with a `content-length`.
async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some((head.to_owned(), body.to_owned()));
            }
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}
