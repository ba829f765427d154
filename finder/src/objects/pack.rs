//! Packing decisions into jobs, within the bounds of a job and of a message.
//!
//! Architecture invariant: no I/O, no clock, no randomness: equal decisions in equal order make
//! equal jobs, with equal names.

use shared::config::{Find, JOB_KEYS};
use shared::job::Origin;
use shared::ledger::{Checkpoint, Stream};
use shared::object::Entry;
use shared::objects::job::{JobKey, JobObject, ObjectJob, ObjectWork, PackedName, body_bytes_at_most};
use shared::queue::MAX_BODY_BYTES;

use crate::run::context::RunRef;

/// Most jobs between two checkpoints: one batch of Amazon SQS `SendMessageBatch`.
const MAX_JOBS: usize = 10;

/// What a job's body holds besides its objects, at most, bytes: task and run names of up to 100
/// characters (six bytes each when escaped), an origin, and the format's own words.
const ENVELOPE_BYTES: usize = 2_048;

/// Jobs in the making: what was decided since the last checkpoint of one range.
///
/// All jobs are sealed at once, so that a checkpoint's cursor covers exactly the sealed jobs. The
/// copy jobs of one seal fit into one message together, for they are kept in the checkpoint.
#[derive(Debug)]
pub struct Pack {
    max_objects: usize,
    max_deletes: usize,
    max_bytes: u64,
    alone: Vec<Taken>,
    together: Vec<Taken>,
    together_bytes: u64,
    copy_body_bytes: usize,
    /// Each with whether it may block a copy.
    deletes: Vec<(String, bool)>,
    delete_body_bytes: usize,
}

/// An object to copy, and whether the destination has its bytes already.
type Taken = (Entry, bool);

impl Pack {
    /// An empty pack with the options' bounds on a job.
    pub fn new(options: &Find) -> Self {
        let max_objects = (options.job_objects as usize).max(1);
        Pack {
            max_objects,
            // A delete costs less than a copy, and one request deletes so many keys.
            max_deletes: (2 * max_objects).min(JOB_KEYS),
            max_bytes: options.job_bytes,
            alone: Vec::new(),
            together: Vec::new(),
            together_bytes: 0,
            copy_body_bytes: 0,
            deletes: Vec::new(),
            delete_body_bytes: 0,
        }
    }

    /// Whether nothing was decided since the last seal.
    pub fn is_empty(&self) -> bool {
        self.alone.is_empty() && self.together.is_empty() && self.deletes.is_empty()
    }

    /// Whether a job has all the objects it may have, or there are jobs enough for a batch: time to seal.
    pub fn is_full(&self) -> bool {
        self.together.len() >= self.max_objects
            || self.deletes.len() >= self.max_deletes
            || self.alone.len() + 1 >= MAX_JOBS
    }

    /// Whether an object may be added before the next seal. An empty pack takes any.
    pub fn has_room_for(&self, entry: &Entry) -> bool {
        let body_bytes = self.copy_body_bytes + copy_bytes(entry) + ENVELOPE_BYTES;
        let fits = self.goes_alone(entry)
            || self.together.is_empty()
            || self.together_bytes.saturating_add(entry.size) <= self.max_bytes;
        self.is_empty() || (fits && body_bytes <= MAX_BODY_BYTES)
    }

    /// Adds an object to be copied, `refresh`: although the destination has its bytes. One larger than a
    /// job's bytes gets a job of its own.
    pub fn copy(&mut self, entry: Entry, refresh: bool) {
        let alone = self.goes_alone(&entry);
        let new_job = alone || self.together.is_empty();
        self.copy_body_bytes += copy_bytes(&entry) + if new_job { ENVELOPE_BYTES } else { 0 };
        if alone {
            self.alone.push((entry, refresh));
        } else {
            self.together_bytes += entry.size;
            self.together.push((entry, refresh));
        }
    }

    fn goes_alone(&self, entry: &Entry) -> bool {
        entry.size > self.max_bytes
    }

    /// Whether a key to delete may be added before the next seal. An empty pack takes any.
    pub fn has_room_to_delete(&self, key: &str) -> bool {
        let body_bytes = self.delete_body_bytes + body_bytes_at_most(key, None, None) + ENVELOPE_BYTES;
        self.is_empty() || body_bytes <= MAX_BODY_BYTES
    }

    /// Adds a key to be deleted, `may_block`: a copy may need its place.
    pub fn delete(&mut self, key: String, may_block: bool) {
        self.delete_body_bytes += body_bytes_at_most(&key, None, None);
        self.deletes.push((key, may_block));
    }

    /// Makes jobs of everything: the copy jobs' bodies go to the checkpoint's outbox, whose numbers
    /// move on; the delete job's body comes back with its number.
    pub fn seal(&mut self, names: &RunRef, checkpoint: &mut Checkpoint) -> Option<(u32, String)> {
        (self.together_bytes, self.copy_body_bytes, self.delete_body_bytes) = (0, 0, 0);
        let together = std::mem::take(&mut self.together);
        let jobs = self.alone.drain(..).map(|entry| vec![entry]).chain([together]);
        for entries in jobs.filter(|entries| !entries.is_empty()) {
            let origin = origin(Stream::Copies, checkpoint.id, checkpoint.jobs, entries.len());
            let object = |(index, (entry, refresh))| JobObject { refresh, ..JobObject::new(index, entry) };
            let objects = (0..).zip(entries).map(object).collect();
            checkpoint.outbox.push(body(names, origin, ObjectWork::Copy { objects }));
            checkpoint.jobs += 1;
        }
        if self.deletes.is_empty() {
            return None;
        }
        let keys = std::mem::take(&mut self.deletes);
        let number = checkpoint.deferred;
        let origin = origin(Stream::Deletes, checkpoint.id, number, keys.len());
        let objects = (0..).zip(keys).map(|(index, (key, may_block))| JobKey { index, key, may_block }).collect();
        checkpoint.deferred += 1;
        Some((number, body(names, origin, ObjectWork::Delete { objects })))
    }
}

fn copy_bytes(entry: &Entry) -> usize {
    body_bytes_at_most(&entry.key, entry.etag.as_ref(), entry.version.as_deref())
}

/// The job, named within its run. Its objects ascend, and lie behind those of the stream's earlier jobs of several
/// objects: workers record the outcomes of one job together, and the ledger finds them by this order.
fn origin(stream: Stream, range: u32, number: u32, objects: usize) -> Origin {
    Origin { id: PackedName { range, stream, number }.id(), items: objects as u32 }
}

fn body(names: &RunRef, origin: Origin, work: ObjectWork) -> String {
    ObjectJob { definition: names.definition, ..ObjectJob::new(&names.task, &names.run, origin, work) }.to_body()
}

#[cfg(test)]
mod tests;
