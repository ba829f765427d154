//! Runs, and processes of a fleet in a folder, for tests.

use std::path::Path;
use std::sync::Arc;

use adapters::ledger::sqlite::SqliteLedger;
use adapters::open::Backend;
use adapters::queue::sqlite::SqliteQueue;
use adapters::sqlite::Database;
use adapters::tasks::sqlite::SqliteTasks;
use async_trait::async_trait;
use shared::Result;
use shared::config::{Config, FleetFile, TaskDefinition};
use shared::ledger::{Found, Phase, Run, RunStart, Settled};
use shared::object::Timestamp;
use shared::queue::Queue;
use shared::tasks::SharedTasks;

use crate::kinds::{self, Opening};
use crate::operations::{OpenedTask, OpenedTasks};

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
    Run { start, phase, entered: Default::default(), error: None, found, settled }
}

/// The open task of one process, in a fleet of one machine. When it is dropped, its leases and claims are free, as those
/// of a killed process are.
#[derive(Clone)]
pub struct Process {
    pub tasks: SharedTasks,
    pub backend: Backend,
    pub config: Config,
}

impl Process {
    /// The process that has this state folder.
    pub fn of(state: &Path, definition: &TaskDefinition, id: &str) -> Process {
        let database = Database::open(state).unwrap();
        let ledger = Arc::new(SqliteLedger::open(&database));
        let queue = |name| -> Queue { Arc::new(SqliteQueue::open(&database, name)) };
        let (upload_log, records) = (ledger.clone(), ledger.clone());
        let backend = Backend { queue: queue("jobs"), events: Some(queue("events")), upload_log, records, ledger };
        let config = definition.on(&FleetFile::of_folder("fleet", state), id);
        Process { tasks: Arc::new(SqliteTasks::open(&database)), backend, config }
    }

    /// The queue of operations and events.
    pub fn events(&self) -> &Queue {
        self.backend.events.as_ref().unwrap()
    }

    pub async fn run(&self, id: &str) -> Option<Run> {
        self.backend.ledger.run(id).await.unwrap()
    }
}

#[async_trait]
impl OpenedTasks for Process {
    async fn opened(&self, _: u32, _: Opening) -> Result<Arc<OpenedTask>> {
        let kind = kinds::open(&self.config, Opening::Unprobed, None).await.unwrap();
        Ok(Arc::new(OpenedTask { config: self.config.clone(), backend: self.backend.clone(), kind }))
    }

    fn backend(&self) -> Option<&Backend> {
        Some(&self.backend)
    }

    fn name(&self) -> &str {
        &self.config.name
    }

    async fn of_definition(&self, _: &str) -> Result<Arc<OpenedTask>> {
        unimplemented!("the task is created")
    }
}
