//! The log of uploads.

use std::collections::BTreeMap;

use async_trait::async_trait;
use shared::Result;
use shared::object::Timestamp;
use shared::objects::*;
use shared::store::Upload;

use super::{FakeLedger, Pages, key_of};

impl Pages {
    fn upload_mut(&mut self, task: &str, upload: &Upload) -> Option<&mut (UploadRecord, BTreeMap<u32, PartRecord>)> {
        self.uploads.get_mut(&key_of(task, &upload.key)).filter(|(record, _)| record.upload == *upload)
    }

    fn open_upload(&mut self, record: UploadRecord) -> UploadRecord {
        let key = key_of(&record.task, &record.upload.key);
        if let Some((first, _)) = self.uploads.get(&key) {
            return first.clone();
        }
        match self.intents.get_mut(&key) {
            Some(intents) if intents.count > 1 => intents.count -= 1,
            _ => drop(self.intents.remove(&key)),
        }
        self.uploads.insert(key, (record.clone(), BTreeMap::new()));
        record
    }
}

#[async_trait]
impl UploadLog for FakeLedger {
    async fn intend_upload(&self, task: &str, run: &str, key: &str, now: Timestamp) -> Result<()> {
        self.now(|pages| {
            pages.announced += 1;
            let none = Intents { count: 0, since: now, run: String::new(), mark: 0 };
            let intents = pages.intents.entry(key_of(task, key)).or_insert(none);
            let (count, since) = (intents.count + 1, intents.since.min(now));
            *intents = Intents { count, since, run: run.to_owned(), mark: pages.announced };
        });
        Ok(())
    }

    async fn intents(&self, task: &str, key: &str) -> Result<Option<Intents>> {
        Ok(self.now(|pages| pages.intents.get(&key_of(task, key)).cloned()))
    }

    async fn clear_intents(&self, task: &str, key: &str, seen: &Intents) -> Result<()> {
        self.now(|pages| {
            let key = key_of(task, key);
            if pages.intents.get(&key) == Some(seen) {
                pages.intents.remove(&key);
            }
        });
        Ok(())
    }

    async fn open_upload(&self, record: &UploadRecord) -> Result<UploadRecord> {
        let (what, stored) = (format!("records upload {}", record.upload.id), record.clone());
        self.call(&record.upload.key, &what, move |pages| Ok(pages.open_upload(stored))).await
    }

    async fn upload(&self, task: &str, key: &str) -> Result<Option<UploadRecord>> {
        let wanted = key_of(task, key);
        let read = move |pages: &mut Pages| Ok(pages.uploads.get(&wanted).map(|(record, _)| record.clone()));
        self.call(key, &format!("reads the upload of {key}"), read).await
    }

    async fn open_uploads(&self, task: &str, keys: &[&str]) -> Result<Vec<OpenUploads>> {
        Ok(self.now(|pages| {
            let open = |key: &&str| {
                let of = key_of(task, key);
                let record = pages.uploads.get(&of).map(|(record, _)| record.clone());
                let intents = pages.intents.get(&of).cloned();
                let is_open = record.is_some() || intents.is_some();
                is_open.then(|| OpenUploads { key: (*key).to_owned(), record, intents })
            };
            keys.iter().filter_map(open).collect()
        }))
    }

    async fn uploads_of_task(
        &self,
        task: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<OpenUploads>, Option<String>)> {
        let mut keys: Vec<String> = self.now(|pages| {
            let keys = pages.uploads.keys().chain(pages.intents.keys());
            keys.filter(|(of, key)| of == task && after.is_none_or(|after| key.as_str() > after))
                .map(|(_, key)| key.clone())
                .collect()
        });
        keys.sort();
        keys.dedup();
        keys.truncate(limit);
        let token = keys.last().filter(|_| keys.len() >= limit).cloned();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        Ok((self.open_uploads(task, &keys).await?, token))
    }

    async fn record_parts(&self, task: &str, upload: &Upload, parts: &[PartRecord], _: &PartSet) -> Result<PartSet> {
        Ok(self.now(|pages| match pages.upload_mut(task, upload) {
            Some((_, recorded)) => {
                recorded.extend(parts.iter().map(|part| (part.number, part.clone())));
                recorded.keys().copied().collect()
            }
            None => PartSet::default(),
        }))
    }

    async fn part_set(&self, task: &str, upload: &Upload) -> Result<PartSet> {
        let set = |recorded: &BTreeMap<u32, PartRecord>| recorded.keys().copied().collect();
        Ok(self.now(|pages| pages.upload_mut(task, upload).map(|(_, recorded)| set(recorded)).unwrap_or_default()))
    }

    async fn recorded_parts(&self, task: &str, upload: &Upload) -> Result<Vec<PartRecord>> {
        let parts = |recorded: &BTreeMap<u32, PartRecord>| recorded.values().cloned().collect();
        Ok(self.now(|pages| pages.upload_mut(task, upload).map(|(_, recorded)| parts(recorded)).unwrap_or_default()))
    }

    async fn close_upload(&self, task: &str, upload: &Upload) -> Result<Option<Intents>> {
        let (task, wanted) = (task.to_owned(), upload.clone());
        let close = move |pages: &mut Pages| {
            let key = key_of(&task, &wanted.key);
            if pages.upload_mut(&task, &wanted).is_some() {
                pages.uploads.remove(&key);
            }
            Ok(pages.intents.get(&key).cloned())
        };
        self.call(&upload.key, &format!("forgets upload {}", upload.id), close).await
    }
}
