//! A key as a path below the root, or the reason why it cannot be one.

/// The folder below the root where objects are written before they become visible. Keys at or
/// below it are refused, and it is never listed.
pub(super) const PARTIALS: &str = ".flotilla-partial";

/// Longest file name, bytes: `NAME_MAX` of Linux and of its common file systems.
const MAX_NAME_BYTES: usize = 255;

/// Longest path with its final NUL, bytes: `PATH_MAX` of Linux. Longer ones could be made, folder by
/// folder, but no other program could open them.
const MAX_PATH_BYTES: usize = 4096;

/// A key cut into file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// The folders on the way.
    pub folders: Vec<String>,
    /// The file's own name; `None` for the key of a folder marker, which ends with `/`.
    pub file: Option<String>,
}

impl Name {
    /// Cuts a key, for writing. `root_bytes` is the length of the root's path.
    pub fn parse(key: &str, root_bytes: usize) -> Result<Self, String> {
        let path_bytes = root_bytes + 1 + key.strip_suffix('/').unwrap_or(key).len();
        if path_bytes >= MAX_PATH_BYTES {
            return Err(format!(
                "its path would have {path_bytes} bytes, and at most {} are allowed",
                MAX_PATH_BYTES - 1
            ));
        }
        Name::cut(key)
    }

    /// Cuts a key of any length, for reading.
    pub fn cut(key: &str) -> Result<Self, String> {
        let (path, is_folder) = match key.strip_suffix('/') {
            Some(path) => (path, true),
            None => (key, false),
        };
        let mut folders: Vec<String> = Vec::new();
        for segment in path.split('/') {
            folders.push(check(segment)?.to_owned());
        }
        if folders[0] == PARTIALS {
            return Err(format!("{PARTIALS} is reserved for unfinished files"));
        }
        let file = if is_folder { None } else { folders.pop() };
        Ok(Name { folders, file })
    }
}

fn check(segment: &str) -> Result<&str, String> {
    match segment {
        "" => Err("a file name in it would be empty".into()),
        "." | ".." => Err(format!("{segment:?} has a special meaning in paths and cannot be a file name")),
        _ if segment.contains('\0') => Err("a file name cannot hold a NUL".into()),
        _ if segment.len() > MAX_NAME_BYTES => {
            Err(format!("a file name in it has {} bytes, and at most {MAX_NAME_BYTES} are allowed", segment.len()))
        }
        _ => Ok(segment),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(key: &str) -> Result<Name, String> {
        Name::parse(key, 10)
    }

    #[test]
    fn a_key_is_cut_at_its_slashes_and_nowhere_else() {
        let name = |folders: &[&str], file: Option<&str>| Name {
            folders: folders.iter().map(|&f| f.into()).collect(),
            file: file.map(Into::into),
        };
        assert_eq!(parse("a"), Ok(name(&[], Some("a"))));
        assert_eq!(parse("a/b\\c/...%2F "), Ok(name(&["a", "b\\c"], Some("...%2F "))));
        assert_eq!(parse("a/b/"), Ok(name(&["a", "b"], None)));
    }

    #[test]
    fn what_cannot_be_a_path_below_the_root_is_refused() {
        let long = "n".repeat(256);
        let deep = "d/".repeat(2050);
        for key in ["", "/", "//", "/a", "a//b", "a//", ".", "..", "../a", "a/..", "a/./b", "./", "a\0", &long, &deep] {
            assert!(parse(key).is_err(), "{key:?}");
        }
        for key in [".flotilla-partial", ".flotilla-partial/", ".flotilla-partial/x"] {
            assert!(parse(key).unwrap_err().contains("unfinished"), "{key:?}");
        }
        assert!(parse("a/.flotilla-partial").is_ok());
    }
}
