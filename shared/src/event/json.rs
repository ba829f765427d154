//! JSON as events are read from: bounded in depth, no name twice in an object, and how fields are taken.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, de};
use serde_json::{Map, Number, Value};

use crate::object::Timestamp;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// Deepest nesting that is read. The deepest documented event, an object of Cloud Storage with its
/// access list in two envelopes, has 8.
pub(super) const MAX_DEPTH: usize = 32;

/// Reads one JSON value and nothing after it. A name that comes twice in one object is an error: which of
/// the two is meant cannot be known, and one would be lost.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Bounded { depth: MAX_DEPTH }.deserialize(&mut reader).map_err(|e| e.to_string())?;
    reader.end().map_err(|e| e.to_string())?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Bounded {
    depth: usize,
}

impl Bounded {
    fn deeper<E: Error>(self) -> Result<Bounded, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Bounded { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Bounded {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Object::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("{} occurs twice in one object", quoted(&name))));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// What stands at a path of names with dots between them; `None` also for `null`.
pub(super) fn at<'a>(object: &'a Object, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let value = object.get(first)?;
    match rest {
        Some(rest) => at(value.as_object()?, rest),
        None => Some(value).filter(|value| !value.is_null()),
    }
}

/// Whether there is an object at the path.
pub(super) fn has_object(object: &Object, path: &str) -> bool {
    at(object, path).is_some_and(Value::is_object)
}

/// Whether there is a string at the path.
pub(super) fn has_text(object: &Object, path: &str) -> bool {
    at(object, path).is_some_and(Value::is_string)
}

/// The list at the path, if its first item is an object with this member.
pub(super) fn list_of<'a>(object: &'a Object, path: &str, member: &str) -> Option<&'a Vec<Value>> {
    let list = at(object, path)?.as_array()?;
    list.first()?.as_object().filter(|first| first.contains_key(member)).map(|_| list)
}

/// The text at the path, which must be there.
pub(super) fn required<'a>(object: &'a Object, path: &str) -> Result<&'a str, String> {
    optional(object, path)?.ok_or_else(|| format!("{path} is missing"))
}

/// The text at the path; if something is there, it must be one, and not empty.
pub(super) fn optional<'a>(object: &'a Object, path: &str) -> Result<Option<&'a str>, String> {
    match at(object, path) {
        None => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Err(format!("{path} is empty")),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{path} is not a string")),
    }
}

/// The text at the path, if there is one. For what the change can do without.
pub(super) fn text(object: &Object, path: &str) -> Option<String> {
    at(object, path)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The number at the path, also where it is spelled as a string. For what the change can do without.
pub(super) fn number(object: &Object, path: &str) -> Option<u64> {
    let value = at(object, path)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The time at the path, as RFC 3339 in UTC. For what the change can do without.
pub(super) fn time(object: &Object, path: &str) -> Option<Timestamp> {
    humantime::parse_rfc3339_weak(at(object, path)?.as_str()?).ok().map(Timestamp::from)
}

/// The UTF-8 text in Base64 (RFC 4648 §4), with or without padding, and with line breaks in it.
pub(super) fn from_base64(text: &str) -> Option<String> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let compact: String = text.split_ascii_whitespace().collect();
    String::from_utf8(LENIENT.decode(compact).ok()?).ok()
}

/// The names of an object's members, for a message: the first ten of them.
pub(super) fn describe(object: &Object) -> String {
    let names: Vec<String> = object.keys().take(10).map(|name| quoted(name)).collect();
    match names.len() {
        0 => "it has no members".into(),
        n if n < object.len() => format!("it has {} and {} more", names.join(", "), object.len() - n),
        _ => format!("it has {}", names.join(", ")),
    }
}

/// A text for a message: its first hundred characters in quotes, escaped.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(100).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{short:?}{more}")
}
