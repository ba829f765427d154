//! Heartbeats of workers, and the record of the controllers.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{SqliteTasks, signed, unpack};
use crate::sqlite::Failure;
use crate::tasks::packed::pack;
use shared::Result;
use shared::object::Timestamp;
use shared::tasks::{Change, FleetRecord, Heartbeat, Heartbeats, MAX_WORKERS};

#[async_trait]
impl Heartbeats for SqliteTasks {
    async fn beat(&self, heartbeat: &Heartbeat) -> Result<()> {
        let heartbeat = heartbeat.clone();
        let work = move |t: &Transaction<'_>| {
            let (now, until) = (Timestamp::now(), heartbeat.ignored_from());
            t.prepare_cached("DELETE FROM heartbeats WHERE until <= ?1")?.execute([now.0])?;
            let sql = "INSERT OR REPLACE INTO heartbeats (worker, until, body) VALUES (?1, ?2, ?3)";
            t.prepare_cached(sql)?.execute(params![heartbeat.worker, until.0, serde_json::to_string(&heartbeat)?])?;
            Ok(())
        };
        self.database.transact("write heartbeat", work).await
    }

    async fn leave(&self, worker: &str) -> Result<()> {
        let worker = worker.to_owned();
        let work = move |t: &Transaction<'_>| {
            t.prepare_cached("DELETE FROM heartbeats WHERE worker = ?1")?.execute([worker])?;
            Ok(())
        };
        self.database.transact("remove heartbeat", work).await
    }

    async fn heartbeats(&self) -> Result<Vec<Heartbeat>> {
        let read = |connection: &mut Connection| {
            let sql = "SELECT body FROM heartbeats WHERE until > ?1 ORDER BY worker LIMIT ?2";
            let mut select = connection.prepare_cached(sql)?;
            let now = Timestamp::now().0;
            let bodies = select.query_map(params![now, MAX_WORKERS as i64], |row| row.get::<_, String>(0))?;
            let mut heartbeats = Vec::new();
            for body in bodies {
                heartbeats.push(serde_json::from_str(&body?)?);
            }
            Ok(heartbeats)
        };
        self.database.call("read heartbeats", read).await
    }

    async fn fleet_record(&self) -> Result<FleetRecord> {
        self.database.call("read fleet record", |connection| read(connection)).await
    }

    async fn set_fleet_record(&self, seen: u64, text: &str) -> Result<Change<FleetRecord>> {
        let (packed, text) = (pack("fleet record", text)?, text.to_owned());
        let work = move |t: &Transaction<'_>| {
            let present = read(t)?;
            if present.version == seen + 1 && present.text == text {
                return Ok(Change::Made);
            }
            if present.version != seen {
                return Ok(Change::conflict(Some(present)));
            }
            let sql = "INSERT OR REPLACE INTO fleet_record (id, version, text) VALUES (0, ?1, ?2)";
            t.prepare_cached(sql)?.execute(params![signed(seen + 1), packed])?;
            Ok(Change::Made)
        };
        self.database.transact("write fleet record", work).await
    }
}

fn read(connection: &Connection) -> Result<FleetRecord, Failure> {
    let mut select = connection.prepare_cached("SELECT version, text FROM fleet_record")?;
    let row = select.query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))).optional()?;
    let Some((version, packed)) = row else { return Ok(FleetRecord::default()) };
    Ok(FleetRecord { version: version.unsigned_abs(), text: unpack(&packed)? })
}
