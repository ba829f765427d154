//! Workers and machines.

use serde::Serialize;
use utoipa::ToSchema;

/// The workers of a fleet, and its group of machines.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Workers {
    /// The workers, by name.
    pub items: Vec<Worker>,
    /// The group; `null` of machines that nobody scales.
    pub group: Option<Group>,
    /// Why the group cannot be read.
    pub group_error: Option<String>,
}

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Worker {
    /// Its name.
    pub worker: String,
    /// Its machine's name in the group.
    pub machine: Option<String>,
    /// Its program's version.
    pub version: String,
    /// What it does.
    pub state: WorkerState,
    /// Its last heartbeat, by its own clock.
    pub seen: String,
    /// Jobs that it works on.
    pub jobs: u32,
    /// Jobs by task; at most 100.
    pub tasks: Vec<WorkerTask>,
    /// Tasks that it cannot open; at most 100.
    pub errors: Vec<TaskError>,
}

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkerState {
    /// It receives jobs.
    Working,
    /// It ends what it has.
    Draining,
    /// It met a job of a newer format, and receives no more.
    Outdated,
    /// Its heartbeat has not changed for a minute.
    Silent,
}

/// A worker's jobs of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WorkerTask {
    /// The task's name; its id once the task is deleted.
    pub task: String,
    /// Jobs.
    pub jobs: u32,
}

/// A task that a worker cannot open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TaskError {
    /// The task's name; its id once the task is deleted.
    pub task: String,
    /// The reason.
    pub error: String,
}

/// The group of machines of a fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Fewest machines.
    pub min: u32,
    /// Most machines.
    pub max: u32,
    /// Machines that it wants.
    pub wanted: u32,
    /// Machines in service.
    pub in_service: u32,
    /// Its machines; at most 1,000.
    pub machines: Vec<Machine>,
}

/// A machine of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Machine {
    /// Its name.
    pub id: String,
    /// Whether it is in service, and not about to go.
    pub in_service: bool,
    /// The worker on it.
    pub worker: Option<String>,
}
