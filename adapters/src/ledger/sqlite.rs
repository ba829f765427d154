//! A ledger in a SQLite database.
//!
//! Every writing call is one transaction: its record and its counters move together or not at all, so
//! that a call that is repeated, because its answer was lost, finds itself done and changes nothing.
//! What a [event run](shared::ledger::events_run) needs to count, and its failures, go when they are old; nothing else does.

mod claims;
mod erase;
mod finding;
mod positions;
mod settle;
mod suspects;
mod transfers;
mod upload_log;
mod uploads;

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::sqlite::Database;
use shared::Result;
use shared::job::Origin;
use shared::ledger::{
    Advance, Advanced, Checkpoint, ClaimView, Ledger, Outcome, Phase, Position, Run, RunStart, RunState, Settlement,
};
use shared::object::Timestamp;

/// The ledger in a SQLite database.
#[derive(Debug, Clone)]
pub struct SqliteLedger {
    database: Database,
}

impl SqliteLedger {
    /// The database's ledger: there is one in each.
    pub fn open(database: &Database) -> Self {
        SqliteLedger { database: database.clone() }
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    fn is_charged(&self) -> bool {
        false
    }

    async fn claim(&self, task: &str, owner: &str, dead: Option<&ClaimView>) -> Result<u64> {
        let holder = self.database.owner().to_owned();
        let claim = claims::Claim { task: task.to_owned(), owner: owner.to_owned(), holder, dead: dead.cloned() };
        let is_alive = self.database.liveness();
        self.database.transact("claim", move |t| claim.take(t, is_alive)).await
    }

    async fn unclaim(&self, task: &str, owner: &str) -> Result<()> {
        let (task, owner) = (task.to_owned(), owner.to_owned());
        self.database.transact("unclaim", move |t| claims::unclaim(t, &task, &owner)).await
    }

    async fn claimed(&self, task: &str) -> Result<Option<ClaimView>> {
        let (task, is_alive) = (task.to_owned(), self.database.liveness());
        self.database.call("read claim", move |c| claims::claimed(c, &task, is_alive)).await
    }

    async fn tasks(&self) -> Result<Vec<String>> {
        self.database.call("read tasks", |c| finding::tasks(c)).await
    }

    async fn start_run(&self, start: &RunStart, fence: u64) -> Result<()> {
        let start = start.clone();
        self.database.transact("start run", move |t| finding::start_run(t, &start, fence)).await
    }

    async fn fence(&self, run: &str, fence: u64) -> Result<Vec<Checkpoint>> {
        let run = run.to_owned();
        self.database.transact("fence", move |t| finding::fence(t, &run, fence)).await
    }

    async fn set_phase(&self, run: &str, phase: Phase, error: Option<&str>, fence: Option<u64>) -> Result<()> {
        let (run, error) = (run.to_owned(), error.map(str::to_owned));
        self.database.transact("set phase", move |t| finding::set_phase(t, &run, phase, error.as_deref(), fence)).await
    }

    async fn refuse_deletes(&self, run: &str, fence: u64) -> Result<()> {
        let run = run.to_owned();
        self.database.transact("refuse deletes", move |t| finding::refuse_deletes(t, &run, fence)).await
    }

    async fn run(&self, run: &str) -> Result<Option<Run>> {
        let run = run.to_owned();
        self.database.call("read run", move |c| finding::run(c, &run)).await
    }

    async fn run_state(&self, run: &str) -> Result<Option<RunState>> {
        let run = run.to_owned();
        self.database.call("read run state", move |c| finding::run_state(c, &run)).await
    }

    async fn runs(&self, task: &str, limit: usize) -> Result<Vec<Run>> {
        let task = task.to_owned();
        self.database.call("read runs", move |c| finding::runs(c, &task, limit)).await
    }

    async fn checkpoint(&self, run: &str, checkpoint: &Checkpoint, fence: u64) -> Result<()> {
        let (run, checkpoint) = (run.to_owned(), checkpoint.clone());
        self.database.transact("checkpoint", move |t| finding::checkpoint(t, &run, &checkpoint, fence)).await
    }

    async fn checkpoints(&self, run: &str) -> Result<Vec<Checkpoint>> {
        let run = run.to_owned();
        self.database.call("read checkpoints", move |c| finding::checkpoints(c, &run)).await
    }

    async fn defer(&self, run: &str, range: u32, number: u32, body: &str, fence: u64) -> Result<()> {
        let (run, body) = (run.to_owned(), body.to_owned());
        self.database.transact("defer", move |t| finding::defer(t, &run, (range, number), &body, fence)).await
    }

    async fn deferred(&self, run: &str, range: u32, number: u32) -> Result<Option<String>> {
        let run = run.to_owned();
        self.database.call("read deferred", move |c| finding::deferred(c, &run, range, number)).await
    }

    async fn settle(&self, settlement: &Settlement<'_>) -> Result<BTreeSet<u32>> {
        // Written out here, so that the database's thread has only to store it.
        let settling = settle::Settling::new(settlement);
        self.database.transact("settle", move |t| settling?.write(t, Timestamp::now())).await
    }

    async fn settled(&self, run: &str, origin: &Origin) -> Result<BTreeSet<u32>> {
        let (run, origin) = (run.to_owned(), origin.clone());
        self.database.call("read settled", move |c| settle::places_of(c, &run, &origin)).await
    }

    async fn advance(&self, step: &Advance<'_>) -> Result<Advanced> {
        let step = positions::Step::new(step);
        self.database.transact("advance", move |t| step?.write(t)).await
    }

    async fn position(&self, task: &str, partition: &str) -> Result<Option<Position>> {
        let (task, partition) = (task.to_owned(), partition.to_owned());
        self.database.call("read position", move |c| positions::position(c, &task, &partition)).await
    }

    async fn recorded(&self, task: &str, key: &str) -> Result<Option<Outcome>> {
        // Each outcome has a row of its own.
        self.outcome(task, key).await
    }

    async fn outcome(&self, task: &str, key: &str) -> Result<Option<Outcome>> {
        let (task, key) = (task.to_owned(), key.to_owned());
        self.database.call("read outcome", move |c| settle::outcome(c, &task, &key)).await
    }

    async fn failures(&self, run: &str, after: Option<&str>, limit: usize) -> Result<(Vec<Outcome>, Option<String>)> {
        let (run, after) = (run.to_owned(), after.map(str::to_owned));
        self.database.call("read failures", move |c| settle::failures(c, &run, after.as_deref(), limit)).await
    }
}
