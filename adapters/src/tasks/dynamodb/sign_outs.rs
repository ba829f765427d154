//! Sessions of the console that somebody ended.

use async_trait::async_trait;

use super::{DynamoDbTasks, expiring, is_valid};
use crate::ledger::dynamodb::item::{Item, pk};
use shared::Result;
use shared::object::Timestamp;
use shared::tasks::SignOuts;

/// The sort key of an ended session, which has a partition of its own: it is found by its id alone.
const ENDED: &str = "ended";

#[async_trait]
impl SignOuts for DynamoDbTasks {
    async fn end_session(&self, session: &str, until: Timestamp) -> Result<()> {
        let item = Item::new(pk("sessions", &[&self.fleet, session]), ENDED);
        // Repeated, carried out late, or done with its answer lost: the same is written again.
        self.table.put(expiring(item, until)).await
    }

    async fn is_session_ended(&self, session: &str) -> Result<bool> {
        let record = self.table.get(&pk("sessions", &[&self.fleet, session]), ENDED).await?;
        Ok(record.is_some_and(|record| is_valid(&record)))
    }
}
