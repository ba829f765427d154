//! The ledger on Amazon DynamoDB, or on anything that speaks its interface.
//!
//! One table, on demand, with a partition key `pk` and a sort key `sk`, made by
//! [`DynamoDbLedger::create`]. Everything is found by its key; nothing is ever scanned, but to remove the records of a
//! task that is being deleted.
//!
//! | pk | sk | what |
//! |---|---|---|
//! | `object#TASK#KEY` | `outcome` | an object's last outcome that has an item of its own |
//! | `block#RUN#RANGE` | stream, first key, origin and digest: `block_key` | outcomes of a job, compressed |
//! | `tasks` | `TASK` | that the task has had a run |
//! | `task#TASK` | `run#RUN` | that the run is the task's; not of its [event run](shared::ledger::events_run) |
//! | `task#TASK` | `claim` | which finder has the task, and the last claim's fence and beat |
//! | `run#RUN` | `run` | a run: its start, its phase, the fence of its finder |
//! | `run#RUN` | `range#ID` | a range's checkpoint, and the fence under which it may be written |
//! | `run#RUN` | `deferred#ID#NUMBER` | a delete job that is deferred |
//! | `counter#RUN` | `SHARD` | counters of settled objects, to be added up |
//! | `failures#RUN` | SHA-256 of the key | an object that failed in the run |
//! | `job#RUN#ORIGIN` | `counted` | which of an origin job's objects are counted |
//! | `position#TASK#PARTITION` | `position` | where the follower of a stream's partition stands |
//! | `uploads#TASK#SHARD` | SHA-256 of the key, which begins with the shard | an open upload, which of its parts are at the destination, and the uploads that are about to be opened |
//! | `upload#TASK#KEY` | `parts#UPLOAD#FIRST-DIGEST` | tags and checksums of a group of its parts |
//! | `transfers#RUN` | the worker | what the worker transfers now for the run |
//! | `suspects#TASK` | the key | that the destination may hold wrong bytes under it |
//! | `suspect-root#TASK` | `root` | the same of the empty key |
//!
//! What has an attribute `expires` is removed by the service (time to live): which objects of a job are counted, blocks
//! of outcomes, the failures of event runs, and what workers transfer.
//!
//! Reads are strongly consistent. Where a late or repeated write could undo a newer one, a condition
//! on the item refuses it: a request given up by us may still be carried out by the service later.

pub(crate) mod batch;
mod block_key;
mod blocks;
mod bounds;
mod claims;
mod counted;
mod create;
mod deflated;
mod erase;
mod examine;
mod intents;
pub(crate) mod item;
mod json;
mod outcomes;
mod part_group;
mod parts;
mod positions;
mod ranges;
mod runs;
mod settle;
mod suspects;
mod transfers;
mod upload_log;
mod uploads;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::aws;
use shared::config::LedgerConfig;
use shared::job::Origin;
use shared::ledger::{
    Advance, Advanced, Checkpoint, ClaimView, Ledger, Outcome, Phase, Position, Run, RunStart, RunState, Settlement,
};
use shared::retry::{self, Policy};
use shared::{Error, ErrorKind, Result};

/// A ledger in one DynamoDB table.
#[derive(Debug, Clone)]
pub struct DynamoDbLedger {
    pub(crate) client: Client,
    pub(crate) table: String,
    /// For how long outcomes that are recorded together are kept.
    keep_outcomes: Duration,
}

impl DynamoDbLedger {
    /// Opens the configured table. `NoSuchContainer` if it does not exist, `Invalid` if it is not
    /// a table of ours.
    pub async fn open(config: &LedgerConfig) -> Result<DynamoDbLedger> {
        let ledger = Self::connect(config).await?;
        let table = create::describe(&ledger).await?;
        create::check(&ledger.table, &table)?;
        Ok(ledger)
    }

    /// Makes the configured table unless it exists, waits until it can be used, and says in one line
    /// each what was made, or how what exists differs from it; that is left as it is.
    pub async fn create(config: &LedgerConfig) -> Result<Vec<String>> {
        create::create(&Self::connect(config).await?).await
    }

    async fn connect(config: &LedgerConfig) -> Result<DynamoDbLedger> {
        let sdk = aws::sdk_config(&config.connection).await?;
        let client = Client::from_conf(Builder::from(&sdk).interceptor(aws::NoEmptyAnswers).build());
        Ok(DynamoDbLedger { client, table: config.table.clone(), keep_outcomes: config.keep_outcomes })
    }

    /// Sends a request under a policy, with errors that mean something to the port.
    async fn call_by<T, E, F>(&self, policy: &Policy, mut request: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        retry::run(policy, &self.table, || {
            let sent = request();
            async { sent.await.map_err(|error| self.meaning(policy.verb, error)) }
        })
        .await
    }

    /// As [`Self::call_by`] under the policy of reads and writes.
    pub(crate) async fn call<T, E, F>(&self, request: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.call_by(&retry::LEDGER, request).await
    }

    /// What DynamoDB's own error codes mean; [`aws::error_from`] knows what all services share.
    fn meaning<E>(&self, verb: &'static str, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let (kind, message) = match error.code().unwrap_or_default() {
            "ResourceNotFoundException" => {
                let message = format!("table {} does not exist: create it with `flotilla init`", self.table);
                (ErrorKind::NoSuchContainer, message)
            }
            // Someone else's transaction locked the item for a moment: the same request may succeed later.
            "TransactionConflictException" => {
                (ErrorKind::Unavailable, "another transaction changes the item at the same time".to_owned())
            }
            _ => return aws::error_from(verb, &self.table, error),
        };
        Error::new(kind, verb, &self.table, message).with_source(error)
    }

    pub(crate) fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, retry::LEDGER.verb, &self.table, message)
    }
}

#[async_trait]
impl Ledger for DynamoDbLedger {
    fn is_charged(&self) -> bool {
        true
    }

    async fn claim(&self, task: &str, owner: &str, dead: Option<&ClaimView>) -> Result<u64> {
        claims::claim(self, task, owner, dead).await
    }

    async fn unclaim(&self, task: &str, owner: &str) -> Result<()> {
        claims::unclaim(self, task, owner).await
    }

    async fn claimed(&self, task: &str) -> Result<Option<ClaimView>> {
        claims::claimed(self, task).await
    }

    async fn tasks(&self) -> Result<Vec<String>> {
        runs::tasks(self).await
    }

    async fn start_run(&self, start: &RunStart, fence: u64) -> Result<()> {
        runs::start(self, start, fence).await
    }

    async fn fence(&self, run: &str, fence: u64) -> Result<Vec<Checkpoint>> {
        ranges::fence(self, run, fence).await
    }

    async fn set_phase(&self, run: &str, phase: Phase, error: Option<&str>, fence: Option<u64>) -> Result<()> {
        runs::set_phase(self, run, phase, error, fence).await
    }

    async fn refuse_deletes(&self, run: &str, fence: u64) -> Result<()> {
        runs::refuse_deletes(self, run, fence).await
    }

    async fn run(&self, run: &str) -> Result<Option<Run>> {
        runs::run(self, run).await
    }

    async fn run_state(&self, run: &str) -> Result<Option<RunState>> {
        runs::state(self, run).await
    }

    async fn runs(&self, task: &str, limit: usize) -> Result<Vec<Run>> {
        runs::runs(self, task, limit).await
    }

    async fn checkpoint(&self, run: &str, checkpoint: &Checkpoint, fence: u64) -> Result<()> {
        ranges::write(self, run, checkpoint, fence).await
    }

    async fn checkpoints(&self, run: &str) -> Result<Vec<Checkpoint>> {
        ranges::all(self, run).await
    }

    async fn defer(&self, run: &str, range: u32, number: u32, body: &str, fence: u64) -> Result<()> {
        ranges::defer(self, run, (range, number), body, fence).await
    }

    async fn deferred(&self, run: &str, range: u32, number: u32) -> Result<Option<String>> {
        ranges::deferred(self, run, range, number).await
    }

    async fn settle(&self, settlement: &Settlement<'_>) -> Result<BTreeSet<u32>> {
        settle::settle(self, settlement).await
    }

    async fn settled(&self, run: &str, origin: &Origin) -> Result<BTreeSet<u32>> {
        settle::indexes(self, run, origin).await
    }

    async fn advance(&self, step: &Advance<'_>) -> Result<Advanced> {
        positions::advance(self, step).await
    }

    async fn position(&self, task: &str, partition: &str) -> Result<Option<Position>> {
        positions::position(self, task, partition).await
    }

    async fn outcome(&self, task: &str, key: &str) -> Result<Option<Outcome>> {
        outcomes::last(self, task, key).await
    }

    async fn recorded(&self, task: &str, key: &str) -> Result<Option<Outcome>> {
        outcomes::recorded(self, task, key).await
    }

    async fn failures(&self, run: &str, after: Option<&str>, limit: usize) -> Result<(Vec<Outcome>, Option<String>)> {
        outcomes::failures(self, run, after, limit).await
    }
}
