//! A client of a console that sends what a test wants, as no library would.

use std::time::{Duration, Instant};

use flotilla_tests::binaries::Process;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::sandbox::LIMIT;

/// A browser with the address that a program printed.
pub struct Browser {
    pub address: String,
    pub token: String,
    cookie: String,
    /// The secret of its page; `None`: it sends none.
    pub session: Option<String>,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

/// A server-sent event.
pub struct Event {
    pub id: String,
    pub name: String,
    pub data: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|why| panic!("{why}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Browser {
    /// Waits for the line with the address.
    pub async fn of(process: &mut Process) -> Browser {
        let began = Instant::now();
        loop {
            let text = process.stdout();
            if let Some((address, token)) = text.split_once("http://").and_then(|(_, rest)| rest.split_once("/#token="))
                && token.contains('\n')
            {
                let token = token.lines().next().unwrap_or_default().to_owned();
                return Browser { address: address.to_owned(), token, cookie: String::new(), session: None };
            }
            assert!(process.is_running() && began.elapsed() < LIMIT, "{}", process.stderr());
            sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn sign_in(&mut self) {
        let body = format!("{{\"token\":\"{}\"}}", self.token);
        let answer = self.send("POST", "/api/v1/login", &body, &[]).await;
        let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{}", answer.body));
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        self.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        self.session = answer.json()["session"].as_str().map(str::to_owned);
        assert!(self.session.is_some(), "the page's secret");
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", &[]).await
    }

    /// Sends a request with these headers in place of a browser's own.
    pub async fn send(&self, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let mut stream = self.request(method, path, body, headers).await;
        let mut answer = Vec::new();
        timeout(LIMIT, stream.read_to_end(&mut answer)).await.expect("in time").expect("an answer");
        let answer = String::from_utf8(answer).expect("UTF-8");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    async fn request(&self, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.expect("the console listens");
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "host") {
            head += &format!("host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(session) = &self.session
            && !headers.iter().any(|(name, _)| *name == "x-flotilla-session")
        {
            head += &format!("x-flotilla-session: {session}\r\n");
        }
        if !body.is_empty() {
            head += "content-type: application/json\r\n";
        }
        head += &format!("cookie: {}\r\n\r\n{body}", self.cookie);
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream
    }

    /// The lines of an answer in chunks, which are counted and not kept.
    pub async fn lines(&self, path: &str) -> usize {
        let mut stream = self.request("GET", path, "", &[]).await;
        let (mut buffer, mut lines) = (vec![0; 1 << 16], 0);
        loop {
            let bytes = timeout(LIMIT, stream.read(&mut buffer)).await.expect("in time").expect("the answer goes on");
            if bytes == 0 {
                return lines;
            }
            // Keys of objects begin each line, and have no braces.
            lines += buffer[..bytes].iter().filter(|byte| **byte == b'{').count();
        }
    }

    /// The first events of a stream after `last_id`, and then no more of it.
    pub async fn events(&self, path: &str, last_id: &str, number: usize) -> Vec<Event> {
        let mut stream = self.request("GET", path, "", &[("last-event-id", last_id)]).await;
        let mut text = String::new();
        let read = async {
            let mut buffer = [0; 8192];
            while text.matches("\ndata: ").count() < number || !text.trim_end_matches("\r\n").ends_with("\n\n") {
                let bytes = stream.read(&mut buffer).await.expect("the stream goes on");
                assert!(bytes > 0, "the stream ended: {text}");
                text += &String::from_utf8_lossy(&buffer[..bytes]);
            }
        };
        timeout(LIMIT, read).await.expect("events in time");
        text.split("\nid: ").skip(1).map(event).collect()
    }
}

fn event(text: &str) -> Event {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().to_owned()
    };
    Event { id: text.lines().next().unwrap_or_default().to_owned(), name: field("event: "), data: field("data: ") }
}
