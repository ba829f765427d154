//! Events: messages of stores about changed objects.
//!
//! [`parse`] reads a message's body of any vendor's format into [`ObjectChange`]s; it is pure. A change is only
//! a hint: the worker checks the stores. Three rules follow.
//!
//! - *Nothing is lost silently.* A body that cannot be read as a whole, down to the key of each of its
//!   records, is an [`EventError`] that names the record, for the dead-letter queue. Fields that the
//!   format does not define (an unknown event name, a size that is no number) are left out, and the key is checked.
//! - *The shape identifies the format.* Each has members that no other has. A body that fits two
//!   formats is refused.
//! - *A key is decoded as its format encodes it.* If a vendor does not document how, there is one change
//!   for each reading: checking an unchanged key does no harm.
//!
//! Each format's document is named in its module.

mod cloudevents;
mod cos;
mod eventbridge;
mod gcs;
mod json;
mod key;
mod kodo;
mod lambda;
mod minimal;
mod mns;
mod oss;
mod pubsub;
mod r2;
mod s3;
mod sns;

use std::fmt;

use serde_json::Value;

use crate::location::Location;
use crate::object::{ETag, Timestamp};
use json::Object;

/// Longest body that is read, bytes: what Amazon SQS carries (`SendMessage`, 1 MiB).
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Most changes in one body. A vendor's message holds one record, or some tens; 1 MiB would have room
/// for more of them than should hang on one message.
pub const MAX_CHANGES: usize = 5_000;

/// Longest key, bytes: four times Amazon S3's ("Creating object key names"), and what a path on Linux has (`PATH_MAX`).
/// A longer one is no key of any store.
pub const MAX_KEY_BYTES: usize = 4_096;

/// Most envelopes around an event, such as CloudEvents around Pub/Sub.
pub const MAX_ENVELOPES: usize = 2;

/// The format of a body. Envelopes are not formats: an S3 notification through SNS is `S3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `{"key", "size"}`, as users' own functions send it
    Minimal,
    /// S3 notification records, of Amazon S3 and of stores that are compatible with it
    S3,
    /// Amazon EventBridge's events of S3
    EventBridge,
    /// Aliyun OSS
    Oss,
    /// Tencent COS
    Cos,
    /// Google Cloud Storage
    Gcs,
    /// Cloudflare R2
    R2,
    /// Qiniu Kodo
    Kodo,
    /// Amazon SNS's own messages
    Sns,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 9] = [
        Format::Minimal,
        Format::S3,
        Format::EventBridge,
        Format::Oss,
        Format::Cos,
        Format::Gcs,
        Format::R2,
        Format::Kodo,
        Format::Sns,
    ];

    /// The format as a stable, bounded word, for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Minimal => "minimal",
            Format::S3 => "s3",
            Format::EventBridge => "eventbridge",
            Format::Oss => "oss",
            Format::Cos => "cos",
            Format::Gcs => "gcs",
            Format::R2 => "r2",
            Format::Kodo => "kodo",
            Format::Sns => "sns",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The kind of a change, by the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It was written, for the first time or again.
    Created,
    /// It is gone, or hidden by a delete marker.
    Removed,
    /// Its tags, ACL or metadata changed.
    Metadata,
    /// It can be read again: its restoration from the archive has ended.
    Restored,
    /// Another change, or the event does not name it.
    Other,
}

/// A key that may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectChange {
    /// The bucket as the source's location names it; `None` if the event does not name it.
    pub bucket: Option<String>,
    /// The exact key in the bucket.
    pub key: String,
    /// The kind of the change.
    pub kind: ChangeKind,
    /// Bytes.
    pub size: Option<u64>,
    /// The entity tag, if it is the same as in a HEAD.
    pub etag: Option<ETag>,
    /// The version, or generation.
    pub version: Option<String>,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// S3's sequencer: of two events of one key, the later has the greater one when both are padded
    /// to the same length with zeros on the right.
    pub sequencer: Option<String>,
}

impl ObjectChange {
    /// A change of which only the key is known.
    fn of(key: String) -> Self {
        let (bucket, size, etag, version, time, sequencer) = (None, None, None, None, None, None);
        ObjectChange { bucket, key, kind: ChangeKind::Other, size, etag, version, time, sequencer }
    }
}

/// A message about no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubscriptionNotice {
    /// `s3:TestEvent`, which S3 sends when a notification is configured.
    Test,
    /// SNS asks to confirm a subscription. Events come only after somebody has followed its link.
    SubscriptionConfirmation,
    /// SNS reports that a subscription has ended: from now on no events come.
    UnsubscribeConfirmation,
}

impl SubscriptionNotice {
    /// The notice as a stable, bounded word, for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            SubscriptionNotice::Test => "test",
            SubscriptionNotice::SubscriptionConfirmation => "subscription-confirmation",
            SubscriptionNotice::UnsubscribeConfirmation => "unsubscribe-confirmation",
        }
    }
}

/// The contents of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// Whose format it has.
    pub format: Format,
    /// Its changes, in its order; empty exactly if there is a notice.
    pub changes: Vec<ObjectChange>,
    /// The notice, if it has no changes.
    pub notice: Option<SubscriptionNotice>,
}

impl Parsed {
    fn notice(format: Format, notice: SubscriptionNotice) -> Self {
        Parsed { format, changes: Vec::new(), notice: Some(notice) }
    }
}

/// The reason why a body is no event. Displays as one line without control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Longer than [`MAX_BODY_BYTES`].
    #[error("not an event: the message has {0} bytes, and an event at most {MAX_BODY_BYTES}")]
    TooLong(usize),
    /// Not JSON.
    #[error("not an event: {0}")]
    Malformed(String),
    /// JSON of a shape that no format has; the names of its members.
    #[error("the event has an unknown format: {0}")]
    Unknown(String),
    /// JSON of a shape that two formats have.
    #[error("the event fits two formats: {0} and {1}")]
    Ambiguous(&'static str, &'static str),
    /// More than [`MAX_ENVELOPES`] envelopes.
    #[error("the event is wrapped in more than {MAX_ENVELOPES} envelopes")]
    TooDeep,
    /// More than [`MAX_CHANGES`] changes.
    #[error("the event has {0} changes, and at most {MAX_CHANGES} are allowed")]
    TooMany(usize),
    /// An envelope without an event in it.
    #[error("{0} envelope: {1}")]
    Envelope(&'static str, String),
    /// A record without a readable key.
    #[error("{format} event, record {number}: {why}")]
    Record {
        /// Whose format it has.
        format: Format,
        /// Which record, from 1.
        number: usize,
        /// The fault.
        why: String,
    },
}

/// Reads a message's body.
///
/// # Errors
/// If any part of the body cannot be read. Then no change is returned, and the body belongs in the dead letters.
pub fn parse(body: &str) -> Result<Parsed, EventError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(EventError::TooLong(body.len()));
    }
    let parsed = read_text(body, MAX_ENVELOPES)?;
    let (format, many) = (parsed.format, parsed.changes.len());
    if many > MAX_CHANGES {
        return Err(EventError::TooMany(many));
    }
    match parsed.changes.iter().position(|change| change.key.len() > MAX_KEY_BYTES) {
        Some(at) => {
            let why = format!("its key has {} bytes, and a key at most {MAX_KEY_BYTES}", parsed.changes[at].key.len());
            Err(EventError::Record { format, number: at + 1, why })
        }
        None => Ok(parsed),
    }
}

/// Whether a change is the task's to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// It is: the key relative to the task's location.
    Key(&'a str),
    /// Another bucket.
    OtherBucket,
    /// A key outside of the location's prefix, or the folder marker of the prefix itself, which no
    /// listing of the location shows either.
    OtherPrefix,
}

/// The position of a change relative to the task's source. An event that names no bucket belongs to the task's bucket.
pub fn scope<'a>(change: &'a ObjectChange, location: &Location) -> Scope<'a> {
    if change.bucket.as_deref().is_some_and(|bucket| bucket != location.bucket()) {
        return Scope::OtherBucket;
    }
    location.relative_key(&change.key).filter(|key| !key.is_empty()).map_or(Scope::OtherPrefix, Scope::Key)
}

/// A format, or an envelope: its recognition and its parser.
struct Shape {
    name: &'static str,
    /// Looks only at which members there are, of what type. No two shapes may fit one document.
    fits: fn(&Object) -> bool,
    /// The number is how many more envelopes may follow.
    read: fn(&Object, usize) -> Result<Parsed, EventError>,
}

const SHAPES: [Shape; 15] = [
    Shape { name: "minimal", fits: minimal::fits, read: minimal::read },
    Shape { name: "s3", fits: s3::fits, read: s3::read },
    Shape { name: "s3 test", fits: s3::is_test, read: s3::read_test },
    Shape { name: "eventbridge", fits: eventbridge::fits, read: eventbridge::read },
    Shape { name: "oss", fits: oss::fits, read: oss::read },
    Shape { name: "cos", fits: cos::fits, read: cos::read },
    Shape { name: "gcs", fits: gcs::fits, read: gcs::read },
    Shape { name: "r2", fits: r2::fits, read: r2::read },
    Shape { name: "kodo", fits: kodo::fits, read: kodo::read },
    Shape { name: "kodo callback", fits: kodo::is_callback, read: kodo::read_callback },
    Shape { name: "cloudevents", fits: cloudevents::fits, read: cloudevents::read },
    Shape { name: "lambda", fits: lambda::fits, read: lambda::read },
    Shape { name: "mns", fits: mns::fits, read: mns::read },
    Shape { name: "pubsub", fits: pubsub::fits, read: pubsub::read },
    Shape { name: "sns", fits: sns::fits, read: sns::read },
];

/// Reads JSON, or JSON in Base64 as some queues carry it; no JSON object or list is Base64 too.
fn read_text(text: &str, envelopes: usize) -> Result<Parsed, EventError> {
    let text = text.trim();
    if text.starts_with(['{', '[']) {
        return read_json(text, envelopes);
    }
    match json::from_base64(text) {
        Some(decoded) if decoded.trim_start().starts_with(['{', '[']) => read_json(&decoded, envelopes),
        _ => Err(EventError::Malformed("neither a JSON object nor a list of them".into())),
    }
}

fn read_json(text: &str, envelopes: usize) -> Result<Parsed, EventError> {
    match json::read(text).map_err(EventError::Malformed)? {
        Value::Object(root) => read_object(&root, envelopes),
        Value::Array(list) => read_list("list", list.iter(), envelopes),
        _ => Err(EventError::Malformed("neither a JSON object nor a list of them".into())),
    }
}

fn read_object(root: &Object, envelopes: usize) -> Result<Parsed, EventError> {
    let mut fitting = SHAPES.iter().filter(|shape| (shape.fits)(root));
    match (fitting.next(), fitting.next()) {
        (Some(shape), None) => (shape.read)(root, envelopes),
        (Some(one), Some(other)) => Err(EventError::Ambiguous(one.name, other.name)),
        (None, _) => Err(EventError::Unknown(json::describe(root))),
    }
}

/// Reads the contents of an envelope: an object, or a text that is one.
fn open_envelope(value: &Value, envelopes: usize) -> Result<Parsed, EventError> {
    let left = envelopes.checked_sub(1).ok_or(EventError::TooDeep)?;
    match value {
        Value::Object(root) => read_object(root, left),
        Value::String(text) => read_text(text, left),
        _ => Err(EventError::Malformed("an envelope contains neither an object nor a text".into())),
    }
}

/// Reads an envelope of several events, which must all be of one format and about objects.
fn read_list<'a>(
    name: &'static str,
    values: impl Iterator<Item = &'a Value>,
    envelopes: usize,
) -> Result<Parsed, EventError> {
    let mut all: Option<Parsed> = None;
    for value in values {
        let one = open_envelope(value, envelopes)?;
        if one.notice.is_some() {
            return Err(EventError::Envelope(name, "it contains a notice among events".into()));
        }
        match &mut all {
            None => all = Some(one),
            Some(all) if all.format == one.format => all.changes.extend(one.changes),
            Some(all) => {
                let why = format!("it contains events of two formats, {} and {}", all.format, one.format);
                return Err(EventError::Envelope(name, why));
            }
        }
    }
    all.ok_or_else(|| EventError::Envelope(name, "it is empty".into()))
}

/// Reads the records of a format. Each gives at least one change, or the reason why it does not.
fn read_records<'a>(
    format: Format,
    records: impl Iterator<Item = &'a Value>,
    read: impl Fn(&Object) -> Result<Vec<ObjectChange>, String>,
) -> Result<Parsed, EventError> {
    let mut changes = Vec::new();
    for (index, record) in records.enumerate() {
        let found = match record {
            Value::Object(record) => read(record),
            _ => Err("it is not a JSON object".into()),
        };
        changes.extend(found.map_err(|why| EventError::Record { format, number: index + 1, why })?);
    }
    Ok(Parsed { format, changes, notice: None })
}

/// As [`read_records`], of a document that is one record.
fn read_record(
    format: Format,
    record: &Object,
    read: impl Fn(&Object) -> Result<Vec<ObjectChange>, String>,
) -> Result<Parsed, EventError> {
    let changes = read(record).map_err(|why| EventError::Record { format, number: 1, why })?;
    Ok(Parsed { format, changes, notice: None })
}

/// The kind that a format's table gives to an event's name: that of the first row whose text the name
/// begins with.
fn kind_of(table: &[(&str, ChangeKind)], name: &str) -> ChangeKind {
    table.iter().find(|(start, _)| name.starts_with(start)).map_or(ChangeKind::Other, |(_, kind)| *kind)
}

#[cfg(test)]
mod tests;
