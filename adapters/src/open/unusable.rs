//! Why a part of a task cannot be used, and the remedy.

use std::fmt;

use crate::aws::NO_CREDENTIALS;
use shared::location::{Location, Scheme};
use shared::{Error, ErrorKind};

/// A part of a task that cannot be used. Displays as one line with what to do about it.
#[derive(Debug)]
pub struct Unusable {
    side: &'static str,
    /// The bucket; `None` for a folder.
    bucket: Option<String>,
    error: Error,
    has_options: bool,
}

impl std::error::Error for Unusable {}

impl Unusable {
    /// The error of a side (`source`, `destination`, or `location` if there is only one).
    pub(super) fn of(side: &'static str, location: &Location) -> impl FnOnce(Error) -> Unusable + use<> {
        let bucket = (location.scheme() != Scheme::File).then(|| location.bucket().to_owned());
        move |error| Unusable { side, bucket, error, has_options: false }
    }

    /// The same, with settings named as the options of a command line instead of as the keys of a config file.
    pub fn with_options(self) -> Unusable {
        Unusable { has_options: true, ..self }
    }

    fn setting(&self, name: &str) -> String {
        match (self.has_options, self.side) {
            (true, "location") => format!("--{name}"),
            (true, side) => format!("--{side}-{name}"),
            (false, side) => format!("{name} in [{side}]"),
        }
    }

    /// The error's own text, which names settings by their keys only.
    fn text(&self) -> String {
        let text = self.error.to_string();
        match self.error.kind() {
            ErrorKind::Invalid => ["endpoint-url", "region"]
                .into_iter()
                .fold(text, |text, name| text.replace(&format!("the {name}"), &self.setting(name))),
            _ => text,
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unusable { side, bucket, error, .. } = self;
        if let (Some(bucket), ErrorKind::NoSuchContainer) = (bucket, error.kind()) {
            let (endpoint, region) = (self.setting("endpoint-url"), self.setting("region"));
            return write!(
                f,
                "{side}: bucket {bucket:?} does not exist: create it, or check its name, {endpoint} and {region}"
            );
        }
        write!(f, "{side}: {}", self.text())?;
        match error.kind() {
            // A folder has permissions, no credentials.
            ErrorKind::Denied if bucket.is_none() => write!(f, "; check its permissions"),
            // On a machine whose metadata service gives no credentials the kind is `Unavailable`.
            _ if error.message().starts_with(NO_CREDENTIALS) => {
                let setting = self.setting("credentials");
                write!(f, ": set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give {setting}")?;
                write!(f, " (anonymous for a public bucket)")
            }
            ErrorKind::Denied => {
                let (credentials, payer) = (self.setting("credentials"), self.setting("requester-pays"));
                write!(f, "; check {credentials}, or give {payer} if the bucket is a requester-pays bucket")
            }
            ErrorKind::ExpiredCredentials => write!(f, "; check {}", self.setting("credentials")),
            ErrorKind::NoSuchContainer | ErrorKind::NotFound => write!(f, "; check its name"),
            ErrorKind::Connection | ErrorKind::Timeout => {
                write!(f, "; check {} and the network", self.setting("endpoint-url"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(location: &str, kind: ErrorKind, message: &str) -> String {
        let error = Error::new(kind, "open", location, message);
        Unusable::of("source", &location.parse().unwrap())(error).with_options().to_string()
    }

    #[test]
    fn regression_what_is_unusable_names_options_and_remedy() {
        for (location, kind, message, line) in [
            (
                "s3://b",
                ErrorKind::NoSuchContainer,
                "NoSuchBucket: The specified bucket does not exist (HTTP 404)",
                "source: bucket \"b\" does not exist: create it, or check its name, --source-endpoint-url and --source-region",
            ),
            (
                "r2://b",
                ErrorKind::Invalid,
                "give the endpoint-url, https://x",
                "source: open r2://b: give --source-endpoint-url, https://x",
            ),
            (
                "s3://b",
                ErrorKind::Denied,
                "no AWS credentials found (environment, profile, container, instance)",
                "source: open s3://b: no AWS credentials found (environment, profile, container, instance): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give --source-credentials (anonymous for a public bucket)",
            ),
            // As where the machine's metadata service does not answer.
            (
                "s3://b",
                ErrorKind::Unavailable,
                "no AWS credentials found (environment, profile, container, instance)",
                "source: open s3://b: no AWS credentials found (environment, profile, container, instance): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give --source-credentials (anonymous for a public bucket)",
            ),
            (
                "s3://b",
                ErrorKind::Denied,
                "AccessDenied",
                "source: open s3://b: AccessDenied; check --source-credentials, or give --source-requester-pays if the bucket is a requester-pays bucket",
            ),
            ("/f", ErrorKind::Denied, "Permission denied", "source: open /f: Permission denied; check its permissions"),
        ] {
            assert_eq!(shown(location, kind, message), line);
        }
        let error = Error::new(ErrorKind::Timeout, "probe", "s3://b", "no answer");
        let line = Unusable::of("destination", &"s3://b".parse().unwrap())(error).to_string();
        assert_eq!(line, "destination: probe s3://b: no answer; check endpoint-url in [destination] and the network");
    }
}
