//! The transfers of workers at this moment.
//!
//! The reports of a run stand in one partition of their own: each worker writes its item every few seconds at most, and
//! only while large objects are in flight.

use std::time::Duration;

use async_trait::async_trait;

use super::DynamoDbLedger;
use super::item::{Item, Record, number, pk, text};
use shared::Result;
use shared::ledger::{MAX_TRANSFER_REPORTS, TransferReport, TransferReports};
use shared::object::Timestamp;

/// Until when a report is valid, ms since 1970.
const UNTIL: &str = "until";

fn decode(record: &Record) -> Result<TransferReport> {
    serde_json::from_str(record.text("report")?).map_err(|error| record.corrupt("report").with_source(error))
}

#[async_trait]
impl TransferReports for DynamoDbLedger {
    async fn report_transfers(&self, run: &str, report: &TransferReport, valid: Duration) -> Result<()> {
        let until = Timestamp::now().0.saturating_add(i64::try_from(valid.as_millis()).unwrap_or(i64::MAX));
        let json = serde_json::to_string(report).expect("a report is representable as JSON");
        let item = Item::new(pk("transfers", &[run]), &report.worker).with("report", text(json));
        // Repeated, or done with its answer lost: the same is written again. Carried out late: an older report comes
        // back until its time is over, which was counted from the request.
        self.put(item.with(UNTIL, number(until)).expiring(valid)).await
    }

    async fn withdraw_transfers(&self, run: &str, worker: &str) -> Result<()> {
        let pk = pk("transfers", &[run]);
        // Repeated: nothing is left to delete. Carried out late: a newer report of this worker is missing until it
        // reports again.
        let request = || {
            let delete = self.client.delete_item().table_name(&self.table);
            delete.key("pk", text(&pk)).key("sk", text(worker)).send()
        };
        self.call(request).await.map(drop)
    }

    async fn transfers(&self, run: &str) -> Result<Vec<TransferReport>> {
        let now = Timestamp::now().0;
        let records = self.all(self.query(&pk("transfers", &[run]), ""), MAX_TRANSFER_REPORTS).await?;
        let is_valid = |record: &&Record| record.number::<i64>(UNTIL).is_ok_and(|until| until > now);
        records.iter().filter(is_valid).map(decode).collect()
    }
}
