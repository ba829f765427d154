use async_trait::async_trait;
use shared::Result;
use shared::object::Timestamp;
use shared::objects::*;
use shared::store::Upload;

use super::LedgerProbe;

#[async_trait]
impl UploadLog for LedgerProbe {
    async fn intend_upload(&self, task: &str, run: &str, key: &str, now: Timestamp) -> Result<()> {
        self.calls.meet("intend-upload").await?;
        self.upload_log.intend_upload(task, run, key, now).await
    }

    async fn intents(&self, task: &str, key: &str) -> Result<Option<Intents>> {
        self.calls.meet("intents").await?;
        self.upload_log.intents(task, key).await
    }

    async fn clear_intents(&self, task: &str, key: &str, seen: &Intents) -> Result<()> {
        self.calls.meet("clear-intents").await?;
        self.upload_log.clear_intents(task, key, seen).await
    }

    async fn open_upload(&self, record: &UploadRecord) -> Result<UploadRecord> {
        self.calls.meet("open-upload").await?;
        self.upload_log.open_upload(record).await
    }

    async fn upload(&self, task: &str, key: &str) -> Result<Option<UploadRecord>> {
        self.calls.meet("upload").await?;
        self.upload_log.upload(task, key).await
    }

    async fn open_uploads(&self, task: &str, keys: &[&str]) -> Result<Vec<OpenUploads>> {
        self.calls.meet("open-uploads").await?;
        self.upload_log.open_uploads(task, keys).await
    }

    async fn uploads_of_task(
        &self,
        task: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<OpenUploads>, Option<String>)> {
        self.calls.meet("uploads-of-task").await?;
        self.upload_log.uploads_of_task(task, after, limit).await
    }

    async fn record_parts(
        &self,
        task: &str,
        upload: &Upload,
        parts: &[PartRecord],
        known: &PartSet,
    ) -> Result<PartSet> {
        self.calls.meet("record-parts").await?;
        self.upload_log.record_parts(task, upload, parts, known).await
    }

    async fn part_set(&self, task: &str, upload: &Upload) -> Result<PartSet> {
        self.calls.meet("part-set").await?;
        self.upload_log.part_set(task, upload).await
    }

    async fn recorded_parts(&self, task: &str, upload: &Upload) -> Result<Vec<PartRecord>> {
        self.calls.meet("recorded-parts").await?;
        self.upload_log.recorded_parts(task, upload).await
    }

    async fn close_upload(&self, task: &str, upload: &Upload) -> Result<Option<Intents>> {
        self.calls.meet("close-upload").await?;
        self.upload_log.close_upload(task, upload).await
    }
}

#[async_trait]
impl SuspectKeys for LedgerProbe {
    async fn suspect(&self, task: &str, suspect: &Suspect) -> Result<()> {
        self.calls.meet("suspect").await?;
        self.upload_log.suspect(task, suspect).await
    }

    async fn suspects(&self, task: &str, from: &str, limit: usize) -> Result<Vec<Suspect>> {
        self.calls.meet("suspects").await?;
        self.upload_log.suspects(task, from, limit).await
    }

    async fn clear_suspect(&self, task: &str, seen: &Suspect) -> Result<()> {
        self.calls.meet("clear-suspect").await?;
        self.upload_log.clear_suspect(task, seen).await
    }
}
