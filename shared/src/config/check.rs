//! The bounds of the settings that every task has. Each refusal names the setting, its value, the bounds and the remedy.

use std::fmt::Display;
use std::time::Duration;

use super::{Config, ConfigError, Connection, LedgerConfig, Size};

pub(super) type Check = Result<(), ConfigError>;

pub(super) fn refuse(setting: &str, why: impl Into<String>) -> Check {
    Err(ConfigError::Setting { setting: setting.to_owned(), why: why.into() })
}

/// Refuses a value outside `least..=most`, all in the setting's own unit.
pub(super) fn within<T: PartialOrd + Display>(setting: &str, value: T, least: T, most: T) -> Check {
    if value < least || value > most {
        return refuse(setting, format!("{value} is out of bounds: give {least} to {most}"));
    }
    Ok(())
}

pub(super) fn duration_within(setting: &str, value: Duration, least: Duration, most: Duration) -> Check {
    if value < least || value > most {
        let show = humantime::format_duration;
        return refuse(setting, format!("{} is out of bounds: give {} to {}", show(value), show(least), show(most)));
    }
    Ok(())
}

pub(super) const KIB: u64 = 1 << 10;
pub(super) const MIB: u64 = 1 << 20;
pub(super) const GIB: u64 = 1 << 30;

/// Largest size that any setting takes: 50 TB and more, and safe to add to.
pub(super) const LARGEST: Size = Size(1 << 60);

/// Least bandwidth that any setting takes: less would not move a part within an attempt.
pub(super) const MIN_BANDWIDTH: Size = Size(64 * KIB);

impl Config {
    /// Checks everything that can be checked without I/O. `Config::read` has done so already.
    pub fn check(&self) -> Check {
        check_name("task", &self.task)?;
        self.objects.check_sides()?;
        self.check_backend()?;
        if let Some(queue) = &self.queue {
            check_connection("queue", &queue.connection)?;
        }
        if let Some(ledger) = &self.ledger {
            check_ledger(ledger)?;
        }
        if let Some(fleet) = &self.fleet {
            check_connection("fleet", &fleet.connection)?;
        }
        self.objects.check_settings()?;
        self.machine.check()
    }

    /// Queue and ledger are both Amazon's or both embedded.
    fn check_backend(&self) -> Check {
        if let Some(state) = self.state.as_ref().filter(|state| state.to_str().is_none()) {
            // Configurations are kept as text.
            return refuse("state", format!("the folder name {} is not UTF-8: give another folder", state.display()));
        }
        if self.events.is_some() && self.objects.work.look_again == Some(false) {
            let why = "[events] needs look-again = true: leave look-again out, or leave [events] out";
            return refuse("work.look-again", why);
        }
        if let Some(queue) = self.queue.as_ref().filter(|queue| queue.dead_letter.as_ref() == Some(&queue.name)) {
            let why = format!("{} is also the job queue: give another name, or leave dead-letter out", queue.name);
            return refuse("queue.dead-letter", why);
        }
        match (&self.events, &self.queue) {
            (Some(_), None) => {
                return refuse("events", "events need SQS: add [queue] and [ledger], or leave [events] out");
            }
            (Some(events), Some(queue)) if events.queue == queue.name || events.queue == queue.dead_letter_name() => {
                return refuse(
                    "events.queue",
                    format!(
                        "{} is also the task's job queue or its dead-letter queue: give another name",
                        events.queue
                    ),
                );
            }
            _ => {}
        }
        match (&self.queue, &self.ledger, &self.state) {
            (Some(_), Some(_), None) | (None, None, Some(_)) => Ok(()),
            (Some(_), None, _) => refuse("ledger", "[queue] needs [ledger]: give both, or give state instead of both"),
            (None, Some(_), _) => refuse("queue", "[ledger] needs [queue]: give both, or give state instead of both"),
            (Some(_), Some(_), Some(_)) => refuse(
                "state",
                "state is for the embedded queue and ledger: leave state out, or leave [queue] and [ledger] out",
            ),
            (None, None, None) => {
                refuse("state", "there is no queue and no ledger: give state, or [queue] and [ledger]")
            }
        }
    }
}

/// Names that are safe in file names, queue messages and table keys.
fn check_name(setting: &str, name: &str) -> Check {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 100 || !name.chars().all(legal) || name.starts_with('.') {
        return refuse(
            setting,
            format!("{name:?} is not a task name: use 1 to 100 letters, digits, '-', '_' and '.', not '.' first"),
        );
    }
    Ok(())
}

pub(super) fn check_ledger(ledger: &LedgerConfig) -> Check {
    let day = Duration::from_secs(24 * 3600);
    duration_within("ledger.keep-outcomes", ledger.keep_outcomes, day, day * 3650)?;
    check_connection("ledger", &ledger.connection)
}

pub(super) fn check_connection(section: &str, connection: &Connection) -> Check {
    if let Some(url) = &connection.endpoint_url {
        check_url(&format!("{section}.endpoint-url"), url)?;
    }
    if let Some(region) = &connection.region {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if region.is_empty() || region.len() > 63 || !region.chars().all(legal) {
            return refuse(
                &format!("{section}.region"),
                format!("{region:?} is not a region: give one like us-east-1"),
            );
        }
    }
    Ok(())
}

/// An endpoint's base URL. What may hold a secret is never printed.
fn check_url(setting: &str, url: &str) -> Check {
    const REMEDY: &str = "give http://HOST[:PORT] or https://HOST[:PORT]";
    if url.contains(['@', '?', '#']) {
        return refuse(
            setting,
            format!(
                "an endpoint has no user, query or fragment: {REMEDY}, and give credentials by the credentials setting"
            ),
        );
    }
    let bad = |why: &str| refuse(setting, format!("{url:?} {why}: {REMEDY}"));
    let Ok(uri) = url.parse::<http::Uri>() else { return bad("is not a URL") };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return bad("begins neither with http:// nor with https://");
    }
    let Some(authority) = uri.authority().filter(|a| !a.host().is_empty()) else { return bad("names no host") };
    let port = authority.as_str().strip_prefix(authority.host()).unwrap_or("");
    if !port.is_empty() && !port[1..].parse::<u16>().is_ok_and(|port| port > 0) {
        return bad("has no port between 1 and 65535");
    }
    Ok(())
}
