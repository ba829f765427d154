//! The rules of conditional writes, as functions over records: every adapter decides by them.
//!
//! An adapter reads a record, asks here, and writes the next one unless the record changed meanwhile; then it reads
//! again. So a write that is repeated, or carried out late, never undoes another.

use super::control::{BeginRun, Due, EndedRun, Limits, LiveRun, Losses, MAX_CANCELLED_RUNS, Summary, TaskState, Watch};
use super::definitions::{Definition, NewTask};
use super::operations::{MAX_PROGRESS_CHARS, Operation, OperationEnd};
use super::{Author, TaskRef};
use crate::object::Timestamp;

/// What a change makes of the present record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<T> {
    /// This record is to be written.
    Write(Box<T>),
    /// The record is as the caller wants it.
    Made,
    /// The record is not the one that the caller has seen.
    Conflict,
}

impl<T> Next<T> {
    fn write_if(holds: bool, next: T) -> Next<T> {
        if holds { Next::Write(Box::new(next)) } else { Next::Conflict }
    }
}

impl Summary {
    /// The summary of a new task.
    pub fn of_new(new: &NewTask, author: &Author) -> Summary {
        Summary {
            task: new.task.clone(),
            state: TaskState::Active,
            version: 1,
            outline: new.definition.outline.clone(),
            limits: new.definition.limits,
            created: author.at,
            next_due: new.next_due,
            skipped_due: None,
            run: None,
            cancelled: Default::default(),
            last_run: None,
            newer: Vec::new(),
            losses: Losses::default(),
            watch: Watch::default(),
            erases_records: false,
        }
    }

    /// Whether it is this task's, and not that of another one of its name.
    pub fn is_of(&self, task: &TaskRef) -> bool {
        self.task == *task
    }

    /// After an edit by somebody who has seen version `seen`. The due time is theirs if the schedule is another one;
    /// else it stays: a run may have moved it since they read it, and no run changes the version.
    pub fn edited(&self, seen: u32, definition: &Definition, next_due: Option<Timestamp>) -> Next<Summary> {
        let Definition { outline, limits, .. } = definition;
        let next_due = if outline.schedule == self.outline.schedule { self.next_due } else { next_due };
        let next = Summary {
            version: seen.saturating_add(1),
            outline: outline.clone(),
            limits: *limits,
            next_due,
            ..self.clone()
        };
        Next::write_if(self.version == seen && self.state != TaskState::Deleting, next)
    }

    /// In another state. A due time moves only for a task that is resumed, and never back: the caller may have read it
    /// before a run moved it. A task that is to be deleted has its live run cancelled in the same write.
    pub fn moved(&self, state: TaskState, next_due: Option<Timestamp>) -> Next<Summary> {
        if self.state == state {
            return Next::Made;
        }
        let mut next = Summary { state, ..self.clone() };
        if state == TaskState::Active {
            next.next_due = self.next_due.map(|mine| next_due.map_or(mine, |theirs| mine.max(theirs)));
        }
        if state == TaskState::Deleting {
            next.next_due = None;
            next.cancelled.extend(self.run.iter().map(|run| run.id.clone()));
        }
        Next::write_if(state.may_follow(self.state), next)
    }

    /// Being deleted, with or without its records. One request to remove the records is enough.
    pub fn deleted(&self, records: bool) -> Next<Summary> {
        if self.state == TaskState::Deleting && (self.erases_records || !records) {
            return Next::Made;
        }
        let mut next = match self.moved(TaskState::Deleting, None) {
            Next::Write(next) => *next,
            _ => self.clone(),
        };
        next.erases_records |= records;
        Next::Write(Box::new(next))
    }

    /// With other limits.
    pub fn limited(&self, seen: &Limits, limits: &Limits) -> Next<Summary> {
        if self.limits == *limits {
            return Next::Made;
        }
        Next::write_if(self.limits == *seen, Summary { limits: *limits, ..self.clone() })
    }

    /// With a run that begins.
    pub fn begun(&self, begin: &BeginRun<'_>) -> Next<Summary> {
        let BeginRun { operation, due, supersedes, .. } = begin;
        if self.run.as_ref().is_some_and(|run| run.id == operation.id) {
            return Next::Made;
        }
        let mut next = self.clone();
        if let Some(live) = &self.run {
            if *supersedes != Some(live.id.as_str()) || self.cancelled.len() >= MAX_CANCELLED_RUNS {
                return Next::Conflict;
            }
            next.cancelled.insert(live.id.clone());
        }
        if let Some(Due { seen, next: then }) = due {
            if self.next_due != Some(*seen) {
                return Next::Conflict;
            }
            (next.next_due, next.skipped_due) = (*then, None);
        }
        next.newer.push(operation.id.clone());
        next.run = Some(LiveRun { id: operation.id.clone(), version: operation.version, begun: operation.requested });
        // The minute stays: of two controllers that are late in it, one is counted.
        next.watch = Watch { minute: self.watch.minute, outage: self.watch.outage, ..Watch::default() };
        Next::write_if(self.state == TaskState::Active && self.version == operation.version, next)
    }

    /// With the due time of a run that began before, and may have ended: it moves on, so that it is not due for ever.
    pub fn passed(&self, due: &Due) -> Next<Summary> {
        if self.next_due != Some(due.seen) {
            return Next::Made;
        }
        Next::Write(Box::new(Summary { next_due: due.next, skipped_due: None, ..self.clone() }))
    }

    /// With a due time that passed without a run.
    pub fn skipped(&self, due: &Due) -> Next<Summary> {
        if self.next_due == due.next && self.skipped_due == Some(due.seen) {
            return Next::Made;
        }
        let next = Summary { next_due: due.next, skipped_due: Some(due.seen), ..self.clone() };
        Next::write_if(self.next_due == Some(due.seen), next)
    }

    /// Why a run of the task is cancelled, where nobody has said so.
    pub fn cancel_reason(&self, run: &str) -> &'static str {
        match (self.state, &self.run) {
            (TaskState::Deleting, _) => "cancelled: its task is being deleted",
            (_, Some(live)) if live.id != run => "cancelled: a newer run of the task has replaced it",
            _ => "cancelled by command",
        }
    }

    /// With a run that is to be cancelled. A run that has ended stays as it ended.
    pub fn cancelled(&self, run: &str) -> Next<Summary> {
        if self.cancelled.contains(run) || self.last_run.as_ref().is_some_and(|last| last.id == run) {
            return Next::Made;
        }
        let mut next = self.clone();
        next.cancelled.insert(run.to_owned());
        Next::write_if(self.cancelled.len() < MAX_CANCELLED_RUNS, next)
    }

    /// With a run that has ended. It is the last one unless a run that began later has ended before.
    pub fn ended(&self, end: &EndedRun) -> Next<Summary> {
        let is_live = self.run.as_ref().is_some_and(|run| run.id == end.id);
        if !is_live && !self.cancelled.contains(&end.id) {
            return Next::Made;
        }
        let mut next = self.clone();
        next.cancelled.remove(&end.id);
        if let Some(live) = next.run.take_if(|run| run.id == end.id) {
            next.losses = match end.has_losses() {
                true => Losses { in_a_row: self.losses.in_a_row.saturating_add(1), version: live.version },
                false => Losses::default(),
            };
        }
        let place = self.newer.iter().position(|run| *run == end.id);
        if is_live || place.is_some() {
            next.last_run = Some(end.clone());
            // No run began after the live one.
            next.newer.drain(..place.map_or(self.newer.len(), |place| place + 1));
        }
        Next::Write(Box::new(next))
    }

    /// With what the controller saw now, by a controller that has seen minute `seen`.
    pub fn watched(&self, seen: u64, watch: &Watch) -> Next<Summary> {
        if self.watch == *watch {
            return Next::Made;
        }
        Next::write_if(self.watch.minute == seen, Summary { watch: *watch, ..self.clone() })
    }
}

impl Operation {
    /// After one more step, by a worker that has seen step `seen`.
    pub fn stepped(&self, seen: u64, worker: &str, progress: &str) -> Next<Operation> {
        let next = Operation {
            beat: seen.saturating_add(1),
            worker: Some(worker.to_owned()),
            progress: Some(progress.to_owned()),
            ..self.clone()
        };
        if *self == next {
            return Next::Made;
        }
        Next::write_if(self.end.is_none() && self.beat == seen, next)
    }

    /// After the work of step `step` has shown how far it is.
    pub fn shown(&self, step: u64, progress: &str) -> Next<Operation> {
        let progress: String = progress.chars().take(MAX_PROGRESS_CHARS).collect();
        if self.end.is_some() || self.beat != step || self.progress.as_ref() == Some(&progress) {
            return Next::Made;
        }
        Next::Write(Box::new(Operation { progress: Some(progress), ..self.clone() }))
    }

    /// After its end.
    pub fn ended(&self, end: &OperationEnd) -> Next<Operation> {
        match &self.end {
            Some(recorded) if recorded == end => Next::Made,
            Some(_) => Next::Conflict,
            None => Next::Write(Box::new(Operation { end: Some(end.clone()), ..self.clone() })),
        }
    }
}

#[cfg(test)]
mod tests;
