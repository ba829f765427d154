//! Reads an object's tags, and decides the meaning of a missing number of tags.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use aws_sdk_s3::error::ProvideErrorMetadata;

use super::Bucket;
use shared::object::{Pin, Tags};
use shared::retry::{self, GET, HEAD, TAGS};
use shared::store::{Right, Support};
use shared::{Error, ErrorKind, Result};

/// Whether answers report the number of tags, by verb and by whether the request names a version, which needs another
/// right. Amazon leaves the number out if there are no tags, and also if the right is missing.
#[derive(Debug, Default)]
pub(super) struct TagCounts([AtomicBool; 4]);

impl TagCounts {
    fn of(&self, verb: &str, with_version: bool) -> &AtomicBool {
        &self.0[2 * usize::from(verb == HEAD.verb) + usize::from(with_version)]
    }
}

/// The codes of answers that mean an empty set.
const NO_TAGS: [&str; 2] = ["NoSuchTagSet", "NoSuchTagSetError"];

/// The tags of an answer, and the version that it names.
type Answer = (Tags, Option<String>);

impl Bucket {
    /// The number of tags in an answer. A missing number means none only after the store has reported a number, or
    /// has let us read tags.
    pub(super) fn tag_count(&self, verb: &'static str, pin: &Pin, reported: Option<i32>) -> Option<u32> {
        let reports = self.tag_counts.of(verb, pin.version.is_some());
        if let Some(count) = reported.and_then(|count| u32::try_from(count).ok()) {
            reports.store(true, Relaxed);
            return Some(count);
        }
        (self.metadata_support().tags == Support::No || reports.load(Relaxed)).then_some(0)
    }

    /// Reads the tags of the current version first, which needs `s3:GetObjectTagging` alone, and believes the answer if
    /// it names the pinned version. Else it asks for that version, which needs `s3:GetObjectVersionTagging`.
    ///
    /// Both requests only read, so each is repeated after a failed attempt. Tags have no `If-Match`: where no version
    /// is pinned, tags that change meanwhile are read as they are by then.
    pub(super) async fn tags(&self, key: &str, pin: &Pin) -> Result<Tags> {
        self.check_representable(TAGS.verb, key).await?;
        if self.metadata_support().tags == Support::No {
            return Err(Error::new(ErrorKind::Unsupported, TAGS.verb, self.subject(key), "the store keeps no tags"));
        }
        let current = match self.tags_of(key, None).await {
            Ok((tags, version)) if pin.version.is_none() || pin.version == version => return Ok(tags),
            // Another version is current by now, or the store does not name the version.
            Ok(_) => None,
            Err(error) if pin.version.is_none() => return Err(error),
            // A delete marker, or no right to read the current version's tags.
            Err(error) if !error.is_retryable() => Some(error),
            Err(error) => return Err(error),
        };
        match self.tags_of(key, pin.version.clone()).await {
            Ok((tags, _)) => Ok(tags),
            Err(error) if error.kind() == ErrorKind::Denied => Err(current.filter(is_denied).unwrap_or(error)),
            Err(error) => Err(error),
        }
    }

    async fn tags_of(&self, key: &str, version: Option<String>) -> Result<Answer> {
        let right = if version.is_some() { Right::GetVersionTags } else { Right::GetTags };
        let with_version = version.is_some();
        match retry::run(&TAGS, &self.subject(key), || self.tags_once(key, version.as_deref())).await {
            Ok((tags, version)) => {
                // Only an empty set shows that a missing number means none: with tags the number would have come.
                if self.provider.profile().reports_tag_counts && Tags::is_empty(&tags) {
                    [GET, HEAD].iter().for_each(|by| self.tag_counts.of(by.verb, with_version).store(true, Relaxed));
                }
                Ok((tags, version))
            }
            Err(error) if is_denied(&error) => {
                Err(error.and(&format!("allow {}", self.provider.profile().rights.name(right))))
            }
            Err(error) => Err(error),
        }
    }

    async fn tags_once(&self, key: &str, version: Option<&str>) -> Result<Answer> {
        let full_key = self.full_key(TAGS.verb, key)?;
        let (tags, version) = if let Some(lean) = &self.lean {
            match lean.tags(&self.location.full_key(key), version).await {
                Ok(answer) => answer,
                Err(error) if is_empty(&error) => return Ok((Tags::new(), None)),
                Err(error) => return Err(self.error(TAGS.verb, key, error)),
            }
        } else {
            let request = self.client.get_object_tagging().bucket(self.name()).key(full_key);
            match request.set_version_id(version.map(str::to_owned)).send().await {
                Ok(answer) => (answer.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect(), answer.version_id),
                Err(error) if is_empty(&error) => return Ok((Tags::new(), None)),
                Err(error) => return Err(self.error(TAGS.verb, key, error)),
            }
        };
        Ok((tags, version.filter(|version| version != "null")))
    }
}

/// Whether an error means that the object has no tags.
fn is_empty(error: &impl ProvideErrorMetadata) -> bool {
    error.code().is_some_and(|code| NO_TAGS.contains(&code))
}

fn is_denied(error: &Error) -> bool {
    error.kind() == ErrorKind::Denied
}
