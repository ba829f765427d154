//! What both sides say of objects whose bytes are the same.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::metadata::{Described, Difference, differences};
use crate::object::{Entry, ObjectInfo, Tags};
use crate::store::{Kept, Store};
use crate::{ErrorKind, Result};

/// Compares headers, user metadata and tags, at one HEAD a side, and one more request a side where an
/// object has tags.
#[derive(Debug)]
pub struct Describer {
    source: Store,
    destination: Store,
    /// Cleared when a store turns out to have no tags.
    has_tags: AtomicBool,
}

impl Describer {
    /// `None` where one of them keeps nothing that could differ.
    pub fn between(source: &Store, destination: &Store) -> Option<Describer> {
        let keep = |store: &Store| store.capabilities().keeps_attributes;
        let tags = |store: &Store| store.capabilities().keeps.tags != Kept::No;
        (keep(source) && keep(destination)).then(|| Describer {
            has_tags: AtomicBool::new(tags(source) && tags(destination)),
            source: source.clone(),
            destination: destination.clone(),
        })
    }

    /// Whether both sides say the same of two objects.
    pub async fn is_same(&self, source: &Entry, destination: &Entry) -> Result<bool> {
        let (a, b) = (source.pin(), destination.pin());
        let (ours, theirs) =
            futures::try_join!(self.source.head(&source.key, &a), self.destination.head(&destination.key, &b))?;
        Ok(self.differences(&source.key, &ours, &theirs).await?.is_empty())
    }

    /// In what the two objects of a key differ that a HEAD has described.
    pub async fn differences(&self, key: &str, ours: &ObjectInfo, theirs: &ObjectInfo) -> Result<Vec<Difference>> {
        let (our_tags, their_tags) = self.tags(key, ours, theirs).await?;
        let (ours, theirs) =
            (described(&self.source, ours, &our_tags), described(&self.destination, theirs, &their_tags));
        Ok(differences(&ours, &theirs))
    }

    /// The tags of both, where either has any and both can have some.
    async fn tags(&self, key: &str, ours: &ObjectInfo, theirs: &ObjectInfo) -> Result<(Option<Tags>, Option<Tags>)> {
        if !self.has_tags.load(Relaxed) || ours.tag_count == 0 && theirs.tag_count == 0 {
            return Ok((None, None));
        }
        let (a, b) = (ours.pin(), theirs.pin());
        match futures::try_join!(self.source.tags(key, &a), self.destination.tags(key, &b)) {
            Ok((ours, theirs)) => Ok((Some(ours), Some(theirs))),
            // What cannot be read is not carried over either.
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Denied) => {
                if self.has_tags.swap(false, Relaxed) {
                    tracing::warn!(%error, "tags are not compared");
                }
                Ok((None, None))
            }
            Err(error) => Err(error),
        }
    }
}

fn described<'a>(store: &Store, info: &'a ObjectInfo, tags: &'a Option<Tags>) -> Described<'a> {
    let spelling = store.capabilities().keeps.spelling;
    Described { attributes: &info.attributes, tags: tags.as_ref(), spelling }
}
