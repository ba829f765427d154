//! Bodies in transfer: counted, watched, and never complete after a failure.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use futures::StreamExt as _;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, sleep_until, timeout};

use shared::error::{Error, ErrorKind, Result};
use shared::store::{Body, WholeBody};
use shared::sync::{get_mut, lock};

/// A body for the SDK to send, and the means to watch it.
pub(super) struct Outgoing {
    /// What the SDK sends.
    pub stream: ByteStream,
    /// Watches it.
    pub watch: Watch,
}

/// Watches a body that is sent. Dropping it ends the body in an error, so that a request whose caller has gone
/// cannot complete.
pub(super) struct Watch {
    shared: Arc<Shared>,
    verb: &'static str,
    subject: String,
}

struct Shared(Mutex<State>);

struct State {
    /// When the client last took bytes.
    moved: Instant,
    /// The error that ended the body.
    failed: Option<Error>,
    /// Whether the caller no longer waits for the answer.
    abandoned: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

/// Prepares a body of exactly `size` bytes for sending.
///
/// The last chunk waits until the body has ended there. A body that is too short, too long or ends in an error
/// leaves the request without its last byte, and the store without an object. An empty body has no last chunk,
/// so it is read to its end before the request is sent. The length of a body in memory is compared before that.
pub(super) async fn outgoing(
    verb: &'static str,
    subject: String,
    size: u64,
    body: Body,
    stall: Duration,
) -> Result<Outgoing> {
    let state = State { moved: Instant::now(), failed: None, abandoned: false };
    let shared = Arc::new(Shared(Mutex::new(state)));
    let watch = Watch { shared: shared.clone(), verb, subject };
    let mut body: Body = match body.into_whole() {
        Ok(whole) if whole.size() != size => {
            let what = format!("{} bytes, but its size is {size}", whole.size());
            return Err(wrong_length(verb, &watch.subject, &what));
        }
        Ok(whole) if size > 0 => {
            let stream = ByteStream::new(SdkBody::from_body_1_x(SentWhole { whole, shared }));
            return Ok(Outgoing { stream, watch });
        }
        Ok(empty) => empty.into(),
        Err(body) => body,
    };
    if size > 0 {
        let sent =
            Sent { body: Mutex::new(body), delayed: None, left: size, shared, verb, subject: watch.subject.clone() };
        let stream = ByteStream::new(SdkBody::from_body_1_x(sent));
        return Ok(Outgoing { stream, watch });
    }
    let end = async {
        while let Some(chunk) = body.next().await {
            if !chunk?.is_empty() {
                return Err(wrong_length(verb, &watch.subject, "bytes, but its size is 0"));
            }
        }
        Ok(())
    };
    timeout(stall, end).await.unwrap_or_else(|_| Err(watch.stalled(stall)))?;
    Ok(Outgoing { stream: ByteStream::new(SdkBody::empty()), watch })
}

fn wrong_length(verb: &'static str, subject: &str, what: &str) -> Error {
    Error::new(ErrorKind::Invalid, verb, subject, format!("the body has {what}"))
}

impl Watch {
    /// Waits for the answer until neither it nor the body makes progress for `stall`. An error of the body
    /// replaces the answer.
    pub async fn over<T>(&self, stall: Duration, answer: impl Future<Output = Result<T>>) -> Result<T> {
        let mut answer = pin!(answer);
        loop {
            let limit = self.shared.lock().moved + stall;
            tokio::select! {
                biased;
                result = &mut answer => {
                    let failed = self.shared.lock().failed.take();
                    return failed.map_or(result, Err);
                }
                () = sleep_until(limit) => {
                    if self.shared.lock().moved + stall <= Instant::now() {
                        return Err(self.stalled(stall));
                    }
                }
            }
        }
    }

    fn stalled(&self, stall: Duration) -> Error {
        let message = format!("no bytes accepted and no answer within {} s", stall.as_secs());
        Error::new(ErrorKind::Timeout, self.verb, &self.subject, message)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.lock().abandoned = true;
    }
}

/// The body that the HTTP client polls. The SDK needs `Sync`, hence the `Mutex`; all access is through `&mut`.
struct Sent {
    body: Mutex<Body>,
    /// The last chunk, until the body has ended.
    delayed: Option<Bytes>,
    /// Bytes that are not yet taken from `body`.
    left: u64,
    shared: Arc<Shared>,
    verb: &'static str,
    subject: String,
}

/// A body in memory that the HTTP client polls: one chunk.
struct SentWhole {
    whole: WholeBody,
    shared: Arc<Shared>,
}

/// The error that the HTTP client gets; the cause goes to the [`Watch`].
#[derive(Debug, thiserror::Error)]
#[error("the body could not be read to its end")]
struct Broken;

impl Sent {
    fn fail(&self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.shared.lock().failed.get_or_insert(error);
        Poll::Ready(Some(Err(Broken)))
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        get_mut(&mut self.body).poll_next_unpin(cx)
    }
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        loop {
            if this.shared.lock().abandoned {
                return Poll::Ready(Some(Err(Broken)));
            }
            if this.is_end_stream() {
                return Poll::Ready(None);
            }
            match ready!(this.poll_body(cx)) {
                Some(Err(error)) => return this.fail(error),
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => {
                    let Some(left) = this.left.checked_sub(chunk.len() as u64) else {
                        return this.fail(wrong_length(this.verb, &this.subject, "more bytes than its size says"));
                    };
                    this.left = left;
                    this.shared.lock().moved = Instant::now();
                    if left > 0 {
                        return Poll::Ready(Some(Ok(Frame::data(chunk))));
                    }
                    this.delayed = Some(chunk);
                }
                None => match this.delayed.take() {
                    Some(chunk) => return Poll::Ready(Some(Ok(Frame::data(chunk)))),
                    None => {
                        let what = format!("{} bytes fewer than its size says", this.left);
                        return this.fail(wrong_length(this.verb, &this.subject, &what));
                    }
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && self.delayed.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left + self.delayed.as_ref().map_or(0, |chunk| chunk.len() as u64))
    }
}

impl http_body::Body for SentWhole {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        let mut state = this.shared.lock();
        if state.abandoned {
            return Poll::Ready(Some(Err(Broken)));
        }
        if this.whole.size() == 0 {
            return Poll::Ready(None);
        }
        state.moved = Instant::now();
        Poll::Ready(Some(Ok(Frame::data(this.whole.take()))))
    }

    fn is_end_stream(&self) -> bool {
        self.whole.size() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.whole.size())
    }
}

/// All bytes of an answer of exactly `size` bytes, which has few. The errors are those of [`incoming`].
pub(super) async fn whole(subject: &str, size: u64, body: SdkBody, stall: Duration) -> Result<Bytes> {
    let (mut body, mut left) = (ByteStream::new(body), size);
    // Most answers of this size come in one chunk: it is not copied.
    let (mut in_one, mut copied) = (Bytes::new(), Vec::<u8>::new());
    while let Some(chunk) = next_chunk(subject, &mut body, left, size, stall).await? {
        left -= chunk.len() as u64;
        if chunk.len() as u64 == size {
            in_one = chunk;
            continue;
        }
        if copied.is_empty() {
            copied.reserve_exact(size as usize);
        }
        copied.extend_from_slice(&chunk);
    }
    Ok(if copied.is_empty() { in_one } else { copied.into() })
}

/// The body of an answer of exactly `size` bytes. It ends in an error if no byte comes for `stall`, or if it has
/// fewer or more bytes than announced.
pub(super) fn incoming(subject: String, size: u64, body: SdkBody, stall: Duration) -> Body {
    let start = Some((ByteStream::new(body), size));
    Body::stream(futures::stream::unfold(start, move |state| {
        let subject = subject.clone();
        async move {
            let (mut body, left) = state?;
            Some(match next_chunk(&subject, &mut body, left, size, stall).await.transpose()? {
                Ok(chunk) => {
                    let left = left - chunk.len() as u64;
                    (Ok(chunk), Some((body, left)))
                }
                Err(error) => (Err(error), None),
            })
        }
    }))
}

/// The next chunk, or `None` at the announced end.
async fn next_chunk(
    subject: &str,
    body: &mut ByteStream,
    left: u64,
    size: u64,
    stall: Duration,
) -> Result<Option<Bytes>> {
    let failed = |kind, message: String| Err(Error::new(kind, "get", subject, message));
    match timeout(stall, body.next()).await {
        Err(_) => failed(ErrorKind::Timeout, format!("no bytes within {} s", stall.as_secs())),
        Ok(Some(Ok(chunk))) if chunk.len() as u64 > left => {
            failed(ErrorKind::Corrupt, format!("the answer has more than the announced {size} bytes"))
        }
        Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
        Ok(None) if left == 0 => Ok(None),
        Ok(Some(Err(_)) | None) => {
            failed(ErrorKind::Connection, format!("the answer was cut off after {} of {size} bytes", size - left))
        }
    }
}
