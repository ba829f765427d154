//! Compares headers, user metadata and tags of objects whose bytes are the same.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::metadata::{ComparedMetadata, MetadataDifference, differences};
use crate::object::{self, Entry, ObjectInfo};
use crate::store::{Store, Support};
use crate::{Error, ErrorKind, Result};

/// The comparison of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagComparison {
    /// Whether they are compared.
    pub compared: bool,
    /// Whether tags that cannot be read are an error, and not a warning.
    pub required: bool,
}

/// Compares headers, user metadata and tags. Costs one HEAD a side, and one more request a side if an
/// object has tags.
#[derive(Debug)]
pub struct Describer {
    source: Store,
    destination: Store,
    tags: TagComparison,
    /// Cleared when a store has no tags, or denies reading them.
    has_tags: AtomicBool,
}

/// The tags of both sides; `None` if they are not compared.
type Both = Option<(object::Tags, object::Tags)>;

impl Describer {
    /// `None` if one side supports no attribute that could differ.
    pub fn between(source: &Store, destination: &Store, tags: TagComparison) -> Option<Describer> {
        let keep = |store: &Store| store.capabilities().keeps_attributes;
        let keeps_tags = |store: &Store| store.capabilities().metadata.tags != Support::No;
        (keep(source) && keep(destination)).then(|| Describer {
            has_tags: AtomicBool::new(tags.compared && keeps_tags(source) && keeps_tags(destination)),
            tags,
            source: source.clone(),
            destination: destination.clone(),
        })
    }

    /// Whether both sides describe the two objects alike.
    pub async fn is_same(&self, source: &Entry, destination: &Entry) -> Result<bool> {
        let (a, b) = (source.pin(), destination.pin());
        let (ours, theirs) =
            futures::try_join!(self.source.head(&source.key, &a), self.destination.head(&destination.key, &b))?;
        Ok(self.differences(&source.key, &ours, &theirs).await?.is_empty())
    }

    /// The differences of a key's two objects, from the answers of a HEAD.
    pub async fn differences(
        &self,
        key: &str,
        ours: &ObjectInfo,
        theirs: &ObjectInfo,
    ) -> Result<Vec<MetadataDifference>> {
        let tags = self.both_tags(key, ours, theirs).await?;
        let (our_tags, their_tags) = tags.unzip();
        let (ours, theirs) =
            (compared(&self.source, ours, &our_tags), compared(&self.destination, theirs, &their_tags));
        Ok(differences(&ours, &theirs))
    }

    /// The tags of both, if either may have any and both stores support tags.
    async fn both_tags(&self, key: &str, ours: &ObjectInfo, theirs: &ObjectInfo) -> Result<Both> {
        let none = ours.tag_count == Some(0) && theirs.tag_count == Some(0);
        if !self.has_tags.load(Relaxed) || none {
            return Ok(None);
        }
        let Some(ours) = self.tags_at(&self.source, "source", key, ours).await? else { return Ok(None) };
        let theirs = self.tags_at(&self.destination, "destination", key, theirs).await?;
        Ok(theirs.map(|theirs| (ours, theirs)))
    }

    /// The tags at one side. `None`: the store has no tags, or denies reading them, which is logged once.
    async fn tags_at(&self, store: &Store, side: &str, key: &str, info: &ObjectInfo) -> Result<Option<object::Tags>> {
        // A store that may not support tags reports no counts, so this sends a request.
        if info.tag_count == Some(0) && store.capabilities().metadata.tags == Support::Yes {
            return Ok(Some(object::Tags::new()));
        }
        match store.tags(key, &info.pin()).await {
            Ok(tags) => Ok(Some(tags)),
            // A store without tags has no differences.
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                self.has_tags.store(false, Relaxed);
                Ok(None)
            }
            Err(error) if error.kind() == ErrorKind::Denied && !self.tags.required => {
                if self.has_tags.swap(false, Relaxed) {
                    tracing::warn!("{}", unreadable(side, &error));
                }
                Ok(None)
            }
            Err(error) if error.kind() == ErrorKind::Denied => Err(error.and("with strict, tags must be comparable")),
            Err(error) => Err(error),
        }
    }
}

/// The consequence of tags that we may not read, and the remedy.
fn unreadable(side: &str, error: &Error) -> String {
    format!("changes of tags alone are not copied, because the {side} denies reading tags: {error}")
}

fn compared<'a>(store: &Store, info: &'a ObjectInfo, tags: &'a Option<object::Tags>) -> ComparedMetadata<'a> {
    let spelling = store.capabilities().metadata.spelling;
    ComparedMetadata { attributes: &info.attributes, tags: tags.as_ref(), spelling }
}
