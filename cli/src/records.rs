//! Finding the records that `status`, `failures` and `retry` look at.

use std::path::PathBuf;

use adapters::open::{self, Backend, FleetBackend};
use shared::config::{Config, FleetFile};
use shared::ledger::{MAX_RUNS, Run, SharedLedger, events_run};
use shared::tasks::{Summary, check_task_name};
use shared::terminal;

use crate::args::{LOCAL, RecordsSourceArgs};
use crate::exit::Failure;
use crate::state;

/// Most runs that the message about an ambiguous id names.
const MAX_NAMED: usize = 5;

/// Names the runs, the newest first, that a part of an id may mean.
fn ambiguous(part: &str, found: &[Run]) -> String {
    let mut newest: Vec<&Run> = found.iter().collect();
    newest.sort_by_key(|run| std::cmp::Reverse(run.start.started));
    let named: Vec<String> = newest
        .iter()
        .take(MAX_NAMED)
        .map(|run| format!("{} ({})", run.start.id, run.start.started.to_seconds()))
        .collect();
    let more = match newest.len() - named.len() {
        0 => String::new(),
        more => format!(" and {} more", terminal::count(more as u64)),
    };
    format!(
        "{} have ids that contain {part:?}: give a longer part of one of {}{more}",
        terminal::counted(found.len() as u64, "run"),
        named.join(", ")
    )
}

/// A ledger, and where it was found.
pub struct Records {
    /// The ledger.
    pub ledger: SharedLedger,
    source: RecordsSource,
    /// The tasks of a fleet; a state folder is a fleet of one machine.
    fleet: Option<FleetBackend>,
}

enum RecordsSource {
    /// A state folder with the tasks that were synced from it.
    State(PathBuf),
    /// A config file's task.
    Config(Box<Config>),
    /// The tasks of a fleet, by its name.
    Fleet(String),
}

impl Records {
    /// Opens the ledger that the arguments name. Creates nothing.
    pub async fn open(args: &RecordsSourceArgs) -> Result<Records, Failure> {
        if let Some(file) = &args.config {
            let config = Config::read(file)?;
            let ledger = open::backend(&config).await.map_err(Failure::usage)?.ledger;
            return Ok(Records { ledger, source: RecordsSource::Config(Box::new(config)), fleet: None });
        }
        if let Some(file) = &args.fleet {
            let fleet = FleetBackend::open(&FleetFile::read(file)?).await.map_err(Failure::usage)?;
            let name = fleet.fleet().name.clone();
            return Ok(Records {
                ledger: fleet.ledger.clone(),
                source: RecordsSource::Fleet(name),
                fleet: Some(fleet),
            });
        }
        let state = args.state.clone().map_or_else(state::default_folder, Ok)?;
        if !state.is_dir() {
            let why = format!(
                "--state: the state folder {} does not exist: run flotilla sync first, or give --state DIR",
                state.display()
            );
            return Err(Failure::usage(why));
        }
        let fleet = FleetBackend::open(&FleetFile::of_folder(LOCAL, &state)).await.map_err(Failure::usage)?;
        Ok(Records { ledger: fleet.ledger.clone(), source: RecordsSource::State(state), fleet: Some(fleet) })
    }

    /// The fleet whose tasks may be named.
    pub fn fleet(&self) -> Option<&FleetBackend> {
        self.fleet.as_ref()
    }

    /// The task of a fleet that has this name.
    pub async fn named_task(&self, name: &str) -> Result<Option<Summary>, Failure> {
        match &self.fleet {
            Some(fleet) if check_task_name(name).is_ok() => fleet.tasks.summary(name).await.map_err(Failure::midway),
            _ => Ok(None),
        }
    }

    /// The tasks to look at.
    pub async fn tasks(&self) -> Result<Vec<String>, Failure> {
        match &self.source {
            RecordsSource::State(_) => self.ledger.tasks().await.map_err(Failure::midway),
            RecordsSource::Config(config) => Ok(vec![config.task.clone()]),
            RecordsSource::Fleet(_) => {
                let summaries = match &self.fleet {
                    Some(fleet) => fleet.tasks.summaries().await.map_err(Failure::midway)?,
                    None => Vec::new(),
                };
                Ok(summaries.into_iter().map(|summary| summary.task.id).collect())
            }
        }
    }

    /// The newest run of the task of this name, or the run that has this id, or this part in its id as no other run
    /// has; without a name the newest of all.
    pub async fn run(&self, named: Option<&str>) -> Result<Run, Failure> {
        if let Some(named) = named {
            if let Some(task) = self.named_task(named).await? {
                let newest = self.ledger.runs(&task.task.id, 1).await.map_err(Failure::midway)?.into_iter().next();
                return newest.ok_or_else(|| Failure::usage(format!("task {named:?} has no runs yet")));
            }
            return match self.ledger.run(named).await.map_err(Failure::midway)? {
                Some(run) => Ok(run),
                None => self.run_with(named).await,
            };
        }
        let mut newest: Option<Run> = None;
        for task in self.tasks().await? {
            let run = self.ledger.runs(&task, 1).await.map_err(Failure::midway)?.into_iter().next();
            newest = newest.into_iter().chain(run).max_by_key(|run| run.start.started);
        }
        let none = match &self.source {
            RecordsSource::Config(config) => format!("task {} has no runs: start one first", config.task),
            RecordsSource::Fleet(name) => format!("fleet {name:?} has no runs: flotilla task run begins one"),
            RecordsSource::State(state) => {
                format!("state folder {} has no runs: run flotilla sync first, or give --config FILE", state.display())
            }
        };
        newest.ok_or_else(|| Failure::usage(none))
    }

    /// The run whose id has this part, among the newest [`MAX_RUNS`] of each task.
    async fn run_with(&self, part: &str) -> Result<Run, Failure> {
        let part = part.to_ascii_lowercase();
        let mut found = Vec::new();
        for task in self.tasks().await? {
            let mut runs = self.ledger.runs(&task, MAX_RUNS).await.map_err(Failure::midway)?;
            runs.extend(self.ledger.run(&events_run(&task)).await.map_err(Failure::midway)?);
            found.extend(runs.into_iter().filter(|run| run.start.id.to_ascii_lowercase().contains(&part)));
        }
        match found.len() {
            1 => Ok(found.swap_remove(0)),
            0 => Err(Failure::usage(format!("no run id contains {part:?}: see \"flotilla status\" for the ids"))),
            _ => Err(Failure::usage(ambiguous(&part, &found))),
        }
    }

    /// The task of a run as it was configured, and whether this process has to do its jobs itself.
    pub fn task(&self, run: &Run) -> Result<Config, Failure> {
        let found = match &self.source {
            RecordsSource::Config(config) => (config.task == run.start.task).then(|| (**config).clone()),
            RecordsSource::State(state) => state::recall(state, &run.start.task),
            RecordsSource::Fleet(_) => None,
        };
        found.ok_or_else(|| {
            Failure::usage(format!(
                "the configuration of task {} is not recorded here: give its --config FILE",
                run.start.task
            ))
        })
    }

    /// Opens queue and ledger of a task, to send its jobs.
    pub async fn backend(&self, config: &Config) -> Result<Backend, Failure> {
        open::backend_of_task(config).await.map_err(Failure::usage)
    }
}
