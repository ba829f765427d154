//! Fleets in folders, for tests.

use std::path::Path;

use adapters::open::FleetBackend;
use shared::config::{FleetFile, TaskDefinition};
use shared::tasks::{NewTask, Summary, TaskRef};

use crate::Actor;

/// The definition of task `t` with these lines at the end.
pub fn definition(sections: &str) -> TaskDefinition {
    let text = format!("task = \"t\"\n[source]\nlocation = \"/a\"\n[destination]\nlocation = \"/b\"\n{sections}");
    TaskDefinition::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Somebody who acts on a fleet in this folder, which has task `t`.
pub async fn fleet(folder: &Path) -> (Actor, Summary) {
    let backend = FleetBackend::open(&FleetFile::of_folder("f", folder)).await.unwrap();
    let actor = Actor::new(backend, "test");
    let task = TaskRef { name: "t".to_owned(), id: uuid::Uuid::now_v7().to_string() };
    let new = NewTask { task, definition: definition("").kept().unwrap(), next_due: None };
    assert!(actor.tasks().create(&new, &actor.author("")).await.unwrap().is_made());
    let summary = actor.summary("t").await.unwrap();
    (actor, summary)
}
