//! The upload log in the ledger's table.

use async_trait::async_trait;

use super::{DynamoDbLedger, intents, parts, uploads};
use shared::Result;
use shared::object::Timestamp;
use shared::objects::{Intents, OpenUploads, PartRecord, PartSet, UploadLog, UploadRecord};
use shared::store::Upload;

#[async_trait]
impl UploadLog for DynamoDbLedger {
    async fn intend_upload(&self, task: &str, run: &str, key: &str, now: Timestamp) -> Result<()> {
        intents::intend(self, task, run, key, now).await
    }

    async fn intents(&self, task: &str, key: &str) -> Result<Option<Intents>> {
        intents::get(self, task, key).await
    }

    async fn clear_intents(&self, task: &str, key: &str, seen: &Intents) -> Result<()> {
        intents::clear(self, task, key, seen).await
    }

    async fn open_upload(&self, record: &UploadRecord) -> Result<UploadRecord> {
        uploads::open(self, record).await
    }

    async fn upload(&self, task: &str, key: &str) -> Result<Option<UploadRecord>> {
        uploads::get(self, task, key).await
    }

    async fn open_uploads(&self, task: &str, keys: &[&str]) -> Result<Vec<OpenUploads>> {
        uploads::of_keys(self, task, keys).await
    }

    async fn uploads_of_task(
        &self,
        task: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<OpenUploads>, Option<String>)> {
        uploads::of_task(self, task, after, limit).await
    }

    async fn record_parts(
        &self,
        task: &str,
        upload: &Upload,
        parts: &[PartRecord],
        known: &PartSet,
    ) -> Result<PartSet> {
        parts::record(self, task, upload, parts, known).await
    }

    async fn part_set(&self, task: &str, upload: &Upload) -> Result<PartSet> {
        Ok(parts::of(self, task, upload).await?.unwrap_or_default())
    }

    async fn recorded_parts(&self, task: &str, upload: &Upload) -> Result<Vec<PartRecord>> {
        parts::records(self, task, upload).await
    }

    async fn close_upload(&self, task: &str, upload: &Upload) -> Result<Option<Intents>> {
        uploads::close(self, task, upload).await
    }
}
