//! The transfers of workers at this moment.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, Transaction, params};

use super::SqliteLedger;
use crate::sqlite::Failure;
use shared::Result;
use shared::ledger::{MAX_TRANSFER_REPORTS, TransferReport, TransferReports};
use shared::object::Timestamp;

#[async_trait]
impl TransferReports for SqliteLedger {
    async fn report_transfers(&self, run: &str, report: &TransferReport, valid: Duration) -> Result<()> {
        let (run, report, holder) = (run.to_owned(), report.clone(), self.database.owner().to_owned());
        self.database.transact("report transfers", move |t| write(t, &run, &report, &holder, valid)).await
    }

    async fn withdraw_transfers(&self, run: &str, worker: &str) -> Result<()> {
        let (run, worker) = (run.to_owned(), worker.to_owned());
        let remove = move |t: &Transaction<'_>| {
            t.prepare_cached("DELETE FROM transfers WHERE run = ?1 AND worker = ?2")?.execute([run, worker])?;
            Ok(())
        };
        self.database.transact("withdraw transfers", remove).await
    }

    async fn transfers(&self, run: &str) -> Result<Vec<TransferReport>> {
        let (run, is_alive) = (run.to_owned(), self.database.liveness());
        self.database.call("read transfers", move |connection| read(connection, &run, is_alive)).await
    }
}

/// Also removes rows that are no longer valid: the table does not grow.
fn write(
    t: &Transaction<'_>,
    run: &str,
    report: &TransferReport,
    holder: &str,
    valid: Duration,
) -> Result<(), Failure> {
    let now = Timestamp::now().0;
    t.prepare_cached("DELETE FROM transfers WHERE until <= ?1")?.execute([now])?;
    let until = now.saturating_add(i64::try_from(valid.as_millis()).unwrap_or(i64::MAX));
    let sql = "INSERT OR REPLACE INTO transfers (run, worker, holder, until, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    t.prepare_cached(sql)?.execute(params![run, report.worker, holder, until, serde_json::to_string(report)?])?;
    Ok(())
}

fn read(connection: &Connection, run: &str, is_alive: impl Fn(&str) -> bool) -> Result<Vec<TransferReport>, Failure> {
    let sql = "SELECT holder, body FROM transfers WHERE run = ?1 AND until > ?2 ORDER BY worker LIMIT ?3";
    let mut select = connection.prepare_cached(sql)?;
    let rows = select.query_map(params![run, Timestamp::now().0, MAX_TRANSFER_REPORTS as i64], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    let mut reports = Vec::new();
    for row in rows {
        let (holder, body) = row?;
        if is_alive(&holder) {
            reports.push(serde_json::from_str(&body)?);
        }
    }
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::Database;

    #[tokio::test]
    async fn a_report_ends_with_its_process_and_the_table_stays_small() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (Database::open(folder.path()).unwrap(), Database::open(folder.path()).unwrap());
        let (dies, lives) = (SqliteLedger::open(&first), SqliteLedger::open(&second));
        let report = |worker: &str| TransferReport { worker: worker.to_owned(), ..TransferReport::default() };
        let valid = Duration::from_secs(600);
        dies.report_transfers("run", &report("dies"), valid).await.unwrap();
        lives.report_transfers("run", &report("lives"), valid).await.unwrap();
        assert_eq!(lives.transfers("run").await.unwrap(), [report("dies"), report("lives")]);
        drop((dies, first));
        assert_eq!(lives.transfers("run").await.unwrap(), [report("lives")]);
        for n in 0..20 {
            lives.report_transfers("run", &report(&n.to_string()), Duration::ZERO).await.unwrap();
        }
        let rows = second.call("count", |c| Ok(c.query_row("SELECT count(*) FROM transfers", [], |r| r.get(0))?)).await;
        assert!(matches!(rows, Ok(0..=3)), "{rows:?}");
    }
}
