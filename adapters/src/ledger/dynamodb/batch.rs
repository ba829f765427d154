//! Reading many items, and writing many at no condition.

use std::sync::Mutex;

use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::DynamoDbLedger;
use super::item::{Attributes, Item, Record, text};
use shared::retry;
use shared::sync::lock;
use shared::{ErrorKind, Result};

/// Most items of one `BatchWriteItem`.
const BATCH_ITEMS: usize = 25;

/// Most items of one `BatchGetItem`.
const BATCH_READS: usize = 100;

/// Batches under way at once: a job's outcomes in a few round trips, and no flood.
const BATCHES_AT_ONCE: usize = 4;

/// A request to write an item over an earlier one.
pub(super) fn put(item: Item) -> WriteRequest {
    let put = PutRequest::builder().set_item(Some(item.attributes())).build().expect("the item is set");
    WriteRequest::builder().put_request(put).build()
}

/// A request to delete an item.
pub(crate) fn delete(pk: &str, sk: &str) -> WriteRequest {
    let key: Attributes = [("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))].into();
    let delete = DeleteRequest::builder().set_key(Some(key)).build().expect("the key is set");
    WriteRequest::builder().delete_request(delete).build()
}

impl DynamoDbLedger {
    /// Reads those items that are there, in any order; no key may come twice.
    pub(crate) async fn get_all<'a>(&self, keys: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<Record>> {
        let keys: Vec<Attributes> =
            keys.map(|(pk, sk)| [("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))].into()).collect();
        let batches: Vec<_> = keys.chunks(BATCH_READS).map(|batch| self.get_batch(batch.to_vec())).collect();
        let found: Vec<Vec<Record>> = stream::iter(batches).buffer_unordered(BATCHES_AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn get_batch(&self, keys: Vec<Attributes>) -> Result<Vec<Record>> {
        let left = Mutex::new((keys, Vec::new()));
        // The lock is held for moments and never across an await.
        let left = || lock(&left);
        retry::run(&retry::LEDGER, &self.table, || async {
            let keys = KeysAndAttributes::builder().set_keys(Some(left().0.clone())).consistent_read(true).build();
            let keys = keys.map_err(|_| self.error(ErrorKind::Invalid, "no keys"))?;
            // Read-only: slow, repeated or lost, it changes nothing. Done in part: what is left is asked for again.
            let request = self.client.batch_get_item().request_items(&self.table, keys);
            let answer = request.send().await.map_err(|error| self.meaning(retry::LEDGER.verb, error))?;
            let mut found = answer.responses.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default();
            let rest = answer.unprocessed_keys.and_then(|mut tables| tables.remove(&self.table));
            let mut left = left();
            left.1.append(&mut found);
            left.0 = rest.map(|rest| rest.keys).unwrap_or_default();
            match left.0.len() {
                0 => Ok(()),
                rest => Err(self.error(ErrorKind::Throttled, format!("{rest} items of a batch could not be read"))),
            }
        })
        .await?;
        let found = std::mem::take(&mut left().1);
        Ok(found.into_iter().map(Record::new).collect())
    }

    /// Carries out all requests, each of another item, in any order; `Ok` once all are done.
    pub(crate) async fn write_all(&self, requests: Vec<WriteRequest>) -> Result<()> {
        let batches: Vec<_> = requests.chunks(BATCH_ITEMS).map(|batch| self.write_batch(batch.to_vec())).collect();
        stream::iter(batches).buffer_unordered(BATCHES_AT_ONCE).try_collect().await
    }

    async fn write_batch(&self, batch: Vec<WriteRequest>) -> Result<()> {
        let left = Mutex::new(batch);
        // The lock is held for moments and never across an await.
        let left = || lock(&left);
        retry::run(&retry::LEDGER, &self.table, || async {
            // Slow, cut off, or done with its answer lost: sent again, it writes the same again.
            // Done in part: what is left is sent again.
            let request = self.client.batch_write_item().request_items(&self.table, left().clone());
            let answer = request.send().await.map_err(|error| self.meaning(retry::LEDGER.verb, error))?;
            let rest = answer.unprocessed_items.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default();
            if rest.is_empty() {
                return Ok(());
            }
            let message = format!("{} items of a batch could not be written", rest.len());
            *left() = rest;
            Err(self.error(ErrorKind::Throttled, message))
        })
        .await
    }
}
