//! The services of a controller.

use std::sync::Arc;

use adapters::fleet::dry::Dry;
use adapters::notify::Notices;
use adapters::open::{self, FleetBackend};
use shared::Result;
use shared::fleet::group::SharedGroup;
use shared::ledger::SharedLedger;
use shared::notify::Notifier;
use shared::object::Timestamp;
use shared::tasks::{Author, SharedTasks};

use super::queues::{FleetQueues, Queues};

/// Who changes tasks, in the record of changes.
pub const WHO: &str = "controller";

/// The ports of a fleet, opened once for all passes.
pub struct ControllerContext {
    /// The fleet's name.
    pub fleet: String,
    /// Where people reach the console, if that is known.
    pub public_url: Option<String>,
    /// The tasks.
    pub tasks: SharedTasks,
    /// Where outcomes are recorded.
    pub ledger: SharedLedger,
    /// The tasks' queues.
    pub queues: Arc<dyn Queues>,
    /// The machines.
    pub group: SharedGroup,
    /// Sends notices.
    pub notifier: Arc<dyn Notifier>,
    /// This controller's name in records.
    pub owner: String,
    /// Decide and log, but change nothing.
    pub is_dry: bool,
    /// This machine's clock.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl ControllerContext {
    /// Opens the queues, the group and the receivers of notices of a fleet, without a request to them.
    pub async fn of(backend: &FleetBackend, is_dry: bool) -> Result<ControllerContext> {
        let fleet = backend.fleet();
        if fleet.group.is_none() && fleet.state.is_none() {
            tracing::info!(fleet = fleet.name, "the fleet file names no [fleet] group: nothing starts machines");
        }
        let group = open::group(fleet.group.as_ref()).await?;
        Ok(ControllerContext {
            fleet: fleet.name.clone(),
            public_url: fleet.public_url.clone(),
            tasks: backend.tasks.clone(),
            ledger: backend.ledger.clone(),
            queues: Arc::new(FleetQueues::new(fleet)),
            group: if is_dry { Arc::new(Dry::over(group)) } else { group },
            notifier: Arc::new(Notices::new(&fleet.queue)),
            owner: format!("{WHO}-{}", uuid::Uuid::now_v7()),
            is_dry,
            clock: Arc::new(Timestamp::now),
        })
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The author of a change by this controller.
    pub fn author(&self, note: &str) -> Author {
        Author::new(WHO, self.now(), note)
    }
}
