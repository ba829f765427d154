//! Bytes in transit from one store to the other: counted, hashed, slowed down, never gathered.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use shared::digest::{Algorithm, Checksum, Hasher, MultipartHasher};
use shared::limits::{Bandwidth, LiveLimits, Permit};
use shared::object::{ETag, Pin};
use shared::store::{Body, ObjectStore, Read};
use shared::sync::lock;
use shared::{Error, ErrorKind, Result};
use tokio::time::timeout;

use crate::engine::progress::Attempt;
use crate::objects::integrity;

/// The bytes that pass through a pipe, and their processing in transit.
pub(crate) struct Pipe {
    /// What the bytes belong to, for errors.
    pub subject: String,
    /// How many bytes must come.
    pub size: u64,
    /// Computed in transit.
    pub hash: Vec<Algorithm>,
    /// Must be the checksum of the bytes; its algorithm is among `hash`.
    pub expect: Option<Checksum>,
    /// Must be the tag of the bytes when they are cut into parts of so many bytes.
    pub expect_etag: Option<(u64, ETag)>,
    /// The limits of the task.
    pub limits: LiveLimits,
    /// Counts the bytes.
    pub attempt: Attempt,
    /// Of a transfer that gives it back shortly before its last byte comes: until the next one has its first byte, and
    /// while the destination's answer is awaited, the connections carry nothing.
    pub permit: Option<Arc<Permit>>,
}

/// The checksums of a pipe's bytes.
pub(crate) enum Hashed {
    /// Of bytes in memory.
    Known(Vec<Checksum>),
    /// Of a stream: there once its last byte has passed.
    Later(Arc<Mutex<Vec<Checksum>>>),
}

impl Hashed {
    pub fn take(self) -> Vec<Checksum> {
        match self {
            Hashed::Known(checksums) => checksums,
            Hashed::Later(checksums) => std::mem::take(&mut *lock(&checksums)),
        }
    }
}

impl Pipe {
    /// The same bytes, watched. The last chunk passes only when the input has ended well with
    /// exactly `size` bytes and, where one is expected, the right checksum: a destination that needs
    /// all bytes to make an object never makes one of wrong bytes.
    ///
    /// Bytes in memory are checked here, and stay in memory. A stream is checked while the destination reads it.
    ///
    /// # Errors
    /// Of bytes in memory, those in which a stream would end.
    pub async fn through(self, input: Body) -> Result<(Body, Hashed)> {
        let watched = Watched::new(self);
        let input = match input.into_whole() {
            Ok(mut whole) => return watched.whole(whole.take()).await,
            Err(input) => input,
        };
        let hashed = Arc::new(Mutex::new(Vec::new()));
        let flow = Flow {
            watched,
            input,
            hashed: hashed.clone(),
            waiting: Bytes::new(),
            ready: VecDeque::new(),
            ended: false,
        };
        let chunks =
            stream::try_unfold(flow, |mut flow| async move { Ok(flow.next().await?.map(|chunk| (chunk, flow))) });
        Ok((Body::stream(chunks), Hashed::Later(hashed)))
    }
}

/// The bytes of a pipe that came so far.
struct Watched {
    pipe: Pipe,
    remaining: u64,
    hashers: Vec<Hasher>,
    tag: Option<MultipartHasher>,
}

impl Watched {
    fn new(pipe: Pipe) -> Watched {
        Watched {
            remaining: pipe.size,
            hashers: pipe.hash.iter().filter_map(|&a| Hasher::new(a)).collect(),
            tag: pipe.expect_etag.as_ref().map(|(part_bytes, _)| MultipartHasher::new(*part_bytes)),
            pipe,
        }
    }

    /// All bytes at once. They wait for the bandwidth limit here, in as many pieces as a stream would.
    async fn whole(mut self, bytes: Bytes) -> Result<(Body, Hashed)> {
        self.count(&bytes)?;
        if self.remaining > 0 {
            return Err(self.too_short());
        }
        let mut waiting = bytes.len();
        while waiting > 0 {
            waiting -= allowed(self.pipe.limits.bandwidth(), &self.pipe.subject, waiting).await?;
        }
        let checksums = self.checksums()?;
        Ok((bytes.into(), Hashed::Known(checksums)))
    }

    fn count(&mut self, chunk: &Bytes) -> Result<()> {
        let Some(remaining) = self.remaining.checked_sub(chunk.len() as u64) else {
            return Err(self.too_long());
        };
        self.remaining = remaining;
        self.hashers.iter_mut().for_each(|hasher| hasher.update(chunk));
        self.tag.iter_mut().for_each(|hasher| hasher.update(chunk));
        self.pipe.attempt.passed(chunk.len() as u64);
        if let Some(permit) = &self.pipe.permit
            && remaining <= ENDS_BYTES.min(self.pipe.size / ENDS_SHARE)
        {
            permit.sent();
        }
        Ok(())
    }

    /// The checksums of all bytes, which must be those that are expected.
    fn checksums(&mut self) -> Result<Vec<Checksum>> {
        let checksums: Vec<Checksum> = self.hashers.drain(..).map(Hasher::finish).collect();
        if let Some(expected) = &self.pipe.expect
            && let Some(ours) = checksums.iter().find(|c| c.algorithm == expected.algorithm)
        {
            integrity::same(&self.pipe.subject, ours, expected, "the source's")?;
        }
        if let (Some((_, expected)), Some(hasher)) = (&self.pipe.expect_etag, self.tag.take()) {
            integrity::same_etag(&self.pipe.subject, &ETag::new(&hasher.finish()), expected)?;
        }
        Ok(checksums)
    }

    fn too_short(&self) -> Error {
        let message = format!("the source ended {} bytes early", self.remaining);
        Error::new(ErrorKind::Connection, "get", &self.pipe.subject, message)
    }

    fn too_long(&self) -> Error {
        let message = format!("the source sent more than the {} bytes it announced", self.pipe.size);
        Error::new(ErrorKind::Corrupt, "get", &self.pipe.subject, message)
    }
}

/// A stream in transit.
struct Flow {
    watched: Watched,
    input: Body,
    hashed: Arc<Mutex<Vec<Checksum>>>,
    /// Bytes that came and wait for the bandwidth limit.
    waiting: Bytes,
    ready: VecDeque<Bytes>,
    ended: bool,
}

impl Flow {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Some(chunk));
            }
            if self.ended {
                return Ok(None);
            }
            if !self.waiting.is_empty() {
                let limit = self.watched.pipe.limits.bandwidth();
                let bytes = allowed(limit, &self.watched.pipe.subject, self.waiting.len()).await?;
                let piece = self.waiting.split_to(bytes);
                if self.watched.remaining > 0 || !self.waiting.is_empty() {
                    return Ok(Some(piece));
                }
                self.end(Some(piece)).await?;
                continue;
            }
            if self.watched.remaining == 0 {
                self.end(None).await?;
                continue;
            }
            let Some(chunk) = self.input.next().await.transpose()? else {
                return Err(self.watched.too_short());
            };
            self.watched.count(&chunk)?;
            self.waiting = chunk;
        }
    }

    /// The input must end here, and well: a file that changed while it was read says so only now.
    async fn end(&mut self, last: Option<Bytes>) -> Result<()> {
        while let Some(chunk) = self.input.next().await.transpose()? {
            if !chunk.is_empty() {
                return Err(self.watched.too_long());
            }
        }
        *lock(&self.hashed) = self.watched.checksums()?;
        self.ready.extend(last);
        self.ended = true;
        Ok(())
    }
}

/// Reads an object to its end and hashes it.
///
/// # Errors
/// As [`ObjectStore::get`]; `Unsupported` for an algorithm that is not computed here.
pub async fn read_checksum(store: &dyn ObjectStore, key: &str, pin: Pin, algorithm: Algorithm) -> Result<Checksum> {
    let mut hasher = hasher(&store.location().display_key(key), algorithm)?;
    let body = store.get(key, &Read { range: None, pin }).await?.body;
    read_through(body, LiveLimits::default().bandwidth(), |chunk| hasher.update(chunk)).await?;
    Ok(hasher.finish())
}

/// A hasher, or `Unsupported` for an algorithm that is not computed here.
pub(crate) fn hasher(subject: &str, algorithm: Algorithm) -> Result<Hasher> {
    let message = || format!("{algorithm} is not computed");
    Hasher::new(algorithm).ok_or_else(|| Error::new(ErrorKind::Unsupported, "verify", subject, message()))
}

/// Shows all bytes of a body to `see`.
pub(crate) async fn read_through(mut body: Body, limit: &Bandwidth, mut see: impl FnMut(&[u8])) -> Result<()> {
    while let Some(mut chunk) = body.next().await.transpose()? {
        while !chunk.is_empty() {
            let bytes = allowed(limit, "bytes that are read", chunk.len()).await?;
            see(&chunk.split_to(bytes));
        }
    }
    Ok(())
}

/// All bytes of a body that must have `size`, in memory.
pub(crate) async fn read_all(subject: &str, body: Body, limit: &Bandwidth, size: u64) -> Result<Vec<u8>> {
    // Copied: a chunk may keep more memory in use than its length.
    let (mut bytes, mut received) = (Vec::with_capacity(size as usize), 0);
    let copy = |chunk: &[u8]| {
        received += chunk.len() as u64;
        if received <= size {
            bytes.extend_from_slice(chunk);
        }
    };
    read_through(body, limit, copy).await?;
    if received != size {
        let message = format!("requested {size} bytes, received {received}");
        return Err(Error::new(ErrorKind::Corrupt, "get", subject, message));
    }
    Ok(bytes)
}

/// A transfer ends soon when it has no more bytes to come than this: 40 ms at 25 MB/s, some round trips over a slow path,
const ENDS_BYTES: u64 = 1 << 20;

/// and no larger share of its own than this.
const ENDS_SHARE: u64 = 8;

/// A transfer that may pass no byte for so long ends: its connections would be closed as idle, or look stalled
/// ([`shared::retry::STALL_SECONDS`]).
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Waits until some of these bytes may pass, and returns how many. While the limit is 0 for long, the transfer ends in
/// `Suspended`: the object is done again, and that counts as no attempt.
async fn allowed(limit: &Bandwidth, subject: &str, bytes: usize) -> Result<usize> {
    timeout(LONGEST_PAUSE, limit.take(bytes)).await.map_err(|_| {
        let message = "the bandwidth limit lets nothing pass at present";
        Error::new(ErrorKind::Suspended, "transfer", subject, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::progress::TransferProgress;
    use futures::TryStreamExt;
    use shared::limits::LiveRates;

    async fn run(
        size: u64,
        input: Vec<Result<&'static [u8]>>,
        expect: Option<Checksum>,
    ) -> (Vec<u8>, Option<ErrorKind>) {
        pass(pipe(size, expect), Body::stream(stream::iter(input).map_ok(Bytes::from_static))).await
    }

    fn pipe(size: u64, expect: Option<Checksum>) -> Pipe {
        Pipe {
            subject: "k".into(),
            size,
            hash: vec![Algorithm::Md5],
            expect,
            expect_etag: None,
            limits: LiveLimits::default(),
            attempt: Arc::new(TransferProgress::default()).object("r", "k", size).attempt(),
            permit: None,
        }
    }

    async fn pass(pipe: Pipe, input: Body) -> (Vec<u8>, Option<ErrorKind>) {
        let is_whole = input.is_whole();
        let (mut body, hashed) = match pipe.through(input).await {
            Ok(passing) => passing,
            Err(error) => return (Vec::new(), Some(error.kind())),
        };
        assert_eq!(body.is_whole(), is_whole, "bytes in memory stay there");
        let mut passed = Vec::new();
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => passed.extend_from_slice(&chunk),
                Err(error) => return (passed, Some(error.kind())),
            }
        }
        let mut md5 = Hasher::new(Algorithm::Md5).unwrap();
        md5.update(&passed);
        assert_eq!(hashed.take(), [md5.finish()]);
        (passed, None)
    }

    #[tokio::test]
    async fn the_right_bytes_pass_and_are_hashed() {
        assert_eq!(run(5, vec![Ok(b"ab"), Ok(b""), Ok(b"cde")], None).await, (b"abcde".to_vec(), None));
        assert_eq!(run(0, vec![], None).await, (vec![], None));
    }

    #[tokio::test]
    async fn the_right_bytes_in_memory_pass_and_are_hashed_and_counted() {
        let moved = Arc::new(TransferProgress::default());
        let attempt = moved.object("r", "k", 5).attempt();
        let counted = Pipe { attempt: attempt.clone(), ..pipe(5, None) };
        assert_eq!(pass(counted, Bytes::from_static(b"abcde").into()).await, (b"abcde".to_vec(), None));
        assert_eq!(moved.bytes(), 5);
        assert_eq!(pass(pipe(0, None), Bytes::new().into()).await, (vec![], None));
    }

    #[tokio::test]
    async fn wrong_bytes_in_memory_never_pass() {
        let wrong = Checksum::md5([0; 16]);
        let other_etag = Some((2, ETag::new("00000000000000000000000000000000-3")));
        for (size, expect, expect_etag, kind) in [
            (6, None, None, ErrorKind::Connection),
            (4, None, None, ErrorKind::Corrupt),
            (0, None, None, ErrorKind::Corrupt),
            (5, Some(wrong), None, ErrorKind::BadDigest),
            (5, None, other_etag, ErrorKind::BadDigest),
        ] {
            let pipe = Pipe { expect_etag, ..pipe(size, expect) };
            assert_eq!(pass(pipe, Bytes::from_static(b"abcde").into()).await, (vec![], Some(kind)), "{size} bytes");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_in_memory_wait_for_the_bandwidth_limit() {
        let pipe = |bandwidth: f64| {
            let pipe = pipe(100_000, None);
            pipe.limits.set(&LiveRates { bandwidth: Some(bandwidth), ..LiveRates::default() });
            pipe
        };
        let began = tokio::time::Instant::now();
        let (_, error) = pass(pipe(0.0), Bytes::from(vec![0; 100_000]).into()).await;
        assert_eq!((error, began.elapsed()), (Some(ErrorKind::Suspended), LONGEST_PAUSE));
        let began = tokio::time::Instant::now();
        let (passed, error) = pass(pipe(1_000.0), Bytes::from(vec![0; 100_000]).into()).await;
        assert_eq!((passed.len(), error), (100_000, None), "each piece waits, and none for long");
        assert!(began.elapsed() > 2 * LONGEST_PAUSE, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_transfer_that_may_pass_nothing_for_long_is_suspended() {
        let limits = LiveLimits::default();
        limits.set(&LiveRates { bandwidth: Some(0.0), ..LiveRates::default() });
        let (rate, began) = (limits.clone(), tokio::time::Instant::now());
        let body = || Body::stream(stream::iter([Ok(Bytes::from_static(b"abc"))]));
        let refused = read_through(body(), limits.bandwidth(), |_| panic!("nothing passes")).await;
        assert_eq!(refused.expect_err("nothing passes").kind(), ErrorKind::Suspended);
        assert_eq!(began.elapsed(), LONGEST_PAUSE);
        tokio::spawn(async move {
            tokio::time::sleep(LONGEST_PAUSE / 2).await;
            rate.set(&LiveRates::default());
        });
        let mut passed = Vec::new();
        read_through(body(), limits.bandwidth(), |bytes| passed.extend_from_slice(bytes)).await.expect("bytes pass");
        assert_eq!(passed, b"abc");
    }

    #[tokio::test]
    async fn the_last_chunk_of_wrong_bytes_never_passes() {
        let late = || Err(Error::new(ErrorKind::PreconditionFailed, "get", "k", "changed while it was read"));
        let wrong = Checksum::md5([0; 16]);
        for (size, input, expect, kind) in [
            (6, vec![Ok(&b"ab"[..]), Ok(b"cde")], None, ErrorKind::Connection),
            (4, vec![Ok(b"ab"), Ok(b"cde")], None, ErrorKind::Corrupt),
            (5, vec![Ok(b"ab"), Ok(b"cde"), Ok(b"f")], None, ErrorKind::Corrupt),
            (5, vec![Ok(b"ab"), Ok(b"cde"), late()], None, ErrorKind::PreconditionFailed),
            (5, vec![Ok(b"ab"), Ok(b"cde")], Some(wrong), ErrorKind::BadDigest),
        ] {
            let (passed, error) = run(size, input, expect).await;
            assert_eq!(error, Some(kind));
            assert!((passed.len() as u64) < size, "{kind}");
        }
    }
}
