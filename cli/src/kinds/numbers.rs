//! A kind of data of its own, to show what a kind brings: a list of numbers that is copied from one file to another.
//!
//! The source has a number a line. The destination has a record of fixed length a line, so that a number that is
//! written again changes nothing. A planner finds the lines that differ, an executor writes them. Nothing outside knows
//! the kind but its line in [`KINDS`](super::KINDS). It runs as the tasks of a fleet do, by jobs of operations.

use std::io::ErrorKind::NotFound;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use adapters::open::Backend;
use async_trait::async_trait;
use finder::run::context::{RunContext, RunRef};
use finder::{FindError, Planned, Planner};
use serde::{Deserialize, Serialize};
use shared::config::{Config, Kind, Side};
use shared::job::{self, Job, Origin, ParseError, VERSION};
use shared::ledger::{Checkpoint, Detail, Outcome, RunOptions, Settlement, State};
use shared::limits::LiveLimits;
use shared::object::Timestamp;
use shared::{Error, ErrorKind, Result};
use worker::{Delivery, Execution, Executor, Executors, LaneContext};

use super::{ExecutorTerms, OpenKind, Opened, Opening};
use crate::operations::OpenedTask;

pub const KIND: Kind = Kind::named("numbers");

/// Numbers of a job.
const JOB_NUMBERS: usize = 10;

/// Numbers that are recorded together: two groups a job.
const GROUP: usize = 5;

/// Bytes of a record at the destination: 20 digits and a line feed.
const RECORD_BYTES: u64 = 21;

/// The body of a job: lines, each with its number. The index of an item is its place here.
type Body = Vec<(usize, u64)>;

/// What this kind adds to an outcome.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct NumberDetail {
    number: u64,
}

/// Steps after which planners and executors hang, as those of a process that is about to be killed.
static STEPS_LEFT: AtomicUsize = AtomicUsize::new(usize::MAX);

async fn step() {
    if STEPS_LEFT.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_err() {
        std::future::pending().await
    }
}

/// A file in each of a task's two folders.
#[derive(Debug, Clone)]
struct Numbers {
    source: PathBuf,
    destination: PathBuf,
}

/// Opens a task of this kind.
pub fn open<'a>(config: &'a Config, _: Opening, _: Option<&'a LiveLimits>) -> Opened<'a> {
    let list = |side: &Side| side.location.path().map(|folder| folder.join("list")).ok_or("it is no folder".to_owned());
    let numbers = list(&config.objects.source)
        .and_then(|source| list(&config.objects.destination).map(|destination| Numbers { source, destination }));
    Box::pin(async move { numbers.map(|numbers| Arc::new(numbers) as Arc<dyn OpenKind>) })
}

impl Numbers {
    fn read(path: &Path) -> Vec<u64> {
        match std::fs::read_to_string(path) {
            Err(error) if error.kind() == NotFound => Vec::new(),
            text => text.expect("the file can be read").lines().map(|line| line.parse().unwrap_or_default()).collect(),
        }
    }

    fn write(&self, line: usize, number: u64) -> Result<()> {
        let failed = |error: std::io::Error| Error::new(ErrorKind::Unavailable, "write", "numbers", error.to_string());
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(&self.destination).map_err(failed)?;
        file.write_all_at(format!("{number:020}\n").as_bytes(), line as u64 * RECORD_BYTES).map_err(failed)
    }
}

#[async_trait]
impl Planner for Numbers {
    fn source(&self) -> String {
        self.source.display().to_string()
    }

    fn destination(&self) -> String {
        self.destination.display().to_string()
    }

    fn options(&self) -> RunOptions {
        RunOptions { digest: KIND.name().into(), ..RunOptions::default() }
    }

    async fn plan(&self, run: &RunContext, checkpoints: Vec<Checkpoint>) -> Result<Planned, FindError> {
        let mut checkpoint = checkpoints.into_iter().next().unwrap_or_default();
        let (numbers, there) = (Self::read(&self.source), Self::read(&self.destination));
        while !checkpoint.done {
            step().await;
            let first = checkpoint.cursor.as_deref().map_or(0, |line| line.parse().expect("a line"));
            let page = numbers.iter().enumerate().skip(first).take(JOB_NUMBERS);
            let body: Body = page.clone().map(|(line, number)| (line, *number)).collect();
            let next = first + body.len();
            let differ: Body = body.into_iter().filter(|(line, number)| there.get(*line) != Some(number)).collect();
            checkpoint.found.listed += (next - first) as u64;
            checkpoint.found.enqueued += differ.len() as u64;
            if !differ.is_empty() {
                checkpoint.outbox.push(job(&run.names, first, &differ));
                checkpoint.jobs += 1;
            }
            (checkpoint.cursor, checkpoint.done) = (Some(next.to_string()), next == numbers.len());
            run.commit(&mut checkpoint, None).await?;
        }
        Ok(Planned { found: checkpoint.found, deferred: Vec::new() })
    }
}

fn job(names: &RunRef, first: usize, numbers: &Body) -> String {
    let items = numbers.len() as u32;
    Job {
        v: VERSION,
        task: names.task.clone(),
        run: names.run.clone(),
        definition: names.definition,
        attempt: 1,
        origin: Origin { id: format!("n{first}"), items },
        not_before: None,
        kind: KIND.name().into(),
        verb: "copy".into(),
        items,
        body: job::body(numbers),
    }
    .to_body()
}

impl Executor for Numbers {
    fn kind(&self) -> &'static str {
        KIND.name()
    }

    fn open(&self, lane: &Arc<LaneContext>, job: &Job) -> Result<Box<dyn Execution>, ParseError> {
        let numbers = job.read_body::<Body>()?;
        if numbers.len() as u32 != job.origin.items {
            return Err(job.invalid("it does not have all numbers of its origin"));
        }
        Ok(Box::new(NumbersJob { kind: self.clone(), lane: lane.clone(), job: job.clone(), numbers }))
    }
}

struct NumbersJob {
    kind: Numbers,
    lane: Arc<LaneContext>,
    job: Job,
    numbers: Body,
}

impl NumbersJob {
    fn outcome(&self, index: usize, state: State, error: Option<&str>) -> (u32, Outcome) {
        let now = Timestamp::now();
        let (line, number) = self.numbers[index];
        let outcome = Outcome {
            detail: Detail::of(&NumberDetail { number }),
            size: RECORD_BYTES,
            attempts: self.job.attempt,
            error: error.map(str::to_owned),
            worker: self.lane.engine.name.clone(),
            started: now,
            finished: now,
            ..Outcome::new(line.to_string(), state)
        };
        (index as u32, outcome)
    }

    async fn settle(&self, outcomes: &[(u32, Outcome)]) -> Result<()> {
        let Job { task, run, origin, .. } = &self.job;
        self.lane.engine.settle(&Settlement { task, run, origin, reasons: &[], outcomes, span: None }).await.map(drop)
    }

    async fn settle_all(&self, state: State, error: Option<&str>) -> Result<()> {
        let all: Vec<_> = (0..self.numbers.len()).map(|index| self.outcome(index, state, error)).collect();
        self.settle(&all).await
    }
}

#[async_trait]
impl Execution for NumbersJob {
    fn verb(&self) -> &'static str {
        "copy"
    }

    fn run(&self) -> &str {
        &self.job.run
    }

    fn transfers(&self) -> usize {
        self.numbers.len()
    }

    async fn execute(&self, delivery: &Delivery) -> Result<()> {
        let settled = match delivery.redelivered {
            true => self.lane.engine.ledger.settled(&self.job.run, &self.job.origin).await?,
            false => Default::default(),
        };
        let left: Vec<usize> = (0..self.numbers.len()).filter(|index| !settled.contains(&(*index as u32))).collect();
        for group in left.chunks(GROUP) {
            let _permit = self.lane.limiter.acquire().await;
            for index in group {
                let (line, number) = self.numbers[*index];
                self.kind.write(line, number)?;
            }
            step().await;
            let outcomes: Vec<_> = group.iter().map(|index| self.outcome(*index, State::Copied, None)).collect();
            self.settle(&outcomes).await?;
        }
        Ok(())
    }

    async fn cancel(&self, _delivery: &Delivery) -> Result<()> {
        self.settle_all(State::Cancelled, None).await
    }

    async fn give_up(&self, reason: &str) -> Result<()> {
        self.settle_all(State::Failed, Some(reason)).await
    }
}

/// The kind as a task has it open.
#[async_trait]
impl OpenKind for Numbers {
    fn planner(&self, _: &Config, _: &Backend, _: Timestamp) -> Result<Box<dyn Planner>, FindError> {
        Ok(Box::new(self.clone()))
    }

    fn add_executor(
        &self,
        _: &OpenedTask,
        executors: &Executors,
        version: u32,
        _: ExecutorTerms,
    ) -> Result<(), String> {
        executors.add(version, self.clone());
        Ok(())
    }
}

mod tests;
