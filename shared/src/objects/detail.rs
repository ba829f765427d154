//! The part of an outcome that only objects have.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::digest::Checksum;
use crate::ledger::{Detail, Outcome};
use crate::object::{ETag, Pin};

/// The part of an outcome that only objects have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ObjectDetail {
    /// The source's entity tag and version that were read.
    #[serde(default)]
    pub source: Pin,
    /// The destination's entity tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<ETag>,
    /// The checksum of the bytes, by the algorithm that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// What was compared to know that the bytes are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<String>,
}

impl ObjectDetail {
    /// The detail of an object of which only the version at the source is known.
    pub fn of_source(source: Pin) -> ObjectDetail {
        ObjectDetail { source, ..ObjectDetail::default() }
    }

    /// Reads the detail of an object's outcome. `Corrupt` if a field is invalid.
    pub fn read(outcome: &Outcome) -> Result<ObjectDetail> {
        outcome.detail.read()
    }
}

impl From<ObjectDetail> for Detail {
    fn from(detail: ObjectDetail) -> Detail {
        Detail::of(&detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::digest::Algorithm;
    use crate::ledger::State;

    fn full() -> ObjectDetail {
        ObjectDetail {
            source: Pin { etag: Some(ETag::new("\"s\"")), version: Some("v1".into()) },
            etag: Some(ETag::new("d-2")),
            checksum: Some(Checksum { algorithm: Algorithm::Crc32c, value: vec![1, 2, 3, 4] }),
            verified: Some("etag".into()),
        }
    }

    #[test]
    fn a_detail_stands_beside_the_head_in_json_and_comes_back() {
        let outcome = Outcome { detail: full().into(), ..Outcome::new("k".into(), State::Copied) };
        let json = serde_json::to_string(&outcome).unwrap();
        for part in [r#"{"key":"k","#, r#""source":{"etag":"s","version":"v1"}"#, r#""verified":"etag""#, r#""size":0"#]
        {
            assert!(json.contains(part), "{json}");
        }
        let read: Outcome = serde_json::from_str(&json).unwrap();
        assert_eq!((ObjectDetail::read(&read).unwrap(), read), (full(), outcome));
    }

    #[test]
    fn no_field_has_the_name_of_a_field_of_the_head() {
        let head =
            Outcome { reason: Some("r".into()), error: Some("e".into()), ..Outcome::new("k".into(), State::Failed) };
        let head = Outcome { is_only_counted: true, ..head };
        let names = |outcome: &Outcome| serde_json::to_value(outcome).unwrap().as_object().unwrap().len();
        let both = Outcome { detail: full().into(), ..head.clone() };
        assert_eq!(names(&both), names(&head) + 4);
    }

    #[test]
    fn an_invalid_field_is_an_error_and_no_empty_detail() {
        let outcome: Outcome = serde_json::from_str(
            r#"{"key":"k","state":"copied","size":1,"checksum":"?","attempts":1,"worker":"w","started":1,"finished":2}"#,
        )
        .unwrap();
        assert_eq!(ObjectDetail::read(&outcome).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
