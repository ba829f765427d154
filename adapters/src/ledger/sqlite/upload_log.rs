//! The upload log in the ledger's database.

use async_trait::async_trait;

use super::{SqliteLedger, uploads};
use shared::Result;
use shared::object::Timestamp;
use shared::objects::{Intents, OpenUploads, PartRecord, PartSet, UploadLog, UploadRecord};
use shared::store::Upload;

#[async_trait]
impl UploadLog for SqliteLedger {
    async fn intend_upload(&self, task: &str, run: &str, key: &str, now: Timestamp) -> Result<()> {
        let (task, run, key) = (task.to_owned(), run.to_owned(), key.to_owned());
        self.database.transact("intend upload", move |t| uploads::intend(t, &task, &run, &key, now)).await
    }

    async fn intents(&self, task: &str, key: &str) -> Result<Option<Intents>> {
        let (task, key) = (task.to_owned(), key.to_owned());
        self.database.call("read intents", move |c| uploads::intents(c, &task, &key)).await
    }

    async fn clear_intents(&self, task: &str, key: &str, seen: &Intents) -> Result<()> {
        let (task, key, seen) = (task.to_owned(), key.to_owned(), (seen.count, seen.mark));
        self.database.transact("clear intents", move |t| uploads::clear_intents(t, &task, &key, seen)).await
    }

    async fn open_upload(&self, record: &UploadRecord) -> Result<UploadRecord> {
        let record = record.clone();
        self.database.transact("open upload", move |t| uploads::open(t, &record)).await
    }

    async fn upload(&self, task: &str, key: &str) -> Result<Option<UploadRecord>> {
        let (task, key) = (task.to_owned(), key.to_owned());
        self.database.call("read upload", move |c| uploads::read(c, &task, &key)).await
    }

    async fn open_uploads(&self, task: &str, keys: &[&str]) -> Result<Vec<OpenUploads>> {
        let (task, keys): (_, Vec<String>) = (task.to_owned(), keys.iter().map(|key| (*key).to_owned()).collect());
        self.database.call("read uploads", move |c| uploads::of_keys(c, &task, &keys)).await
    }

    async fn uploads_of_task(
        &self,
        task: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<OpenUploads>, Option<String>)> {
        let (task, after) = (task.to_owned(), after.map(str::to_owned));
        let page = move |c: &mut _| uploads::of_task(c, &task, after.as_deref(), limit);
        self.database.call("list uploads", page).await
    }

    // One transaction adds to the set, so `known` is of no use here.
    async fn record_parts(
        &self,
        task: &str,
        upload: &Upload,
        parts: &[PartRecord],
        _known: &PartSet,
    ) -> Result<PartSet> {
        let (task, upload, parts) = (task.to_owned(), upload.clone(), parts.to_vec());
        self.database.transact("record parts", move |t| uploads::record_parts(t, &task, &upload, &parts)).await
    }

    async fn part_set(&self, task: &str, upload: &Upload) -> Result<PartSet> {
        let (task, upload) = (task.to_owned(), upload.clone());
        self.database.call("read part set", move |c| uploads::part_set(c, &task, &upload)).await
    }

    async fn recorded_parts(&self, task: &str, upload: &Upload) -> Result<Vec<PartRecord>> {
        let (task, upload) = (task.to_owned(), upload.clone());
        self.database.call("read parts", move |c| uploads::recorded_parts(c, &task, &upload)).await
    }

    async fn close_upload(&self, task: &str, upload: &Upload) -> Result<Option<Intents>> {
        let (task, upload) = (task.to_owned(), upload.clone());
        self.database.transact("close upload", move |t| uploads::close(t, &task, &upload)).await
    }
}
