//! Keys that a store of folders would change into other keys, or hide.
//!
//! Found by trying SeaweedFS 4.48, which answers all of these with success, or refuses only some verbs. A
//! changed key overwrites another object, and deleting it deletes the other object.

use super::Bucket;
use shared::provider::Keys;
use shared::{Error, ErrorKind, Result};

/// Longest name in a folder, bytes; SeaweedFS refuses longer ones in a put, not in an upload.
const MAX_NAME_BYTES: usize = 255;

/// Why a store of folders cannot store a full key, or `None` if it can. `size`: the bytes to be written.
pub(super) fn not_folder_like(key: &str, size: u64) -> Option<String> {
    let folder = key.strip_suffix('/');
    let names = folder.unwrap_or(key).split('/');
    let count = names.clone().count();
    for (at, name) in names.enumerate() {
        let is_folder = folder.is_some() || at + 1 < count;
        let why = match name {
            "" => "would drop the empty segment from the key",
            "." | ".." => "treats the segments . and .. as relative paths",
            // The store keeps parts of uploads there, and versions of objects; no listing shows them.
            ".uploads" => "reserves the folder .uploads",
            _ if is_folder && name.ends_with(".versions") => "reserves folders *.versions",
            _ if name.contains('\\') => "would turn the backslash into a slash",
            _ if name.contains('\0') => "accepts no NUL",
            _ if name.len() > MAX_NAME_BYTES => "accepts no segment of more than 255 bytes",
            _ => continue,
        };
        return Some(format!("a store that keeps objects as files {why}"));
    }
    let has_bytes = folder.is_some() && size > 0;
    has_bytes.then(|| {
        "a store that keeps objects as files would drop the bytes of an object whose key ends with a slash".to_owned()
    })
}

impl Bucket {
    /// Refuses a key that the store would change. Only such a key waits for the provider to be known.
    pub(super) async fn check_key(&self, verb: &'static str, key: &str, size: u64) -> Result<()> {
        self.full_key(verb, key)?;
        match not_folder_like(&self.location.full_key(key), size) {
            Some(why) if self.profile_by_answer().await?.keys == Keys::FolderLike => {
                Err(Error::new(ErrorKind::Unrepresentable, verb, self.subject(key), why))
            }
            _ => Ok(()),
        }
    }

    /// `NotFound` for a key that the store cannot represent: it would read or delete the object of the changed key.
    pub(super) async fn check_representable(&self, verb: &'static str, key: &str) -> Result<()> {
        self.check_key(verb, key, 0).await.map_err(|error| {
            match self.provider.profile().keys == Keys::FolderLike && error.kind() == ErrorKind::Unrepresentable {
                true => Error::new(ErrorKind::NotFound, verb, self.subject(key), error.message()),
                false => error,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_the_store_would_change_are_recognised() {
        let long = "s".repeat(256);
        for key in [
            "/a",
            "/",
            "a//b",
            "a//",
            "./a",
            "a/..",
            "b\\s",
            "n\0",
            ".uploads/x",
            "q/.uploads",
            "x.versions/y",
            ".versions/",
            &long,
        ] {
            assert!(not_folder_like(key, 0).is_some(), "{key:?}");
        }
        for key in ["a", "a/", "a/b", "...", ".hidden/x", "x.versions", ".uploads2/x", "\u{1}\n", &long[1..]] {
            assert_eq!(not_folder_like(key, 0), None, "{key:?}");
        }
        assert!(not_folder_like("a/", 1).is_some());
    }
}
