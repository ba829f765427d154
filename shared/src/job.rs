//! The job format: messages between finder and workers, the same for all kinds of data.
//!
//! One JSON object a message, at most [`MAX_BODY_BYTES`] long. The head names task, run, origin, kind and verb; the
//! body belongs to the kind, and nothing but the kind's own code reads it. `v` is the version of the format, head and
//! bodies together: a field may be added within a version only if ignoring it is harmless, and a new kind or verb makes
//! a new version. The head of every version may have `left_since`: see [`left_since`]. Jobs may come twice, late and
//! out of order; `origin` and each item's index are what the ledger counts by, so that an item is counted once however
//! often its job comes.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::object::Timestamp;
use crate::queue::MAX_BODY_BYTES;

/// The version that is written, and the latest that is read.
pub const VERSION: u32 = 1;

/// The oldest version that is read. Jobs of the release before are in the queues while its programs are replaced.
pub const OLDEST: u32 = 1;

/// A unit of work of any kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Format version.
    pub v: u32,
    /// The task it belongs to.
    pub task: String,
    /// The run that counts it.
    pub run: String,
    /// The version of the task's definition that its run began with; 0: the present one, as of events, of follow-ups,
    /// and of tasks in config files. A job is executed under this version alone.
    #[serde(default, skip_serializing_if = "is_present")]
    pub definition: u32,
    /// Which attempt at these items this is, from 1.
    pub attempt: u32,
    /// The job that the finder enqueued these items with.
    pub origin: Origin,
    /// It is not executed before this time: a worker that receives it earlier sends it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// The kind of data, which decides what executes it.
    pub kind: String,
    /// The work, one of the kind's verbs.
    pub verb: String,
    /// How many items it has; at most as many as its origin.
    pub items: u32,
    /// The items, and whatever else the kind needs.
    pub body: Box<RawValue>,
}

/// The job by which items are counted: the one the finder made, also for those of its items that come again alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Unique within the run; equal for equal work, also when a resumed finder makes it again.
    pub id: String,
    /// How many items the finder's job had.
    pub items: u32,
}

/// Whether a job follows the present definition.
fn is_present(definition: &u32) -> bool {
    *definition == 0
}

/// Why a message is not a job, or not one that this release can execute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing that claims to be a job: an event, perhaps.
    #[error("not a job: it has no format version")]
    NoJob,
    /// Not JSON, or not of a job's form.
    #[error("not a job: {0}")]
    Malformed(String),
    /// A job of a later release. It is no dead letter: others can execute it.
    #[error("the job has format version {0}, and this release supports {VERSION}: update this program")]
    Newer(u64),
    /// A job of a release that is too old.
    #[error(
        "the job has format version {0}, and the oldest that this release supports is {OLDEST}: run workers of a release \
         between"
    )]
    Older(u64),
    /// A job whose numbers contradict each other.
    #[error("not a job: {0}")]
    Absurd(&'static str),
    /// The kind cannot read its body.
    #[error("a job {kind}/{verb} is invalid: {why}")]
    Body {
        /// The job's kind.
        kind: String,
        /// The job's verb.
        verb: String,
        /// What is wrong.
        why: String,
    },
}

impl Job {
    /// Reads a message's body, all but what belongs to the kind.
    pub fn parse(body: &str) -> Result<Job, ParseError> {
        #[derive(Deserialize)]
        struct Versioned {
            v: u64,
        }
        let Ok(Versioned { v }) = serde_json::from_str(body) else { return Err(ParseError::NoJob) };
        if v < u64::from(OLDEST) {
            return Err(ParseError::Older(v));
        }
        if v > u64::from(VERSION) {
            let unknown = format!("its format version {v} is unknown, and task, kind or verb is missing");
            return Err(if is_envelope(body) { ParseError::Newer(v) } else { ParseError::Malformed(unknown) });
        }
        let job: Job = serde_json::from_str(body).map_err(|e| ParseError::Malformed(e.to_string()))?;
        job.check()?;
        Ok(job)
    }

    fn check(&self) -> Result<(), ParseError> {
        let is_named = [&self.origin.id, &self.task, &self.kind, &self.verb].iter().all(|name| !name.is_empty());
        if self.attempt == 0 || !is_named {
            return Err(ParseError::Absurd("attempt, origin, task, kind and verb must not be empty"));
        }
        if self.items == 0 || self.items > self.origin.items {
            return Err(ParseError::Absurd("items must be at least 1, and at most those of the origin"));
        }
        Ok(())
    }

    /// The message's body: JSON of XML-legal characters only, as SQS wants it (`SendMessage`,
    /// "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF").
    ///
    /// # Panics
    /// If the body would be longer than [`MAX_BODY_BYTES`]: each kind bounds its jobs.
    pub fn to_body(&self) -> String {
        let body = xml_legal(serde_json::to_string(self).expect("a job is representable as JSON"));
        assert!(
            body.len() <= MAX_BODY_BYTES,
            "internal error: a job has {} bytes, more than a message takes",
            body.len()
        );
        body
    }

    /// Reads the body as the kind's type.
    pub fn read_body<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ParseError> {
        serde_json::from_str(self.body.get()).map_err(|e| self.invalid(e))
    }

    /// The error of a job whose body is invalid.
    pub fn invalid(&self, why: impl ToString) -> ParseError {
        ParseError::Body { kind: self.kind.clone(), verb: self.verb.clone(), why: why.to_string() }
    }
}

/// A body as a job carries it.
///
/// # Panics
/// If the type has no form in JSON, as a map whose keys are no text.
pub fn body<T: Serialize>(body: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(body).expect("a body is representable as JSON")
}

/// Whether a message of a later version names what every version names. Any other program may send a number `v`.
fn is_envelope(body: &str) -> bool {
    #[derive(Deserialize)]
    struct Envelope {
        task: String,
        kind: String,
        verb: String,
    }
    serde_json::from_str(body)
        .is_ok_and(|Envelope { task, kind, verb }| [task, kind, verb].iter().all(|name| !name.is_empty()))
}

/// When a worker of an earlier release first left this job to others, if one did. Each time it is sent anew, so the
/// message's own age says nothing.
pub fn left_since(body: &str) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Left {
        left_since: Option<Timestamp>,
    }
    serde_json::from_str(body).ok().and_then(|left: Left| left.left_since)
}

/// The body of a job that is left to others, which says since when. A body without room for that stays as it is.
pub fn left(body: &str, since: Timestamp) -> String {
    let rest = body.trim_start();
    match rest.strip_prefix('{').filter(|_| left_since(body).is_none()) {
        Some(fields) if rest.len() + LEFT_BYTES <= MAX_BODY_BYTES => format!("{{\"left_since\":{},{fields}", since.0),
        _ => body.to_owned(),
    }
}

/// Bytes of the field `left_since`, at most.
const LEFT_BYTES: usize = 40;

/// JSON escapes control characters below 0x20 itself; of what XML forbids, only U+FFFE and U+FFFF
/// are left, and they can only stand inside strings.
fn xml_legal(json: String) -> String {
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
    } else {
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BODY: &str = r#"{"v":1,"task":"t","run":"r","attempt":1,"origin":{"id":"r0-1","items":4},"kind":"numbers","verb":"copy","items":2,"body":{"numbers":[1,2]}}"#;

    #[test]
    fn the_head_is_read_and_the_body_stays_as_it_came() {
        let job = Job::parse(BODY).unwrap();
        assert_eq!((job.kind.as_str(), job.verb.as_str(), job.items), ("numbers", "copy", 2));
        assert_eq!(job.body.get(), r#"{"numbers":[1,2]}"#);
        assert_eq!(job.to_body(), BODY);
    }

    #[test]
    fn a_definitions_version_is_written_unless_it_is_the_present() {
        assert_eq!(Job::parse(BODY).unwrap().definition, 0);
        let pinned = BODY.replacen(r#""run":"r""#, r#""run":"r","definition":7"#, 1);
        let job = Job::parse(&pinned).unwrap();
        assert_eq!((job.definition, job.to_body()), (7, pinned));
    }

    #[test]
    fn what_is_not_a_job_is_named() {
        let changed = |from: &str, to: &str| BODY.replacen(from, to, 1);
        for (body, part) in [
            (String::new(), "no format version"),
            ("[]".into(), "no format version"),
            ("{}".into(), "no format version"),
            (r#"{"key":"a","size":1}"#.into(), "no format version"),
            (r#"{"v":9}"#.into(), "version 9"),
            (r#"{"v":0}"#.into(), "version 0"),
            (r#"{"v":1,"kind":"objects"}"#.into(), "missing field"),
            (changed(r#""task":"t""#, r#""task":"""#), "must not be empty"),
            (changed(r#""kind":"numbers""#, r#""kind":"""#), "must not be empty"),
            (changed(r#""attempt":1"#, r#""attempt":0"#), "must not be empty"),
            (changed(r#""items":2"#, r#""items":0"#), "at least 1"),
            (changed(r#""items":2"#, r#""items":5"#), "at most those of the origin"),
        ] {
            let error = Job::parse(&body).unwrap_err().to_string();
            assert!(error.contains(part), "{body}: {error}");
        }
    }

    #[test]
    fn a_job_of_a_later_release_is_read_as_such_whatever_its_form() {
        let newer = u64::from(VERSION) + 1;
        assert_eq!(
            Job::parse(&format!(r#"{{"v":{newer},"task":"t","kind":"objects","verb":"copy","work":[]}}"#)).unwrap_err(),
            ParseError::Newer(newer)
        );
    }

    #[test]
    fn a_job_left_to_others_gets_one_time_and_stays_as_it_is() {
        let newer = BODY.replacen(r#""v":1"#, r#""v":2"#, 1);
        assert_eq!(left_since(&newer), None);
        let once = left(&newer, Timestamp(1_000));
        assert_eq!(left_since(&once), Some(Timestamp(1_000)));
        assert_eq!(left(&once, Timestamp(2_000)), once, "the first time counts");
        assert_eq!(Job::parse(&once).unwrap_err(), ParseError::Newer(2));
        let ours = left(BODY, Timestamp(1_000));
        assert_eq!(Job::parse(&ours).unwrap().to_body(), BODY);
        let full = format!("{{{}}}", " ".repeat(MAX_BODY_BYTES - 2));
        assert_eq!(left(&full, Timestamp(1)), full);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(body in any::<String>()) {
            let _ = Job::parse(&body);
        }
    }
}
