use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;
use shared::Result;
use shared::job::Origin;
use shared::ledger::*;
use shared::objects::{SharedUploadLog, UploadLog};

use super::Calls;

/// A ledger and an upload log that count their calls and fail as a test wants it.
#[derive(Debug)]
pub struct LedgerProbe {
    inner: SharedLedger,
    pub(super) upload_log: SharedUploadLog,
    /// The calls of both ports.
    pub calls: Calls,
    /// Whether it says that writes are charged, whatever the adapter is.
    pub charges: AtomicBool,
}

impl LedgerProbe {
    /// A probe over an adapter of both ports.
    pub fn new(inner: Arc<impl Ledger + UploadLog>) -> Self {
        LedgerProbe { upload_log: inner.clone(), inner, calls: Calls::default(), charges: AtomicBool::default() }
    }
}

#[async_trait]
impl Ledger for LedgerProbe {
    fn is_charged(&self) -> bool {
        self.charges.load(Relaxed) || self.inner.is_charged()
    }

    async fn claim(&self, task: &str, owner: &str, dead: Option<&ClaimView>) -> Result<u64> {
        self.calls.meet("claim").await?;
        self.inner.claim(task, owner, dead).await
    }

    async fn unclaim(&self, task: &str, owner: &str) -> Result<()> {
        self.calls.meet("unclaim").await?;
        self.inner.unclaim(task, owner).await
    }

    async fn claimed(&self, task: &str) -> Result<Option<ClaimView>> {
        self.calls.meet("claimed").await?;
        self.inner.claimed(task).await
    }

    async fn tasks(&self) -> Result<Vec<String>> {
        self.calls.meet("tasks").await?;
        self.inner.tasks().await
    }

    async fn start_run(&self, start: &RunStart, fence: u64) -> Result<()> {
        self.calls.meet("start-run").await?;
        self.inner.start_run(start, fence).await
    }

    async fn fence(&self, run: &str, fence: u64) -> Result<Vec<Checkpoint>> {
        self.calls.meet("fence").await?;
        self.inner.fence(run, fence).await
    }

    async fn set_phase(&self, run: &str, phase: Phase, error: Option<&str>, fence: Option<u64>) -> Result<()> {
        self.calls.meet("set-phase").await?;
        self.inner.set_phase(run, phase, error, fence).await
    }

    async fn refuse_deletes(&self, run: &str, fence: u64) -> Result<()> {
        self.calls.meet("refuse-deletes").await?;
        self.inner.refuse_deletes(run, fence).await
    }

    async fn run(&self, run: &str) -> Result<Option<Run>> {
        self.calls.meet("run").await?;
        self.inner.run(run).await
    }

    async fn run_state(&self, run: &str) -> Result<Option<RunState>> {
        self.calls.meet("run-state").await?;
        self.inner.run_state(run).await
    }

    async fn runs(&self, task: &str, limit: usize) -> Result<Vec<Run>> {
        self.calls.meet("runs").await?;
        self.inner.runs(task, limit).await
    }

    async fn checkpoint(&self, run: &str, checkpoint: &Checkpoint, fence: u64) -> Result<()> {
        self.calls.meet("checkpoint").await?;
        self.inner.checkpoint(run, checkpoint, fence).await
    }

    async fn checkpoints(&self, run: &str) -> Result<Vec<Checkpoint>> {
        self.calls.meet("checkpoints").await?;
        self.inner.checkpoints(run).await
    }

    async fn defer(&self, run: &str, range: u32, number: u32, body: &str, fence: u64) -> Result<()> {
        self.calls.meet("defer").await?;
        self.inner.defer(run, range, number, body, fence).await
    }

    async fn deferred(&self, run: &str, range: u32, number: u32) -> Result<Option<String>> {
        self.calls.meet("deferred").await?;
        self.inner.deferred(run, range, number).await
    }

    async fn settle(&self, settlement: &Settlement<'_>) -> Result<BTreeSet<u32>> {
        self.calls.meet("settle").await?;
        self.inner.settle(settlement).await
    }

    async fn settled(&self, run: &str, origin: &Origin) -> Result<BTreeSet<u32>> {
        self.calls.meet("settled").await?;
        self.inner.settled(run, origin).await
    }

    async fn advance(&self, step: &Advance<'_>) -> Result<Advanced> {
        self.calls.meet("advance").await?;
        self.inner.advance(step).await
    }

    async fn position(&self, task: &str, partition: &str) -> Result<Option<Position>> {
        self.calls.meet("position").await?;
        self.inner.position(task, partition).await
    }

    async fn outcome(&self, task: &str, key: &str) -> Result<Option<Outcome>> {
        self.calls.meet("outcome").await?;
        self.inner.outcome(task, key).await
    }

    async fn recorded(&self, task: &str, key: &str) -> Result<Option<Outcome>> {
        self.calls.meet("recorded").await?;
        self.inner.recorded(task, key).await
    }

    async fn failures(&self, run: &str, after: Option<&str>, limit: usize) -> Result<(Vec<Outcome>, Option<String>)> {
        self.calls.meet("failures").await?;
        self.inner.failures(run, after, limit).await
    }
}

#[async_trait]
impl TransferReports for LedgerProbe {
    async fn report_transfers(&self, run: &str, report: &TransferReport, valid: Duration) -> Result<()> {
        self.calls.meet("report-transfers").await?;
        self.inner.report_transfers(run, report, valid).await
    }

    async fn withdraw_transfers(&self, run: &str, worker: &str) -> Result<()> {
        self.calls.meet("withdraw-transfers").await?;
        self.inner.withdraw_transfers(run, worker).await
    }

    async fn transfers(&self, run: &str) -> Result<Vec<TransferReport>> {
        self.calls.meet("transfers").await?;
        self.inner.transfers(run).await
    }
}
