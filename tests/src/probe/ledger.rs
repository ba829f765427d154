use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use shared::Result;
use shared::job::Origin;
use shared::ledger::*;
use shared::object::Timestamp;
use shared::store::Upload;

use super::Calls;

/// A ledger that counts its calls and fails as a test wants it.
#[derive(Debug)]
pub struct LedgerProbe {
    inner: SharedLedger,
    /// The calls.
    pub calls: Calls,
}

impl LedgerProbe {
    /// A probe over a ledger.
    pub fn new(inner: SharedLedger) -> Self {
        LedgerProbe { inner, calls: Calls::default() }
    }
}

#[async_trait]
impl Ledger for LedgerProbe {
    async fn claim(&self, task: &str, owner: &str, lease: Duration) -> Result<()> {
        self.calls.meet("claim").await?;
        self.inner.claim(task, owner, lease).await
    }

    async fn unclaim(&self, task: &str, owner: &str) -> Result<()> {
        self.calls.meet("unclaim").await?;
        self.inner.unclaim(task, owner).await
    }

    async fn tasks(&self) -> Result<Vec<String>> {
        self.calls.meet("tasks").await?;
        self.inner.tasks().await
    }

    async fn start_run(&self, start: &RunStart) -> Result<()> {
        self.calls.meet("start-run").await?;
        self.inner.start_run(start).await
    }

    async fn set_phase(&self, run: &str, phase: Phase, error: Option<&str>) -> Result<()> {
        self.calls.meet("set-phase").await?;
        self.inner.set_phase(run, phase, error).await
    }

    async fn refuse_deletes(&self, run: &str) -> Result<()> {
        self.calls.meet("refuse-deletes").await?;
        self.inner.refuse_deletes(run).await
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

    async fn checkpoint(&self, run: &str, checkpoint: &Checkpoint) -> Result<()> {
        self.calls.meet("checkpoint").await?;
        self.inner.checkpoint(run, checkpoint).await
    }

    async fn checkpoints(&self, run: &str) -> Result<Vec<Checkpoint>> {
        self.calls.meet("checkpoints").await?;
        self.inner.checkpoints(run).await
    }

    async fn hold(&self, run: &str, range: u32, number: u32, body: &str) -> Result<()> {
        self.calls.meet("hold").await?;
        self.inner.hold(run, range, number, body).await
    }

    async fn held(&self, run: &str, range: u32, number: u32) -> Result<Option<String>> {
        self.calls.meet("held").await?;
        self.inner.held(run, range, number).await
    }

    async fn settle(&self, settlement: &Settlement<'_>) -> Result<BTreeSet<u32>> {
        self.calls.meet("settle").await?;
        self.inner.settle(settlement).await
    }

    async fn settled(&self, run: &str, origin: &Origin) -> Result<BTreeSet<u32>> {
        self.calls.meet("settled").await?;
        self.inner.settled(run, origin).await
    }

    async fn outcome(&self, task: &str, key: &str) -> Result<Option<Outcome>> {
        self.calls.meet("outcome").await?;
        self.inner.outcome(task, key).await
    }

    async fn failures(&self, run: &str, after: Option<&str>, limit: usize) -> Result<(Vec<Outcome>, Option<String>)> {
        self.calls.meet("failures").await?;
        self.inner.failures(run, after, limit).await
    }

    async fn intend_upload(&self, task: &str, key: &str, now: Timestamp) -> Result<()> {
        self.calls.meet("intend-upload").await?;
        self.inner.intend_upload(task, key, now).await
    }

    async fn intents(&self, task: &str, key: &str) -> Result<Option<Intents>> {
        self.calls.meet("intents").await?;
        self.inner.intents(task, key).await
    }

    async fn clear_intents(&self, task: &str, key: &str, seen: &Intents) -> Result<()> {
        self.calls.meet("clear-intents").await?;
        self.inner.clear_intents(task, key, seen).await
    }

    async fn open_upload(&self, record: &UploadRecord) -> Result<UploadRecord> {
        self.calls.meet("open-upload").await?;
        self.inner.open_upload(record).await
    }

    async fn upload(&self, task: &str, key: &str) -> Result<Option<UploadRecord>> {
        self.calls.meet("upload").await?;
        self.inner.upload(task, key).await
    }

    async fn open_uploads(&self, task: &str, keys: &[&str]) -> Result<Vec<OpenUploads>> {
        self.calls.meet("open-uploads").await?;
        self.inner.open_uploads(task, keys).await
    }

    async fn record_parts(
        &self,
        task: &str,
        upload: &Upload,
        parts: &[PartRecord],
        known: &PartSet,
    ) -> Result<PartSet> {
        self.calls.meet("record-parts").await?;
        self.inner.record_parts(task, upload, parts, known).await
    }

    async fn part_set(&self, task: &str, upload: &Upload) -> Result<PartSet> {
        self.calls.meet("part-set").await?;
        self.inner.part_set(task, upload).await
    }

    async fn recorded_parts(&self, task: &str, upload: &Upload) -> Result<Vec<PartRecord>> {
        self.calls.meet("recorded-parts").await?;
        self.inner.recorded_parts(task, upload).await
    }

    async fn close_upload(&self, task: &str, upload: &Upload) -> Result<Option<Intents>> {
        self.calls.meet("close-upload").await?;
        self.inner.close_upload(task, upload).await
    }
}

#[async_trait]
impl SuspectKeys for LedgerProbe {
    async fn suspect(&self, task: &str, suspect: &Suspect) -> Result<()> {
        self.calls.meet("suspect").await?;
        self.inner.suspect(task, suspect).await
    }

    async fn suspects(&self, task: &str, from: &str, limit: usize) -> Result<Vec<Suspect>> {
        self.calls.meet("suspects").await?;
        self.inner.suspects(task, from, limit).await
    }

    async fn clear_suspect(&self, task: &str, seen: &Suspect) -> Result<()> {
        self.calls.meet("clear-suspect").await?;
        self.inner.clear_suspect(task, seen).await
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
