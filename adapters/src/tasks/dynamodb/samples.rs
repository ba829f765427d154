//! Samples of tasks.

use async_trait::async_trait;

use super::{DynamoDbTasks, after, decode, expiring, json};
use crate::ledger::dynamodb::item::{Item, pk, text};
use shared::Result;
use shared::object::Timestamp;
use shared::tasks::{SAMPLES_KEPT, Sample, Samples, oldest_sample};

fn key(id: &str) -> String {
    pk("samples", &[id])
}

fn sort_key(minute: u64) -> String {
    format!("{minute:020}")
}

#[async_trait]
impl Samples for DynamoDbTasks {
    async fn add_sample(&self, id: &str, sample: &Sample) -> Result<()> {
        let item = Item::new(key(id), sort_key(sample.minute)).with("sample", json(sample));
        let minute = Timestamp(i64::try_from(sample.minute.saturating_mul(60_000)).unwrap_or(i64::MAX));
        // Another sample of the minute stays: it is as good.
        self.put_if(expiring(item, after(minute, SAMPLES_KEPT)), 0).await.map(drop)
    }

    async fn samples(&self, id: &str, from: u64, to: u64, limit: usize) -> Result<Vec<Sample>> {
        let from = from.max(oldest_sample());
        if from >= to || limit == 0 {
            return Ok(Vec::new());
        }
        let query = self
            .table
            .query(&key(id), "")
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":from", text(sort_key(from)))
            .expression_attribute_values(":to", text(sort_key(to - 1)));
        self.table.all(query, limit).await?.iter().map(|record| decode(record, "sample")).collect()
    }
}
