//! Parts of an upload: read as many at once as there are permits, and recorded in groups.
//!
//! A ledger that charges for writes gets a group when it is full, or 2 s after its first part was answered, and at once
//! while the worker drains. Any other gets each part as soon as the group before is written.
//! A part that is recorded is not sent again. So after a crash the parts that were on their way are sent again, and those
//! that were answered since the last group.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, FuturesUnordered};
use shared::digest::Checksum;
use shared::objects::{PartRecord, PartSet, UploadRecord};
use shared::{Error, ErrorKind, Result, terminal};
use tokio::time::{Instant, sleep_until};

use crate::engine::backend::Repetition;
use crate::engine::progress::ObjectProgress;
use crate::objects::context::Context;
use crate::objects::multipart::in_order::InOrder;
use crate::objects::multipart::part::upload_part;
use crate::objects::multipart::slow_parts::PartTimes;
use crate::objects::plan;

/// Parts of a full group: some 2 KB.
const GROUP_PARTS: usize = 64;

/// A group waits no longer than this for more parts, at a ledger that charges for writes.
const GROUP_AFTER: Duration = Duration::from_secs(2);

/// Parts that were sent and are to be recorded. Dropped before that, at a drain or with a lost lease, they are left to
/// [`record_left`].
struct Group<'a> {
    context: &'a Context,
    record: &'a UploadRecord,
    progress: &'a ObjectProgress,
    parts: Vec<PartRecord>,
    since: Option<Instant>,
}

impl<'a> Group<'a> {
    fn new(context: &'a Context, record: &'a UploadRecord, progress: &'a ObjectProgress) -> Self {
        Group { context, record, progress, parts: Vec::new(), since: None }
    }

    fn add(&mut self, part: PartRecord) {
        self.since.get_or_insert_with(Instant::now);
        self.parts.push(part);
    }

    /// The group so far; an empty one stays.
    fn split(&mut self) -> Group<'a> {
        let rest = Group::new(self.context, self.record, self.progress);
        std::mem::replace(self, rest)
    }

    fn is_due(&self, drains: bool) -> bool {
        let Some(since) = self.since else { return false };
        // Without a charge nothing speaks for waiting: a fast link sends more in 2 s than a crash is to cost.
        let waits = self.context.engine.ledger.is_charged() && !drains;
        !waits || since.elapsed() >= GROUP_AFTER || self.parts.len() >= GROUP_PARTS
    }

    async fn due(&self) {
        match self.since {
            Some(since) => sleep_until(since + GROUP_AFTER).await,
            None => std::future::pending().await,
        }
    }

    /// Writes the group down, again and again while that may still succeed, as outcomes are.
    async fn write(mut self, known: PartSet) -> Result<PartSet> {
        let (context, record) = (self.context, self.record);
        let mut repetition = Repetition::default();
        loop {
            // Done with its answer lost, or twice: a part is in the set or not, and its record is the same.
            match context.objects.upload_log.record_parts(&record.task, &record.upload, &self.parts, &known).await {
                Ok(set) => {
                    repetition.succeeded(&context.engine.backend);
                    let size = |part: &PartRecord| plan::part_size(record.size, record.part_bytes, part.number);
                    self.progress.recorded(self.parts.iter().map(size).sum(), set_bytes(record, &set));
                    self.parts.clear();
                    return Ok(set);
                }
                Err(error) => repetition.failed(&context.engine.backend, error).await?,
            }
        }
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        if !self.parts.is_empty() {
            self.context.objects.unrecorded_parts.add(self.record.upload.clone(), std::mem::take(&mut self.parts));
        }
    }
}

/// Records the parts of groups that were dropped: they are at the destination. What fails is sent again by the next
/// delivery.
pub(crate) async fn record_left(context: &Context) {
    for (upload, parts) in context.objects.unrecorded_parts.take() {
        if let Err(error) =
            context.objects.upload_log.record_parts(&context.engine.task, &upload, &parts, &PartSet::default()).await
        {
            let parts = terminal::counted(parts.len() as u64, "part");
            tracing::warn!(%error, "could not record {parts} of {:?}: they are sent again", upload.key);
        }
    }
}

/// Bytes of the parts in the set.
fn set_bytes(record: &UploadRecord, set: &PartSet) -> u64 {
    let last = record.part_count();
    let shorter = record.part_bytes - plan::part_size(record.size, record.part_bytes, last).min(record.part_bytes);
    let short = if set.contains(last) { shorter } else { 0 };
    (u64::from(set.len()) * record.part_bytes).saturating_sub(short)
}

/// The parts from `first` to `last` that are not in the set.
pub(crate) fn missing(first: u32, last: u32, set: &PartSet) -> Vec<u32> {
    (first..=last).filter(|number| !set.contains(*number)).collect()
}

/// The destination does not list these parts as they were sent.
pub(crate) fn unlisted(context: &Context, record: &UploadRecord, numbers: &[u32]) -> Error {
    let first = numbers.first().copied().unwrap_or_default();
    let subject = context.objects.destination.location().display_key(&record.upload.key);
    let message = format!("the destination does not list part {first} as it was sent");
    Error::new(ErrorKind::Conflict, "complete", subject, message)
}

/// What [`send`] has sent.
pub(crate) struct Sent {
    /// All parts that are recorded.
    pub recorded: PartSet,
    /// The CRC of the whole object's bytes, where these were compared with the source's checksum while they were sent.
    pub compared: Option<Checksum>,
}

/// Sends these parts and records them. `known` is the set of all recorded parts as it was seen last. Where a part
/// fails, those that have arrived by then are recorded before its error comes out. `BadDigest` if the bytes of all
/// parts do not make the source's checksum.
pub(crate) async fn send(
    context: &Context,
    record: &UploadRecord,
    numbers: Vec<u32>,
    mut known: PartSet,
    progress: &ObjectProgress,
) -> Result<Sent> {
    progress.recorded(0, set_bytes(record, &known));
    // As many again as are read may await the destination's answer.
    let at_once = 2 * context.lane.limiter.limit().max(1);
    let times = PartTimes::of(numbers.len());
    let in_order = InOrder::of(context, record, &numbers, &known);
    let mut sending = Box::pin(match &in_order {
        Some(in_order) => in_order.send(context, record, numbers, (progress, &times)).left_stream(),
        None => stream::iter(numbers)
            .map(|number| upload_part(context, record, number, progress, &times))
            .buffer_unordered(at_once)
            .right_stream(),
    });
    let mut group = Group::new(context, record, progress);
    let mut failed = None;
    // At most one: two of one job would only contend in the ledger.
    let mut writing = FuturesUnordered::new();
    loop {
        let drains = context.engine.draining.is_cancelled();
        if group.is_due(drains) && writing.is_empty() {
            writing.push(group.split().write(known.clone()));
        }
        tokio::select! {
            Some(set) = writing.next() => known = set?,
            () = group.due(), if writing.is_empty() => {}
            () = context.engine.draining.cancelled(), if !drains => {}
            part = sending.next() => match part {
                Some(Ok(part)) => group.add(part),
                Some(Err(error)) => {
                    failed = Some(error);
                    break;
                }
                None => break,
            },
        }
    }
    // Its permits, and its places among those that wait for one, are the others' while the group is written.
    drop(sending);
    while let Some(set) = writing.next().await {
        known = set?;
    }
    if !group.parts.is_empty() {
        known = group.split().write(known).await?;
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let compared = in_order.map(InOrder::compare).transpose()?.flatten();
    Ok(Sent { recorded: known, compared })
}
