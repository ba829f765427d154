//! Tasks of the kind `objects`: two stores.

use std::sync::Arc;

use adapters::open::{self, Backend, ProbeUse};
use async_trait::async_trait;
use finder::{FindError, ObjectsPlanner, Planner, RetryPlanner};
use shared::config::{Config, FollowedEvents, RunOverrides};
use shared::filter::Filter;
use shared::ledger::{Run, RunOptions};
use shared::limits::LiveLimits;
use shared::object::Timestamp;
use shared::store::Store;
use shared::terminal;
use worker::{Executors, Follow, Objects};

use super::{ExecutorTerms, OpenKind, Opened, Opening};
use crate::operations::{OpenedTask, SliceBounds, SliceCheckpoint, SliceEnd, close, plan, probe, verify};

/// The stores of a task.
pub struct OpenObjects {
    source: Store,
    destination: Store,
}

/// Opens the stores of a task.
pub fn open<'a>(config: &'a Config, opening: Opening, limits: Option<&'a LiveLimits>) -> Opened<'a> {
    Box::pin(async move {
        let opened: Arc<dyn OpenKind> = Arc::new(OpenObjects::open(config, opening, limits).await?);
        Ok(opened)
    })
}

impl OpenObjects {
    /// Opens the stores.
    async fn open(config: &Config, opening: Opening, limits: Option<&LiveLimits>) -> Result<OpenObjects, String> {
        let opened = match opening {
            Opening::ToEnd => Ok(open::sides_to_end(config).await),
            Opening::Unprobed => open::sides(config).await,
            Opening::Comparable => open::ready_to_compare(config, ProbeUse::Alone)
                .await
                .map(|(source, destination, _)| (source, destination)),
            Opening::Ready => open::ready_sides(config).await,
        };
        let (source, destination) = opened.map_err(|unusable| unusable.to_string())?;
        // Only the finder looks at keys by themselves, and a config file names a folder. An error is for the listing to
        // report.
        if opening == Opening::Comparable
            && let Ok(Some((folder, key))) = open::object_source(&config.objects.source).await
        {
            let named = folder.display_key(&key);
            return Err(format!(
                "source: {named} is one object; give {folder} and [find] filters, or use flotilla sync"
            ));
        }
        let (source, destination) = match limits {
            Some(limits) => limits.stores(source, destination),
            None => (source, destination),
        };
        Ok(OpenObjects { source, destination })
    }
}

#[async_trait]
impl OpenKind for OpenObjects {
    fn overridden(&self, config: &Config, request: &str) -> Result<Config, String> {
        let mut config = config.clone();
        config.objects.find = RunOverrides::parse(request)?.apply(&config.objects.find);
        config.objects.find.check().map_err(|why| why.to_string())?;
        Ok(config)
    }

    fn planner(&self, config: &Config, backend: &Backend, began: Timestamp) -> Result<Box<dyn Planner>, FindError> {
        let (source, destination) = (self.source.clone(), self.destination.clone());
        let options = (&config.objects.find, &config.objects.work);
        let suspects = backend.upload_log.clone();
        Ok(Box::new(ObjectsPlanner::of_run(source, destination, options, suspects, began)?))
    }

    /// Failures of a run that had other options than the task has now are not retried in their name; an event is followed
    /// as the task is now, whatever it was.
    fn retry_planner(
        &self,
        task: &OpenedTask,
        failed: Run,
        keys: Option<Vec<String>>,
    ) -> Result<Box<dyn Planner>, String> {
        let (find, work) = (&task.config.objects.find, &task.config.objects.work);
        let filter = Filter::load(find, None).map_err(|why| why.to_string())?;
        let options = RunOptions::of(&self.source, &self.destination, find, work, filter.prefixes());
        if !failed.is_events() && failed.start.options.digest != options.digest {
            let id = terminal::run_id(&failed.start.id);
            return Err(format!("run {id} had other options than its task has now: start a new run"));
        }
        Ok(Box::new(RetryPlanner::new(failed, options, task.backend.ledger.clone()).of_keys(keys)))
    }

    fn add_executor(
        &self,
        task: &OpenedTask,
        executors: &Executors,
        version: u32,
        terms: ExecutorTerms,
    ) -> Result<(), String> {
        let mut follow = Follow::of(&task.config).map_err(|why| why.to_string())?;
        if let Some(events) = terms.events {
            follow.removals = events == FollowedEvents::CreateDelete;
            follow.delete |= follow.removals;
            // Events and runs meet at the same objects.
            follow.look_again |= events != FollowedEvents::Off;
        }
        let objects = Objects {
            source: self.source.clone(),
            destination: self.destination.clone(),
            upload_log: task.backend.upload_log.clone(),
            options: task.config.objects.work.clone(),
            follow,
            health: terms.health,
            outage_limit: terms.outage_limit,
            limits: terms.limits,
        };
        match terms.settles_only {
            true => executors.add_settling(version, objects.executor()),
            false => executors.add(version, objects.executor()),
        }
        Ok(())
    }

    async fn plan(
        &self,
        task: &OpenedTask,
        checkpoint: &SliceCheckpoint,
        bounds: &SliceBounds,
    ) -> shared::Result<SliceEnd> {
        plan::slice(&task.config, (&self.source, &self.destination), checkpoint, bounds).await
    }

    async fn verify(
        &self,
        task: &OpenedTask,
        request: &str,
        checkpoint: &SliceCheckpoint,
        bounds: &SliceBounds,
    ) -> shared::Result<SliceEnd> {
        verify::slice(&task.config, (&self.source, &self.destination), request, checkpoint, bounds).await
    }

    async fn probe(&self, task: &OpenedTask, request: &str) -> shared::Result<SliceEnd> {
        probe::slice(&task.config, (&self.source, &self.destination), request).await
    }

    async fn close(
        &self,
        task: &OpenedTask,
        request: &str,
        checkpoint: &SliceCheckpoint,
        bounds: &SliceBounds,
        owner: &str,
    ) -> shared::Result<SliceEnd> {
        close::slice(task, &self.destination, request, checkpoint, bounds, owner).await
    }
}
