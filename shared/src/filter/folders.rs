//! Folders that a filter excludes entirely, so that they need not be listed.

use globset::{GlobBuilder, GlobMatcher};

/// The part of a rule's glob that applies to all keys below a folder at once.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// The characters before the first special one: every match starts with them.
    literal: String,
    /// The glob without the `*` at its end; `None` if it does not end so.
    head: Option<GlobMatcher>,
}

impl Reach {
    pub(super) fn of(glob: &str) -> Reach {
        let literal = glob.split(['*', '?', '[', ']', '{', '}', '\\']).next().unwrap_or_default().to_owned();
        let stem = glob.trim_end_matches('*');
        // An odd number of backslashes escapes the first star: then the glob ends in a literal one.
        let escapes = stem.len() - stem.trim_end_matches('\\').len();
        let is_open = stem.len() < glob.len() && escapes.is_multiple_of(2);
        let head = is_open.then(|| GlobBuilder::new(stem).literal_separator(false).backslash_escape(true).build());
        Reach { literal, head: head.and_then(Result::ok).map(|glob| glob.compile_matcher()) }
    }

    /// Whether some key below the folder (its key ends with `/`) may match. Never wrongly `false`.
    pub(super) fn may_match_below(&self, folder: &str) -> bool {
        self.literal.starts_with(folder) || folder.starts_with(&self.literal)
    }

    /// Whether every key below the folder matches. Never wrongly `true`: the head matches a beginning
    /// of the folder's key, and the star at the end matches the rest.
    pub(super) fn matches_all_below(&self, folder: &str) -> bool {
        let Some(head) = &self.head else { return false };
        let ends = folder.char_indices().map(|(at, _)| at).chain([folder.len()]);
        ends.into_iter().any(|end| head.is_match(&folder[..end]))
    }
}
