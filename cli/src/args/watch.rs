//! Options of `flotilla watch`.

use std::path::PathBuf;

use adapters::open::Events;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use humantime::Duration;
use shared::config::Connection;
use shared::config::{Config, QueueConfig};
use shared::location::Scheme;

use super::RUNNING;
use super::task::TaskArgs;
use crate::exit::Failure;

/// `flotilla watch`
#[derive(Debug, Args)]
pub struct WatchArgs {
    #[command(flatten)]
    pub task: TaskArgs,
    #[command(flatten)]
    events: QueueArgs,
    /// Time between scans; a scan finds changes that no event reported
    #[arg(long, value_name = "TIME", value_parser = shared::config::interval, default_value = "1h", help_heading = RUNNING)]
    pub every: Duration,
    /// Begin new runs even if an earlier one still has jobs
    #[arg(long, help_heading = RUNNING)]
    pub force: bool,
    /// Write one JSON line per object to FILE
    #[arg(long, value_name = "FILE", help_heading = RUNNING)]
    pub report: Option<PathBuf>,
    /// Print a summary of each scan as a JSON line on standard output
    #[arg(long, help_heading = RUNNING)]
    pub json: bool,
}

/// Where a bucket's events come from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Events of a bucket")]
struct QueueArgs {
    /// SQS queue that receives the source bucket's events; its dead-letter queue is NAME-dead
    #[arg(long, value_name = "NAME")]
    events_queue: Option<String>,
    /// Base URL of SQS [default: Amazon's for the region]
    #[arg(long, value_name = "URL", requires = "events_queue")]
    events_queue_endpoint_url: Option<String>,
    /// Region of the queue
    #[arg(long, value_name = "REGION", requires = "events_queue")]
    events_queue_region: Option<String>,
    /// Source of credentials: default, env:PREFIX, profile:NAME, file:PATH, secretsmanager:NAME, role:ARN or
    /// anonymous
    #[arg(long, value_name = "FROM", requires = "events_queue")]
    events_queue_credentials: Option<String>,
}

/// Waiting for a store ends no watch.
const OUTAGE_LIMIT: &str = "outage_limit";

/// Hides `--outage-limit`, which watch has only because it shares its options with sync.
pub fn without_outage_limit(command: clap::Command) -> clap::Command {
    command.mut_arg(OUTAGE_LIMIT, |arg| arg.hide(true))
}

impl WatchArgs {
    /// Takes what the derived structs lose, and refuses `--outage-limit`.
    pub fn take_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.task.filters.take_rules(matches);
        match matches.value_source(OUTAGE_LIMIT) {
            Some(ValueSource::CommandLine) => {
                let why = "watch waits for a failing store without a limit: leave --outage-limit out\n";
                Err(clap::Error::raw(ErrorKind::ArgumentConflict, why))
            }
            _ => Ok(()),
        }
    }

    /// The task these options describe, checked, and where its events come from.
    pub fn config(&self) -> Result<(Config, Events), Failure> {
        let mut config = self.task.config()?;
        let is_folder = config.objects.source.location.scheme() == Scheme::File;
        let events = match (&self.events.events_queue, is_folder) {
            (None, true) => Events::Own,
            (Some(_), true) => {
                return Err(Failure::usage(
                    "--events-queue: the source is a folder, which needs no queue of events: leave --events-queue out",
                ));
            }
            (Some(name), false) => Events::Queue(self.events.queue(name)),
            (None, false) => {
                return Err(Failure::usage(
                    "--events-queue: the source is a bucket, and watch needs the queue of its events: give --events-queue NAME, or use sync --every",
                ));
            }
        };
        // Events and scans meet at the same objects.
        config.objects.work.look_again = Some(true);
        Ok((config, events))
    }
}

impl QueueArgs {
    fn queue(&self, name: &str) -> QueueConfig {
        let connection = Connection {
            endpoint_url: self.events_queue_endpoint_url.clone(),
            region: self.events_queue_region.clone(),
            credentials: self.events_queue_credentials.clone(),
        };
        QueueConfig { name: name.to_owned(), dead_letter: None, connection }
    }
}
