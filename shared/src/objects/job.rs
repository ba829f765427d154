//! Jobs of the kind `objects`: copy, delete or look at keys, or send parts of a giant.
//!
//! A job is read from [its envelope](crate::job::Job) and written into it here, and nowhere else. Each object has an
//! index in its origin, the job that the finder made, and a job lists them in the order of these. Each verb has a body:
//! `copy` `{"objects":[…],"since":…}`, `delete` and `changed` `{"objects":[…]}`, `parts` the fields of [`Parts`].

mod packed;

use serde::{Deserialize, Serialize};

use crate::job::{self, Origin, ParseError, VERSION};
use crate::object::{ETag, Entry, Pin, Timestamp};
use crate::queue::MAX_BODY_BYTES;

pub use packed::PackedName;

/// The name of this kind in jobs.
pub const KIND: &str = "objects";

/// Highest number of a part, at every store.
const MAX_PART: u32 = 10_000;

/// A job for objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectJob {
    /// The task it belongs to.
    pub task: String,
    /// The run that counts it.
    pub run: String,
    /// The version of the task's definition that its run began with; 0: the present one.
    pub definition: u32,
    /// Which attempt at these objects this is, from 1.
    pub attempt: u32,
    /// The job that the finder enqueued these objects with.
    pub origin: Origin,
    /// Since when its objects are being restored from an archive, if they are. Only copies wait for that.
    pub restoring: Option<Restoring>,
    /// The work.
    pub work: ObjectWork,
}

/// Archived objects were requested. A job that waits for them uses up no attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restoring {
    /// When the first of them was requested.
    pub since: Timestamp,
    /// When to check again: the job is not executed before.
    pub due: Timestamp,
}

/// The work of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectWork {
    /// Copy these objects.
    Copy {
        /// The objects, each with its index in the origin job.
        objects: Vec<JobObject>,
    },
    /// Copy some parts of one giant object.
    Parts(Parts),
    /// Remove these keys from the destination, unless the source has them again.
    Delete {
        /// The keys, each with its index in the origin job.
        objects: Vec<JobKey>,
    },
    /// These keys may have changed: make the destination equal to the source's present state of these keys.
    Changed {
        /// The keys, each with its index in the origin job.
        objects: Vec<JobChange>,
    },
}

impl ObjectWork {
    /// The verb, as jobs, metrics and logs name it.
    pub fn verb(&self) -> &'static str {
        match self {
            ObjectWork::Copy { .. } => "copy",
            ObjectWork::Parts(_) => "parts",
            ObjectWork::Delete { .. } => "delete",
            ObjectWork::Changed { .. } => "changed",
        }
    }

    fn body(&self, since: Option<Timestamp>) -> Box<serde_json::value::RawValue> {
        match self {
            ObjectWork::Copy { objects } => job::body(&Copy { objects, since }),
            ObjectWork::Delete { objects } => job::body(&Objects { objects }),
            ObjectWork::Changed { objects } => job::body(&Objects { objects }),
            ObjectWork::Parts(parts) => job::body(parts),
        }
    }

    /// The objects, by their indexes in the origin job and their keys.
    pub fn keys(&self) -> Box<dyn Iterator<Item = (u32, &str)> + Send + '_> {
        match self {
            ObjectWork::Copy { objects } => Box::new(objects.iter().map(|object| (object.index, object.key.as_str()))),
            ObjectWork::Delete { objects } => {
                Box::new(objects.iter().map(|object| (object.index, object.key.as_str())))
            }
            ObjectWork::Changed { objects } => {
                Box::new(objects.iter().map(|object| (object.index, object.key.as_str())))
            }
            ObjectWork::Parts(parts) => Box::new(std::iter::once((parts.index, parts.key.as_str()))),
        }
    }
}

/// One object to copy, as the finder saw it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobObject {
    /// Index in the origin job, from 0.
    pub index: u32,
    /// Key relative to the task's locations.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// When the source was last written, ms since the epoch.
    pub modified: Timestamp,
    /// The source's entity tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<ETag>,
    /// The source's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The source's storage class, where it is not the standard one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// Copy it also if the destination has the same bytes: its metadata differ.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refresh: bool,
    /// An earlier attempt may have left wrong bytes at the destination.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspect: bool,
    /// How often it was sent back because another entry blocks its key at the destination.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub blocked: u32,
    /// How often an upload of it was begun anew, because it was created under other options of the task.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub restarts: u32,
}

pub(crate) fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl JobObject {
    /// The listing's entry as a job's object.
    pub fn new(index: u32, entry: Entry) -> Self {
        let Entry { key, size, modified, etag, version, storage_class } = entry;
        // No store has a class of this length, and it would not fit.
        let legal = |class: &String| {
            class.len() <= MAX_CLASS_BYTES && class.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        };
        let storage_class = storage_class.filter(legal);
        JobObject {
            index,
            key,
            size,
            modified,
            etag,
            version,
            storage_class,
            refresh: false,
            suspect: false,
            blocked: 0,
            restarts: 0,
        }
    }

    /// Whether it has all fields of a listing; a retried object has only key and version.
    pub fn is_listed(&self) -> bool {
        self.modified != Timestamp::default()
    }

    /// Reads only the version that the finder saw.
    pub fn pin(&self) -> Pin {
        Pin { etag: self.etag.clone(), version: self.version.clone() }
    }
}

/// One key to remove.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobKey {
    /// Index in the origin job, from 0.
    pub index: u32,
    /// Key relative to the task's locations.
    pub key: String,
    /// Whether it may block a key of the source, which needs a folder where this file is, or the reverse.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_block: bool,
}

/// One key that may have changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobChange {
    /// Index in the origin job, from 0.
    pub index: u32,
    /// Key relative to the task's locations.
    pub key: String,
    /// When it changed, as far as that is known, ms since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// Deletes only objects that this job itself has written. Set for the follow-up of a cancelled run: a run of the
    /// present options finds the deletes, and counts them against `max-delete`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_delete: bool,
}

/// A range of parts of one giant object's upload. The ledger's record of the upload has all other
/// properties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Index of the object in the origin job.
    pub index: u32,
    /// Key relative to the task's locations.
    pub key: String,
    /// The destination's upload.
    pub upload_id: String,
    /// Number of the first part, from 1.
    pub first: u32,
    /// Number of the last part, inclusive.
    pub last: u32,
    /// The parts among them to send although they are recorded, because the destination does not list them as they were
    /// sent; empty: all that are not recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<u32>,
}

/// The body of a copy.
#[derive(Serialize, Deserialize)]
struct Copy<T> {
    objects: T,
    /// Since when they are being restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
}

/// The body of the other jobs that list their objects.
#[derive(Serialize, Deserialize)]
struct Objects<T> {
    objects: T,
}

impl ObjectJob {
    /// A first attempt at this work, under the present definition of the task.
    pub fn new(task: &str, run: &str, origin: Origin, work: ObjectWork) -> Self {
        let (task, run) = (task.to_owned(), run.to_owned());
        ObjectJob { task, run, definition: 0, attempt: 1, origin, restoring: None, work }
    }

    /// Reads a message's body.
    pub fn parse(body: &str) -> Result<ObjectJob, ParseError> {
        ObjectJob::try_from(&job::Job::parse(body)?)
    }

    /// Whether indexes ascend within the origin job, and parts within an upload.
    fn check(&self) -> Result<(), &'static str> {
        let mut next = 0;
        for (index, _) in self.work.keys() {
            if index < next || index >= self.origin.items {
                return Err("indexes must ascend within the origin job");
            }
            next = index + 1;
        }
        match &self.work {
            ObjectWork::Parts(p) if p.first == 0 || p.first > p.last || p.last > MAX_PART => {
                Err("parts must lie within 1 to 10,000")
            }
            ObjectWork::Parts(p) if p.again.iter().any(|number| !(p.first..=p.last).contains(number)) => {
                Err("parts to send again must lie within the job's")
            }
            _ => Ok(()),
        }
    }

    /// The message's body.
    ///
    /// # Panics
    /// As [`job::Job::to_body`]: jobs are packed within the bounds of [`body_bytes_at_most`].
    pub fn to_body(&self) -> String {
        self.to_envelope().to_body()
    }

    fn to_envelope(&self) -> job::Job {
        job::Job {
            v: VERSION,
            task: self.task.clone(),
            run: self.run.clone(),
            definition: self.definition,
            attempt: self.attempt,
            origin: self.origin.clone(),
            not_before: self.restoring.map(|restoring| restoring.due),
            kind: KIND.to_owned(),
            verb: self.work.verb().to_owned(),
            items: self.work.keys().count() as u32,
            body: self.work.body(self.restoring.map(|restoring| restoring.since)),
        }
    }

    /// Jobs of the same origin that check these keys: as many as needed, because a message has a maximum size. A look at
    /// keys belongs to the task, so it follows the present definition.
    pub fn changed(&self, attempt: u32, objects: impl IntoIterator<Item = JobChange>) -> Vec<ObjectJob> {
        let (mut jobs, mut bytes) = (Vec::<Vec<JobChange>>::new(), usize::MAX);
        for object in objects {
            let size = body_bytes_at_most(&object.key, None, None);
            match jobs.last_mut() {
                Some(last) if bytes + size <= CHANGED_BYTES => last.push(object),
                _ => {
                    jobs.push(vec![object]);
                    bytes = 0;
                }
            }
            bytes += size;
        }
        let job = |objects| ObjectJob {
            definition: 0,
            attempt,
            restoring: None,
            work: ObjectWork::Changed { objects },
            ..self.clone()
        };
        jobs.into_iter().map(job).collect()
    }
}

impl TryFrom<&job::Job> for ObjectJob {
    type Error = ParseError;

    /// Reads the body, and checks that it agrees with its envelope.
    fn try_from(envelope: &job::Job) -> Result<ObjectJob, ParseError> {
        if envelope.kind != KIND {
            return Err(envelope.invalid("it is no job for objects"));
        }
        let mut since = None;
        let work = match envelope.verb.as_str() {
            "copy" => {
                let body: Copy<Vec<JobObject>> = envelope.read_body()?;
                since = body.since;
                ObjectWork::Copy { objects: body.objects }
            }
            "delete" => ObjectWork::Delete { objects: envelope.read_body::<Objects<_>>()?.objects },
            "changed" => ObjectWork::Changed { objects: envelope.read_body::<Objects<_>>()?.objects },
            "parts" => ObjectWork::Parts(envelope.read_body()?),
            _ => return Err(envelope.invalid("this release has no such job")),
        };
        if work.keys().count() as u64 != u64::from(envelope.items) {
            return Err(envelope.invalid("the number of objects differs from the items"));
        }
        let restoring = match (since, envelope.not_before) {
            (Some(since), Some(due)) => Some(Restoring { since, due }),
            (Some(_), None) => return Err(envelope.invalid("objects being restored have no time to look again")),
            (None, _) => None,
        };
        let job::Job { task, run, definition, attempt, origin, .. } = envelope.clone();
        let job = ObjectJob { task, run, definition, attempt, origin, restoring, work };
        job.check().map_err(|why| envelope.invalid(why))?;
        Ok(job)
    }
}

/// Most bytes of the objects in a job of changed keys; the rest of a message is for the envelope. A single key of 1,024
/// bytes stays far below.
const CHANGED_BYTES: usize = MAX_BODY_BYTES / 2;

/// Longest storage class that a job carries, bytes; Amazon's longest has 19.
const MAX_CLASS_BYTES: usize = 32;

/// An upper bound of the bytes that one object adds to a job's body.
pub fn body_bytes_at_most(key: &str, etag: Option<&ETag>, version: Option<&str>) -> usize {
    // Longest escapes: 6 bytes for a control character, and for U+FFFE and U+FFFF (3 bytes each).
    let text = |s: &str| s.chars().map(|c| if c.is_control() || c > '\u{fffd}' { 6 } else { c.len_utf8() + 1 }).sum();
    let fixed = r#"{"index":4294967295,"key":"","size":18446744073709551615,"modified":-9223372036854775808,"etag":"","version":"","storage_class":"","refresh":true},"#.len();
    // The longest class that any store has stays below this.
    let fixed = fixed + MAX_CLASS_BYTES;
    fixed + text(key) + etag.map_or(0, |e| text(e.as_str())) + version.map_or(0, text)
}

#[cfg(test)]
mod tests;
