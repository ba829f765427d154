//! The part of an outcome that belongs to its kind of data.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Result};

/// Fields that a kind adds to its outcomes. A ledger stores them and reads none of them; the kind reads them as a type
/// of its own. In JSON they stand beside the fields of [`Outcome`](super::Outcome), so a kind must not use the names of
/// those.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Detail(Map<String, Value>);

impl Detail {
    /// The fields of the kind's type.
    ///
    /// # Panics
    /// If the type is not an object in JSON.
    pub fn of<T: Serialize>(fields: &T) -> Detail {
        match serde_json::to_value(fields) {
            Ok(Value::Object(fields)) => Detail(fields),
            other => panic!("internal error: a detail of an outcome is no JSON object, but {other:?}"),
        }
    }

    /// Reads the fields as the kind's type. `Corrupt` if they are not what the kind writes.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        let invalid = |why: serde_json::Error| Error::new(ErrorKind::Corrupt, "ledger", "outcome", why.to_string());
        T::deserialize(&self.0).map_err(invalid)
    }

    /// The fields, for an adapter that stores them.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl From<Map<String, Value>> for Detail {
    fn from(fields: Map<String, Value>) -> Detail {
        Detail(fields)
    }
}
