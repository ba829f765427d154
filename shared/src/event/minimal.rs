//! `{"key": "a/b", "size": 123}`: what functions send that users of Data Transfer Hub wrote themselves
//! (its implementation guide, "Set up Amazon S3/Aliyun OSS event notification"). The key is literal.
//! `sequencer` is a member that its own finder adds.

use super::json::{self, Object};
use super::key::{Encoding, readings};
use super::{EventError, Format, ObjectChange, Parsed, read_record};

/// A name as common as `key` identifies only this format, so nothing else may stand beside it.
const MEMBERS: [&str; 3] = ["key", "size", "sequencer"];

pub(super) fn fits(root: &Object) -> bool {
    root.contains_key("key") && root.keys().all(|name| MEMBERS.contains(&name.as_str()))
}

pub(super) fn read(root: &Object, _: usize) -> Result<Parsed, EventError> {
    read_record(Format::Minimal, root, |root| {
        let keys = readings(json::required(root, "key")?, Encoding::Literal)?;
        let change = |key| ObjectChange {
            size: json::number(root, "size"),
            sequencer: json::text(root, "sequencer"),
            ..ObjectChange::of(key)
        };
        Ok(keys.into_iter().map(change).collect())
    })
}
