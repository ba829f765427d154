//! The planner of objects: a walk over both stores.

use std::sync::Arc;

use async_trait::async_trait;
use shared::config::{Find, Work};
use shared::filter::Filter;
use shared::ledger::{Checkpoint, Found, RunOptions};
use shared::object::Timestamp;
use shared::objects::SharedSuspectKeys;
use shared::store::Store;

use crate::error::FindError;
use crate::objects::deletes;
use crate::objects::listing::Sides;
use crate::objects::walk::Walk;
use crate::planner::{Planned, Planner};
use crate::run::context::RunContext;

/// Plans one run between two object stores.
#[derive(Debug)]
pub struct ObjectsPlanner {
    sides: Sides,
    filter: Arc<Filter>,
    find: Find,
    options: RunOptions,
    suspects: SharedSuspectKeys,
}

impl ObjectsPlanner {
    /// A planner for a run that begins now: ages of objects count from this moment, and the prefix list is read. The
    /// destination must exist.
    pub fn new(
        source: Store,
        destination: Store,
        find: &Find,
        work: &Work,
        suspects: SharedSuspectKeys,
    ) -> Result<Self, FindError> {
        Self::of_run(source, destination, (find, work), suspects, Timestamp::now())
    }

    /// A planner for a run that began at this time, from which ages of objects count. The prefix list is read now.
    pub fn of_run(
        source: Store,
        destination: Store,
        (find, work): (&Find, &Work),
        suspects: SharedSuspectKeys,
        began: Timestamp,
    ) -> Result<Self, FindError> {
        let filter = Filter::load(find, Some(began))?;
        let options = RunOptions::of(&source, &destination, find, work, filter.prefixes());
        let sides = Sides { source, destination, destination_may_be_missing: false };
        Ok(ObjectsPlanner { sides, filter: Arc::new(filter), find: find.clone(), options, suspects })
    }
}

#[async_trait]
impl Planner for ObjectsPlanner {
    fn source(&self) -> String {
        self.sides.source.location().to_string()
    }

    fn destination(&self) -> String {
        self.sides.destination.location().to_string()
    }

    fn options(&self) -> RunOptions {
        self.options.clone()
    }

    async fn plan(&self, run: &RunContext, checkpoints: Vec<Checkpoint>) -> Result<Planned, FindError> {
        let suspects = Some(self.suspects.clone());
        let walk = Walk::new(self.sides.clone(), self.filter.clone(), &self.find, suspects, run.clone());
        Arc::new(walk).run(checkpoints).await
    }

    fn allow_deletes(&self, found: &Found) -> Result<(), FindError> {
        deletes::allow(found, self.find.max_delete)
    }
}
