//! Fleets in folders, for tests.

use std::path::Path;

use adapters::open::FleetBackend;
use shared::config::{FleetFile, TaskDefinition};
use shared::object::Timestamp;
use shared::tasks::{NewTask, Summary, TaskRef};

use crate::Actor;

/// The definition of task `t` with these lines at the end.
pub fn definition(sections: &str) -> TaskDefinition {
    let text = format!("task = \"t\"\n[source]\nlocation = \"/a\"\n[destination]\nlocation = \"/b\"\n{sections}");
    TaskDefinition::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Somebody who acts on a fleet in this folder, which has task `t`.
pub async fn fleet(folder: &Path) -> (Actor, Summary) {
    fleet_with(folder, None).await
}

/// The same; a run of the task is due at this time.
pub async fn due_fleet(folder: &Path, due: Timestamp) -> (Actor, Summary) {
    fleet_with(folder, Some(due)).await
}

async fn fleet_with(folder: &Path, next_due: Option<Timestamp>) -> (Actor, Summary) {
    let backend = FleetBackend::open(&FleetFile::of_folder("f", folder)).await.unwrap();
    let actor = Actor::new(backend, "test");
    let task = TaskRef { name: "t".to_owned(), id: uuid::Uuid::now_v7().to_string() };
    let new = NewTask { task, definition: definition("").kept().unwrap(), next_due };
    assert!(actor.tasks().create(&new, &actor.author("")).await.unwrap().is_made());
    let summary = actor.summary("t").await.unwrap();
    (actor, summary)
}
