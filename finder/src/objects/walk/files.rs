//! Source keys below another source key, such as `q/x` below `q`. A destination with folders cannot hold both: `q` is a
//! file there, or a folder.
//!
//! The first of them in key order is copied; keys below it are left, whatever order copies would end in.

use std::collections::BTreeMap;

use shared::filter::{Filter, FilterVerdict};
use shared::object::Pin;
use shared::store::KeyRange;
use shared::{ErrorKind, Result};

use crate::objects::listing::Sides;

/// The source keys of one range that are files at the destination, as far as keys to come may lie below them.
#[derive(Debug)]
pub(super) struct Files {
    /// Only a store with folders cannot hold a key below another one. A source with folders has no such keys.
    is_needed: bool,
    /// The rest of the range. Keys before it were listed by an earlier process, or by another range.
    range: KeyRange,
    /// Keys that were taken and that begin the last one, ascending: as many as a key has bytes at most.
    begun: Vec<String>,
    /// Whether a key before the range is a file. As many as the range's first key has folders, at most.
    before: BTreeMap<String, bool>,
}

impl Files {
    pub(super) fn of(range: &KeyRange, sides: &Sides) -> Files {
        let has_folders = |store: &shared::store::Store| store.capabilities().has_folders;
        let is_needed = has_folders(&sides.destination) && !has_folders(&sides.source);
        Files { is_needed, range: range.clone(), begun: Vec::new(), before: BTreeMap::new() }
    }

    /// Takes note of a source key that the filter takes. Keys come in byte order.
    pub(super) fn note(&mut self, key: &str) {
        if !self.is_needed {
            return;
        }
        while self.begun.last().is_some_and(|begun| !key.starts_with(begun.as_str())) {
            self.begun.pop();
        }
        if may_be_file(key) {
            self.begun.push(key.to_owned());
        }
    }

    /// The file that a source key lies below, if any.
    ///
    /// A key before the range costs one HEAD. Slow, throttled or cut off: the adapter waits and tries again. Repeated
    /// or its answer lost: it only reads. An error is no answer, and the key is not judged. A file that comes or goes
    /// after the HEAD is for the next run.
    pub(super) async fn above(&mut self, sides: &Sides, filter: &Filter, key: &str) -> Result<Option<String>> {
        if !self.is_needed {
            return Ok(None);
        }
        let parents = key.match_indices('/').map(|(at, _)| &key[..at]);
        for parent in parents.filter(|parent| may_be_file(parent)) {
            let is_file = match self.lies_before(parent) {
                true => self.is_file_before(sides, filter, parent).await?,
                false => self.begun.iter().any(|begun| begun == parent),
            };
            if is_file {
                return Ok(Some(parent.to_owned()));
            }
        }
        Ok(None)
    }

    fn lies_before(&self, key: &str) -> bool {
        key.starts_with(&self.range.prefix) && self.range.after.as_deref().is_some_and(|after| key <= after)
    }

    async fn is_file_before(&mut self, sides: &Sides, filter: &Filter, key: &str) -> Result<bool> {
        if let Some(known) = self.before.get(key) {
            return Ok(*known);
        }
        let is_file = match sides.source.head(key, &Pin::default()).await {
            Ok(info) => filter.judge(key, Some((info.size, info.modified))) == FilterVerdict::Taken,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        self.before.insert(key.to_owned(), is_file);
        Ok(is_file)
    }
}

/// Whether a key may be a file's. Neither `.` nor `..` is, as a name: such copies fail.
fn may_be_file(key: &str) -> bool {
    !matches!(key.rsplit('/').next(), None | Some("" | "." | ".."))
}
