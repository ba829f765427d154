//! The bounds of the settings of tasks of the kind `objects`.

use std::time::Duration;

use super::{Find, JOB_KEYS, ObjectsConfig, Side, Sse, Work};
use crate::config::check::{Check, GIB, KIB, LARGEST, MIB, check_connection, duration_within, refuse, within};
use crate::config::{Connection, Size};
use crate::location::Scheme;

impl ObjectsConfig {
    /// Checks both sides, each by itself and the two together.
    pub(in crate::config) fn check_sides(&self) -> Check {
        check_side("source", &self.source)?;
        check_side("destination", &self.destination)?;
        self.check_overlap()
    }

    /// Checks `[find]` and `[work]`.
    pub(in crate::config) fn check_settings(&self) -> Check {
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
}

impl Find {
    /// Checks `[find]` alone.
    pub fn check(&self) -> Check {
        within("list-concurrency", self.list_concurrency, 1, 256)?;
        // A resumed finder sends a job again; 1,000 keys still fit a message of 256 KiB at common lengths.
        within("job-objects", self.job_objects, 1, JOB_KEYS as u32)?;
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
        self.check_prefixes()?;
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

    /// Refuses requested metadata that a side cannot store.
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
        if self.canned_acl.is_some() && to_folder {
            return refuse(
                "canned-acl",
                "the destination is a folder, which has no access control lists: leave it out",
            );
        }
        if self.canned_acl.is_some() && self.acl {
            return refuse("canned-acl", "acl copies the source's lists instead: leave canned-acl or acl out");
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
        if side.requester_pays {
            let why = format!("{} is a folder, whose requests cost nothing: leave it out", side.location);
            return refuse(&format!("{name}.requester-pays"), why);
        }
    }
    check_connection(name, &side.connection)
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
