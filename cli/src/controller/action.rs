//! The actions of a pass.

use std::fmt;

use shared::controller::task::TaskDecision;
use shared::notify::NoticeEvent;
use shared::object::Timestamp;
use shared::tasks::{Operation, OperationKind, Sample, Summary, TaskRef, Watch};
use shared::terminal;

use super::deletion::Left;

/// What somebody is notified of while a task waits, or once it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutageReport {
    /// The task.
    pub summary: Summary,
    /// Whether it waits, or goes on.
    pub event: NoticeEvent,
    /// Since when it waits, or waited.
    pub since: Timestamp,
    /// What a worker reports of it.
    pub error: Option<String>,
}

/// One action. It prints as one line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Record what was seen of a task, by a controller that has seen minute `seen`.
    Watch {
        /// The task.
        task: TaskRef,
        /// The minute that is recorded.
        seen: u64,
        /// What to record.
        watch: Watch,
        /// The notice that is requested before that.
        notice: Option<Box<OutageReport>>,
    },
    /// A decision about a task.
    Decided(Box<Summary>, TaskDecision),
    /// Ask for an operation of the deletion of a task, and send its job.
    Ask(Box<Summary>, OperationKind),
    /// Remove the queues of a task, then the task.
    Remove(Box<Summary>, Left),
    /// Record what controllers remember, over the record of this version.
    Remember(u64, String),
    /// Send the job of an operation again; `None`: its task is not created yet.
    Send(Option<Box<Summary>>, Box<Operation>),
    /// End an operation that nobody needs, for this reason.
    Withdraw(Box<Operation>, &'static str),
    /// Send a notice.
    Notify(Box<Summary>, Box<Operation>),
    /// End a machine.
    Terminate {
        /// Its name in the group.
        machine: String,
        /// Whether the group is not to replace it.
        is_smaller: bool,
    },
    /// Ask the group for machines.
    Grow(u32),
    /// Record a sample of a task.
    Sample(TaskRef, Box<Sample>),
}

impl Action {
    /// Whether another round of the same pass may find the next step.
    pub fn leads_on(&self) -> bool {
        use TaskDecision::{Cancel, End, Lose};
        let is_notice = matches!(self, Action::Watch { notice: Some(_), .. });
        is_notice || matches!(self, Action::Decided(_, Cancel(_) | End(_) | Lose { .. }) | Action::Remove(..))
    }

    /// Whether it is one of the many that a log would not be read for.
    pub fn is_routine(&self) -> bool {
        matches!(self, Action::Watch { notice: None, .. } | Action::Remember(..) | Action::Sample(..))
    }

    /// Whether it is done once in a pass, however often that looks.
    pub fn is_once(&self) -> bool {
        matches!(self, Action::Decided(_, TaskDecision::Find(_) | TaskDecision::Unreadable(_)) | Action::Sample(..))
    }

    /// Whether only the controller does it that wrote the record first.
    pub fn needs_record(&self) -> bool {
        matches!(self, Action::Send(..) | Action::Terminate { .. })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Watch { task, notice: None, .. } => write!(f, "watch task {}", task.name),
            Action::Watch { task, notice: Some(report), .. } => {
                write!(f, "request a notice that task {} {}", task.name, report.event.as_str().replace('-', " "))
            }
            Action::Decided(summary, decision) => decided(f, &summary.task.name, decision),
            Action::Ask(summary, kind) => {
                let what = if *kind == OperationKind::Erase { "remove the records" } else { "close the uploads" };
                write!(f, "{what} of task {}, which is being deleted", summary.task.name)
            }
            Action::Remove(summary, left) => write!(f, "remove task {}{left}", summary.task.name),
            Action::Remember(..) => f.write_str("record what was seen"),
            Action::Send(_, operation) => {
                write!(f, "send {} {} again: no message stands for it", operation.kind.as_str(), operation.id)
            }
            Action::Withdraw(operation, why) => {
                write!(f, "end {} {}: {why}", operation.kind.as_str(), operation.id)
            }
            Action::Notify(summary, operation) => {
                let times = if operation.beat > 0 { " again" } else { "" };
                write!(f, "send notice {} of task {}{times}", operation.id, summary.task.name)
            }
            Action::Terminate { machine, is_smaller } => {
                let then = if *is_smaller { "without a replacement" } else { "and replace it" };
                write!(f, "end machine {machine}, whose worker has no heartbeat, {then}")
            }
            Action::Grow(machines) => write!(f, "ask the group for {machines} machines"),
            Action::Sample(task, _) => write!(f, "record a sample of task {}", task.name),
        }
    }
}

fn decided(f: &mut fmt::Formatter<'_>, task: &str, decision: &TaskDecision) -> fmt::Result {
    match decision {
        TaskDecision::Begin { run, due: Some(due) } => {
            write!(f, "begin run {run} of task {task}, due at {}", due.seen.to_seconds())
        }
        TaskDecision::Begin { run, due: None } => {
            write!(f, "begin run {run} of task {task}: the last one lost messages")
        }
        TaskDecision::Skip(due) => {
            write!(f, "skip the run of task {task} due at {}: a run is live", due.seen.to_seconds())
        }
        TaskDecision::Find(run) => write!(f, "send the job of run {run} of task {task} again: no finder works on it"),
        TaskDecision::Cancel(run) => write!(f, "cancel run {run} of task {task}"),
        TaskDecision::Lose { run, lost } => {
            write!(f, "stop run {run} of task {task}: the messages of {} are lost", terminal::counted(*lost, "object"))
        }
        TaskDecision::End(end) => write!(f, "end run {} of task {task}: {}", end.id, end.words()),
        TaskDecision::Unreadable(_) => write!(f, "follow the schedule of task {task}"),
    }
}
