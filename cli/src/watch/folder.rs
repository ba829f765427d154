//! A folder that is followed: changes that the system reports become jobs on the queue of events.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use notify::{Config, INotifyWatcher, Watcher as _};
use shared::filter::Filter;
use shared::object::Timestamp;
use shared::queue::Queue;
use shared::store::{KeyRange, Listed, Store};
use shared::sync::lock;
use shared::{ErrorKind, terminal};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::changes::{Changes, NameChange, Taken};
use super::jobs::pack;
use super::tree::{Tree, Unwatched};
use crate::exit::Failure;
use crate::verbosity::note;

/// Changes are taken when none has come for so long, or the first has waited for [`GATHER_AT_MOST`]: what happens to
/// one file at one time is one job.
const QUIET: Duration = Duration::from_millis(100);
const GATHER_AT_MOST: Duration = Duration::from_secs(1);

/// The delay of jobs that a removal would disturb. At a destination that is a folder, a removal also removes the folder
/// that it leaves empty, and a file keeps a folder of its name from being made.
const LATER: Duration = Duration::from_secs(2);

/// First pause before a queue or a store that failed is tried again; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// After a signal to stop, the changes gathered so far are enqueued within this time.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Changes from the watcher's thread to the follower.
struct Inbox {
    changes: Mutex<Changes>,
    arrival: Notify,
    missed: Notify,
}

impl Inbox {
    fn changes(&self) -> MutexGuard<'_, Changes> {
        lock(&self.changes)
    }

    fn miss(&self) {
        self.changes().miss();
        self.missed.notify_waiters();
    }

    /// Waits for changes, and then until none comes for [`QUIET`]. Returns at once after `stop`.
    async fn gathered(&self, stop: &CancellationToken) -> Taken {
        let mut since = None;
        loop {
            // Asked for before looking: what comes in between wakes it too.
            let arrival = self.arrival.notified();
            let now = Instant::now();
            let due = self.changes().due(now);
            if stop.is_cancelled() {
                return self.changes().take(now, true);
            }
            let due = match due {
                Some(due) if due <= now => {
                    let first = *since.get_or_insert(now);
                    if now >= first + GATHER_AT_MOST {
                        return self.changes().take(now, false);
                    }
                    now + QUIET
                }
                due => due.unwrap_or(now + Duration::from_secs(3600)),
            };
            tokio::select! {
                () = arrival => {}
                () = stop.cancelled() => {}
                () = sleep_until(due) => if since.is_some() {
                    return self.changes().take(Instant::now(), false);
                },
            }
        }
    }
}

/// The task whose source is followed.
pub struct Followed {
    /// The task, as its jobs name it.
    pub task: String,
    /// Where objects come from.
    pub source: Store,
    /// Where they go.
    pub destination: Store,
    /// Where jobs for changed keys are put.
    pub events: Queue,
    /// The keys that the task takes.
    pub filter: Arc<Filter>,
    /// Whether deletions are followed.
    pub deletes: bool,
}

/// A folder that is followed until [`end`](Self::end).
pub struct Folder {
    inbox: Arc<Inbox>,
    tree: Arc<Mutex<Tree<INotifyWatcher>>>,
    follower: JoinHandle<()>,
    stop: CancellationToken,
    /// Whether it was said that folders are not watched.
    said: bool,
}

impl Folder {
    /// Begins to follow a task's source, which is this folder. Nothing is watched before
    /// [`watch_all`](Self::watch_all).
    pub fn follow(followed: Followed, path: &Path) -> Result<Folder, Failure> {
        let inbox =
            Arc::new(Inbox { changes: Mutex::new(Changes::of(path)), arrival: Notify::new(), missed: Notify::new() });
        let listener = inbox.clone();
        let watcher = INotifyWatcher::new(
            move |report| {
                let mut changes = listener.changes();
                let is_news = changes.note(report, Instant::now(), Timestamp::now());
                let missed = changes.has_missed();
                drop(changes);
                if is_news {
                    listener.arrival.notify_waiters();
                }
                if missed {
                    listener.missed.notify_waiters();
                }
            },
            Config::default(),
        );
        let watcher = watcher.map_err(|why| {
            Failure::usage(format!("source: cannot watch folder {}: {why}; use sync --every", path.display()))
        })?;
        let tree = Arc::new(Mutex::new(Tree::new(path, watcher)));
        let stop = CancellationToken::new();
        let follower =
            Follower { followed, path: path.to_owned(), inbox: inbox.clone(), tree: tree.clone(), stop: stop.clone() };
        let follower = tokio::spawn(follower.run());
        Ok(Folder { inbox, tree, follower, stop, said: false })
    }

    /// Watches every folder that there is now. To be called before a scan: what the watcher missed until now, that finds.
    pub async fn watch_all(&mut self) {
        self.inbox.changes().take_missed();
        let unwatched = on_tree(&self.tree, Tree::watch_all).await.unwrap_or_default();
        let some = unwatched.count > 0;
        if some && !self.said {
            let watched = on_tree(&self.tree, |tree| tree.len()).await.unwrap_or_default();
            note(unwatched.describe(watched));
        }
        self.said = some;
    }

    /// Waits until something may have been missed that a scan would find.
    pub async fn missed(&self) {
        loop {
            let missed = self.inbox.missed.notified();
            if self.inbox.changes().has_missed() {
                return;
            }
            missed.await;
        }
    }

    /// Ends in good order. Returns whether every reported change is on the queue.
    pub async fn end(mut self) -> bool {
        self.stop.cancel();
        let ended = timeout(LAST_WORDS, &mut self.follower).await;
        self.follower.abort();
        matches!(ended, Ok(Ok(()))) && !self.inbox.changes().has_missed()
    }
}

impl Unwatched {
    fn describe(&self, watched: usize) -> String {
        let what = terminal::counted(self.count, "folder");
        let first = terminal::escaped(self.first.as_deref().unwrap_or_default());
        let remedy = if self.at_limit { "; raise fs.inotify.max_user_watches (sysctl)" } else { "" };
        format!("{what} cannot be watched, {watched} are watched ({first}){remedy}: scans find the changes there")
    }
}

/// Runs what blocks on the tree; `None` if that broke down.
async fn on_tree<T: Send + 'static>(
    tree: &Arc<Mutex<Tree<INotifyWatcher>>>,
    work: impl FnOnce(&mut Tree<INotifyWatcher>) -> T + Send + 'static,
) -> Option<T> {
    let tree = tree.clone();
    spawn_blocking(move || work(&mut lock(&tree))).await.ok()
}

/// Turns names into jobs.
struct Follower {
    followed: Followed,
    path: PathBuf,
    inbox: Arc<Inbox>,
    tree: Arc<Mutex<Tree<INotifyWatcher>>>,
    stop: CancellationToken,
}

/// Names, sorted into files and folders.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sorted {
    /// Files, and names that no longer exist.
    keys: Vec<(String, Timestamp)>,
    /// Folders, with their slash, and what happened to them.
    folders: Vec<(String, NameChange)>,
    /// Folders that are there and empty, and files where a folder was.
    later: Vec<(String, Timestamp)>,
}

impl Follower {
    async fn run(self) {
        let mut named = false;
        loop {
            let taken = self.inbox.gathered(&self.stop).await;
            if let Some(name) = taken.nameless.filter(|_| !std::mem::replace(&mut named, true)) {
                tracing::warn!(
                    "{:?} is not UTF-8 and cannot be a key: this file is left out, and so are all others like it: rename them",
                    name.to_string_lossy()
                );
            }
            if !taken.names.is_empty() && !self.enqueue(taken.names).await {
                self.inbox.miss();
            }
            if self.stop.is_cancelled() {
                return;
            }
        }
    }

    /// Puts names on the queue; whether all that they stand for is there.
    async fn enqueue(&self, names: BTreeMap<String, NameChange>) -> bool {
        let deletes = self.followed.deletes;
        let Some((sorted, unwatched)) = on_tree(&self.tree, move |tree| sort(tree, names, deletes)).await else {
            return false;
        };
        let mut whole = unwatched.count == 0;
        whole &= self.persist(|| self.send(sorted.keys.clone(), Duration::ZERO)).await;
        for (folder, change) in &sorted.folders {
            // The folder was read after it was watched.
            let delay = if change.removed { LATER } else { Duration::ZERO };
            whole &= self.persist(|| self.send_below(&self.followed.source, folder, change.time, delay)).await;
            if change.removed && deletes {
                whole &= self
                    .persist(|| self.send_below(&self.followed.destination, folder, change.time, Duration::ZERO))
                    .await;
            }
        }
        whole & self.persist(|| self.send(sorted.later.clone(), LATER)).await
    }

    /// Tries again for as long as the reason may pass; whether it was done.
    async fn persist<F>(&self, work: impl Fn() -> F) -> bool
    where
        F: Future<Output = shared::Result<()>>,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            let Err(error) = work().await else { return true };
            let may_pass = error.is_retryable() || error.is_backend() || error.kind() == ErrorKind::Exhausted;
            let goes_on = may_pass && !self.stop.is_cancelled();
            let then = if goes_on { "trying again" } else { "the next scan finds them" };
            tracing::warn!(%error, "could not put changed keys below {} on the queue: {then}", self.path.display());
            if !goes_on {
                return false;
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = self.stop.cancelled() => {}
            }
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Sends the keys that the task takes.
    async fn send(&self, keys: Vec<(String, Timestamp)>, delay: Duration) -> shared::Result<()> {
        let Followed { task, filter, events, .. } = &self.followed;
        let taken = keys.into_iter().filter(|(key, _)| filter.takes_key(key) && filter.reaches(key));
        let messages = pack(task, taken, delay);
        // Cut off or done with its answer lost, all is sent again: a key that is looked at twice does no harm.
        if messages.is_empty() { Ok(()) } else { events.send(&messages).await }
    }

    /// Sends every key that a store lists below a folder, page by page.
    async fn send_below(&self, store: &Store, folder: &str, time: Timestamp, delay: Duration) -> shared::Result<()> {
        let range = KeyRange { prefix: folder.to_owned(), ..KeyRange::default() };
        let mut pages = store.list_filtered(range, &self.followed.filter);
        while let Some(page) = pages.next_page().await? {
            for listed in &page {
                if let Listed::Unlisted(unlisted) = listed
                    && unlisted.is_failure
                {
                    tracing::warn!("cannot follow changes below {folder}: {}", unlisted.reason);
                }
            }
            self.send(Listed::objects(page).map(|entry| (entry.key, time)).collect(), delay).await?;
        }
        Ok(())
    }
}

/// Sorts names into files and folders, and watches the folders.
fn sort<W: notify::Watcher>(
    tree: &mut Tree<W>,
    names: BTreeMap<String, NameChange>,
    deletes: bool,
) -> (Sorted, Unwatched) {
    let (mut sorted, mut unwatched) = (Sorted::default(), Unwatched::default());
    let slashed = |name: &str| format!("{name}/");
    let were_folders: BTreeSet<String> =
        names.keys().map(|name| slashed(name)).filter(|name| tree.holds(name)).collect();
    // Before any is watched under a new name.
    for (name, _) in names.iter().filter(|(_, change)| change.removed) {
        tree.unwatch_below(&slashed(name));
    }
    let mut emptied = BTreeMap::new();
    // Folders that are looked through, and whether the destination's are.
    let mut through: BTreeMap<String, bool> = BTreeMap::new();
    for (name, change) in names {
        if let Some((parent, _)) = name.rsplit_once('/').filter(|_| change.removed) {
            emptied.insert(slashed(parent), change.time);
        }
        let folder = slashed(&name);
        let (is_folder, was_folder) = (tree.is_folder(&name), were_folders.contains(&folder));
        if !is_folder && was_folder && change.arrived {
            sorted.later.push((name, change.time));
        } else if !is_folder && (change.arrived || !change.removed || deletes) || change.removed && deletes {
            // Where a folder is now, a file may have been.
            sorted.keys.push((name, change.time));
        }
        if !(is_folder || was_folder) || was_folder && !change.arrived && !change.removed {
            continue;
        }
        if is_folder {
            unwatched.add(tree.watch_below(&folder));
        }
        let mut outer = folder.match_indices('/').map(|(end, _)| &folder[..=end]);
        if !outer.any(|outer| through.get(outer).is_some_and(|both| *both || !change.removed)) {
            through.insert(folder.clone(), change.removed);
            sorted.folders.push((folder, change));
        }
    }
    sorted.later.extend(emptied.into_iter().filter(|(folder, _)| tree.is_empty_folder(folder)));
    (sorted, unwatched)
}

#[cfg(test)]
mod tests;
