//! One folder of a walk: takes its names in the folder's order, and returns them in byte order of keys.
//!
//! Architecture invariant: no I/O here.

use std::collections::VecDeque;

use super::Next;
use crate::store::s3::page::{Page, PageRequest};
use shared::object::Entry;
use shared::store::KeyRange;

/// The next item of a folder.
pub(super) enum Step {
    Object(Entry),
    Folder(Box<Next>),
}

/// A folder that is being listed.
pub(super) struct Level {
    /// The beginning of its keys: empty, or ending with `/`.
    folder: String,
    /// The next page; `None` after the last one.
    request: Option<PageRequest>,
    /// The last name so far, and whether it is a folder's; at first the name where the first page begins.
    last: Option<(String, bool)>,
    /// Folders (without their `/`) for which a smaller key may still come. Each one begins with the folder
    /// before it and continues with a character below `/`, as does every name that may come before them. So
    /// they leave in reverse order, and there are at most as many as a name has bytes.
    waiting: Vec<String>,
    /// In byte order.
    steps: VecDeque<Step>,
}

impl Level {
    /// Opens a folder's listing as late as the range allows. `can_be`: whether a folder can have this name
    /// (with its `/`).
    pub fn open(range: &KeyRange, folder: String, can_be: &dyn Fn(&str) -> bool) -> Level {
        let name_prefix = range.prefix.strip_prefix(&folder).unwrap_or_default();
        let prefix = format!("{folder}{name_prefix}");
        let mut request = PageRequest { prefix, by_folder: true, ..PageRequest::default() };
        let (mut waiting, mut last) = (Vec::new(), None);
        let after = range.after.as_deref().and_then(|after| after.strip_prefix(&folder)).unwrap_or_default();
        let (name, below) = after.split_once('/').map_or((after, None), |(name, below)| (name, Some(below)));
        let start = holdable(name);
        if !start.is_empty() {
            // These folders come before the start in this folder's order, but after it in byte order.
            let ends = name.char_indices().skip(1).filter(|(_, c)| *c < '/').map(|(at, _)| at).chain([name.len()]);
            let early = ends.take_while(|end| *end <= start.len()).map(|end| &name[..end]);
            let early = early.filter(|name| name.starts_with(name_prefix) && can_be(&format!("{folder}{name}/")));
            waiting.extend(early.map(str::to_owned));
            // Names that begin with the folder's name and continue below `/` come before its contents.
            let skip = if below.is_some() && start == name { ".\u{10ffff}" } else { "" };
            request.after = Some(format!("{folder}{start}{skip}"));
            last = Some((format!("{start}{skip}"), true));
        }
        Level { folder, request: Some(request), last, waiting, steps: VecDeque::new() }
    }

    /// The beginning of its keys.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The page to request when there is no next step; `None` at the end.
    pub fn request(&self) -> Option<&PageRequest> {
        self.request.as_ref()
    }

    /// The next step from the pages so far.
    pub fn next(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// The folders among the next steps.
    pub fn folders_to_come(&mut self) -> impl Iterator<Item = &mut Next> {
        self.steps.iter_mut().filter_map(|step| match step {
            Step::Folder(next) => Some(&mut **next),
            Step::Object(_) => None,
        })
    }

    /// Adds the requested page. Fails with the reason if it is not in the folder's order.
    pub fn take(&mut self, range: &KeyRange, page: Page, can_be: &dyn Fn(&str) -> bool) -> Result<(), String> {
        let mut is_last = page.next.is_none();
        for (name, entry) in self.in_order(page.objects, page.folders)? {
            while self.waiting.last().is_some_and(|folder| *format!("{folder}/") < *name) {
                let folder = self.waiting.pop();
                self.push_folder(range, folder, can_be);
            }
            if range.until.as_deref().is_some_and(|until| *format!("{}{name}", self.folder) >= *until) {
                is_last = true;
                break;
            }
            match entry {
                Some(entry) if range.contains(&entry.key) => self.steps.push_back(Step::Object(entry)),
                Some(_) => {}
                None => self.waiting.push(name),
            }
        }
        if is_last {
            self.request = None;
            while let Some(folder) = self.waiting.pop() {
                self.push_folder(range, Some(folder), can_be);
            }
        } else if let Some(request) = &mut self.request {
            request.next = page.next;
        }
        Ok(())
    }

    /// Names, each with its object, or `None` for a folder, in the folder's order: by name, an object before
    /// the folder of the same name.
    fn in_order(&mut self, objects: Vec<Entry>, folders: Vec<String>) -> Result<Vec<(String, Option<Entry>)>, String> {
        let mut names = Vec::with_capacity(objects.len() + folders.len());
        for entry in objects {
            names.push((self.name(&entry.key)?.to_owned(), Some(entry)));
        }
        for folder in folders {
            let name = folder
                .strip_suffix('/')
                .ok_or_else(|| format!("the listing has the folder {folder:?}, whose name does not end with /"))?;
            names.push((self.name(name)?.to_owned(), None));
        }
        let place = |name: &(String, Option<Entry>)| (name.0.clone(), name.1.is_none());
        let objects_and_folders = names.chunk_by(|a, b| a.1.is_some() == b.1.is_some());
        for pair in objects_and_folders.flat_map(|kind| kind.windows(2)) {
            self.check(&pair[0].0, &pair[1].0, pair[0].0 < pair[1].0)?;
        }
        names.sort_by(|a, b| (&a.0, a.1.is_none()).cmp(&(&b.0, b.1.is_none())));
        if let (Some(last), Some(first)) = (&self.last, names.first()) {
            self.check(&last.0, &first.0, *last < place(first))?;
        }
        self.last = names.last().map(place).or(self.last.take());
        Ok(names)
    }

    fn check(&self, before: &str, name: &str, in_order: bool) -> Result<(), String> {
        let message = || {
            format!(
                "the store does not list folders in byte order ({name:?} after {before:?}), so the listing is not reliable: report this to the vendor"
            )
        };
        in_order.then_some(()).ok_or_else(message)
    }

    fn name<'a>(&self, key: &'a str) -> Result<&'a str, String> {
        let name = key.strip_prefix(&self.folder).filter(|name| !name.contains('/'));
        name.ok_or_else(|| format!("{key:?} is not in the requested folder"))
    }

    fn push_folder(&mut self, range: &KeyRange, name: Option<String>, can_be: &dyn Fn(&str) -> bool) {
        let Some(name) = name else { return };
        let folder = format!("{}{name}/", self.folder);
        if may_contain(range, &folder) {
            let level = Level::open(range, folder, can_be);
            self.steps.push_back(Step::Folder(Box::new(Next { level, ahead: None })));
        }
    }
}

/// Whether the range may contain a key with this beginning.
pub(super) fn may_contain(range: &KeyRange, beginning: &str) -> bool {
    range.after.as_deref().is_none_or(|after| after < beginning || after.starts_with(beginning))
        && range.until.as_deref().is_none_or(|until| until > beginning)
        && (beginning.starts_with(&range.prefix) || range.prefix.starts_with(beginning))
}

/// The beginning of a name after which a folder's listing can start: the store takes a backslash for a slash
/// and `.` and `..` for relative paths, and it accepts no longer name.
fn holdable(name: &str) -> &str {
    let cut = name.find(['\\', '\0']).unwrap_or(name.len()).min(255);
    let cut = (0..=cut).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    if matches!(&name[..cut], "." | "..") { "" } else { &name[..cut] }
}
