//! The least program that copies objects: each connection pair sends a GET, a PUT, and the bytes from one to the other.
//!
//! No signatures, no hashes, no listing, no checks: what it takes is the limit of the machine.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::bucket::Arithmetic;

/// Bytes that are read at once.
const BUFFER: usize = 256 << 10;

/// Copies all objects of a computed bucket into another bucket of a simulator over `connections` pairs of connections.
/// Addresses are `HOST:PORT`.
pub async fn copy(source: &str, from: &str, destination: &str, to: &str, connections: usize) -> io::Result<()> {
    let bucket = Arithmetic::of(from).ok_or_else(|| io::Error::other("not the name of a computed bucket"))?;
    let next = Arc::new(AtomicU64::new(0));
    let mut pairs = JoinSet::new();
    for _ in 0..connections {
        let mut pair = Pair::open(source, from, destination, to).await?;
        let next = next.clone();
        pairs.spawn(async move {
            let mut key = String::new();
            loop {
                let number = next.fetch_add(1, Relaxed);
                if number >= bucket.count {
                    return io::Result::Ok(());
                }
                bucket.key(number, &mut key);
                pair.copy(&key).await?;
            }
        });
    }
    while let Some(ended) = pairs.join_next().await {
        ended.map_err(io::Error::other)??;
    }
    Ok(())
}

/// A connection to each side.
struct Pair {
    get: TcpStream,
    put: TcpStream,
    from: String,
    to: String,
    buffer: Vec<u8>,
}

impl Pair {
    async fn open(source: &str, from: &str, destination: &str, to: &str) -> io::Result<Pair> {
        let (get, put) = (TcpStream::connect(source).await?, TcpStream::connect(destination).await?);
        get.set_nodelay(true)?;
        put.set_nodelay(true)?;
        Ok(Pair { get, put, from: from.to_owned(), to: to.to_owned(), buffer: vec![0; BUFFER] })
    }

    async fn copy(&mut self, key: &str) -> io::Result<()> {
        let Pair { get, put, from, to, buffer } = self;
        get.write_all(format!("GET /{from}/{key} HTTP/1.1\r\nhost: relay\r\n\r\n").as_bytes()).await?;
        let (length, body) = answer(get, buffer).await?;
        let head = format!("PUT /{to}/{key} HTTP/1.1\r\nhost: relay\r\ncontent-length: {length}\r\n\r\n");
        let mut left = length - body.len() as u64;
        let mut first = head.into_bytes();
        first.extend_from_slice(&buffer[body]);
        put.write_all(&first).await?;
        while left > 0 {
            let count = get.read(buffer).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            put.write_all(&buffer[..count]).await?;
            left = left.saturating_sub(count as u64);
        }
        answer(put, buffer).await.map(drop)
    }
}

/// Reads a successful answer's head. Returns the body's length, and where its first bytes are in the buffer.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<(u64, std::ops::Range<usize>)> {
    let mut filled = 0;
    loop {
        let count = stream.read(&mut buffer[filled..]).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += count;
        let Some(end) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&buffer[..end]);
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        return match length.filter(|_| head.starts_with("HTTP/1.1 200")) {
            Some(length) => Ok((length, end + 4..filled)),
            None => Err(io::Error::other(head.lines().next().unwrap_or_default().to_owned())),
        };
    }
}
