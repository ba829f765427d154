//! Runs for the tests of what is shown of them, and fleets in folders.

use std::path::Path;

use adapters::open::FleetBackend;
use shared::config::{FleetFile, TaskDefinition};
use shared::ledger::{Found, Phase, Run, RunStart, Settled};
use shared::object::Timestamp;
use shared::tasks::{Author, NewTask, Summary, TaskRef};

/// A run of task `t` with these counters.
pub fn run(id: &str, phase: Phase, found: Found, settled: Settled) -> Run {
    let start = RunStart {
        id: id.into(),
        task: "t".into(),
        source: "/a".into(),
        destination: "/b".into(),
        options: Default::default(),
        started: Timestamp(0),
    };
    Run { start, phase, error: None, found, settled }
}

/// Somebody who changes tasks.
pub fn author() -> Author {
    Author::new("test", Timestamp::now(), "")
}

/// The definition of task `t` with these lines at the end.
pub fn definition(sections: &str) -> TaskDefinition {
    let text = format!("task = \"t\"\n[source]\nlocation = \"/a\"\n[destination]\nlocation = \"/b\"\n{sections}");
    TaskDefinition::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A fleet in this folder, with task `t`.
pub async fn fleet(folder: &Path) -> (FleetBackend, Summary) {
    let backend = FleetBackend::open(&FleetFile::of_folder("f", folder)).await.unwrap();
    let task = TaskRef { name: "t".to_owned(), id: uuid::Uuid::now_v7().to_string() };
    let new = NewTask { task, definition: definition("").kept().unwrap(), next_due: None };
    assert!(backend.tasks.create(&new, &author()).await.unwrap().is_made());
    let summary = backend.tasks.summary("t").await.unwrap().unwrap();
    (backend, summary)
}
