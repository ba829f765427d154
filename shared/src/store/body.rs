//! The bytes of an object or a part.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt as _, TryStreamExt as _};

use crate::Result;

/// Largest body that an adapter reads whole before it returns it, bytes. Each transfer may have one in memory: it is
/// well within [`TRANSFER_BYTES`](crate::limits::TRANSFER_BYTES), and less than the HTTP client may buffer for the same
/// connection (hyper: some 400 KiB).
pub const WHOLE_BYTES: u64 = 256 << 10;

/// The bytes of an object or a part: one [`Bytes`] in memory, or a stream of chunks of at most some hundred KiB. A
/// reader may take both as a stream.
pub struct Body(Form);

enum Form {
    Whole(WholeBody),
    Stream(BoxStream<'static, Result<Bytes>>),
}

impl Body {
    /// A body of these chunks.
    pub fn stream(chunks: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Body {
        Body(Form::Stream(chunks.boxed()))
    }

    /// Whether all its bytes are in memory: it cannot end in an error.
    pub fn is_whole(&self) -> bool {
        matches!(self.0, Form::Whole(_))
    }

    /// The bytes, if they are in memory; else the same body.
    pub fn into_whole(self) -> Result<WholeBody, Body> {
        match self.0 {
            Form::Whole(whole) => Ok(whole),
            Form::Stream(chunks) => Err(Body(Form::Stream(chunks))),
        }
    }

    /// The same body. It adds the number of bytes that its reader takes to `taken`.
    pub fn counted(self, taken: Arc<AtomicU64>) -> Body {
        match self.0 {
            Form::Whole(whole) if whole.taken.is_none() => WholeBody { taken: Some(taken), ..whole }.into(),
            form => Body::stream(Body(form).inspect_ok(move |chunk| {
                taken.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            })),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        WholeBody { bytes, taken: None }.into()
    }
}

impl From<WholeBody> for Body {
    fn from(whole: WholeBody) -> Body {
        Body(Form::Whole(whole))
    }
}

impl Stream for Body {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        match &mut self.get_mut().0 {
            Form::Whole(whole) if whole.size() == 0 => Poll::Ready(None),
            Form::Whole(whole) => Poll::Ready(Some(Ok(whole.take()))),
            Form::Stream(chunks) => chunks.as_mut().poll_next(context),
        }
    }
}

/// The bytes of a [`Body`] that are in memory.
pub struct WholeBody {
    bytes: Bytes,
    /// Counts the bytes that were taken.
    taken: Option<Arc<AtomicU64>>,
}

impl WholeBody {
    /// How many bytes were not taken yet: all or none.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Takes all bytes, and counts them. Another call returns none.
    pub fn take(&mut self) -> Bytes {
        if let Some(taken) = &self.taken {
            taken.fetch_add(self.size(), Ordering::Relaxed);
        }
        std::mem::take(&mut self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, ErrorKind};
    use futures::stream;

    /// The chunks of a body, and the kind of the error that ended it.
    async fn read(mut body: Body) -> (Vec<Bytes>, Option<ErrorKind>) {
        let mut chunks = Vec::new();
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => chunks.push(chunk),
                Err(error) => return (chunks, Some(error.kind())),
            }
        }
        (chunks, None)
    }

    fn in_two() -> Body {
        Body::stream(stream::iter([Ok(Bytes::from_static(b"ab")), Ok(Bytes::from_static(b"c"))]))
    }

    #[tokio::test]
    async fn bytes_in_memory_are_one_chunk_of_a_stream() {
        let bytes = Bytes::from_static(b"abc");
        assert_eq!(read(bytes.clone().into()).await, (vec![bytes], None));
        assert_eq!(read(Bytes::new().into()).await, (vec![], None), "an empty body has no chunk");
    }

    #[tokio::test]
    async fn only_bytes_in_memory_are_taken_whole() {
        let body = Body::from(Bytes::from_static(b"abc"));
        assert!(body.is_whole());
        let mut whole = body.into_whole().ok().expect("it is in memory");
        assert_eq!((whole.size(), whole.take(), whole.size()), (3, Bytes::from_static(b"abc"), 0));
        assert!(!in_two().is_whole());
        let error = Error::new(ErrorKind::Connection, "get", "k", "cut off");
        let broken = Body::stream(in_two().chain(stream::iter([Err(error)])));
        let same = broken.into_whole().err().expect("it is a stream");
        let (chunks, error) = read(same).await;
        assert_eq!((chunks.concat(), error), (b"abc".to_vec(), Some(ErrorKind::Connection)));
    }

    #[tokio::test]
    async fn each_counter_has_the_bytes_that_were_taken() {
        for body in [Body::from(Bytes::from_static(b"abc")), in_two()] {
            let (inner, outer) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
            let count = || (inner.load(Ordering::Relaxed), outer.load(Ordering::Relaxed));
            let body = body.counted(inner.clone()).counted(outer.clone());
            assert_eq!(count(), (0, 0), "nobody has taken a byte");
            assert_eq!(read(body).await.0.concat(), b"abc");
            assert_eq!(count(), (3, 3));
        }
        let taken = Arc::new(AtomicU64::new(0));
        let body = Body::from(Bytes::from_static(b"abc")).counted(taken.clone());
        let mut whole = body.into_whole().ok().expect("it stays in memory");
        assert_eq!(taken.load(Ordering::Relaxed), 0);
        drop(whole.take());
        assert_eq!(taken.load(Ordering::Relaxed), 3);
    }
}
