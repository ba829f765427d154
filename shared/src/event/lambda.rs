//! Messages as AWS Lambda gets them from SQS and SNS (Lambda developer guide, "Using Lambda with Amazon SQS", "Using
//! Lambda with Amazon SNS"), for functions that pass on what they got. Each record is an envelope.

use serde_json::Value;

use super::json::{self, Object};
use super::{EventError, Parsed, read_list};

pub(super) fn fits(root: &Object) -> bool {
    json::list_of(root, "Records", "body").is_some() || json::list_of(root, "Records", "Sns").is_some()
}

pub(super) fn read(root: &Object, envelopes: usize) -> Result<Parsed, EventError> {
    let records = json::at(root, "Records").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    // What is missing is null here, and refused as an envelope that holds nothing.
    let message = |record: &'_ Value| -> Value {
        let record = record.as_object();
        let found = record.and_then(|r| json::at(r, "body").or_else(|| json::at(r, "Sns.Message")));
        found.cloned().unwrap_or_default()
    };
    let messages: Vec<Value> = records.iter().map(message).collect();
    read_list("lambda", messages.iter(), envelopes)
}
