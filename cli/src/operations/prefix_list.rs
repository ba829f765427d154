//! The list of prefixes that an operation works on, from its first slice to its last.
//!
//! The first slice reads the list, pins it and ends: nothing is listed before the pin is recorded. Where the bucket keeps
//! versions, the version of the object is the pin; else the list itself is kept with the operation. Of a list that is too
//! large to be kept only the digest is recorded, and an operation whose list has changed ends.
//!
//! Two deliveries of the first slice may pin two lists. The later record counts, for all slices after it.

use std::sync::Arc;

use adapters::open::{self, PrefixList};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use shared::digest::{Algorithm, Hasher};
use shared::filter::prefixes;
use shared::{ErrorKind, Result, terminal, zlib};

use super::OpenedTask;

/// Largest compressed list that is kept with an operation: checkpoints have a bound, and most of it is for the state.
const MAX_KEPT_BYTES: usize = 64 << 10;

/// Most bytes of a kept list that are read.
const MAX_READ_BYTES: usize = 32 << 20;

/// The list of prefixes that an operation began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinnedList {
    /// The version of its object.
    Version(String),
    /// One prefix a line, compressed by zlib, as Base64.
    Kept(String),
    /// The digest of a list that is too large to be kept.
    Digest(String),
}

/// A task, as far as its list of prefixes is known.
pub enum Listed {
    /// With the list that the operation began with, or without a list.
    Known(Arc<OpenedTask>),
    /// The list was read now: it is recorded before anything is listed.
    Pinned(PinnedList),
    /// The list that the operation began with is gone, for this reason.
    Lost(String),
}

/// A task with the list of prefixes that its definition names, as it was pinned, or to be pinned now. A file that cannot be
/// read pins nothing: the operation itself reports it.
pub async fn read(opened: Arc<OpenedTask>, pinned: Option<&PinnedList>) -> Result<Listed> {
    let find = &opened.config.objects.find;
    if find.prefix_list.is_none() {
        return Ok(Listed::Known(opened));
    }
    let version = match pinned {
        Some(PinnedList::Kept(kept)) => return Ok(known(&opened, unpack(kept))),
        Some(PinnedList::Version(version)) => Some(version.as_str()),
        Some(PinnedList::Digest(_)) | None => None,
    };
    let is_object = find.prefix_object().is_some();
    let list = match open::prefix_list(&opened.config, version).await {
        Ok(Some(list)) => list,
        Ok(None) => return Ok(Listed::Known(opened)),
        Err(_) if !is_object && pinned.is_none() => return Ok(Listed::Known(opened)),
        Err(error) if version.is_some() && error.kind() == ErrorKind::NotFound => {
            let why = "the version of the prefix list that the operation began with was deleted: start it again";
            return Ok(Listed::Lost(why.to_owned()));
        }
        Err(error) => return Err(error),
    };
    match pinned {
        None => Ok(Listed::Pinned(pin(&list))),
        Some(PinnedList::Digest(digest)) if *digest != digest_of(&list.prefixes) => {
            let count = terminal::counted(list.prefixes.len() as u64, "prefix");
            let remedy = if is_object { "turn on the bucket's versioning" } else { "put it into a versioned bucket" };
            Ok(Listed::Lost(format!(
                "the prefix list has changed since the operation began, and is too large to be kept with it (now \
                 {count}): {remedy}, or change the list between runs; then start it again"
            )))
        }
        Some(_) => Ok(known(&opened, Some(list.prefixes))),
    }
}

fn known(opened: &OpenedTask, prefixes: Option<Vec<String>>) -> Listed {
    match prefixes {
        Some(prefixes) => {
            let (backend, kind) = (opened.backend.clone(), opened.kind.clone());
            Listed::Known(Arc::new(OpenedTask { config: open::listing(&opened.config, prefixes), backend, kind }))
        }
        None => Listed::Lost("the prefix list of the operation cannot be read by this release: start it again".into()),
    }
}

fn pin(list: &PrefixList) -> PinnedList {
    match &list.version {
        Some(version) => PinnedList::Version(version.clone()),
        None => pack(&list.prefixes).map_or_else(|| PinnedList::Digest(digest_of(&list.prefixes)), PinnedList::Kept),
    }
}

/// The list in few bytes; `None` if it has too many. No prefix has a line end.
fn pack(prefixes: &[String]) -> Option<String> {
    let packed = zlib::deflate(prefixes.join("\n").as_bytes());
    (packed.len() <= MAX_KEPT_BYTES).then(|| STANDARD.encode(packed))
}

/// The list that was kept; `None` if it is none.
fn unpack(kept: &str) -> Option<Vec<String>> {
    let text = String::from_utf8(zlib::inflate(&STANDARD.decode(kept).ok()?, MAX_READ_BYTES).ok()?).ok()?;
    prefixes::of_list(&text.split('\n').map(str::to_owned).collect::<Vec<_>>()).ok()
}

fn digest_of(prefixes: &[String]) -> String {
    let mut hasher = Hasher::new(Algorithm::Sha256).expect("SHA-256 is computed here");
    hasher.update(prefixes.join("\n").as_bytes());
    hasher.finish().to_hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(count: usize, version: Option<&str>) -> PrefixList {
        let line = |n: usize| digest_of(&[n.to_string()]);
        let mut prefixes: Vec<String> = (0..count).map(line).collect();
        prefixes.sort();
        PrefixList { prefixes, version: version.map(str::to_owned) }
    }

    #[test]
    fn a_list_is_pinned_by_version_else_by_content_else_by_digest() {
        let (small, large) = (list(1_000, None), list(10_000, None));
        let PinnedList::Kept(kept) = pin(&small) else { panic!("it is kept") };
        assert_eq!(unpack(&kept), Some(small.prefixes));
        assert_eq!(pin(&large), PinnedList::Digest(digest_of(&large.prefixes)));
        assert_eq!(pin(&list(10_000, Some("v1"))), PinnedList::Version("v1".into()));
        for other in ["", "?", "aaaa"] {
            assert_eq!(unpack(other), None, "{other:?}");
        }
    }
}
