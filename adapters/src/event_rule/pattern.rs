//! Which events a rule takes (EventBridge user guide, "Event patterns").

use serde_json::{Value, json};

/// The source of S3's events.
const S3: &str = "aws.s3";

/// A pattern of events of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Value);

impl Pattern {
    /// Events of these types, of keys below a prefix. Expirations by a lifecycle, which EventBridge reports as deletes,
    /// are left to the scan, as with rules of the bucket.
    pub fn new(bucket: &str, prefix: &str, types: &[&str]) -> Pattern {
        let mut detail = json!({"bucket": {"name": [bucket]}, "reason": [{"anything-but": ["Lifecycle Expiration"]}]});
        if !prefix.is_empty() {
            detail["object"] = json!({"key": [{"prefix": prefix}]});
        }
        Pattern(json!({"source": [S3], "detail-type": types, "detail": detail}))
    }

    /// The pattern as it is sent.
    pub fn text(&self) -> String {
        self.0.to_string()
    }

    /// Whether a text is this pattern.
    pub fn is(&self, text: Option<&str>) -> bool {
        text.and_then(|text| serde_json::from_str(text).ok()).is_some_and(|other: Value| other == self.0)
    }
}

/// Whether a pattern may take events of a bucket. In doubt, yes.
pub fn may_take(pattern: &str, bucket: &str) -> bool {
    let Ok(pattern) = serde_json::from_str::<Value>(pattern) else { return true };
    admits(&pattern["source"], S3) && admits(&pattern["detail"]["bucket"]["name"], bucket)
}

/// Whether a part of a pattern may admit a value: texts are compared, other matchers may admit anything, and an absent
/// part does.
fn admits(part: &Value, value: &str) -> bool {
    match part {
        Value::Array(matchers) => matchers.iter().any(|matcher| matcher.as_str().is_none_or(|text| text == value)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_compared_by_meaning() {
        let pattern = Pattern::new("b", "p/", &["Object Created"]);
        let spaced = serde_json::to_string_pretty(&pattern.0).unwrap();
        assert!(pattern.is(Some(&pattern.text())) && pattern.is(Some(&spaced)));
        for other in [Pattern::new("b", "q/", &["Object Created"]), Pattern::new("b", "p/", &["Object Deleted"])] {
            assert!(!pattern.is(Some(&other.text())));
        }
        assert!(!pattern.is(None) && !pattern.is(Some("")));
    }

    #[test]
    fn a_pattern_takes_events_of_a_bucket_unless_it_surely_does_not() {
        for (pattern, takes) in [
            (Pattern::new("b", "p/", &[]).text(), true),
            (Pattern::new("other", "", &[]).text(), false),
            (json!({"source": ["aws.ec2"]}).to_string(), false),
            (json!({"source": ["aws.ec2", "aws.s3"]}).to_string(), true),
            (json!({"source": [{"prefix": "aws."}]}).to_string(), true),
            (json!({"detail-type": ["Object Created"]}).to_string(), true),
            (json!({"source": ["aws.s3"], "detail": {"bucket": {"name": [{"prefix": "x"}]}}}).to_string(), true),
            ("{".to_owned(), true),
        ] {
            assert_eq!(may_take(&pattern, "b"), takes, "{pattern}");
        }
    }
}
