//! Listing a tree of folders in byte order of keys, in bounded memory.
//!
//! Depth first. In each folder, names are sorted as they stand in keys, folders with their `/`:
//! `a-b` before `a/` before `a0`. A pass over a folder keeps the smallest names only; the next
//! pass begins after the last of them. Ten million files in one folder take some eighty passes
//! and the memory of one.

//! A folder that cannot be read, or a name that cannot be a key, does not hide the rest: the listing
//! has an [`Unlisted`] in its place and goes on. Folders that the filter excludes as a whole are not
//! entered.

mod pass;
mod passed_over;

use std::sync::Arc;

use async_trait::async_trait;
use cap_std::fs::{Dir, DirEntry, Metadata};

use self::pass::Pass;
use self::passed_over::PassedOver;
use super::fault::{PAGE, blocking, fault, kind_of};
use super::folder::{Folder, descend, etag_of, leads_out, modified_of};
use super::name::PARTIALS;
use shared::filter::Filter;
use shared::object::Entry;
use shared::store::{KeyRange, Listed, Listing, Span, Unlisted};
use shared::{Error, ErrorKind, Result};

/// Most entries of a page, as in the listings of S3.
const PAGE_ENTRIES: usize = 1000;

/// Most names that one pass over a folder keeps: some 10 MB.
pub(super) const PASS_NAMES: usize = 128 << 10;

/// Most names kept by all folders on the way to the present one, as a multiple of a pass; beyond
/// it the outermost folder forgets its names and is read again when its turn comes.
const KEPT_PASSES: usize = 4;

/// Most folders on the way that are kept open; the others are opened again when their turn comes.
const OPEN_FOLDERS: usize = 32;

const LIST: &str = "list";

/// A listing under way.
pub(super) struct FileListing {
    folder: Folder,
    /// `None` after an error, and while a page is being read.
    walk: Option<Walk>,
}

impl FileListing {
    /// A listing that has made no system call yet.
    pub fn new(folder: Folder, range: KeyRange, filter: Arc<Filter>, pass_names: usize) -> Self {
        FileListing { walk: Some(Walk::new(folder.clone(), range, filter, pass_names)), folder }
    }
}

#[async_trait]
impl Listing for FileListing {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>> {
        let subject = self.folder.location.to_string();
        let Some(mut walk) = self.walk.take() else {
            return Err(Error::new(ErrorKind::Invalid, LIST, subject, "an earlier page of this listing failed"));
        };
        let page = blocking(PAGE, LIST, &subject, move || {
            let page = walk.page()?;
            Ok((walk, page))
        });
        let (walk, page) = page.await?;
        self.walk = Some(walk);
        Ok((!page.is_empty()).then_some(page))
    }
}

/// A folder on the way from the root to where the listing is.
struct Frame {
    /// The beginning of its keys: empty, or ending with `/`.
    prefix: String,
    /// The folder, while it is kept open.
    dir: Option<Dir>,
    /// The names to come, the next one last; a folder's ends with `/`.
    names: Vec<String>,
    /// The last name taken.
    cursor: Option<String>,
    /// Whether the folder has more names than these.
    more: bool,
}

/// Names that cannot be keys: the first one, and how many.
type Nameless = Option<(String, u64)>;

/// The result of one pass over a folder.
struct Contents {
    names: Vec<String>,
    more: bool,
    nameless: Nameless,
    is_empty: bool,
}

struct Walk {
    folder: Folder,
    range: KeyRange,
    filter: Arc<Filter>,
    pass_names: usize,
    root: Option<Dir>,
    frames: Vec<Frame>,
    passed_over: PassedOver,
}

impl Walk {
    fn new(folder: Folder, range: KeyRange, filter: Arc<Filter>, pass_names: usize) -> Self {
        let top = Frame { prefix: String::new(), dir: None, names: Vec::new(), cursor: None, more: true };
        Walk { folder, range, filter, pass_names, root: None, frames: vec![top], passed_over: PassedOver::default() }
    }

    /// The next items; none at the end.
    fn page(&mut self) -> Result<Vec<Listed>> {
        let mut page = Vec::new();
        while page.len() < PAGE_ENTRIES {
            let Some(frame) = self.frames.last_mut() else { break };
            if let Some(name) = frame.names.pop() {
                frame.cursor = Some(name.clone());
                if name.ends_with('/') { self.enter(&name) } else { page.extend(self.item(&name)?) }
            } else if frame.more {
                self.refill(&mut page)?;
            } else {
                self.frames.pop();
                if self.frames.is_empty() {
                    self.finish()?;
                }
            }
        }
        Ok(page)
    }

    /// The root must exist from beginning to end, or the listing fails: an open folder that was unmounted or deleted
    /// looks like an empty one.
    fn finish(&mut self) -> Result<()> {
        use cap_std::fs::MetadataExt as _;
        let identity = |dir: &Dir| dir.dir_metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        let now = self.folder.open(LIST)?;
        let same = match &self.root {
            Some(root) => identity(root).and_then(|then| Ok(then == identity(&now)?)),
            None => Ok(true),
        };
        if !same.map_err(|error| self.folder.fault(LIST, "", error))? {
            return Err(self.folder.no_container(LIST, "another folder took its place during the listing"));
        }
        self.passed_over.warn(&self.folder.location);
        Ok(())
    }

    fn root(&mut self) -> Result<&Dir> {
        if self.root.is_none() {
            self.root = Some(self.folder.open(LIST)?);
        }
        Ok(self.root.as_ref().expect("it was opened just now"))
    }

    /// The open folder of the innermost frame; `None` if it has vanished.
    fn open_top(&mut self) -> Result<Option<Dir>> {
        let frame = self.frames.last_mut().expect("called with a frame");
        if let Some(dir) = frame.dir.take() {
            return Ok(Some(dir));
        }
        let prefix = frame.prefix.clone();
        let folders: Vec<String> = prefix.split_terminator('/').map(str::to_owned).collect();
        match descend(self.root()?, &folders, false) {
            Ok(dir) => Ok(Some(dir)),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(self.folder.fault(LIST, &prefix, error)),
        }
    }

    fn enter(&mut self, name: &str) {
        let parent = self.frames.last().expect("the name is from a frame");
        let prefix = format!("{}{name}", parent.prefix);
        self.frames.push(Frame { prefix, dir: None, names: Vec::new(), cursor: None, more: true });
        let depth = self.frames.len() - 1;
        if let Some(frame) = depth.checked_sub(OPEN_FOLDERS).and_then(|outer| self.frames.get_mut(outer)) {
            frame.dir = None;
        }
        let kept: usize = self.frames.iter().map(|frame| frame.names.len()).sum();
        if kept > KEPT_PASSES * self.pass_names
            && let Some(frame) = self.frames[..depth].iter_mut().find(|frame| !frame.names.is_empty())
        {
            frame.names = Vec::new();
            frame.more = true;
        }
    }

    /// Reads the smallest names of the folder after the cursor that may lie in the range. Adds the folder's own
    /// marker, or why the folder cannot be listed.
    fn refill(&mut self, page: &mut Vec<Listed>) -> Result<()> {
        let prefix = self.top().prefix.clone();
        let is_first = self.top().cursor.is_none();
        let read = match self.open_top() {
            Ok(Some(dir)) => self.read(&dir, &prefix).map(|contents| Some((dir, contents))),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        let (dir, contents) = match read {
            Ok(Some(read)) => read,
            Ok(None) => {
                self.top().more = false;
                page.extend(self.behind_link(&prefix)?);
                return Ok(());
            }
            // For the root, and for a folder that was read in part, the listing fails.
            Err(error) if is_first && self.frames.len() > 1 && is_of_one_name(&error) => {
                self.top().more = false;
                page.push(unlisted(Span::Below(prefix), error.to_string(), true));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if let Some((first, count)) = contents.nameless.filter(|_| is_first) {
            let more = if count > 1 { format!("; and {} more in this folder", count - 1) } else { String::new() };
            let reason = format!(
                "the file name {first} is not UTF-8 and cannot be a key: rename it, or exclude its folder{more}"
            );
            let error = self.folder.error(ErrorKind::Unrepresentable, LIST, &prefix, reason);
            page.push(unlisted(Span::Nameless(prefix.clone()), error.to_string(), true));
        }
        let marker = contents.is_empty && self.range.contains(&prefix) && !prefix.is_empty();
        let marker = marker.then(|| dir.dir_metadata());
        let frame = self.top();
        (frame.names, frame.more, frame.dir) = (contents.names, contents.more, Some(dir));
        match marker {
            None => Ok(()),
            Some(Err(error)) if is_gone(&error) => Ok(()),
            Some(metadata) => {
                let metadata = metadata.map_err(|error| self.folder.fault(LIST, &prefix, error))?;
                page.push(Listed::Object(marker_entry(prefix, &metadata)));
                Ok(())
            }
        }
    }

    /// Reads an open folder once. If the folder is deleted meanwhile, its names are gone. If it is the root, the end of
    /// the listing reports that.
    fn read(&mut self, dir: &Dir, prefix: &str) -> Result<Contents> {
        let mut pass = Pass::new(self.pass_names, self.top().cursor.clone());
        let (mut nameless, mut is_empty): (Nameless, bool) = (None, true);
        let fail = |error| self.folder.fault(LIST, prefix, error);
        let entries = match dir.entries() {
            Err(error) if is_gone(&error) => {
                is_empty = false;
                None
            }
            entries => Some(entries.map_err(fail)?),
        };
        for entry in entries.into_iter().flatten() {
            is_empty = false;
            match entry {
                Err(error) if is_gone(&error) => break,
                entry => self.offer(&mut pass, &mut nameless, prefix, &entry.map_err(fail)?)?,
            }
        }
        let (names, more) = pass.finish();
        Ok(Contents { names, more, nameless, is_empty })
    }

    fn offer(&self, pass: &mut Pass, nameless: &mut Nameless, prefix: &str, entry: &DirEntry) -> Result<()> {
        let name = match entry.file_name().into_string() {
            Ok(name) => name,
            Err(name) => {
                let lossy = name.to_string_lossy();
                if may_contain(&self.range, prefix, &lossy) && self.filter.takes_key(&format!("{prefix}{lossy}")) {
                    nameless.get_or_insert_with(|| (format!("{name:?}"), 0)).1 += 1;
                }
                return Ok(());
            }
        };
        if prefix.is_empty() && name == PARTIALS {
            return Ok(());
        }
        let file_type = match entry.file_type() {
            Err(error) if is_gone(&error) => return Ok(()),
            file_type => file_type.map_err(|error| self.folder.fault(LIST, prefix, error))?,
        };
        let is_wanted = |name: &str| {
            may_contain(&self.range, prefix, name)
                && !(name.ends_with('/') && self.filter.excludes_below(&format!("{prefix}{name}")))
        };
        // A link comes twice: its own key, and the keys behind it, which are not listed.
        if file_type.is_dir() || file_type.is_symlink() {
            pass.offer(format!("{name}/"), is_wanted);
        }
        if !file_type.is_dir() {
            pass.offer(name, is_wanted);
        }
        Ok(())
    }

    fn top(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("called with a frame")
    }

    /// The object of a name: a file, or a link to a file within the root; `None` if it no longer exists.
    fn item(&mut self, name: &str) -> Result<Option<Listed>> {
        let key = format!("{}{name}", self.top().prefix);
        let Some(dir) = self.open_top()? else { return Ok(None) };
        let state = dir.symlink_metadata(name);
        self.top().dir = Some(dir);
        match state {
            Ok(metadata) if metadata.is_file() => Ok(Some(Listed::Object(file_entry(key, &metadata)))),
            Ok(metadata) if metadata.is_symlink() => self.link(key),
            // It became a folder since its name was read: no file is there any more.
            Ok(metadata) if metadata.is_dir() => Ok(None),
            Ok(_) => Ok(self.pass_over(key, "neither a file nor a folder")),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => self.unreadable(key, error),
        }
    }

    /// A link: the object of its target file, or a name that is passed over.
    fn link(&mut self, key: String) -> Result<Option<Listed>> {
        match self.root()?.metadata(&key) {
            Ok(metadata) if metadata.is_file() => Ok(Some(Listed::Object(file_entry(key, &metadata)))),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied && !leads_out(&error) => {
                self.unreadable(key, error)
            }
            Err(error) if kind_of(&error) == ErrorKind::Throttled => Err(fault("list", key, error)),
            // A link to a folder, to nothing, out of the root, or in a circle. An absolute link counts as one that leaves
            // the root.
            _ => Ok(self.pass_over(key, "a link that is absolute, or leads to no file in the folder")),
        }
    }

    /// The keys behind a link, if one stands at the prefix and is no object itself.
    fn behind_link(&mut self, prefix: &str) -> Result<Option<Listed>> {
        let key = prefix.trim_end_matches('/');
        let (folders, name) = key.rsplit_once('/').unwrap_or(("", key));
        let folders: Vec<String> = folders.split_terminator('/').map(str::to_owned).collect();
        let root = self.root()?;
        let parent = descend(root, &folders, false);
        let is_link = parent.is_ok_and(|parent| parent.symlink_metadata(name).is_ok_and(|link| link.is_symlink()));
        if !is_link || root.metadata(key).is_ok_and(|metadata| metadata.is_file()) {
            return Ok(None);
        }
        let reason = format!("{key:?} is a link, and links to folders are not followed");
        Ok(Some(unlisted(Span::Below(prefix.to_owned()), reason, false)))
    }

    fn pass_over(&mut self, key: String, why: &str) -> Option<Listed> {
        if !self.filter.takes_key(&key) {
            return None;
        }
        self.passed_over.add(&key, why);
        let reason = format!("{key:?} is left out: {why}");
        Some(unlisted(Span::Key(key), reason, false))
    }

    /// A file whose state cannot be read.
    fn unreadable(&self, key: String, error: std::io::Error) -> Result<Option<Listed>> {
        let error = self.folder.fault(LIST, &key, error);
        match is_of_one_name(&error) {
            true if !self.filter.takes_key(&key) => Ok(None),
            true => Ok(Some(unlisted(Span::Key(key), error.to_string(), true))),
            false => Err(error),
        }
    }
}

fn unlisted(keys: Span, reason: String, is_failure: bool) -> Listed {
    Listed::Unlisted(Unlisted { keys, reason, is_failure })
}

fn file_entry(key: String, metadata: &Metadata) -> Entry {
    Entry {
        size: metadata.len(),
        modified: modified_of(metadata),
        etag: Some(etag_of(metadata)),
        version: None,
        storage_class: None,
        key,
    }
}

fn marker_entry(key: String, metadata: &Metadata) -> Entry {
    Entry { size: 0, modified: modified_of(metadata), etag: None, version: None, storage_class: None, key }
}

/// Whether an error is about one name, so that the rest can be listed. The others are about this
/// process (too many open files) or the whole file system (no answer): every name would fail.
fn is_of_one_name(error: &Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::Exhausted | ErrorKind::Throttled | ErrorKind::Timeout | ErrorKind::NoSuchContainer
    )
}

/// Deleted, or replaced by something else, since its name was read.
fn is_gone(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// Whether a file's key, or any key below a folder (its name ends with `/`), lies in the range.
fn may_contain(range: &KeyRange, prefix: &str, name: &str) -> bool {
    let key = format!("{prefix}{name}");
    if !name.ends_with('/') {
        return range.contains(&key);
    }
    (key.starts_with(&range.prefix) || range.prefix.starts_with(&key))
        && range.after.as_deref().is_none_or(|after| after < key.as_str() || after.starts_with(&key))
        && range.until.as_deref().is_none_or(|until| until > key.as_str())
}

#[cfg(test)]
mod tests;
