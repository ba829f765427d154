//! The bounds of a definition's own settings. All others have those of a config file.

use super::super::check::{Check, LARGEST, MIN_BANDWIDTH, refuse, within};
use super::super::{ConfigError, FleetFile, Size};
use super::{FollowedEvents, Notify, TaskDefinition, TaskLimits};
use crate::location::Scheme;
use crate::tasks::check_task_name;

/// Most characters of a description.
const MAX_DESCRIPTION_CHARS: usize = 200;

impl TaskDefinition {
    /// Checks everything that can be checked without I/O.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_task_name(&self.task).or_else(|why| refuse("task", why))?;
        let is_line = !self.description.contains(char::is_control);
        if self.description.chars().count() > MAX_DESCRIPTION_CHARS || !is_line {
            let why = format!("give one line of at most {MAX_DESCRIPTION_CHARS} characters");
            return refuse("description", why);
        }
        if self.find.only_key.is_some() {
            return refuse("find.only-key", "a task copies folders: give the object's folder, and a filter");
        }
        self.check_events_queue()?;
        self.limits.check()?;
        self.notify.check()?;
        // All else is bounded as in a config file.
        self.on(&FleetFile::of_folder("fleet", "."), &self.task).check()
    }
}

impl TaskDefinition {
    /// Checks what depends on the fleet: only a fleet of one machine follows the changes of a folder, for only the machine
    /// that has the folder learns of them.
    pub fn check_on(&self, fleet: &FleetFile) -> Check {
        let is_folder = self.source.location.scheme() == Scheme::File;
        if self.events != FollowedEvents::Off && is_folder && fleet.state.is_none() {
            let why = "the source is a folder, whose changes a fleet does not learn of: give \"off\" and a schedule";
            return refuse("events", why);
        }
        if self.events_queue.is_some() && fleet.state.is_none() {
            return refuse("events-queue", "the fleet makes a queue for the task's events: leave it out");
        }
        if self.find.prefix_list.is_some() && self.find.prefix_object().is_none() && fleet.state.is_none() {
            let why = "each machine of a fleet would look for this file: give prefixes, or s3://BUCKET/KEY";
            return refuse("find.prefix-list", why);
        }
        Ok(())
    }
}

impl TaskLimits {
    /// Checks the bounds.
    pub fn check(&self) -> Check {
        if let Some(machines) = self.machines {
            within("limits.machines", machines, 0, 10_000)?;
        }
        if let Some(bandwidth) = self.bandwidth {
            within("limits.bandwidth", Size(bandwidth), MIN_BANDWIDTH, LARGEST)?;
        }
        if let Some(requests) = self.requests {
            within("limits.requests", requests, 1, 1_000_000)?;
        }
        Ok(())
    }
}

impl Notify {
    fn check(&self) -> Check {
        if let Some(topic) = &self.topic {
            let parts: Vec<&str> = topic.split(':').collect();
            let is_topic = matches!(parts.as_slice(), ["arn", _, "sns", region, account, name]
                if ![region, account, name].iter().any(|part| part.is_empty()));
            if !is_topic || topic.contains(|c: char| !c.is_ascii_graphic()) {
                let why = format!("{topic:?} is not a topic: give an ARN like arn:aws:sns:eu-west-1:123456789012:runs");
                return refuse("notify.topic", why);
            }
        }
        let Some(webhook) = &self.webhook else { return Ok(()) };
        let is_origin =
            ["env:", "file:"].iter().any(|origin| webhook.len() > origin.len() && webhook.starts_with(origin));
        let url = webhook.parse::<http::Uri>().ok();
        let is_url = url.is_some_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some());
        if !is_origin && (!is_url || webhook.contains('@')) {
            // It may hold a secret, so it is not repeated.
            let why = "not a URL without user and password: give https://HOST/PATH, env:NAME or file:PATH";
            return refuse("notify.webhook", why);
        }
        Ok(())
    }
}
