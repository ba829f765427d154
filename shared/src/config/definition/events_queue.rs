//! The queue at SQS that a bucket sends its events to, where the fleet has none of its own.

use super::super::check::{Check, refuse};
use super::super::{Connection, QueueConfig};
use super::{FollowedEvents, TaskDefinition};
use crate::location::Scheme;

const FORM: &str = "give the URL of a queue, like https://sqs.eu-west-1.amazonaws.com/123456789012/events";

impl TaskDefinition {
    /// The queue of the source bucket's events, for a fleet with a state folder.
    pub fn bucket_queue(&self) -> Option<QueueConfig> {
        queue_at(self.events_queue.as_deref()?, &self.source.connection)
    }

    /// Whether both tasks name the same queue of events. SQS delivers each message to one of its receivers.
    pub fn shares_events_queue(&self, other: &TaskDefinition) -> bool {
        let Some((queue, others)) = self.bucket_queue().zip(other.bucket_queue()) else { return false };
        let place = |queue: &QueueConfig| {
            let Connection { endpoint_url, region, credentials } = queue.connection.clone();
            (queue.name.clone(), endpoint_url.map(|url| url.to_ascii_lowercase()), region, credentials)
        };
        // The account of the credentials has the queue, not that of the URL.
        self.events_queue == other.events_queue || place(&queue) == place(&others)
    }

    /// Whether the source is a bucket whose events no queue brings to a fleet with a state folder.
    pub fn lacks_queue(&self) -> bool {
        self.events != FollowedEvents::Off
            && self.events_queue.is_none()
            && self.source.location.scheme() != Scheme::File
    }

    pub(super) fn check_events_queue(&self) -> Check {
        let Some(url) = &self.events_queue else { return Ok(()) };
        if self.source.location.scheme() == Scheme::File {
            return refuse("events-queue", "the source is a folder, which needs no queue of events: leave it out");
        }
        if self.events == FollowedEvents::Off {
            return refuse("events-queue", "the task follows no events: give events = \"create\" too, or leave it out");
        }
        match self.bucket_queue() {
            Some(_) => Ok(()),
            None => refuse("events-queue", format!("{url:?} is not the URL of a queue: {FORM}")),
        }
    }
}

/// The queue of a URL. At Amazon the region stands in the URL; a queue elsewhere has that of the source. Credentials are
/// the source's.
fn queue_at(url: &str, source: &Connection) -> Option<QueueConfig> {
    let uri: http::Uri = url.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let name = uri.path().rsplit('/').next()?;
    let is_name = (1..=80).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if !matches!(scheme, "http" | "https") || authority.as_str().contains('@') || uri.query().is_some() || !is_name {
        return None;
    }
    let host = uri.host()?;
    let region = ["amazonaws.com", "amazonaws.com.cn"].into_iter().find_map(|domain| {
        let region = host.strip_suffix(domain)?.strip_suffix('.')?.strip_prefix("sqs.")?;
        (!region.is_empty() && !region.contains('.')).then(|| region.to_owned())
    });
    let connection = Connection {
        endpoint_url: region.is_none().then(|| format!("{scheme}://{authority}")),
        region: region.or_else(|| source.region.clone()),
        credentials: source.credentials.clone(),
    };
    Some(QueueConfig { name: name.to_owned(), dead_letter: None, connection })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_named_by_its_url() {
        let source =
            Connection { region: Some("here".into()), credentials: Some("env:X".into()), ..Connection::default() };
        for (url, endpoint, region) in [
            ("https://sqs.eu-west-1.amazonaws.com/123456789012/q", None, "eu-west-1"),
            ("https://sqs.cn-north-1.amazonaws.com.cn/1/q", None, "cn-north-1"),
            ("http://127.0.0.1:4566/000000000000/q", Some("http://127.0.0.1:4566"), "here"),
            ("https://sqs.example.net/q", Some("https://sqs.example.net"), "here"),
        ] {
            let queue = queue_at(url, &source).unwrap();
            assert_eq!((queue.name.as_str(), queue.dead_letter_name().as_str()), ("q", "q-dead"), "{url}");
            assert_eq!(queue.connection.endpoint_url.as_deref(), endpoint, "{url}");
            assert_eq!(queue.connection.region.as_deref(), Some(region), "{url}");
            assert_eq!(queue.connection.credentials.as_deref(), Some("env:X"), "{url}");
        }
        for other in ["", "q", "/q", "ftp://h/q", "https://me:x@h/q", "https://h", "https://h/", "https://h/a b"] {
            assert_eq!(queue_at(other, &source), None, "{other}");
        }
    }
    #[test]
    fn tasks_share_a_queue_whatever_account_its_url_names() {
        let task = |queue: &str, credentials: &str| {
            let mut source = toml::Table::new();
            source.insert("location".into(), "s3://b".into());
            source.insert("credentials".into(), credentials.into());
            let text = format!(
                "task = \"t\"\nevents = \"create\"\nevents-queue = {queue:?}\n[source]\n{source}\n\
                 [destination]\nlocation = \"/d\"\n"
            );
            TaskDefinition::parse(&text).unwrap()
        };
        let url = |account: u8, name: &str| format!("https://sqs.eu-west-1.amazonaws.com/{account}/{name}");
        let first = task(&url(1, "q"), "env:A");
        for (other, is_shared) in [
            (task(&url(1, "q"), "env:A"), true),
            (task(&url(1, "q"), "env:B"), true),
            (task(&url(2, "q"), "env:A"), true),
            (task(&url(2, "q"), "env:B"), false),
            (task(&url(1, "r"), "env:A"), false),
            (TaskDefinition { events_queue: None, ..first.clone() }, false),
        ] {
            assert_eq!(first.shares_events_queue(&other), is_shared, "{:?}", other.events_queue);
        }
    }
}
