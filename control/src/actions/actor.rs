//! Who acts on which fleet.

use adapters::open::{self, FleetBackend};
use shared::config::{FleetFile, FollowedEvents, TaskDefinition, TaskLimits};
use shared::object::Timestamp;
use shared::tasks::{Author, Limits, Operation, SharedTasks, Summary};

use crate::key::RequestKey;
use crate::refusal::{Code, Refusal};

/// The newest operations of a task, among which a repeated request, and those that are not done, are looked for.
pub(super) const LOOKED_THROUGH: usize = 100;

/// Somebody who acts on the tasks of a fleet. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The services of the fleet.
    pub backend: FleetBackend,
    /// The name in the record of changes.
    pub who: String,
    /// The key of the request, if it may be repeated.
    pub key: Option<RequestKey>,
}

/// A task with its present definition.
#[derive(Debug, Clone)]
pub struct Found {
    /// The task.
    pub summary: Summary,
    /// Its present definition, with the limits that hold now.
    pub definition: TaskDefinition,
}

impl Actor {
    /// Somebody whose requests have no keys.
    pub fn new(backend: FleetBackend, who: impl Into<String>) -> Actor {
        Actor { backend, who: who.into(), key: None }
    }

    /// With the key of one request.
    pub fn with_key(self, key: Option<RequestKey>) -> Actor {
        Actor { key, ..self }
    }

    /// The id of what the request makes.
    pub(super) fn new_id(&self) -> String {
        match &self.key {
            Some(key) => key.id(Timestamp::now()),
            None => uuid::Uuid::now_v7().to_string(),
        }
    }

    /// Whether this request, sent before, made what has this id.
    pub(super) fn made(&self, id: &str) -> bool {
        self.key.as_ref().is_some_and(|key| key.made(id))
    }

    /// The operation that this request, sent before, made for a task. Looked for among the newest.
    pub(super) async fn made_before(&self, task: &str) -> Result<Option<Operation>, Refusal> {
        if self.key.is_none() {
            return Ok(None);
        }
        let (newest, _) = self.tasks().operations(task, None, LOOKED_THROUGH).await.map_err(Refusal::service)?;
        Ok(newest.into_iter().find(|operation| self.made(&operation.id)))
    }

    /// The fleet.
    pub fn fleet(&self) -> &FleetFile {
        self.backend.fleet()
    }

    /// The tasks of the fleet.
    pub fn tasks(&self) -> &SharedTasks {
        &self.backend.tasks
    }

    /// The author of a change that is made now.
    pub fn author(&self, note: &str) -> Author {
        Author::new(self.who.clone(), Timestamp::now(), note)
    }

    /// The task of a name.
    pub async fn summary(&self, name: &str) -> Result<Summary, Refusal> {
        let summary = self.tasks().summary(name).await.map_err(Refusal::service)?;
        summary.ok_or_else(|| {
            Refusal::new(Code::NoSuchTask, format!("fleet {:?} has no task {name:?}", self.fleet().name))
                .remedy("flotilla task list names all tasks")
        })
    }

    /// The task of a name, with its definition.
    pub async fn found(&self, name: &str) -> Result<Found, Refusal> {
        let summary = self.summary(name).await?;
        let definition = self.definition(&summary).await?;
        Ok(Found { summary, definition })
    }

    /// The text of a task's present definition.
    pub async fn text(&self, summary: &Summary) -> Result<String, Refusal> {
        let text = self.tasks().definition(&summary.task.id, summary.version).await.map_err(Refusal::service)?;
        // An edit between the two reads may have removed the version.
        text.ok_or_else(|| {
            let what = format!("task {:?} is being changed", summary.task.name);
            Refusal::new(Code::Changed, what).remedy("try again").on_the_way()
        })
    }

    /// A task's present definition, with the limits that hold now.
    pub async fn definition(&self, summary: &Summary) -> Result<TaskDefinition, Refusal> {
        let (name, text) = (&summary.task.name, self.text(summary).await?);
        let definition = TaskDefinition::parse(&text).map_err(|why| {
            let what = format!("the definition of task {name:?} cannot be read ({why})");
            Refusal::new(Code::OtherRelease, what).remedy("use the version that wrote it")
        })?;
        let Limits { machines, bandwidth, requests } = summary.limits;
        Ok(TaskDefinition { limits: TaskLimits { machines, bandwidth, requests }, ..definition })
    }

    /// Makes the source bucket send the events that a task follows. Returns a line for the user, if there is one.
    pub(super) async fn wire_events(
        &self,
        summary: &Summary,
        definition: &TaskDefinition,
    ) -> Result<Option<String>, Refusal> {
        let name = &summary.task.name;
        open::wire_events(self.fleet(), summary, definition).await.map_err(|error| {
            let events = if definition.events == FollowedEvents::Create { "create" } else { "create-delete" };
            let again = format!("flotilla task edit {name} --events {events}");
            Refusal::midway(error).hint(format!("task {name} is recorded, without events: then run {again}"))
        })
    }
}

/// Somebody else deleted the task, or its name is another task's by now.
pub(super) fn gone(name: &str) -> Refusal {
    Refusal::new(Code::NoSuchTask, format!("task {name:?} was deleted by somebody else"))
}

/// The key was given to a request with another content.
pub(super) fn key_reused() -> Refusal {
    let what = "the key of this request was given to a request with another content";
    Refusal::new(Code::KeyReused, what).remedy("give each request a key of its own")
}

/// A task that is being deleted refuses all changes.
pub fn deleting(name: &str) -> Refusal {
    Refusal::new(Code::TaskDeleting, format!("task {name:?} is being deleted")).remedy("create another one")
}

/// A paused task refuses what its workers would carry out.
pub(super) fn paused(name: &str) -> Refusal {
    let remedy = format!("run flotilla task resume {name} first");
    Refusal::new(Code::TaskPaused, format!("task {name:?} is paused")).remedy(remedy)
}
