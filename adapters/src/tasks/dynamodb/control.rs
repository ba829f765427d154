//! State, limits and runs of tasks.

use async_trait::async_trait;

use super::{DynamoDbTasks, decode};
use shared::object::Timestamp;
use shared::tasks::{
    Author, BeginRun, Change, Control, Due, EndedRun, Limits, MAX_TASKS, Operations as _, Summary, TaskRef, TaskState,
    WITH_RECORDS, Watch, too_many_tasks,
};
use shared::{ErrorKind, Result};

#[async_trait]
impl Control for DynamoDbTasks {
    async fn summary(&self, name: &str) -> Result<Option<Summary>> {
        Ok(self.read(name).await?.map(|(summary, _)| summary))
    }

    async fn summaries(&self) -> Result<Vec<Summary>> {
        let records = self.table.all(self.table.query(&self.summaries_key(), ""), MAX_TASKS + 1).await?;
        if records.len() > MAX_TASKS {
            return Err(self.table.error(ErrorKind::Exhausted, too_many_tasks()));
        }
        records.iter().map(|record| decode(record, "summary")).collect()
    }

    async fn set_state(
        &self,
        task: &TaskRef,
        state: TaskState,
        next_due: Option<Timestamp>,
        author: &Author,
    ) -> Result<Change<Summary>> {
        let also = self.audit(task, author, state.verb(), "");
        self.change(task, &also, |present| present.moved(state, next_due)).await
    }

    async fn delete(&self, task: &TaskRef, records: bool, author: &Author) -> Result<Change<Summary>> {
        let subject = if records { WITH_RECORDS } else { "" };
        let also = self.audit(task, author, TaskState::Deleting.verb(), subject);
        self.change(task, &also, |present| present.deleted(records)).await
    }

    async fn set_limits(
        &self,
        task: &TaskRef,
        seen: &Limits,
        limits: &Limits,
        author: &Author,
    ) -> Result<Change<Summary>> {
        let also = self.audit(task, author, "limit", "");
        self.change(task, &also, |present| present.limited(seen, limits)).await
    }

    async fn begin_run(&self, begin: &BeginRun<'_>, author: &Author) -> Result<Change<Summary>> {
        let (task, run) = (begin.task, begin.operation);
        let mut also = self.new_operation(run)?.to_vec();
        also.extend(self.audit(task, author, "run", &run.id));
        let changed = self.change(task, &also, |present| present.begun(begin)).await?;
        // An earlier request of the caller may have begun it, and it may have ended since.
        if !changed.is_made() && self.operation(&task.id, &run.id).await?.is_none() {
            return Ok(changed);
        }
        // Then the transaction wrote nothing; a due time that stayed would be due for ever.
        let Some(due) = begin.due else { return Ok(Change::Made) };
        self.change(task, &[], |present| present.passed(&due)).await
    }

    async fn skip_due(&self, task: &TaskRef, due: &Due) -> Result<Change<Summary>> {
        self.change(task, &[], |present| present.skipped(due)).await
    }

    async fn cancel_run(&self, task: &TaskRef, run: &str, author: &Author) -> Result<Change<Summary>> {
        let also = self.audit(task, author, "cancel", run);
        self.change(task, &also, |present| present.cancelled(run)).await
    }

    async fn end_run(&self, task: &TaskRef, end: &EndedRun) -> Result<Change<Summary>> {
        // The operation first: who dies in between leaves a run that is live, and its end is recorded again. An
        // operation that has ended otherwise, or is gone after 90 days, stays so.
        self.finish(&task.id, &end.id, &end.operation_end()).await?;
        self.change(task, &[], |present| present.ended(end)).await
    }

    async fn watch(&self, task: &TaskRef, seen: u64, watch: &Watch) -> Result<Change<Summary>> {
        self.change(task, &[], |present| present.watched(seen, watch)).await
    }
}
