//! Metadata that cannot be replicated, and whether that was logged or refused.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};
use std::time::Duration;

use shared::object::Uncarried;
use shared::store::{ObjectStore, Right, RightNames};
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;

/// How long the source is taken to have no object lock and no website after it was asked. Who sets one up meanwhile is
/// warned of the objects that are copied later.
const ASK_EVERY: Duration = Duration::from_secs(15 * 60);

/// Something of an object that cannot be carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsupported {
    /// The destination keeps no headers and no user metadata.
    Attributes,
    /// The destination keeps no tags.
    Tags,
    /// The destination has no such storage classes.
    StorageClass,
    /// The destination keeps no access control lists.
    Acl,
    /// A list names accounts of another service.
    Accounts,
    /// The source has user metadata that it does not report.
    Unreported,
    /// We may not read the source's tags.
    SourceTags,
    /// The source keeps no access control lists.
    SourceAcl,
    /// Website redirects.
    Redirect,
    /// Retention by object lock.
    Retention,
    /// Legal holds of object lock.
    LegalHold,
}

impl Unsupported {
    /// Features that a destination may not support.
    pub const BY_DESTINATION: [Unsupported; 4] =
        [Unsupported::Attributes, Unsupported::Tags, Unsupported::StorageClass, Unsupported::Acl];

    fn bit(self) -> u16 {
        1 << self as u8
    }

    /// What is missing, and the remedy, if there is one at a source that spells rights so.
    pub fn text(self, source: RightNames) -> String {
        match self {
            Unsupported::SourceTags => {
                let (tags, versions) = (source.name(Right::GetTags), source.name(Right::GetVersionTags));
                match tags == versions {
                    true => format!("{}: allow {tags}", self.as_str()),
                    false => format!("{}: allow {tags}, and for versions {versions}", self.as_str()),
                }
            }
            _ => self.as_str().to_owned(),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Unsupported::Attributes => "the destination keeps no headers and user metadata",
            Unsupported::Tags => "the destination keeps no tags",
            Unsupported::StorageClass => "the destination does not have the source's storage classes",
            Unsupported::Acl => "the destination keeps no access control lists",
            Unsupported::Accounts => "the destination does not know the accounts that access control lists name",
            Unsupported::Unreported => "the source does not report some user metadata",
            Unsupported::SourceTags => "the source denies reading tags",
            Unsupported::SourceAcl => "the source keeps no access control lists",
            Unsupported::Redirect => "website redirects are not copied",
            Unsupported::Retention => "retention by object lock is not copied",
            Unsupported::LegalHold => "legal holds of object lock are not copied",
        }
    }
}

/// Features that the stores do not support, and which of them were already logged. One for each run of a worker.
#[derive(Debug, Default)]
pub(crate) struct UnsupportedSeen {
    refused: AtomicU16,
    said: AtomicU16,
    /// Set once the destination was asked whether it keeps tags.
    pub asked_for_tags: OnceCell<()>,
    /// Whether tags that are asked for together with the content are asked for again, because the content's answer names
    /// the version or the number of tags.
    pub are_early_tags_useless: AtomicBool,
    /// How often the source has refused to let its tags be read.
    pub denied_tags: AtomicU32,
    /// How often the source, which reported no number of tags, knew no such request.
    pub unknown_tags: AtomicU32,
    /// Whether the source may have what no copy gets, and when it was asked.
    may_be: Mutex<Option<(Instant, bool)>>,
}

impl UnsupportedSeen {
    /// The destination has refused this.
    pub fn refuse(&self, feature: Unsupported) {
        self.refused.fetch_or(feature.bit(), Ordering::Relaxed);
    }

    pub fn is_refused(&self, feature: Unsupported) -> bool {
        self.refused.load(Ordering::Relaxed) & feature.bit() != 0
    }

    /// Whether objects of the source may have what no copy gets, and no listing shows. One caller asks, the others wait
    /// for the answer.
    pub async fn may_be(&self, source: &dyn ObjectStore) -> bool {
        let mut known = self.may_be.lock().await;
        match *known {
            Some((asked, may_be)) if asked.elapsed() < ASK_EVERY => may_be,
            _ => {
                let may_be = source.may_lose().await != Uncarried::default();
                *known = Some((Instant::now(), may_be));
                may_be
            }
        }
    }

    /// Whether it was logged.
    pub fn is_said(&self, feature: Unsupported) -> bool {
        self.said.load(Ordering::Relaxed) & feature.bit() != 0
    }

    /// Those of these that nobody has heard of yet.
    pub fn unsaid(&self, unsupported: &[Unsupported]) -> Vec<Unsupported> {
        let bits = unsupported.iter().fold(0, |bits, feature| bits | feature.bit());
        let said = self.said.fetch_or(bits, Ordering::Relaxed);
        unsupported.iter().copied().filter(|feature| said & feature.bit() == 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_said_once() {
        let unsupported = UnsupportedSeen::default();
        assert_eq!(unsupported.unsaid(&[Unsupported::Tags, Unsupported::Acl]), [Unsupported::Tags, Unsupported::Acl]);
        assert_eq!(unsupported.unsaid(&[Unsupported::Tags, Unsupported::Unreported]), [Unsupported::Unreported]);
        assert_eq!(unsupported.unsaid(&[Unsupported::Acl]), []);
    }
}
