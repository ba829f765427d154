//! Parts that are hashed in order while they are sent: of an object whose source has only a checksum of the whole that
//! is not made of the parts' checksums, such as an MD5. Else the finished object would be read again.
//!
//! Each part is read into memory, in one of the process's [`RangeBuffers`](shared::limits::RangeBuffers). It is sent
//! from memory, and a failed try is repeated from there. Meanwhile it is hashed when all parts before it are: the link is
//! not idle while a part waits for its turn.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures::StreamExt;
use futures::future::try_join;
use futures::stream::{self, Stream};
use shared::config::Work;
use shared::digest::{Checksum, Hasher, combine};
use shared::limits::{Lane, RANGE_BYTES, RangeBuffer};
use shared::object::ObjectInfo;
use shared::objects::{PartRecord, PartSet, UploadRecord};
use shared::retry::{self, TRANSFER};
use shared::store::Body;
use shared::sync::lock;
use shared::{ErrorKind, Result};
use tokio::sync::Notify;
use tokio::task::yield_now;

use crate::engine::progress::ObjectProgress;
use crate::objects::context::{Context, TransferPermit};
use crate::objects::integrity::{self, Check, PartsCheck};
use crate::objects::multipart::part::{UploadedPart, source_of_copies};
use crate::objects::multipart::part_limit::COMMON_PARTS;
use crate::objects::multipart::slow_parts::{PartTimes, PartWatch};
use crate::objects::pipe::read_all;

/// A part in memory is sent in chunks of so many bytes: each is counted, and waits for the bandwidth limit.
const CHUNK_BYTES: usize = 64 << 10;

/// A part is hashed in pieces of so many bytes, which takes less than a millisecond each: other parts go on between them.
const HASHED_BYTES: usize = 512 << 10;

/// The parts of an object that is hashed in order and goes far, bytes: the smallest that stores take, so that most of
/// them fit into the buffers, and most connections carry them.
const FAR_PART_BYTES: u64 = 5 << 20;

/// The size of parts that is wished for an object, bytes; `None`: none in particular. Parts that are hashed in order
/// fit into the buffers.
pub(crate) fn wished_part_bytes(context: &Context, key: &str, info: &ObjectInfo, is_far: bool) -> Option<u64> {
    let known = integrity::known_for_parts(info, context.objects.source.capabilities());
    let is_alone = known.is_some_and(|known| !integrity::combines(known.algorithm));
    let may_hash = is_alone && has_buffers(context) && source_of_copies(context, key).is_none();
    wish(&context.objects.options, info.size, may_hash.then_some(is_far))
}

/// Whether there are buffers to hash parts in order. Events do not wait for those of a scan.
fn has_buffers(context: &Context) -> bool {
    context.lane.lane == Lane::Scan && context.engine.range_buffers.total() > 1
}

/// As [`wished_part_bytes`]. Of more than [`COMMON_PARTS`] parts the last one is sent before the others, so these are
/// not hashed in order; nor are those of giants, which several workers send.
fn wish(options: &Work, size: u64, hashed_far: Option<bool>) -> Option<u64> {
    let are_few = |part_bytes: &u64| size.div_ceil(*part_bytes) <= u64::from(COMMON_PARTS);
    let sizes = if hashed_far? { [FAR_PART_BYTES, RANGE_BYTES] } else { [RANGE_BYTES; 2] };
    sizes.into_iter().find(are_few).filter(|_| size < options.giant_threshold)
}

/// The hash of an upload's parts in order.
pub(crate) struct InOrder {
    /// The object's name in errors.
    subject: String,
    /// The source's checksum of the whole.
    known: Checksum,
    hashed: Mutex<Hashed>,
    /// Notified when one more part is hashed.
    changed: Notify,
}

/// The hash of the first parts.
struct Hashed {
    parts: u32,
    hasher: Hasher,
    crc: Option<Checksum>,
}

impl Hashed {
    /// Counts the part whose bytes were hashed last, with its CRC.
    fn add(&mut self, size: usize, crc: &Checksum) {
        let before = self.crc.take();
        self.crc = match self.parts {
            0 => Some(crc.clone()),
            _ => before.and_then(|before| combine(&before, crc, size as u64)),
        };
        self.parts += 1;
    }
}

/// The right to read a part into memory, and to send it from there.
struct Right {
    _permit: TransferPermit,
    _buffer: RangeBuffer,
}

impl InOrder {
    /// For an upload of which these parts are to be sent; `None` if they need not, or cannot, be hashed in order. They
    /// can if this job sends all parts of the object, and each fits into a buffer.
    pub fn of(context: &Context, record: &UploadRecord, numbers: &[u32], recorded: &PartSet) -> Option<InOrder> {
        let PartsCheck::ReadAgain(algorithm) = integrity::parts(record) else { return None };
        let are_all = recorded.is_empty() && numbers.iter().copied().eq(1..=record.part_count());
        let is_giant = record.size >= context.objects.options.giant_threshold;
        let fit = record.part_bytes <= RANGE_BYTES && has_buffers(context);
        if record.size == 0 || !are_all || is_giant || !fit || source_of_copies(context, &record.upload.key).is_some() {
            return None;
        }
        let subject = context.objects.destination.location().display_key(&record.upload.key);
        Some(InOrder::new(subject, record.checksum.clone()?, Hasher::new(algorithm)?))
    }

    fn new(subject: String, known: Checksum, hasher: Hasher) -> InOrder {
        let hashed = Hashed { parts: 0, hasher, crc: None };
        InOrder { subject, known, hashed: Mutex::new(hashed), changed: Notify::new() }
    }

    /// Sends these parts, which begin in order.
    ///
    /// No part waits for ever. One that has begun has its buffer and its permit, and keeps both until it is sent and
    /// hashed: it waits only for the stores, and for its turn. It gets them after each part before it, because the
    /// stream takes them for one part at a time. So the first part that is not hashed has its own, and goes on. The
    /// buffer comes first: nobody who has a permit waits for a buffer, and a buffer that gets no permit is given back.
    pub fn send<'a>(
        &'a self,
        context: &'a Context,
        record: &'a UploadRecord,
        numbers: Vec<u32>,
        (progress, times): (&'a ObjectProgress, &'a PartTimes),
    ) -> impl Stream<Item = Result<PartRecord>> + 'a {
        let buffers = &context.engine.range_buffers;
        stream::iter(numbers)
            .then(move |number| async move {
                let (permit, buffer) = context.buffered_transfer_permit(record.part_bytes).await;
                (number, Right { _permit: permit, _buffer: buffer })
            })
            .map(move |(number, right)| {
                let part = UploadedPart { context, record, number, subject: &self.subject };
                self.send_part(part, right, progress, times)
            })
            .buffer_unordered(buffers.parts(record.part_bytes))
    }

    async fn send_part(
        &self,
        part: UploadedPart<'_>,
        _right: Right,
        progress: &ObjectProgress,
        times: &PartTimes,
    ) -> Result<PartRecord> {
        let (context, watch) = (part.context, times.watch(part.size()));
        let bytes = retry::run(&TRANSFER, &self.subject, || read(part)).await?;
        let destination = context.objects.destination_capabilities();
        let mut known = Vec::new();
        for hasher in integrity::part_in_memory(&destination).into_iter().filter_map(Hasher::new) {
            known.push(hash(hasher, &bytes).await);
        }
        let (check, crc) = (Check::of_known(&known, &destination), known.first().cloned());
        let hashed = async {
            if let Some(crc) = &crc {
                self.hash_in_turn(part.number, &bytes, crc).await;
            }
            Result::<()>::Ok(())
        };
        let has_other_tag = AtomicBool::default();
        let in_memory = InMemory { part, bytes: bytes.clone(), known, check, progress, has_other_tag };
        let first = retry::run(&TRANSFER, &self.subject, || in_memory.send(Some(&watch)));
        let again = |permit| in_memory.send_again(permit);
        let sent = watch.first_success(|| part.permit_of_second_try(), first, again);
        // The object is completed only after both.
        let (sent, ()) = try_join(sent, hashed).await?;
        context.lane.limiter.succeeded();
        Ok(sent)
    }

    /// Hashes a part when all parts before it are hashed.
    async fn hash_in_turn(&self, number: u32, bytes: &[u8], crc: &Checksum) {
        loop {
            let changed = self.changed.notified();
            if lock(&self.hashed).parts + 1 == number {
                break;
            }
            changed.await;
        }
        // Nobody else's turn comes before this part is counted.
        in_pieces(bytes, |piece| lock(&self.hashed).hasher.update(piece)).await;
        lock(&self.hashed).add(bytes.len(), crc);
        self.changed.notify_waiters();
    }

    /// Compares the bytes of all parts with the source's checksum; their CRC.
    pub fn compare(self) -> Result<Option<Checksum>> {
        let Hashed { hasher, crc, .. } = self.hashed.into_inner().unwrap_or_else(PoisonError::into_inner);
        integrity::same(&self.subject, &hasher.finish(), &self.known, "the source's")?;
        Ok(crc)
    }
}

/// A part in memory.
struct InMemory<'a> {
    part: UploadedPart<'a>,
    bytes: Bytes,
    /// The checksums of the bytes.
    known: Vec<Checksum>,
    check: Check,
    progress: &'a ObjectProgress,
    /// Set when the destination's tag was not the MD5 of the bytes, or it refused them as other ones.
    has_other_tag: AtomicBool,
}

impl InMemory<'_> {
    /// Its buffer is kept until the destination has answered, and its permit with it.
    async fn send(&self, watch: Option<&PartWatch<'_>>) -> Result<PartRecord> {
        let counted = self.progress.attempt();
        if let Some(watch) = watch {
            watch.begins(&counted);
        }
        let (body, has_other_tag) = (chunks(self.bytes.clone()), self.has_other_tag.load(Relaxed));
        let sent = self.part.send(body, &self.check, &self.known, None, &counted, has_other_tag).await;
        if sent.as_ref().is_err_and(|error| error.kind() == ErrorKind::BadDigest) {
            self.has_other_tag.store(true, Relaxed);
        }
        let sent = sent?;
        counted.keep();
        Ok(sent)
    }

    /// The second try of a slow part; `None` if it fails: the first one may still succeed.
    async fn send_again(&self, _permit: TransferPermit) -> Option<PartRecord> {
        self.send(None).await.ok()
    }
}

/// The bytes of a part, in memory. They count when they are sent.
async fn read(part: UploadedPart<'_>) -> Result<Bytes> {
    let body = part.open().await?;
    read_all(part.subject, body, part.context.objects.limits.reads_ahead(), part.size()).await.map(Bytes::from)
}

async fn hash(mut hasher: Hasher, bytes: &[u8]) -> Checksum {
    in_pieces(bytes, |piece| hasher.update(piece)).await;
    hasher.finish()
}

async fn in_pieces(bytes: &[u8], mut update: impl FnMut(&[u8])) {
    for piece in bytes.chunks(HASHED_BYTES) {
        update(piece);
        yield_now().await;
    }
}

/// Bytes in memory as a body.
fn chunks(bytes: Bytes) -> Body {
    let starts = (0..bytes.len()).step_by(CHUNK_BYTES);
    Body::stream(stream::iter(starts.map(move |start| Ok(bytes.slice(start..bytes.len().min(start + CHUNK_BYTES))))))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::join_all;
    use shared::digest::Algorithm;

    use super::*;

    fn sum(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
        let mut hasher = Hasher::new(algorithm).expect("is computed");
        hasher.update(bytes);
        hasher.finish()
    }

    fn in_order(known: &[u8]) -> InOrder {
        let hasher = Hasher::new(Algorithm::Md5).expect("is computed");
        InOrder::new("k".to_owned(), sum(Algorithm::Md5, known), hasher)
    }

    async fn add(in_order: &InOrder, number: u32, bytes: &[u8]) {
        in_order.hash_in_turn(number, bytes, &sum(Algorithm::Crc64Nvme, bytes)).await;
    }

    #[tokio::test]
    async fn parts_that_come_out_of_order_are_hashed_in_order() {
        let in_order = in_order(b"abcde");
        let mut third = Box::pin(add(&in_order, 3, b"e"));
        assert!(third.as_mut().now_or_never().is_none(), "it is not its turn");
        join_all([Box::pin(add(&in_order, 2, b"cd")), third, Box::pin(add(&in_order, 1, b"ab"))]).await;
        let crc = in_order.compare().expect("they make the checksum");
        assert_eq!(crc, Some(sum(Algorithm::Crc64Nvme, b"abcde")));
    }

    #[tokio::test]
    async fn other_bytes_do_not_make_the_checksum() {
        let in_order = in_order(b"abcde");
        add(&in_order, 1, b"abXde").await;
        assert_eq!(in_order.compare().expect_err("a byte differs").kind(), ErrorKind::BadDigest);
    }

    #[tokio::test]
    async fn a_body_from_memory_has_all_bytes_in_chunks() {
        let bytes: Vec<u8> = (0..2 * CHUNK_BYTES + 7).map(|at| (at % 251) as u8).collect();
        let chunks: Vec<Bytes> = chunks(bytes.clone().into()).map(|chunk| chunk.expect("in memory")).collect().await;
        assert_eq!(chunks.iter().map(Bytes::len).collect::<Vec<_>>(), [CHUNK_BYTES, CHUNK_BYTES, 7]);
        assert_eq!(chunks.iter().flatten().copied().collect::<Vec<u8>>(), bytes);
    }

    #[test]
    fn parts_that_are_hashed_in_order_fit_into_a_buffer() {
        let (near, far) = (Some(false), Some(true));
        let wished = |size: u64, hashed| wish(&Work { giant_threshold: 5 << 30, ..Work::default() }, size, hashed);
        assert_eq!(wished((5 << 30) - 1, near), Some(RANGE_BYTES));
        assert_eq!((wished(5 << 30, near), wished(1 << 30, None)), (None, None));
        let many = Work { giant_threshold: u64::MAX, ..Work::default() };
        let most = |part_bytes| u64::from(COMMON_PARTS) * part_bytes;
        assert_eq!([0, 1].map(|more| wish(&many, most(RANGE_BYTES) + more, near)), [Some(RANGE_BYTES), None]);
        let by_distance = [0, 1].map(|more| wish(&many, most(FAR_PART_BYTES) + more, far));
        assert_eq!(by_distance, [Some(FAR_PART_BYTES), Some(RANGE_BYTES)]);
    }
}
