//! One folder of a walk: its names, as they come in the folder's order, put in byte order of keys.
//!
//! Architecture invariant: no I/O here.

use std::collections::VecDeque;

use super::Next;
use crate::store::s3::page::{Ask, Page};
use shared::object::Entry;
use shared::store::KeyRange;

/// What comes next in a folder.
pub(super) enum Step {
    Object(Entry),
    Folder(Box<Next>),
}

/// A folder that is being listed.
pub(super) struct Level {
    /// What its keys begin with: empty, or ending with `/`.
    folder: String,
    /// The next page; `None` when all names have come.
    ask: Option<Ask>,
    /// The last name that came, and whether it was a folder's; or where the first page begins.
    last: Option<(String, bool)>,
    /// Folders (without their `/`) that a smaller key may still follow. Each begins with the one
    /// before it and goes on with a character below `/`, as every name that may come before them
    /// does: so they come out in reverse, and there are no more than a name has bytes.
    waiting: Vec<String>,
    /// In byte order.
    steps: VecDeque<Step>,
}

impl Level {
    /// A folder's listing, begun as late as the range allows. `can_be` tells whether there can be a
    /// folder of that name (with its `/`).
    pub fn open(range: &KeyRange, folder: String, can_be: &dyn Fn(&str) -> bool) -> Level {
        let name_prefix = range.prefix.strip_prefix(&folder).unwrap_or_default();
        let mut ask = Ask { prefix: format!("{folder}{name_prefix}"), by_folder: true, ..Ask::default() };
        let (mut waiting, mut last) = (Vec::new(), None);
        let after = range.after.as_deref().and_then(|after| after.strip_prefix(&folder)).unwrap_or_default();
        let (name, below) = after.split_once('/').map_or((after, None), |(name, below)| (name, Some(below)));
        let start = holdable(name);
        if !start.is_empty() {
            // Before the start in this folder's order, but after it in byte order.
            let ends = name.char_indices().skip(1).filter(|(_, c)| *c < '/').map(|(at, _)| at).chain([name.len()]);
            let early = ends.take_while(|end| *end <= start.len()).map(|end| &name[..end]);
            let early = early.filter(|name| name.starts_with(name_prefix) && can_be(&format!("{folder}{name}/")));
            waiting.extend(early.map(str::to_owned));
            // All that begins with the folder's name and goes on below `/` comes before what is in it.
            let skip = if below.is_some() && start == name { ".\u{10ffff}" } else { "" };
            ask.after = Some(format!("{folder}{start}{skip}"));
            last = Some((format!("{start}{skip}"), true));
        }
        Level { folder, ask: Some(ask), last, waiting, steps: VecDeque::new() }
    }

    /// What its keys begin with.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// What is to be asked for when there is no next step; `None` at the end.
    pub fn ask(&self) -> Option<&Ask> {
        self.ask.as_ref()
    }

    /// The next step of what has come so far.
    pub fn next(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// Folders among the steps to come.
    pub fn folders_to_come(&mut self) -> impl Iterator<Item = &mut Next> {
        self.steps.iter_mut().filter_map(|step| match step {
            Step::Folder(next) => Some(&mut **next),
            Step::Object(_) => None,
        })
    }

    /// Takes the page that was asked for. Fails, saying why, if it is not in the folder's order.
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
            self.ask = None;
            while let Some(folder) = self.waiting.pop() {
                self.push_folder(range, Some(folder), can_be);
            }
        } else if let Some(ask) = &mut self.ask {
            ask.next = page.next;
        }
        Ok(())
    }

    /// Names with the objects of that name, or none for a folder; in the folder's order, which is
    /// that of names, an object before the folder of its name.
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
        if may_hold(range, &folder) {
            let level = Level::open(range, folder, can_be);
            self.steps.push_back(Step::Folder(Box::new(Next { level, ahead: None })));
        }
    }
}

/// Whether any key that begins so may lie in the range, whose prefix and this one begin alike.
pub(super) fn may_hold(range: &KeyRange, beginning: &str) -> bool {
    range.after.as_deref().is_none_or(|after| after < beginning || after.starts_with(beginning))
        && range.until.as_deref().is_none_or(|until| until > beginning)
        && (beginning.starts_with(&range.prefix) || range.prefix.starts_with(beginning))
}

/// As much of a name as a folder's listing can begin after: a backslash would be taken for a slash,
/// `.` and `..` for ways, and a longer name than can be is none.
fn holdable(name: &str) -> &str {
    let cut = name.find(['\\', '\0']).unwrap_or(name.len()).min(255);
    let cut = (0..=cut).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    if matches!(&name[..cut], "." | "..") { "" } else { &name[..cut] }
}
