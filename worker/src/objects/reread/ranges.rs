//! The bytes of a written object in order, which a hash such as MD5 needs: in one stream, or in ranges of which several
//! are read at once.
//!
//! A range is in memory until its turn. So each has one of the process's [`RangeBuffers`], whose number follows
//! `memory-limit`, and each that is read beside another one has a transfer's permit of its own.

use std::ops::Range;
use std::sync::atomic::Ordering;

use futures::StreamExt;
use futures::stream::FuturesOrdered;
use shared::limits::{RANGE_BYTES, RangeBuffer, RangeBuffers, ranges_of};
use shared::object::Pin;
use shared::retry::{self, TRANSFER};
use shared::store::{Object, Read, Right, Written};
use shared::{Error, ErrorKind, Result};

use crate::objects::context::Context;
use crate::objects::pipe::{read_all, read_through};

/// An object of the destination as it was written.
pub(crate) struct WrittenObject<'a> {
    pub context: &'a Context,
    pub key: &'a str,
    pub written: &'a Written,
    /// Bytes.
    pub size: u64,
    /// Its name in errors.
    pub subject: &'a str,
}

/// Whether a written object of this size is to be read in ranges: it is large and remote, and memory and transfers allow
/// several at once.
pub(crate) fn are_of_use(context: &Context, size: u64) -> bool {
    let at_once = context.engine.range_buffers.total().min(context.lane.limiter.limit());
    context.objects.destination.capabilities().is_remote && at_once > 1 && ranges_of(size) > 1
}

impl WrittenObject<'_> {
    /// Shows all bytes in order, from one stream.
    pub async fn read(&self, see: impl FnMut(&[u8])) -> Result<()> {
        let body = self.open(None).await?.body;
        read_through(body, self.context.objects.limits.bandwidth(), see).await
    }

    /// Shows all bytes in order, from several ranges at once. The caller has the permit of one transfer, and one buffer.
    pub async fn read_ranges(&self, see: impl FnMut(&[u8])) -> Result<()> {
        let ranges = ranges(self.size, RANGE_BYTES);
        let buffers = &self.context.engine.range_buffers;
        in_order(ranges, buffers, || self.context.idle_transfer_permit(), |range| self.read_range(range), see).await
    }

    /// The bytes of one range of the version that was written. A range that fails is read again alone.
    async fn read_range(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let once = || self.read_range_once(range.clone());
        let bytes = retry::run(&TRANSFER, self.subject, once).await?;
        self.context.lane.limiter.succeeded();
        Ok(bytes)
    }

    async fn read_range_once(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let Object { info, body } = self.open(Some(range.clone())).await?;
        if info.size != self.size {
            let message = format!("the object has {} bytes, not {}", info.size, self.size);
            return Err(Error::new(ErrorKind::PreconditionFailed, "get", self.subject, message));
        }
        read_all(self.subject, body, self.context.objects.limits.bandwidth(), range.end - range.start).await
    }

    /// Opens a read. Reading a named version needs a right of its own (`s3:GetObjectVersion`): without it the current
    /// version is read, if it still has the tag and the version that were answered.
    async fn open(&self, range: Option<Range<u64>>) -> Result<Object> {
        let (objects, written) = (&self.context.objects, self.written);
        let pin = Pin { etag: written.etag.clone(), version: written.version.clone() };
        if pin.version.is_some() && !objects.denies_versions.load(Ordering::Relaxed) {
            match objects.destination.get(self.key, &Read { range: range.clone(), pin: pin.clone() }).await {
                Err(error) if error.kind() == ErrorKind::Denied => {}
                object => return object,
            }
            objects.denies_versions.store(true, Ordering::Relaxed);
        }
        let read = Read { range, pin: Pin { version: None, ..pin.clone() } };
        let object = objects.destination.get(self.key, &read).await.map_err(|error| match error.kind() {
            ErrorKind::Denied if pin.version.is_some() => {
                let names = objects.destination.capabilities().rights;
                error.and(&format!("allow {} or {}", names.name(Right::Get), names.name(Right::GetVersion)))
            }
            _ => error,
        })?;
        if object.info.version.is_some() && pin.version.is_some() && object.info.version != pin.version {
            let message = "the key holds another version now";
            return Err(Error::new(ErrorKind::PreconditionFailed, "get", self.subject, message));
        }
        Ok(object)
    }
}

/// The ranges of an object, the last one perhaps shorter.
fn ranges(size: u64, range_bytes: u64) -> impl Iterator<Item = Range<u64>> {
    (0..size.div_ceil(range_bytes)).map(move |number| {
        let start = number * range_bytes;
        start..size.min(start + range_bytes)
    })
}

/// Shows the bytes of ranges in order, while as many are read or in memory as there are buffers and permits for.
///
/// A range that is read alone uses the caller's own permit and buffer, so no caller waits for either.
async fn in_order<F, P>(
    ranges: impl Iterator<Item = Range<u64>>,
    buffers: &RangeBuffers,
    idle_permit: impl Fn() -> Option<P>,
    read: impl Fn(Range<u64>) -> F,
    mut see: impl FnMut(&[u8]),
) -> Result<()>
where
    F: Future<Output = Result<Vec<u8>>>,
{
    let begin = |range: Range<u64>, right: Option<(RangeBuffer, P)>| {
        let bytes = read(range);
        async move {
            let bytes = bytes.await?;
            // The permit is for another transfer while these bytes wait for their turn.
            Ok::<_, Error>((bytes, right.map(|(buffer, _permit)| buffer)))
        }
    };
    let mut ranges = ranges.peekable();
    let mut reading = FuturesOrdered::new();
    loop {
        while ranges.peek().is_some() {
            let right = match reading.is_empty() {
                true => None,
                false => match buffers.take().and_then(|buffer| Some((buffer, idle_permit()?))) {
                    None => break,
                    right => right,
                },
            };
            reading.extend(ranges.next().map(|range| begin(range, right)));
        }
        let Some(read) = reading.next().await else { return Ok(()) };
        let (bytes, _buffer) = read?;
        see(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use futures::future::join_all;
    use shared::limits::BASE_BYTES;
    use tokio::sync::Semaphore;
    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    fn buffers(count: u64) -> RangeBuffers {
        RangeBuffers::beside(0, BASE_BYTES + count * RANGE_BYTES)
    }

    /// The number of a range of ten bytes, so many times.
    fn bytes(range: &Range<u64>) -> Vec<u8> {
        vec![(range.start / 10) as u8; (range.end - range.start) as usize]
    }

    #[test]
    fn ranges_cover_the_object_once() {
        assert_eq!(ranges(25, 10).collect::<Vec<_>>(), [0..10, 10..20, 20..25]);
        assert_eq!(ranges(20, 10).collect::<Vec<_>>(), [0..10, 10..20]);
    }

    #[tokio::test(start_paused = true)]
    async fn ranges_that_come_out_of_order_are_seen_in_order() {
        let (began, mut seen) = (Instant::now(), Vec::new());
        let read = |range: Range<u64>| async move {
            sleep(Duration::from_secs(100 - range.start)).await;
            Ok(bytes(&range))
        };
        in_order(ranges(45, 10), &buffers(4), || Some(()), read, |chunk| seen.extend_from_slice(chunk))
            .await
            .expect("all ranges are read");
        assert_eq!(seen, (0..45).map(|at| at / 10).collect::<Vec<u8>>());
        assert_eq!(began.elapsed().as_secs(), 100, "all at once");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_ranges_are_in_memory_than_buffers_and_permits_allow() {
        for (count, permits, most) in [(2, 9, 3), (9, 1, 2), (9, 0, 1), (0, 9, 1)] {
            let (permits, begun, seen, greatest) =
                (Semaphore::new(permits), AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
            let read = |range: Range<u64>| {
                let in_memory = begun.fetch_add(1, Ordering::SeqCst) + 1 - seen.load(Ordering::SeqCst);
                greatest.fetch_max(in_memory, Ordering::SeqCst);
                async move {
                    sleep(Duration::from_secs(if range.start == 0 { 100 } else { 1 })).await;
                    Ok(bytes(&range))
                }
            };
            let see = |_: &[u8]| {
                seen.fetch_add(1, Ordering::SeqCst);
            };
            let permit = || permits.try_acquire().ok();
            in_order(ranges(100, 10), &buffers(count), permit, read, see).await.expect("all ranges are read");
            let greatest = greatest.into_inner();
            assert_eq!((seen.into_inner(), greatest), (10, most), "{count} buffers, {permits:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_objects_share_few_buffers_and_all_end() {
        let (buffers, permits) = (buffers(2), Semaphore::new(1));
        let object = async || {
            let read = |range: Range<u64>| async move {
                sleep(Duration::from_secs(1)).await;
                Ok(bytes(&range))
            };
            in_order(ranges(100, 10), &buffers, || permits.try_acquire().ok(), read, |_| {}).await
        };
        let all = timeout(Duration::from_secs(3_600), join_all((0..5).map(|_| object()))).await;
        assert!(all.expect("none waits for ever").into_iter().all(|ended| ended.is_ok()));
    }
}
