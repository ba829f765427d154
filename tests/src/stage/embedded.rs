//! A queue and ledger of a test's own.

use std::sync::Arc;

use adapters::ledger::sqlite::SqliteLedger;
use adapters::queue::sqlite::SqliteQueue;
use adapters::sqlite::Database;
use shared::job::Origin;
use shared::ledger::{Ledger, NO_FENCE, Outcome, Settled};
use shared::objects::job::{JobObject, ObjectJob, ObjectWork};
use shared::queue::{JobQueue, Outgoing};

use super::{RUN, TASK, run_start};
use crate::emulators::fresh_folder;

/// An embedded queue and ledger in a folder of their own.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// The queue of [`TASK`].
    pub queue: Arc<SqliteQueue>,
    /// The ledger.
    pub ledger: Arc<SqliteLedger>,
}

#[allow(clippy::new_without_default, reason = "it makes a folder")]
impl Embedded {
    /// Empty ones.
    ///
    /// # Panics
    /// If the folder cannot be opened. The same holds for all calls: what fails here fails the test.
    pub fn new() -> Embedded {
        let database = Database::open(&fresh_folder("state")).expect("the state folder opens");
        let (queue, ledger) = (SqliteQueue::open(&database, TASK), SqliteLedger::open(&database));
        Embedded { queue: Arc::new(queue), ledger: Arc::new(ledger) }
    }

    /// With [`RUN`] begun.
    ///
    /// # Panics
    /// If it cannot be recorded.
    pub async fn with_a_run() -> Embedded {
        let embedded = Embedded::new();
        embedded.ledger.start_run(&run_start(RUN), NO_FENCE).await.expect("the run is recorded");
        embedded
    }

    /// Enqueues a job.
    ///
    /// # Panics
    /// If the queue does not take it.
    pub async fn send(&self, job: &ObjectJob) {
        self.queue.send(&[Outgoing::now(job.to_body())]).await.expect("the job is queued");
    }

    /// What [`RUN`] has counted.
    ///
    /// # Panics
    /// If the run is not there.
    pub async fn settled(&self) -> Settled {
        self.ledger.run(RUN).await.expect("the ledger answers").expect("the run is there").settled
    }

    /// The last outcome of a key, if there is one.
    ///
    /// # Panics
    /// If the ledger does not answer.
    pub async fn last_outcome(&self, key: &str) -> Option<Outcome> {
        self.ledger.outcome(TASK, key).await.expect("the ledger answers")
    }

    /// The last outcome of a key.
    ///
    /// # Panics
    /// If there is none.
    pub async fn outcome(&self, key: &str) -> Outcome {
        self.last_outcome(key).await.expect("an outcome is recorded")
    }
}

/// A job of [`RUN`] that copies objects.
pub fn copy_job(origin: &str, objects: Vec<JobObject>) -> ObjectJob {
    let origin = Origin { id: origin.to_owned(), items: objects.len() as u32 };
    ObjectJob::new(TASK, RUN, origin, ObjectWork::Copy { objects })
}
