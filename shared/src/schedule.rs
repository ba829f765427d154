//! When a task runs: once, every so often, or by the fields of cron in a time zone.
//!
//! The rules of time zones come with the program and not from the machine, so two controllers of one release never
//! disagree about a due time.
//!
//! # When the clocks change
//!
//! - A time that a change skips (02:30 in a night that goes from 02:00 to 03:00) is due at the first moment after the
//!   gap. Several skipped times of one schedule are due there together, once.
//! - A time that comes twice is due the first time.
//! - A schedule whose hours are `*` follows real time instead: it pauses for no gap and repeats the hour that comes
//!   twice.

mod cron;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::object::Timestamp;

pub use cron::Cron;

/// Shortest time between two runs: the controller looks once a minute.
const SHORTEST: Duration = Duration::from_secs(60);

/// Longest time between two runs.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// When a task runs. Reads and prints `once`, `every 6h`, `cron 0 3 * * mon-fri Europe/Berlin` (UTC without a zone).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Schedule {
    /// One run, when the task is created.
    Once,
    /// A run when the task is created, and one after each period.
    Every(Duration),
    /// By minute, hour, day of month, month and day of week.
    Cron(Box<Cron>),
}

impl Schedule {
    /// When the first run of a task is due that is created, edited or resumed at `now`.
    pub fn first(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Schedule::Once | Schedule::Every(_) => Some(now),
            Schedule::Cron(cron) => cron.next_after(now),
        }
    }

    /// When the next run is due after one that was due at `due`. Runs that should have begun before `now` are not made
    /// up for: one begins.
    pub fn next(&self, due: Timestamp, now: Timestamp) -> Option<Timestamp> {
        match self {
            Schedule::Once => None,
            Schedule::Every(period) => {
                let period = i64::try_from(period.as_millis()).unwrap_or(i64::MAX).max(1);
                let missed = (now.0 - due.0).max(0) / period;
                Some(Timestamp(due.0.saturating_add(period.saturating_mul(missed + 1))))
            }
            Schedule::Cron(cron) => cron.next_after(due.max(now)),
        }
    }
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        match word {
            "once" if rest.is_empty() => Ok(Schedule::Once),
            "every" => every(text, rest),
            "cron" => rest.parse().map(|cron| Schedule::Cron(Box::new(cron))),
            _ => Err(format!(
                "{text:?} is not a schedule: give \"once\", one like \"every 6h\", or one like \"cron 0 3 * * mon-fri Europe/Berlin\""
            )),
        }
    }
}

fn every(text: &str, period: &str) -> Result<Schedule, String> {
    let show = humantime::format_duration;
    let period = humantime::parse_duration(period)
        .map_err(|why| format!("{text:?} is not a schedule: give a time like 30m or 6h after \"every\" ({why})"))?;
    if period < SHORTEST || period > LONGEST {
        let (given, least, most) = (show(period), show(SHORTEST), show(LONGEST));
        return Err(format!("{given} is out of bounds: give {least} to {most}"));
    }
    Ok(Schedule::Every(period))
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::Once => f.write_str("once"),
            Schedule::Every(period) => write!(f, "every {}", humantime::format_duration(*period)),
            Schedule::Cron(cron) => write!(f, "cron {cron}"),
        }
    }
}

impl TryFrom<String> for Schedule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> String {
        schedule.to_string()
    }
}

#[cfg(test)]
mod tests;
