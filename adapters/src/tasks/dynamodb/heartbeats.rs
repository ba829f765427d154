//! Heartbeats of workers, and the record of the controllers.

use async_trait::async_trait;

use super::{DynamoDbTasks, REVISION, after, decode, expiring, json, unpack};
use crate::ledger::dynamodb::item::{Item, binary, number, pk, text};
use crate::tasks::packed::pack;
use shared::Result;
use shared::object::Timestamp;
use shared::tasks::{Change, FleetRecord, HEARTBEATS_KEPT, Heartbeat, Heartbeats, MAX_WORKERS};

/// The sort key of what controllers remember.
const RECORD: &str = "record";

#[async_trait]
impl Heartbeats for DynamoDbTasks {
    async fn beat(&self, heartbeat: &Heartbeat) -> Result<()> {
        let item = Item::new(pk("workers", &[&self.fleet]), &heartbeat.worker).with("heartbeat", json(heartbeat));
        // Repeated, or done with its answer lost: the same is written again. Carried out late: an older counter comes
        // back until the next beat. Throttled: the next beat is late too, and the lease is longer than some beats.
        self.table.put(expiring(item, after(heartbeat.at, HEARTBEATS_KEPT))).await
    }

    async fn leave(&self, worker: &str) -> Result<()> {
        let pk = pk("workers", &[&self.fleet]);
        // Repeated: nothing is left to delete. A beat that is carried out after it is removed by its time.
        let request = || {
            let delete = self.table.client.delete_item().table_name(&self.table.table);
            delete.key("pk", text(&pk)).key("sk", text(worker)).send()
        };
        self.table.call(request).await.map(drop)
    }

    async fn heartbeats(&self) -> Result<Vec<Heartbeat>> {
        let query = self.table.query(&pk("workers", &[&self.fleet]), "");
        let records = self.table.all(query, MAX_WORKERS).await?;
        let mut heartbeats: Vec<Heartbeat> =
            records.iter().map(|record| decode(record, "heartbeat")).collect::<Result<_>>()?;
        // Not by the attribute `expires`, which the service may remove by: clocks may be apart.
        heartbeats.retain(|heartbeat| heartbeat.ignored_from() > Timestamp::now());
        Ok(heartbeats)
    }

    async fn fleet_record(&self) -> Result<FleetRecord> {
        let Some(record) = self.table.get(&pk("fleet", &[&self.fleet]), RECORD).await? else {
            return Ok(FleetRecord::default());
        };
        Ok(FleetRecord { version: record.number(REVISION)?, text: unpack(&record, "text")? })
    }

    async fn set_fleet_record(&self, seen: u64, text: &str) -> Result<Change<FleetRecord>> {
        let item = Item::new(pk("fleet", &[&self.fleet]), RECORD).with("text", binary(&pack("fleet record", text)?));
        if self.put_if(item.with(REVISION, number(seen + 1)), seen).await? {
            return Ok(Change::Made);
        }
        let present = self.fleet_record().await?;
        // An earlier request of the caller may have written it.
        let is_ours = present.version == seen + 1 && present.text == text;
        Ok(if is_ours { Change::Made } else { Change::conflict(Some(present)) })
    }
}
