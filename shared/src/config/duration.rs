//! Durations as `30s`, `1h 5m`, for `#[serde(with = …)]`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

fn parse(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|why| format!("{text:?} is not a time: give one like 30s or 1h ({why})"))
}

/// `Option<Duration>` settings.
pub(super) mod optional {
    use super::*;

    pub fn serialize<S: Serializer>(value: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        value.map(|d| humantime::format_duration(d).to_string()).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Option::<String>::deserialize(from)?.map(|text| parse(&text).map_err(D::Error::custom)).transpose()
    }
}

/// `Duration` settings.
pub(super) mod required {
    use super::*;

    pub fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&humantime::format_duration(*value))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// Reads a time, such as `30s`.
pub fn time(text: &str) -> Result<humantime::Duration, String> {
    parse(text).map(humantime::Duration::from)
}

/// Reads the time between runs, such as `1h`: at least a second, or the runs would be all that happens.
pub fn interval(text: &str) -> Result<humantime::Duration, String> {
    let interval = time(text)?;
    match interval.as_secs() {
        0 => Err("give at least 1s".to_owned()),
        _ => Ok(interval),
    }
}
