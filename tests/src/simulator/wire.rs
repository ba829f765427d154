//! One connection of HTTP/1.1: heads, bodies and answers. Its buffers are made once.

use std::io;
use std::ops::Range;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::chunked::Unframe;
use super::pattern;
use super::request::Request;
use super::traffic::Pace;

/// Bytes that are read at once. Also the longest head.
const BUFFER: usize = 256 << 10;

/// The longest body that is kept in memory: that of a request in XML.
const MAX_DOCUMENT: u64 = 16 << 20;

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The bytes in the buffer that were not used yet.
    unread: Range<usize>,
    out: Vec<u8>,
    reading: Pace,
    writing: Pace,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Connection {
        let (reading, writing) = (Pace::new(), Pace::new());
        Connection { stream, buffer: vec![0; BUFFER], unread: 0..0, out: Vec::new(), reading, writing }
    }

    /// The next request; `None` if the client has closed the connection.
    pub async fn request(&mut self) -> io::Result<Option<Request>> {
        loop {
            let unread = &self.buffer[self.unread.clone()];
            if let Some(end) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
                let request = Request::parse(&unread[..end]).ok_or_else(|| io::Error::other("not a request"))?;
                self.unread.start += end + 4;
                return Ok(Some(request));
            }
            if self.fill().await? == 0 {
                return Ok(None);
            }
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        let room = &mut self.buffer[self.unread.end..];
        if room.is_empty() {
            return Err(io::Error::other("the head is too long"));
        }
        let count = self.stream.read(room).await?;
        self.unread.end += count;
        Ok(count)
    }

    /// Reads the whole body of a request. Hands its bytes to `take`.
    pub async fn body(&mut self, request: &Request, bandwidth: u64, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        if request.expects_continue {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let mut unframe = request.is_framed.then(Unframe::default);
        let mut left = request.length;
        while left > 0 {
            if self.unread.is_empty() && self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let count = left.min(self.unread.len() as u64) as usize;
            let bytes = &self.buffer[self.unread.start..self.unread.start + count];
            match &mut unframe {
                Some(unframe) => unframe.add(bytes, &mut take),
                None => take(bytes),
            }
            self.unread.start += count;
            left -= count as u64;
            self.reading.pass(count, bandwidth).await;
        }
        Ok(())
    }

    /// Reads a body that is a document.
    pub async fn document(&mut self, request: &Request) -> io::Result<String> {
        if request.length > MAX_DOCUMENT {
            return Err(io::Error::other("the document is too long"));
        }
        let mut bytes = Vec::new();
        self.body(request, 0, |part| bytes.extend_from_slice(part)).await?;
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    /// Sends an answer that is in memory.
    pub async fn send(&mut self, head: &str, body: &[u8]) -> io::Result<()> {
        self.out.clear();
        self.out.extend_from_slice(head.as_bytes());
        self.out.extend_from_slice(body);
        self.stream.write_all(&self.out).await
    }

    /// Sends an answer with these bytes of an object.
    pub async fn send_object(&mut self, head: &str, range: Range<u64>, bandwidth: u64) -> io::Result<()> {
        let mut offset = range.start;
        // A slow connection gets smaller pieces, so that it is slow all the time.
        let most = if bandwidth == 0 { u64::MAX } else { (bandwidth / 20).max(1) };
        let mut first = Some(head);
        while first.is_some() || offset < range.end {
            let bytes = pattern::at(offset, most.min(range.end - offset));
            // Before it is sent: no byte arrives earlier than the bandwidth allows.
            self.writing.pass(bytes.len(), bandwidth).await;
            match first.take() {
                Some(head) => self.send(head, bytes).await?,
                None => self.stream.write_all(bytes).await?,
            }
            offset += bytes.len() as u64;
        }
        Ok(())
    }
}
