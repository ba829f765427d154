//! A body on its way through the proxy, with at most one thing done to it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// A change of a body, and its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bend {
    /// Nothing.
    None,
    /// It ends in an error.
    Cut(u64),
    /// Nothing comes any more.
    Stall(u64),
    /// One bit is flipped.
    Flip(u64),
}

/// A body that is passed on, or made here.
#[derive(Debug)]
pub enum Passing {
    /// From the other side.
    Through { inner: Incoming, bend: Bend, passed: u64 },
    /// The proxy's own.
    Made(Full<Bytes>),
}

impl Passing {
    pub fn through(inner: Incoming, bend: Bend) -> Passing {
        Passing::Through { inner, bend, passed: 0 }
    }
}

// What becomes of a chunk that starts at `passed`.
fn bent(bend: Bend, passed: u64, chunk: Bytes) -> Bytes {
    let offset = match bend {
        Bend::None => None,
        Bend::Cut(at) | Bend::Stall(at) | Bend::Flip(at) => at.checked_sub(passed),
    };
    let Some(offset) = offset.filter(|offset| *offset < chunk.len() as u64) else { return chunk };
    let offset = offset as usize;
    if !matches!(bend, Bend::Flip(_)) {
        return chunk.slice(..offset);
    }
    let mut bytes = BytesMut::from(&chunk[..]);
    bytes[offset] ^= 1;
    bytes.freeze()
}

impl Body for Passing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let (inner, how, passed) = match self.get_mut() {
            Passing::Made(full) => return Pin::new(full).poll_frame(cx).map_err(|never| match never {}),
            Passing::Through { inner, bend, passed } => (inner, bend, passed),
        };
        match *how {
            Bend::Cut(at) if at <= *passed => return Poll::Ready(Some(Err(io::Error::other("cut by a fault")))),
            // No waker is kept: this body never moves again, until its connection is closed.
            Bend::Stall(at) if at <= *passed => return Poll::Pending,
            _ => {}
        }
        let frame = match std::task::ready!(Pin::new(inner).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
            None => return Poll::Ready(None),
        };
        let Ok(chunk) = frame.into_data() else { return Poll::Ready(None) };
        let chunk = bent(*how, *passed, chunk);
        *passed += chunk.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Passing::Through { inner, .. } => inner.is_end_stream(),
            Passing::Made(full) => full.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Passing::Through { inner, .. } => inner.size_hint(),
            Passing::Made(full) => full.size_hint(),
        }
    }
}
