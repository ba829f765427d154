//! The job format: what travels on the queue between finder and workers.
//!
//! One JSON object a message, at most [`MAX_BODY_BYTES`] long. `v` is the format's version: a worker
//! refuses what it does not know, and a field may be added within a version only if ignoring it is
//! harmless. Jobs may come twice, late and out of order; `origin` and each object's `index` are what
//! the ledger counts by, so that an object is counted once however often its job comes.

use serde::{Deserialize, Serialize};

use crate::object::{ETag, Entry, Pin, Timestamp};
use crate::queue::MAX_BODY_BYTES;

/// The version that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// A unit of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Format version.
    pub v: u32,
    /// The task it belongs to.
    pub task: String,
    /// The run that counts it.
    pub run: String,
    /// Which attempt at these objects this is, from 1.
    pub attempt: u32,
    /// The job that the finder enqueued these objects with.
    pub origin: Origin,
    /// Since when its objects are being restored from an archive, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restoring: Option<Restoring>,
    /// What is to be done.
    #[serde(flatten)]
    pub work: Work,
}

/// Archived objects were asked for. A job that waits for them uses up no attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restoring {
    /// When the first of them was asked for.
    pub since: Timestamp,
    /// When to look again: before that, the job is passed on.
    pub due: Timestamp,
}

/// The job by which objects are counted: the one the finder made, also for those of its objects
/// that come again alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Unique within the run; equal for equal work, also when a resumed finder makes it again.
    pub id: String,
    /// How many objects the finder's job had.
    pub objects: u32,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Work {
    /// Copy these objects.
    Copy {
        /// The objects, each with its place in the origin job.
        objects: Vec<JobObject>,
    },
    /// Copy some parts of one giant object.
    Parts(Parts),
    /// Remove these keys from the destination, unless the source has them again.
    Delete {
        /// The keys, each with its place in the origin job.
        objects: Vec<JobKey>,
    },
    /// These keys may have changed: make the destination equal to the source there, whatever that holds
    /// by now.
    Changed {
        /// The keys, each with its place in the origin job.
        objects: Vec<JobChange>,
    },
}

impl Work {
    /// The kind, as metrics and logs name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Work::Copy { .. } => "copy",
            Work::Parts(_) => "parts",
            Work::Delete { .. } => "delete",
            Work::Changed { .. } => "changed",
        }
    }

    /// The objects, by their places in the origin job and their keys.
    pub fn keys(&self) -> Box<dyn Iterator<Item = (u32, &str)> + Send + '_> {
        match self {
            Work::Copy { objects } => Box::new(objects.iter().map(|object| (object.index, object.key.as_str()))),
            Work::Delete { objects } => Box::new(objects.iter().map(|object| (object.index, object.key.as_str()))),
            Work::Changed { objects } => Box::new(objects.iter().map(|object| (object.index, object.key.as_str()))),
            Work::Parts(parts) => Box::new(std::iter::once((parts.index, parts.key.as_str()))),
        }
    }
}

/// One object to copy, as the finder saw it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobObject {
    /// Place in the origin job, from 0.
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
    /// Copy it also if the destination has the same bytes: something else of it differs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refresh: bool,
    /// An earlier attempt may have left wrong bytes at the destination.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspect: bool,
    /// How often it was sent back because something else stands in its place at the destination.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub blocked: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl JobObject {
    /// The listing's entry as a job's object.
    pub fn new(index: u32, entry: Entry) -> Self {
        let Entry { key, size, modified, etag, version, storage_class } = entry;
        // A class that no store has is of no use to anybody, and would not fit.
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
        }
    }

    /// Whether it is as a listing showed it; one that is tried again names key and version alone.
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
    /// Place in the origin job, from 0.
    pub index: u32,
    /// Key relative to the task's locations.
    pub key: String,
    /// Whether a key of the source may need its place: a folder where this file is, or the reverse.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_block: bool,
}

/// One key that may have changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobChange {
    /// Place in the origin job, from 0.
    pub index: u32,
    /// Key relative to the task's locations.
    pub key: String,
    /// When it changed, as far as that is known, ms since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// Nothing is deleted but what this very look has written. Set where a cancelled run is followed up: what it was to
    /// delete is for a run of the present options to find, and to count against `max-delete`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_delete: bool,
}

/// A range of parts of one giant object's upload. What else is to be known of the upload stands
/// in the ledger's record of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Place of the object in the origin job.
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

/// Why a message is not a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing that claims to be a job: an event, perhaps.
    #[error("not a job: it has no format version")]
    NoJob,
    /// Not JSON, or not of a job's form.
    #[error("not a job: {0}")]
    Malformed(String),
    /// A job of another format version.
    #[error(
        "the job has format version {0}, and this release supports {VERSION}: run finder and workers of the same release"
    )]
    Version(u64),
    /// A job whose numbers contradict each other.
    #[error("not a job: {0}")]
    Absurd(&'static str),
}

impl Job {
    /// Reads a message's body.
    pub fn parse(body: &str) -> Result<Job, ParseError> {
        #[derive(Deserialize)]
        struct Versioned {
            v: u64,
        }
        let malformed = |e: serde_json::Error| ParseError::Malformed(e.to_string());
        let Ok(Versioned { v }) = serde_json::from_str(body) else { return Err(ParseError::NoJob) };
        if v != u64::from(VERSION) {
            return Err(ParseError::Version(v));
        }
        let job: Job = serde_json::from_str(body).map_err(malformed)?;
        job.check()?;
        Ok(job)
    }

    fn check(&self) -> Result<(), ParseError> {
        let bad = |why| Err(ParseError::Absurd(why));
        let count = self.origin.objects;
        if self.attempt == 0 || count == 0 || self.origin.id.is_empty() || self.task.is_empty() {
            return bad("attempt, origin and task must not be empty");
        }
        let in_order = |indexes: &mut dyn Iterator<Item = u32>| {
            let mut next = 0;
            for index in indexes {
                if index < next || index >= count {
                    return false;
                }
                next = index + 1;
            }
            next > 0
        };
        match &self.work {
            Work::Copy { objects } if !in_order(&mut objects.iter().map(|o| o.index)) => {
                bad("indexes must ascend within the origin job")
            }
            Work::Delete { objects } if !in_order(&mut objects.iter().map(|o| o.index)) => {
                bad("indexes must ascend within the origin job")
            }
            Work::Changed { objects } if !in_order(&mut objects.iter().map(|o| o.index)) => {
                bad("indexes must ascend within the origin job")
            }
            Work::Parts(p) if p.index >= count || p.first == 0 || p.first > p.last || p.last > 10_000 => {
                bad("parts must lie within 1 to 10,000")
            }
            Work::Parts(p) if p.again.iter().any(|number| !(p.first..=p.last).contains(number)) => {
                bad("parts to send again must lie within the job's")
            }
            _ => Ok(()),
        }
    }

    /// The message's body: JSON of XML-legal characters only, as SQS wants it (`SendMessage`,
    /// "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF").
    ///
    /// # Panics
    /// If the body would be longer than [`MAX_BODY_BYTES`]: whoever packs jobs bounds them by
    /// [`body_bytes_at_most`].
    pub fn to_body(&self) -> String {
        let body = xml_legal(serde_json::to_string(self).expect("a job is representable as JSON"));
        assert!(
            body.len() <= MAX_BODY_BYTES,
            "internal error: a job has {} bytes, more than a message takes",
            body.len()
        );
        body
    }

    /// Jobs of the same origin that have these keys looked at, as many as it takes: a message holds so much.
    pub fn changed(&self, attempt: u32, objects: impl IntoIterator<Item = JobChange>) -> Vec<Job> {
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
        let job = |objects| Job { attempt, restoring: None, work: Work::Changed { objects }, ..self.clone() };
        jobs.into_iter().map(job).collect()
    }
}

/// JSON escapes control characters below 0x20 itself; of what XML forbids, only U+FFFE and U+FFFF
/// are left, and they can only stand inside strings.
fn xml_legal(json: String) -> String {
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
    } else {
        json
    }
}

/// What the objects of a job of changed keys take up in its body at most, bytes; the rest of a message is for what
/// stands before them. A single key of 1,024 bytes stays far below.
const CHANGED_BYTES: usize = MAX_BODY_BYTES / 2;

/// Longest storage class that a job carries, bytes; Amazon's longest has 19.
const MAX_CLASS_BYTES: usize = 32;

/// An upper bound of what one object adds to a job's body, bytes.
pub fn body_bytes_at_most(key: &str, etag: Option<&ETag>, version: Option<&str>) -> usize {
    // Longest escapes: 6 bytes for a control character, and for U+FFFE and U+FFFF (3 bytes each).
    let text = |s: &str| s.chars().map(|c| if c.is_control() || c > '\u{fffd}' { 6 } else { c.len_utf8() + 1 }).sum();
    let fixed = r#"{"index":4294967295,"key":"","size":18446744073709551615,"modified":-9223372036854775808,"etag":"","version":"","storage_class":"","refresh":true},"#.len();
    // The longest class that any store has stays below this.
    let fixed = fixed + MAX_CLASS_BYTES;
    fixed + text(key) + etag.map_or(0, |e| text(e.as_str())) + version.map_or(0, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn job(work: Work) -> Job {
        let origin = Origin { id: "r0-1".into(), objects: 4 };
        Job { v: VERSION, task: "t".into(), run: "r".into(), attempt: 1, origin, restoring: None, work }
    }

    fn object(key: &str) -> JobObject {
        JobObject {
            index: 0,
            key: key.into(),
            size: 1,
            modified: Timestamp(2),
            etag: Some(ETag::new("e")),
            ..JobObject::default()
        }
    }

    #[test]
    fn the_format_stays_as_other_programs_know_it() {
        let body = job(Work::Copy { objects: vec![object("a/b")] }).to_body();
        assert_eq!(
            body,
            r#"{"v":1,"task":"t","run":"r","attempt":1,"origin":{"id":"r0-1","objects":4},"kind":"copy","objects":[{"index":0,"key":"a/b","size":1,"modified":2,"etag":"e"}]}"#
        );
    }

    #[test]
    fn what_is_not_a_job_is_named() {
        for (body, part) in [
            ("", "not a job"),
            ("[]", "not a job"),
            ("{}", "has no format version"),
            (r#"{"key":"a","size":1}"#, "has no format version"),
            (r#"{"v":9}"#, "version 9"),
            (r#"{"v":1,"kind":"copy"}"#, "missing field"),
            (
                r#"{"v":1,"task":"t","run":"r","attempt":1,"origin":{"id":"x","objects":1},"kind":"copy","objects":[]}"#,
                "indexes",
            ),
            (
                r#"{"v":1,"task":"t","run":"r","attempt":1,"origin":{"id":"x","objects":1},"kind":"parts","index":0,"key":"k","upload_id":"u","first":3,"last":2}"#,
                "parts must lie",
            ),
        ] {
            let error = Job::parse(body).unwrap_err().to_string();
            assert!(error.contains(part), "{body}: {error}");
        }
    }

    proptest! {
        // Each makes and reads some hundred KiB.
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn changed_keys_are_packed_whole_in_order_into_bodies_that_fit(
            keys in prop::collection::vec(prop_oneof![any::<String>(), "\\PC{900}"], 0..400),
        ) {
            let change = |(index, key): (usize, &String)| JobChange { index: index as u32, key: key.clone(), time: None, no_delete: index % 2 == 0 };
            let changes: Vec<JobChange> = keys.iter().enumerate().map(change).collect();
            let base = Job { origin: Origin { id: "m-1".into(), objects: 400 }, ..job(Work::Delete { objects: vec![] }) };
            let mut packed = Vec::new();
            for job in base.changed(1, changes.clone()) {
                let Work::Changed { objects } = Job::parse(&job.to_body()).unwrap().work else { panic!() };
                packed.extend(objects);
            }
            prop_assert_eq!(packed, changes);
        }
    }

    proptest! {
        #[test]
        fn any_key_survives_the_queue_in_legal_characters_within_the_bound(key in any::<String>(), etag in proptest::option::of("[ -~]{0,40}")) {
            let mut one = object(&key);
            one.etag = etag.map(|e| ETag::new(&e));
            let bound = body_bytes_at_most(&one.key, one.etag.as_ref(), None);
            let empty = job(Work::Copy { objects: vec![] }).to_body().len();
            let copy = job(Work::Copy { objects: vec![one] });
            let body = copy.to_body();
            prop_assert!(body.len() <= empty + bound);
            let legal = |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
            prop_assert!(body.chars().all(legal));
            prop_assert_eq!(Job::parse(&body).unwrap(), copy);
        }

        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(body in any::<String>()) {
            let _ = Job::parse(&body);
        }
    }
}
