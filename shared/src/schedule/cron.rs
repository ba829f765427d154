//! The five fields of cron, in a time zone.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::object::Timestamp;

/// Days that are looked through: the 29th of February is at most eight years away.
const MAX_DAYS: u32 = 3_000;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A field: the values that match, as bits, and whether it is `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    bits: u64,
    is_any: bool,
}

impl Field {
    fn has(self, value: i8) -> bool {
        self.bits & 1 << value != 0
    }
}

/// Minute, hour, day of month, month, day of week. A day matches if both fields of days do; where neither of them is
/// `*`, if one does, as in every cron.
#[derive(Debug, Clone)]
pub struct Cron {
    /// As it was given, with single spaces.
    text: String,
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
    zone: TimeZone,
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cron {}

impl Cron {
    /// The first due time after a time.
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        let instant = jiff::Timestamp::from_millisecond(time.0).ok()?;
        // A day before: a gap may move a time of the day before into this one.
        let mut day = self.zone.to_datetime(instant).date().checked_sub(1.day()).ok()?;
        for _ in 0..MAX_DAYS {
            if self.has_day(day) {
                let due = self.times_of(day).into_iter().filter(|due| *due > instant).min();
                if let Some(due) = due {
                    return Some(Timestamp(due.as_millisecond()));
                }
            }
            day = day.checked_add(1.day()).ok()?;
        }
        None
    }

    fn has_day(&self, day: Date) -> bool {
        if !self.months.has(day.month()) {
            return false;
        }
        let by_date = self.days.has(day.day());
        let by_weekday = self.weekdays.has(day.weekday().to_sunday_zero_offset());
        if self.days.is_any || self.weekdays.is_any { by_date && by_weekday } else { by_date || by_weekday }
    }

    /// The due times of a day, in any order.
    fn times_of(&self, day: Date) -> Vec<jiff::Timestamp> {
        let mut times = Vec::new();
        for hour in (0..24).filter(|hour| self.hours.has(*hour)) {
            for minute in (0..60).filter(|minute| self.minutes.has(*minute)) {
                self.add_times(&mut times, day.at(hour, minute, 0, 0));
            }
        }
        times
    }

    /// Adds when a clock of the zone shows a time. See the parent module for what a change of the clocks does.
    fn add_times(&self, times: &mut Vec<jiff::Timestamp>, shown: DateTime) {
        let at = |offset: jiff::tz::Offset| offset.to_timestamp(shown).ok();
        match self.zone.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => times.extend(at(offset)),
            AmbiguousOffset::Gap { .. } if self.hours.is_any => {}
            AmbiguousOffset::Gap { after, .. } => {
                // By the offset after the gap the time lies before it, and the gap is the next change.
                let change = at(after).and_then(|before| self.zone.following(before).next());
                times.extend(change.map(|change| change.timestamp()));
            }
            AmbiguousOffset::Fold { before, after } => {
                times.extend(at(before));
                if self.hours.is_any {
                    times.extend(at(after));
                }
            }
        }
    }
}

impl FromStr for Cron {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (fields, zone) = match words.as_slice() {
            [fields @ .., zone] if fields.len() == 5 => (fields, *zone),
            fields if fields.len() == 5 => (fields, "UTC"),
            _ => {
                let why = "give minute, hour, day of month, month, day of week and, if it is not UTC, a time zone";
                return Err(format!("{text:?} is not a cron schedule: {why}"));
            }
        };
        let zone = TimeZone::get(zone)
            .map_err(|_| format!("{zone:?} is not a time zone: give one like Europe/Berlin or UTC"))?;
        let cron = Cron {
            text: words.join(" "),
            minutes: field("minute", fields[0], 0, 59, &[])?,
            hours: field("hour", fields[1], 0, 23, &[])?,
            days: field("day of month", fields[2], 1, 31, &[])?,
            months: field("month", fields[3], 1, 12, &MONTHS)?,
            weekdays: weekdays(fields[4])?,
            zone,
        };
        // Some days never come: the 30th of February.
        match cron.next_after(Timestamp(0)) {
            Some(_) => Ok(cron),
            None => Err(format!("{text:?} is never due: no month has that day")),
        }
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Sunday is 0 and 7.
fn weekdays(text: &str) -> Result<Field, String> {
    let Field { bits, is_any } = field("day of week", text, 0, 7, &WEEKDAYS)?;
    Ok(Field { bits: bits & 0x7f | bits >> 7 & 1, is_any })
}

/// A list of values, ranges and steps: `5`, `1-5`, `*/15`, `10-20/2`, `mon,wed`.
fn field(name: &str, text: &str, least: u32, most: u32, words: &[&str]) -> Result<Field, String> {
    let refuse = |part: &str| {
        let also =
            if words.is_empty() { String::new() } else { format!(" or {} to {}", words[0], words[words.len() - 1]) };
        format!("{part:?} is not a {name}: give {least} to {most}{also}, a range like 1-5, a step like */2, or a list")
    };
    let value = |part: &str| -> Option<u32> {
        let named = words.iter().position(|word| part.eq_ignore_ascii_case(word));
        // Months count from 1, days of the week from 0.
        let number = named.map_or_else(|| part.parse().ok(), |index| u32::try_from(index).ok().map(|n| n + least))?;
        (least..=most).contains(&number).then_some(number)
    };
    let mut bits = 0u64;
    for part in text.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let step = match step {
            Some(step) => {
                step.parse::<u32>().ok().filter(|step| (1..=most).contains(step)).ok_or_else(|| refuse(part))?
            }
            None => 1,
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((from, to)) => (value(from).ok_or_else(|| refuse(part))?, value(to).ok_or_else(|| refuse(part))?),
            None => {
                let from = value(range).ok_or_else(|| refuse(part))?;
                (from, if part.contains('/') { most } else { from })
            }
        };
        if from > to {
            return Err(refuse(part));
        }
        (from..=to).step_by(step as usize).for_each(|value| bits |= 1 << value);
    }
    Ok(Field { bits, is_any: text == "*" })
}
