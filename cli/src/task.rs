//! A task that is ready to run: both stores probed, queue and ledger open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::config::{Config, Find};
use shared::fleet::solo::Solo;
use shared::location::Location;
use shared::open::{self, Carrier};
use shared::store::Store;
use worker::Worker;

use crate::exit::Failure;
use crate::state;

/// A task, open.
pub struct Task {
    /// As configured.
    pub config: Config,
    /// Where objects come from.
    pub source: Store,
    /// Where they go.
    pub destination: Store,
    /// Queue and ledger.
    pub carrier: Carrier,
    /// What was compared when the task was last run from here, if it was.
    pub compared_before: Option<Find>,
}

impl Task {
    /// Opens everything. A store that is not there, or not ours to read, fails here, within seconds.
    pub async fn open(config: Config) -> Result<Task, Failure> {
        let (source, destination) = open::ready_sides(&config).await.map_err(Failure::usage)?;
        check_folders(&config)?;
        let carrier = open::carrier(&config).await.map_err(Failure::usage)?;
        let mut compared_before = None;
        if let Some(state) = &config.state {
            compared_before = state::recall(state, &config.task).map(|before| before.find);
            state::remember(state, &config)?;
        }
        Ok(Task { config, source, destination, carrier, compared_before })
    }

    /// A worker of this process.
    pub fn worker(&self, report: Option<worker::Report>) -> Worker {
        Worker {
            task: self.config.task.clone(),
            name: format!("flotilla-{}", std::process::id()),
            source: self.source.clone(),
            destination: self.destination.clone(),
            queue: self.carrier.queue.clone(),
            ledger: self.carrier.ledger.clone(),
            fleet: Arc::new(Solo),
            options: self.config.work.clone(),
            report,
            moved: Arc::default(),
        }
    }
}

/// Two spellings of one folder (`..`, links) overlap as two equal ones do; and a mirror must not delete
/// its own queue and ledger. Both folders exist by now.
fn check_folders(config: &Config) -> Result<(), Failure> {
    let real = |location: &Location| location.path().and_then(|path| path.canonicalize().ok());
    let destination = real(&config.destination.location);
    let within = |a: &Path, b: &Path| a.starts_with(b) || b.starts_with(a);
    if let (Some(a), Some(b)) = (real(&config.source.location), &destination)
        && within(&a, b)
    {
        let why = format!(
            "destination: {} and source {} lie within each other: give places that do not overlap",
            b.display(),
            a.display()
        );
        return Err(Failure::usage(why));
    }
    let state = config.state.as_deref().map(existing);
    if let (Some(state), Some(destination)) = (state, destination)
        && state.starts_with(&destination)
    {
        let why = format!(
            "state: {} lies within the destination {}: give --state DIR elsewhere",
            state.display(),
            destination.display()
        );
        return Err(Failure::usage(why));
    }
    Ok(())
}

/// The path with links resolved as far as it exists.
fn existing(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.ancestors()
        .find_map(|a| a.canonicalize().ok().map(|real| real.join(path.strip_prefix(a).unwrap_or(Path::new("")))))
        .unwrap_or(path)
}
