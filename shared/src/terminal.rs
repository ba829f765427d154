//! Text for people at a terminal: one line an error, control characters escaped, numbers readable.

use std::fmt::{Display, Write as _};
use std::io::Write as _;
use std::time::Duration;

/// Prints a line on standard error. Ignores errors: there is no other output to report them.
pub fn say(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A command line parser's message as one line: the fault and the hint, without the usage text.
pub fn one_line(rendered: &str) -> String {
    let wanted = |line: &&str| !line.starts_with("Usage:") && !line.starts_with("For more information");
    let lines = rendered.lines().map(str::trim).take_while(wanted).filter(|line| !line.is_empty());
    let joined = lines.collect::<Vec<_>>().join(" ");
    joined.strip_prefix("error: ").unwrap_or(&joined).replace(" tip: ", "; ")
}

/// The text with control characters escaped, so that a key stays on its line and does not move the cursor.
pub fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut line, c| {
        if c.is_control() {
            let _ = write!(line, "{}", c.escape_default());
        } else {
            line.push(c);
        }
        line
    })
}

/// Bytes with the unit that leaves three digits: `938 KiB`, `1.50 GiB`. All programs spell sizes this way.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{} B", count(bytes));
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A rate in bytes a second: `10.0 MiB/s`.
pub fn rate(bytes_per_second: f64) -> String {
    format!("{}/s", bytes(bytes_per_second.max(0.0) as u64))
}

/// A count with its thousands set apart: `12,345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count of things, by the name of one: `1 key`, `12,345 keys`.
pub fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A length of time in its two largest units: `2h 5m`.
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// A duration: tenths of a second below a minute, then as [`time`] does.
pub fn elapsed(time: Duration) -> String {
    if time < Duration::from_secs(60) { format!("{:.1}s", time.as_secs_f64()) } else { self::time(time) }
}

/// Characters of a run's id that messages show. They are random, so they differ even for runs that began together.
const RUN_ID_SHOWN: usize = 8;

/// The part of a run's id that messages show, and that commands take in place of the whole: the last eight
/// characters of a UUID. Another id (`events-TASK`) is shown whole.
pub fn run_id(id: &str) -> &str {
    let is_uuid = id.len() == 36 && id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    if is_uuid { &id[id.len() - RUN_ID_SHOWN..] } else { id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_by_the_end_of_its_uuid() {
        assert_eq!(run_id("0193a5c4-7b1e-7c3a-9d2e-5f60718293a4"), "718293a4");
        assert_eq!(run_id("events-photos"), "events-photos");
        assert_eq!(run_id("r"), "r");
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 1023, 1536, 256 << 20, u64::MAX].map(bytes),
            ["0 B", "1,023 B", "1.50 KiB", "256 MiB", "16.0 EiB"]
        );
        assert_eq!([0.0, 938.0 * 1024.0].map(rate), ["0 B/s", "938 KiB/s"]);
        assert_eq!([40, 59_940, 61_000].map(|ms| elapsed(Duration::from_millis(ms))), ["0.0s", "59.9s", "1m 1s"]);
        assert_eq!([5, 65, 7500, 90_000].map(|s| time(Duration::from_secs(s))), ["5s", "1m 5s", "2h 5m", "1d 1h"]);
    }

    #[test]
    fn one_thing_is_not_several() {
        assert_eq!([0, 1, 1000].map(|n| counted(n, "key")), ["0 keys", "1 key", "1,000 keys"]);
    }

    #[test]
    fn a_parsers_message_becomes_one_line() {
        let text =
            "error: unexpected argument '--x' found\n\n  tip: a similar argument exists: '--y'\n\nUsage: flotilla\n";
        assert_eq!(one_line(text), "unexpected argument '--x' found; a similar argument exists: '--y'");
    }

    #[test]
    fn a_key_stays_on_its_line() {
        assert_eq!(escaped("a\nb\u{1b}[2Jé"), "a\\nb\\u{1b}[2Jé");
    }
}
