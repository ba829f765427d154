//! State, limits and runs of tasks.

use async_trait::async_trait;
use rusqlite::{Connection, Transaction};

use super::audits::audit;
use super::{SqliteTasks, operations, read};
use crate::sqlite::Failure;
use shared::object::Timestamp;
use shared::tasks::{
    Author, BeginRun, Change, Control, Due, EndedRun, Limits, MAX_TASKS, Operations as _, Summary, TaskRef, TaskState,
    WITH_RECORDS, Watch,
};
use shared::{ErrorKind, Result};

fn nothing_more(_: &Transaction<'_>) -> Result<bool, Failure> {
    Ok(true)
}

#[async_trait]
impl Control for SqliteTasks {
    async fn summary(&self, name: &str) -> Result<Option<Summary>> {
        let name = name.to_owned();
        self.database.call("read task", move |connection| read(connection, &name)).await
    }

    async fn summaries(&self) -> Result<Vec<Summary>> {
        let read = |connection: &mut Connection| {
            let mut select = connection.prepare_cached("SELECT body FROM tasks ORDER BY name LIMIT ?1")?;
            let bodies = select.query_map([MAX_TASKS as i64 + 1], |row| row.get::<_, String>(0))?;
            let mut summaries = Vec::new();
            for body in bodies {
                summaries.push(serde_json::from_str(&body?)?);
            }
            if summaries.len() > MAX_TASKS {
                return Err(Failure::Other(ErrorKind::Exhausted, shared::tasks::too_many_tasks()));
            }
            Ok(summaries)
        };
        self.database.call("read tasks", read).await
    }

    async fn set_state(
        &self,
        task: &TaskRef,
        state: TaskState,
        next_due: Option<Timestamp>,
        author: &Author,
    ) -> Result<Change<Summary>> {
        let audit = audit(task, author, state.verb(), "");
        self.change("set state", task, audit, move |present| present.moved(state, next_due), nothing_more).await
    }

    async fn delete(&self, task: &TaskRef, records: bool, author: &Author) -> Result<Change<Summary>> {
        let audit = audit(task, author, TaskState::Deleting.verb(), if records { WITH_RECORDS } else { "" });
        self.change("delete", task, audit, move |present| present.deleted(records), nothing_more).await
    }

    async fn set_limits(
        &self,
        task: &TaskRef,
        seen: &Limits,
        limits: &Limits,
        author: &Author,
    ) -> Result<Change<Summary>> {
        let (seen, limits, audit) = (*seen, *limits, audit(task, author, "limit", ""));
        self.change("set limits", task, audit, move |present| present.limited(&seen, &limits), nothing_more).await
    }

    async fn begin_run(&self, begin: &BeginRun<'_>, author: &Author) -> Result<Change<Summary>> {
        let row = operations::Row::of(begin.operation)?;
        let (task, operation, due) = (begin.task.clone(), begin.operation.clone(), begin.due);
        let supersedes = begin.supersedes.map(str::to_owned);
        let decide = move |present: &Summary| {
            let supersedes = supersedes.as_deref();
            present.begun(&BeginRun { task: &task, operation: &operation, due, supersedes })
        };
        let audit = audit(begin.task, author, "run", &begin.operation.id);
        let changed = self.change("begin run", begin.task, audit, decide, move |t| row.insert(t)).await?;
        // The caller's earlier request may have begun it, and it may have ended since.
        if !changed.is_made() && self.operation(&begin.task.id, &begin.operation.id).await?.is_none() {
            return Ok(changed);
        }
        // Then the transaction wrote nothing; a due time that stayed would be due for ever.
        let Some(due) = begin.due else { return Ok(Change::Made) };
        self.change("pass due time", begin.task, None, move |present| present.passed(&due), nothing_more).await
    }

    async fn skip_due(&self, task: &TaskRef, due: &Due) -> Result<Change<Summary>> {
        let due = *due;
        self.change("skip due time", task, None, move |present| present.skipped(&due), nothing_more).await
    }

    async fn cancel_run(&self, task: &TaskRef, run: &str, author: &Author) -> Result<Change<Summary>> {
        let (run, audit) = (run.to_owned(), audit(task, author, "cancel", run));
        self.change("cancel run", task, audit, move |present| present.cancelled(&run), nothing_more).await
    }

    async fn end_run(&self, task: &TaskRef, end: &EndedRun) -> Result<Change<Summary>> {
        let (end, id, run) = (end.clone(), task.id.clone(), end.id.clone());
        let ended = end.operation_end();
        let also = move |t: &Transaction<'_>| operations::end(t, &id, &run, &ended).map(|_| true);
        self.change("end run", task, None, move |present| present.ended(&end), also).await
    }

    async fn watch(&self, task: &TaskRef, seen: u64, watch: &Watch) -> Result<Change<Summary>> {
        let watch = *watch;
        self.change("watch run", task, None, move |present| present.watched(seen, &watch), nothing_more).await
    }
}
