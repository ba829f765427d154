//! Follows the folders of tasks with events, in the process that serves them.
//!
//! A folder is watched before a run reads it, so a change is reported or found, or both. Changes that may have been
//! missed (while no process watched, or when the system lost reports) bring a run: `catch-up` in the task's history.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adapters::open;
use shared::config::{Config, FollowedEvents, TaskDefinition};
use shared::location::{Location, Scheme};
use shared::tasks::{Summary, TaskRef, TaskState};
use shared::{Error, ErrorKind, Result};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use worker::Follow;

use super::backoff::Backoff;
use super::begin::begin_run;
use super::context::FleetContext;
use super::prefix_list::ListReader;
use crate::watch::folder::{Folder, Followed};

/// How often it is looked whether a run can begin: none is live, and the task is active.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Least time between two runs that a watcher asks for.
const LEAST_GAP: Duration = Duration::from_secs(10);

/// Who begins these runs, in records.
pub const CATCH_UP: &str = "catch-up";

/// The folders that are followed.
pub struct Folders {
    context: Arc<FleetContext>,
    followed: BTreeMap<String, Entry>,
}

/// A task whose folder is or was followed, with the wanted state; `None`: the folder is to be left.
struct Entry {
    wanted: watch::Sender<Option<Summary>>,
    follower: JoinHandle<()>,
}

impl Folders {
    /// Follows nothing yet.
    pub fn new(context: Arc<FleetContext>) -> Folders {
        Folders { context, followed: BTreeMap::new() }
    }

    /// Follows the folders of these tasks, each under the present version of its definition.
    pub fn follow(&mut self, summaries: &[Summary]) {
        // The follower of a task that is gone ends by itself.
        self.followed.retain(|id, entry| {
            summaries.iter().any(|summary| summary.task.id == *id) && !entry.follower.is_finished()
        });
        for summary in summaries {
            let wanted = follows(summary).then(|| summary.clone());
            let version = |summary: &Option<Summary>| summary.as_ref().map(|summary| summary.version);
            match self.followed.get(&summary.task.id) {
                Some(entry) => {
                    entry.wanted.send_if_modified(|present| {
                        let differs = version(present) != version(&wanted);
                        *present = wanted;
                        differs
                    });
                }
                None if wanted.is_some() => {
                    let (sender, wanted) = watch::channel(wanted);
                    let watcher = Watcher { context: self.context.clone(), task: summary.task.clone(), wanted };
                    let entry = Entry { wanted: sender, follower: tokio::spawn(watcher.run()) };
                    self.followed.insert(summary.task.id.clone(), entry);
                }
                None => {}
            }
        }
    }

    /// Ends in good order: what was reported is put on the queues.
    pub async fn end(self) {
        self.followed.values().for_each(|entry| drop(entry.wanted.send_replace(None)));
        for Entry { wanted, follower } in self.followed.into_values() {
            drop(wanted);
            let _ = follower.await;
        }
    }
}

/// Whether a task's source is a folder whose changes it follows.
fn follows(summary: &Summary) -> bool {
    let is_folder = || summary.outline.source.parse::<Location>().is_ok_and(|place| place.scheme() == Scheme::File);
    summary.state != TaskState::Deleting && summary.outline.events && is_folder()
}

/// Follows one folder.
struct Watcher {
    context: Arc<FleetContext>,
    task: TaskRef,
    wanted: watch::Receiver<Option<Summary>>,
}

impl Watcher {
    /// Follows while that is wanted, one follower after the other. What fails is tried again with growing delay.
    async fn run(mut self) {
        let mut backoff = Backoff::default();
        while self.wanted.has_changed().is_ok() {
            let Some(summary) = self.wanted.borrow_and_update().clone() else {
                // Also when nobody can want anything any more.
                let _ = self.wanted.changed().await;
                continue;
            };
            let Err(error) = self.follow(&summary).await else {
                backoff.reset();
                continue;
            };
            let delay = backoff.next();
            tracing::error!(task = self.task.name, %error, "cannot follow the folder, trying again in {delay:?}");
            tokio::select! {
                () = sleep(delay) => {}
                _ = self.wanted.changed() => {}
            }
        }
    }

    /// Follows until something else is wanted.
    async fn follow(&mut self, summary: &Summary) -> Result<()> {
        let definition = self.definition(summary.version).await?;
        let config = definition.on(self.context.fleet(), &self.task.id);
        let listed = open::with_prefixes(&config).await?;
        let (followed, path) = self.open(summary, &definition, &listed).await?;
        let refused = |failure: crate::exit::Failure| self.error(ErrorKind::Unavailable, failure.message);
        let mut folder = Folder::follow(followed, &path).map_err(refused)?;
        let (mut wanted, list) = (self.wanted.clone(), ListReader::default());
        let result = tokio::select! {
            result = self.keep(&mut folder) => result,
            // The next follower reads the list, and has a run made.
            _ = list.changed(&config, &listed) => Ok(()),
            () = self.until_other(&mut wanted, summary.version, definition) => Ok(()),
        };
        folder.end().await;
        result
    }

    /// Returns when something else is wanted of the folder. An edit of anything else leaves the follower alone: nothing
    /// is missed, so nothing is to be caught up.
    async fn until_other(
        &self,
        wanted: &mut watch::Receiver<Option<Summary>>,
        mut version: u32,
        definition: TaskDefinition,
    ) {
        let followed = followed_part(definition);
        while wanted.changed().await.is_ok() {
            let Some(summary) = wanted.borrow_and_update().clone() else { return };
            if summary.version == version {
                continue;
            }
            match self.definition(summary.version).await {
                Ok(edited) if followed_part(edited.clone()) == followed => version = summary.version,
                // It cannot be read: the next follower says so, and tries again.
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Watches, and has a run made whenever something may have been missed.
    async fn keep(&self, folder: &mut Folder) -> Result<()> {
        loop {
            let next = Instant::now() + LEAST_GAP;
            folder.watch_all().await;
            while !begin_run(&self.context.backend, &self.task.name, &self.task.id, CATCH_UP).await? {
                sleep(LOOK_EVERY).await;
            }
            folder.missed().await;
            sleep_until(next).await;
        }
    }

    async fn definition(&self, version: u32) -> Result<TaskDefinition> {
        let text = self.context.backend.tasks.definition(&self.task.id, version).await?;
        let text = text.ok_or_else(|| self.error(ErrorKind::NotFound, "its definition is gone".into()))?;
        TaskDefinition::parse(&text).map_err(|why| self.error(ErrorKind::Invalid, why.to_string()))
    }

    async fn open(
        &self,
        summary: &Summary,
        definition: &TaskDefinition,
        config: &Config,
    ) -> Result<(Followed, PathBuf)> {
        let backend = self.context.backend.of_task(summary).await?;
        let sides = open::sides(config).await.map_err(|why| self.error(ErrorKind::Unavailable, why.to_string()));
        let (source, destination) = sides?;
        let follow = Follow::of(config).map_err(|why| self.error(ErrorKind::Invalid, why.to_string()))?;
        let path = source.location().path();
        let path = path.ok_or_else(|| self.error(ErrorKind::Invalid, "its source is no folder".into()))?;
        let events = backend.events.unwrap_or(backend.queue);
        let deletes = definition.events == FollowedEvents::CreateDelete;
        let (task, filter) = (self.task.id.clone(), Arc::new(follow.filter));
        Ok((Followed { task, source, destination, events, filter, deletes }, path))
    }

    fn error(&self, kind: ErrorKind, why: String) -> Error {
        Error::new(kind, "follow", &self.task.name, why)
    }
}

/// The settings that decide which folder is followed, and how.
fn followed_part(definition: TaskDefinition) -> TaskDefinition {
    let (description, schedule, work, limits, notify) = Default::default();
    TaskDefinition { description, schedule, work, limits, notify, ..definition }
}
