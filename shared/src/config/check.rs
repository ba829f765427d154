//! The bounds of all settings. Each refusal names the setting, its value, the bounds and the remedy.

use std::fmt::Display;
use std::time::Duration;

use super::{Config, ConfigError, Find, Side, Size, Sse, Work};
use crate::config::Connection;
use crate::location::Scheme;

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

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Largest size that any setting takes: 50 TB and more, and safe to add to.
pub(super) const LARGEST: Size = Size(1 << 60);

/// Least bandwidth that any setting takes: less would not move a part within an attempt.
pub(super) const MIN_BANDWIDTH: Size = Size(64 * KIB);

impl Config {
    /// Checks everything that can be checked without I/O. `Config::read` has done so already.
    pub fn check(&self) -> Check {
        check_name("task", &self.task)?;
        check_side("source", &self.source)?;
        check_side("destination", &self.destination)?;
        self.check_overlap()?;
        self.check_backend()?;
        if let Some(queue) = &self.queue {
            check_connection("queue", &queue.connection)?;
        }
        if let Some(ledger) = &self.ledger {
            check_connection("ledger", &ledger.connection)?;
        }
        if let Some(fleet) = &self.fleet {
            check_connection("fleet", &fleet.connection)?;
        }
        self.find.check()?;
        self.work.check(self.source.location.scheme(), self.destination.location.scheme())
    }

    /// Copying into itself would never end, or would overwrite what it reads.
    fn check_overlap(&self) -> Check {
        let (source, destination) = (&self.source, &self.destination);
        if source.location.overlaps(&destination.location) && same_service(source, destination) {
            let why = format!(
                "{} and the source {} overlap: give locations of which neither contains the other",
                destination.location, source.location
            );
            return refuse("destination.location", why);
        }
        Ok(())
    }

    /// Queue and ledger are both Amazon's or both embedded.
    fn check_backend(&self) -> Check {
        if let Some(state) = self.state.as_ref().filter(|state| state.to_str().is_none()) {
            // Configurations are kept as text.
            return refuse("state", format!("the folder name {} is not UTF-8: give another folder", state.display()));
        }
        if self.events.is_some() && self.work.look_again == Some(false) {
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

impl Find {
    /// Checks what is looked at, as [`Config::check`] does.
    pub fn check(&self) -> Check {
        within("list-concurrency", self.list_concurrency, 1, 256)?;
        // A resumed finder sends a job again; 1,000 keys still fit a message of 256 KiB at common lengths.
        within("job-objects", self.job_objects, 1, 1000)?;
        within("job-bytes", Size(self.job_bytes), Size(1), LARGEST)?;
        if let (Some(min), Some(max)) = (self.min_size, self.max_size)
            && min > max
        {
            return refuse(
                "min-size",
                format!(
                    "{} is more than max-size {}, which leaves out every object: give a smaller min-size",
                    Size(min),
                    Size(max)
                ),
            );
        }
        if let (Some(min), Some(max)) = (self.min_age, self.max_age)
            && min > max
        {
            let show = humantime::format_duration;
            return refuse(
                "min-age",
                format!(
                    "{} is more than max-age {}, which leaves out every object: give a smaller min-age",
                    show(min),
                    show(max)
                ),
            );
        }
        if let Some(list) = self.prefix_list.as_ref().filter(|list| list.to_str().is_none()) {
            return refuse("prefix-list", format!("the file name {} is not UTF-8: rename the file", list.display()));
        }
        for rule in &self.filters {
            if rule.strip_prefix("+ ").or(rule.strip_prefix("- ")).is_none_or(str::is_empty) {
                return refuse("filters", format!("{rule:?} is not a rule: write \"+ GLOB\" or \"- GLOB\""));
            }
        }
        Ok(())
    }
}

impl Work {
    fn check(&self, source: Scheme, destination: Scheme) -> Check {
        self.check_fidelity(source, destination)?;
        self.check_machine()?;
        if let Some(limit) = self.bandwidth_limit {
            within("bandwidth-limit", Size(limit), MIN_BANDWIDTH, LARGEST)?;
        }
        if let Some(size) = self.part_size {
            // S3: parts of 5 MiB to 5 GiB ("Amazon S3 multipart upload limits"). A folder has no limit of
            // its own; below 64 KiB the overhead of a part outweighs it.
            let least = if destination == Scheme::File { 64 * KIB } else { 5 * MIB };
            within("part-size", Size(size), Size(least), Size(5 * GIB))?;
        }
        if let Some(threshold) = self.multipart_threshold {
            // S3 takes at most 5 GiB in one PUT.
            within("multipart-threshold", Size(threshold), Size(0), Size(5 * GIB))?;
        }
        within("giant-threshold", Size(self.giant_threshold), Size(64 * KIB), LARGEST)?;
        within("attempts", self.attempts, 1, 20)?;
        // SQS delays a message by at most 15 minutes.
        duration_within("retry-delay", self.retry_delay, Duration::ZERO, Duration::from_secs(15 * 60))?;
        duration_within("outage-limit", self.outage_limit, Duration::ZERO, Duration::from_secs(24 * 3600))
    }

    /// Checks the settings that a machine has, whatever its task is.
    pub(super) fn check_machine(&self) -> Check {
        within("concurrency", self.concurrency, 1, 1024)?;
        within("memory-limit", Size(self.memory_limit), Size(64 * MIB), LARGEST)?;
        // SQS hides a message for at most 12 hours; below 5 s a heartbeat could not keep up.
        duration_within("lease", self.lease, Duration::from_secs(5), Duration::from_secs(12 * 3600))?;
        duration_within("drain", self.drain, Duration::ZERO, Duration::from_secs(12 * 3600))
    }
}

impl Work {
    /// What is asked for besides the bytes must be something that the places can have.
    fn check_fidelity(&self, source: Scheme, destination: Scheme) -> Check {
        let to_folder = destination == Scheme::File;
        let folders_have_none = "the destination is a folder, which has no storage classes: leave it out";
        if let Some(class) = &self.storage_class {
            let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if class.is_empty() || class.len() > 32 || !class.chars().all(legal) {
                return refuse("storage-class", format!("{class:?} is not a storage class: give one like STANDARD_IA"));
            }
            if to_folder {
                return refuse("storage-class", folders_have_none);
            }
        }
        if self.sse.is_some() && to_folder {
            return refuse("sse", "the destination is a folder, which does not encrypt: leave it out");
        }
        if self.sse_kms_key_id.is_some() && self.sse != Some(Sse::Kms) {
            return refuse("sse-kms-key-id", "only sse aws:kms uses a key: give sse aws:kms too, or leave the key out");
        }
        if self
            .sse_kms_key_id
            .as_deref()
            .is_some_and(|id| id.is_empty() || id.contains(|c: char| !c.is_ascii_graphic()))
        {
            return refuse("sse-kms-key-id", "not a KMS key: give a key's id or ARN");
        }
        if self.restore.is_some() && source == Scheme::File {
            return refuse("restore", "the source is a folder, which has no archived objects: leave it out");
        }
        // A restored copy is paid for by the day.
        within("restore-days", self.restore_days, 1, 3650)
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

impl Side {
    /// Checks a side that belongs to no task; `name` stands in messages.
    pub fn check(&self, name: &str) -> Check {
        check_side(name, self)
    }
}

fn check_side(name: &str, side: &Side) -> Check {
    let Connection { endpoint_url, region, credentials } = &side.connection;
    if side.location.scheme() == Scheme::File {
        let given = [("endpoint-url", endpoint_url), ("region", region), ("credentials", credentials)];
        if let Some((key, _)) = given.into_iter().find(|(_, value)| value.is_some()) {
            return refuse(
                &format!("{name}.{key}"),
                format!("{} is a folder and has no {key}: leave it out", side.location),
            );
        }
    }
    check_connection(name, &side.connection)
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

/// Whether equal bucket names mean one bucket: at one endpoint they do. Amazon's own are unique over all
/// regions; where a provider's endpoint cannot be known, nothing is.
fn same_service(a: &Side, b: &Side) -> bool {
    let endpoint = |side: &Side| {
        let scheme = side.location.scheme();
        let reached = side.connection.completed(scheme).ok()?;
        Some(reached.endpoint_url.map(|url| url.trim_end_matches('/').to_ascii_lowercase()))
    };
    endpoint(a).is_some_and(|at| Some(at) == endpoint(b))
}
