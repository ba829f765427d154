//! Follows the folders of tasks with events, in the process that serves them.
//!
//! A folder is watched before a run reads it, so a change is reported or found, or both. Changes that may have been
//! missed (while no process watched, or when the system lost reports) bring a run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adapters::open;
use shared::config::{FollowedEvents, TaskDefinition};
use shared::location::{Location, Scheme};
use shared::tasks::{Summary, TaskRef, TaskState};
use shared::{Error, ErrorKind, Result};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use worker::Follow;

use super::backoff::Backoff;
use super::begin::begin_run;
use super::context::Context;
use crate::watch::folder::{Folder, Followed};

/// How often it is looked whether a run can begin: none is live, and the task is active.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Least time between two runs that a watcher asks for.
const LEAST_GAP: Duration = Duration::from_secs(10);

/// Who begins these runs, in records.
const WHO: &str = "watcher";

/// The folders that are followed.
pub struct Folders {
    context: Arc<Context>,
    followed: BTreeMap<String, Entry>,
}

struct Entry {
    version: u32,
    stop: CancellationToken,
    follower: JoinHandle<()>,
}

impl Folders {
    /// Follows nothing yet.
    pub fn new(context: Arc<Context>) -> Folders {
        Folders { context, followed: BTreeMap::new() }
    }

    /// Follows the folders of these tasks, each under the present version of its definition.
    ///
    /// A task that is edited is followed anew: the run that begins then finds what nobody watched meanwhile.
    pub fn follow(&mut self, summaries: &[Summary]) {
        let wanted: BTreeMap<&str, &Summary> = summaries
            .iter()
            .filter(|summary| follows(summary))
            .map(|summary| (summary.task.id.as_str(), summary))
            .collect();
        self.followed.retain(|id, entry| {
            let stays = wanted.get(id.as_str()).is_some_and(|summary| summary.version == entry.version);
            if !stays {
                entry.stop.cancel();
            }
            stays
        });
        for (id, summary) in wanted {
            if !self.followed.contains_key(id) {
                let stop = CancellationToken::new();
                let watcher = Watcher { context: self.context.clone(), summary: summary.clone(), stop: stop.clone() };
                let entry = Entry { version: summary.version, stop, follower: tokio::spawn(watcher.run()) };
                self.followed.insert(id.to_owned(), entry);
            }
        }
    }

    /// Ends in good order: what was reported is put on the queues.
    pub async fn end(self) {
        self.followed.values().for_each(|entry| entry.stop.cancel());
        for (_, entry) in self.followed {
            let _ = entry.follower.await;
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
    context: Arc<Context>,
    summary: Summary,
    stop: CancellationToken,
}

impl Watcher {
    /// Follows until it is stopped. What fails is tried again with growing delay.
    async fn run(self) {
        let mut backoff = Backoff::default();
        loop {
            let Err(error) = self.follow().await else { return };
            let delay = backoff.next();
            tracing::error!(task = self.task().name, %error, "cannot follow the folder, trying again in {delay:?}");
            tokio::select! {
                () = sleep(delay) => {}
                () = self.stop.cancelled() => return,
            }
        }
    }

    fn task(&self) -> &TaskRef {
        &self.summary.task
    }

    async fn follow(&self) -> Result<()> {
        let (followed, path) = self.open().await?;
        let refused = |failure: crate::exit::Failure| self.error(ErrorKind::Unavailable, failure.message);
        let mut folder = Folder::follow(followed, &path).map_err(refused)?;
        let result = tokio::select! {
            result = self.keep(&mut folder) => result,
            () = self.stop.cancelled() => Ok(()),
        };
        folder.end().await;
        result
    }

    /// Watches, and has a run made whenever something may have been missed.
    async fn keep(&self, folder: &mut Folder) -> Result<()> {
        loop {
            let next = Instant::now() + LEAST_GAP;
            folder.watch_all().await;
            while !begin_run(&self.context.backend, &self.task().name, &self.task().id, WHO).await? {
                sleep(LOOK_EVERY).await;
            }
            folder.missed().await;
            sleep_until(next).await;
        }
    }

    async fn open(&self) -> Result<(Followed, PathBuf)> {
        let backend = self.context.backend.of_task(&self.summary).await?;
        let text = self.context.backend.tasks.definition(&self.task().id, self.summary.version).await?;
        let text = text.ok_or_else(|| self.error(ErrorKind::NotFound, "its definition is gone".into()))?;
        let definition = TaskDefinition::parse(&text).map_err(|why| self.error(ErrorKind::Invalid, why.to_string()))?;
        let config = definition.on(self.context.fleet(), &self.task().id);
        let sides = open::sides(&config).await.map_err(|why| self.error(ErrorKind::Unavailable, why.to_string()));
        let (source, destination) = sides?;
        let follow = Follow::of(&config).map_err(|why| self.error(ErrorKind::Invalid, why.to_string()))?;
        let path = source.location().path();
        let path = path.ok_or_else(|| self.error(ErrorKind::Invalid, "its source is no folder".into()))?;
        let events = backend.events.unwrap_or(backend.queue);
        let deletes = definition.events == FollowedEvents::CreateDelete;
        let (task, filter) = (self.task().id.clone(), Arc::new(follow.filter));
        Ok((Followed { task, source, destination, events, filter, deletes }, path))
    }

    fn error(&self, kind: ErrorKind, why: String) -> Error {
        Error::new(kind, "follow", &self.task().name, why)
    }
}
