//! Listing a tree of folders in byte order of keys, in bounded memory.
//!
//! Depth first. In each folder, names are sorted as they stand in keys, folders with their `/`:
//! `a-b` before `a/` before `a0`. A pass over a folder keeps the smallest names only; the next
//! pass begins after the last of them. Ten million files in one folder take some eighty passes
//! and the memory of one.

//! A name that cannot be a key, or a folder that cannot be read, does not hide the rest: everything
//! else is listed, and then the listing fails, naming the first of them, so that nobody takes it
//! for complete.

use std::collections::BinaryHeap;

use async_trait::async_trait;
use cap_std::fs::{Dir, Metadata};

use super::fault::{PAGE, blocking};
use super::folder::{Folder, descend, etag_of, leads_out, modified_of};
use super::name::PARTIALS;
use crate::object::Entry;
use crate::store::{KeyRange, Listing};
use crate::{Error, ErrorKind, Result};

/// Most entries of a page, as in the listings of S3.
const PAGE_ENTRIES: usize = 1000;

/// Most names that one pass over a folder keeps: some 10 MB.
pub(super) const PASS_NAMES: usize = 128 << 10;

/// Most names kept by all folders on the way to the present one, as a multiple of a pass; beyond
/// it the outermost folder forgets its names and is read again when its turn comes.
const KEPT_PASSES: usize = 4;

/// Most folders on the way that are held open; the others are opened again when their turn comes.
const OPEN_FOLDERS: usize = 32;

const LIST: &str = "list";

/// A listing under way.
pub(super) struct FileListing {
    folder: Folder,
    /// `None` after an error, and while a page is being read.
    walk: Option<Walk>,
}

impl FileListing {
    /// A listing that has touched nothing yet.
    pub fn new(folder: Folder, range: KeyRange, pass_names: usize) -> Self {
        FileListing { walk: Some(Walk::new(folder.clone(), range, pass_names)), folder }
    }
}

#[async_trait]
impl Listing for FileListing {
    async fn next_page(&mut self) -> Result<Option<Vec<Entry>>> {
        let subject = self.folder.location.to_string();
        let Some(mut walk) = self.walk.take() else {
            return Err(Error::new(
                ErrorKind::Invalid,
                LIST,
                subject,
                "the listing has failed before; begin a new one",
            ));
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
    /// What its keys begin with: empty, or ending with `/`.
    prefix: String,
    /// The folder, while it is held open.
    dir: Option<Dir>,
    /// The names to come, the next one last; a folder's ends with `/`.
    names: Vec<String>,
    /// The last name taken.
    cursor: Option<String>,
    /// Whether the folder holds more names than these.
    more: bool,
}

/// One reading of a folder: the smallest names after a cursor, a bounded number of them.
struct Pass {
    limit: usize,
    cursor: Option<String>,
    smallest: BinaryHeap<String>,
    /// What is neither file nor folder nor link.
    strange: Vec<String>,
    more: bool,
}

/// What a pass over a folder found.
enum Found {
    /// Names, or none that may be wanted.
    Names,
    /// Nothing at all: the folder is all that is left of its marker.
    Empty(Entry),
}

impl Pass {
    fn new(limit: usize, cursor: Option<String>) -> Self {
        Pass { limit, cursor, smallest: BinaryHeap::new(), strange: Vec::new(), more: false }
    }

    /// Keeps the name if it comes after the cursor, is among the smallest, and may be wanted.
    fn offer(&mut self, name: String, is_known: bool, may_be_wanted: impl FnOnce(&str) -> bool) {
        let is_full = self.smallest.len() >= self.limit;
        if self.cursor.as_ref().is_some_and(|cursor| name <= *cursor) {
            return;
        }
        if is_full && self.smallest.peek().is_some_and(|largest| name > *largest) {
            self.more = true;
            return;
        }
        if !may_be_wanted(&name) {
            return;
        }
        if !is_known {
            self.strange.push(name);
            self.strange.truncate(self.limit);
            return;
        }
        self.smallest.push(name);
        if is_full {
            self.smallest.pop();
            self.more = true;
        }
    }

    /// The names, the first one last; what is strange among them; and whether there are more. Later
    /// passes meet again what is strange: it counts in the pass that covers its stretch.
    fn finish(mut self) -> (Vec<String>, Vec<String>, bool) {
        let last = self.smallest.peek().filter(|_| self.more);
        self.strange.retain(|name| last.is_none_or(|last| name <= last));
        let mut names = self.smallest.into_sorted_vec();
        names.reverse();
        (names, self.strange, self.more)
    }
}

struct Walk {
    folder: Folder,
    range: KeyRange,
    pass_names: usize,
    root: Option<Dir>,
    frames: Vec<Frame>,
    passed_over: u64,
    first_passed_over: String,
    /// What could not be listed: the first of them, and how many.
    unlisted: Option<(Error, u64)>,
}

impl Walk {
    fn new(folder: Folder, range: KeyRange, pass_names: usize) -> Self {
        let top = Frame { prefix: String::new(), dir: None, names: Vec::new(), cursor: None, more: true };
        let frames = vec![top];
        let (root, first_passed_over, unlisted) = (None, String::new(), None);
        Walk { folder, range, pass_names, root, frames, passed_over: 0, first_passed_over, unlisted }
    }

    /// The next entries; none at the end.
    fn page(&mut self) -> Result<Vec<Entry>> {
        let mut page = Vec::new();
        while page.len() < PAGE_ENTRIES {
            let Some(frame) = self.frames.last_mut() else { break };
            if let Some(name) = frame.names.pop() {
                frame.cursor = Some(name.clone());
                if name.ends_with('/') { self.enter(&name)? } else { page.extend(self.entry(&name)?) }
            } else if frame.more {
                if let Found::Empty(marker) = self.refill()? {
                    page.push(marker);
                }
            } else {
                self.frames.pop();
                if self.frames.is_empty() {
                    self.finish()?;
                }
            }
        }
        match self.unlisted.take_if(|_| page.is_empty()) {
            None => Ok(page),
            Some((first, 1)) => Err(first),
            Some((first, count)) => {
                let message = format!("{}; and {} more cannot be listed", first.message(), count - 1);
                Err(self.folder.error(first.kind(), LIST, "", message))
            }
        }
    }

    fn not_listed(&mut self, error: Error, count: u64) {
        self.unlisted.get_or_insert((error, 0)).1 += count;
    }

    /// The root was there from beginning to end, or the listing does not count: an unmounted or
    /// deleted folder looks like an empty one to whoever has it open.
    fn finish(&mut self) -> Result<()> {
        use cap_std::fs::MetadataExt as _;
        let identity = |dir: &Dir| dir.dir_metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        let now = self.folder.open(LIST)?;
        let same = match &self.root {
            Some(root) => identity(root).and_then(|then| Ok(then == identity(&now)?)),
            None => Ok(true),
        };
        if !same.map_err(|error| self.folder.fault(LIST, "", error))? {
            return Err(self.folder.no_container(LIST, "the folder was replaced by another while it was listed"));
        }
        if self.passed_over > 0 {
            tracing::warn!(
                location = %self.folder.location, count = self.passed_over, first = ?self.first_passed_over,
                "passed over links that lead to no file in the folder, and what is neither file nor folder"
            );
        }
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

    fn enter(&mut self, name: &str) -> Result<()> {
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
        Ok(())
    }

    /// Reads the folder for the smallest names after the cursor that may lie in the range.
    fn refill(&mut self) -> Result<Found> {
        let dir = match self.open_top() {
            Ok(dir) => dir,
            // A folder below the root that is closed to us.
            Err(error) if error.kind() == ErrorKind::Denied && self.frames.len() > 1 => {
                self.not_listed(error, 1);
                None
            }
            Err(error) => return Err(error),
        };
        let Some(dir) = dir else {
            self.top().more = false;
            return Ok(Found::Names);
        };
        let prefix = self.top().prefix.clone();
        let mut pass = Pass::new(self.pass_names, self.top().cursor.clone());
        let (mut nameless, mut count) = (None, 0);
        let mut is_empty = true;
        let fail = |error| self.folder.fault(LIST, &prefix, error);
        // A folder that is deleted while it is read ends in an error: what was in it is gone. If it
        // is the root, the end of the listing tells.
        let entries = match dir.entries() {
            Err(error) if is_gone(&error) => {
                is_empty = false;
                None
            }
            entries => Some(entries.map_err(fail)?),
        };
        for entry in entries.into_iter().flatten() {
            is_empty = false;
            let entry = match entry {
                Err(error) if is_gone(&error) => break,
                entry => entry.map_err(fail)?,
            };
            let file_type = match entry.file_type() {
                Err(error) if is_gone(&error) => continue,
                file_type => file_type.map_err(fail)?,
            };
            let mut name = match entry.file_name().into_string() {
                Ok(name) => name,
                Err(name) => {
                    let message =
                        format!("the file name {name:?} is not UTF-8 and cannot be a key: rename it, or move it");
                    nameless
                        .get_or_insert_with(|| self.folder.error(ErrorKind::Unrepresentable, LIST, &prefix, message));
                    count += 1;
                    continue;
                }
            };
            if prefix.is_empty() && name == PARTIALS {
                continue;
            }
            if file_type.is_dir() {
                name.push('/');
            }
            let is_known = file_type.is_dir() || file_type.is_file() || file_type.is_symlink();
            pass.offer(name, is_known, |name| may_hold(&self.range, &prefix, name));
        }
        let (names, strange, more) = pass.finish();
        // Counted on the folder's first pass only.
        if let Some(error) = nameless.filter(|_| self.top().cursor.is_none()) {
            self.not_listed(error, count);
        }
        for name in strange {
            self.pass_over(format!("{prefix}{name}"));
        }
        let marker = (is_empty && self.range.contains(&prefix) && !prefix.is_empty()).then(|| dir.dir_metadata());
        let frame = self.top();
        (frame.names, frame.more, frame.dir) = (names, more, Some(dir));
        match marker {
            None => Ok(Found::Names),
            Some(Err(error)) if is_gone(&error) => Ok(Found::Names),
            Some(metadata) => Ok(Found::Empty(Entry {
                size: 0,
                modified: modified_of(&metadata.map_err(|error| self.folder.fault(LIST, &prefix, error))?),
                etag: None,
                version: None,
                storage_class: None,
                key: prefix,
            })),
        }
    }

    fn top(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("called with a frame")
    }

    /// The entry of a file, or of a link to one within the root; `None` if it is neither, or gone.
    fn entry(&mut self, name: &str) -> Result<Option<Entry>> {
        let key = format!("{}{name}", self.top().prefix);
        let Some(dir) = self.open_top()? else { return Ok(None) };
        let mut state = dir.symlink_metadata(name);
        self.top().dir = Some(dir);
        if state.as_ref().is_ok_and(Metadata::is_symlink) {
            state = self.root()?.metadata(&key);
            // Dangling, leading out, or in a circle: a link that is no file, whatever the reason.
            if !state.as_ref().is_ok_and(Metadata::is_file) {
                return match state {
                    Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied && !leads_out(&error) => {
                        Err(self.folder.fault(LIST, &key, error))
                    }
                    _ => {
                        self.pass_over(key);
                        Ok(None)
                    }
                };
            }
        }
        match state {
            Ok(metadata) if metadata.is_file() => Ok(Some(Entry {
                size: metadata.len(),
                modified: modified_of(&metadata),
                etag: Some(etag_of(&metadata)),
                version: None,
                storage_class: None,
                key,
            })),
            // Became something else since the folder was read: no file is there any more.
            Ok(_) => Ok(None),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(self.folder.fault(LIST, &key, error)),
        }
    }

    fn pass_over(&mut self, key: String) {
        if self.passed_over == 0 {
            self.first_passed_over = key;
        }
        self.passed_over += 1;
    }
}

/// Deleted, or replaced by something else, since its name was read.
fn is_gone(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// Whether a file's key, or any key below a folder (its name ends with `/`), lies in the range.
fn may_hold(range: &KeyRange, prefix: &str, name: &str) -> bool {
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
