//! Creates tasks.

use std::time::Duration;

use adapters::open;
use shared::ErrorKind;
use shared::config::{FollowedEvents, TaskDefinition};
use shared::object::Timestamp;
use shared::tasks::{Change, NewTask, Summary, TaskRef};
use tokio::time::{Instant, sleep};

use super::actor::Actor;
use super::events_queue;
use crate::refusal::{Code, Refusal};

/// Pause between two tries to make a queue whose name SQS refuses.
const TRY_PAUSE: Duration = Duration::from_secs(5);

/// How long a caller waits for SQS, which refuses a name for 60 s after a queue of that name was deleted.
pub struct Waiting<'a> {
    /// The longest wait.
    pub at_most: Duration,
    /// Says once why the caller waits.
    pub say: &'a (dyn Fn(&str) + Sync),
}

/// A task that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The task.
    pub task: TaskRef,
    /// When its first run is due; `None`: when asked to.
    pub next_due: Option<Timestamp>,
    /// How its events come, for the user.
    pub note: Option<String>,
}

/// Records a task, then makes its queues. Nothing is asked of its stores. If the program ends in between, the program
/// that serves the fleet makes the queues.
pub async fn create(actor: &Actor, definition: &TaskDefinition, waiting: Waiting<'_>) -> Result<Created, Refusal> {
    definition.check_on(actor.fleet())?;
    events_queue::check(actor, definition).await?;
    let next_due = definition.schedule.as_ref().and_then(|schedule| schedule.first(Timestamp::now()));
    let name = &definition.task;
    let task = TaskRef { name: name.clone(), id: uuid::Uuid::now_v7().to_string() };
    let new = NewTask { task, definition: definition.kept()?, next_due };
    match actor.tasks().create(&new, &actor.author("")).await.map_err(Refusal::service)? {
        Change::Made => {}
        Change::Conflict(_) => {
            let what = format!("fleet {:?} has a task {name:?}", actor.fleet().name);
            return Err(Refusal::new(Code::TaskExists, what).remedy("give another name"));
        }
    }
    let summary = actor.summary(name).await?;
    make_queues(actor, &summary, waiting).await?;
    let note = match definition.events {
        FollowedEvents::Off => None,
        _ => actor.wire_events(&summary, definition).await?,
    };
    Ok(Created { task: new.task, next_due, note })
}

/// Makes the queues of a new task.
async fn make_queues(actor: &Actor, task: &Summary, waiting: Waiting<'_>) -> Result<(), Refusal> {
    let began = Instant::now();
    loop {
        let error = match open::create_task_queues(actor.fleet(), task).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        if error.kind() != ErrorKind::Conflict || began.elapsed() > waiting.at_most {
            let hint = "the task is recorded; a worker makes its queues when this is mended";
            return Err(Refusal::midway(error).hint(hint));
        }
        if began.elapsed() < TRY_PAUSE {
            (waiting.say)(error.message());
        }
        sleep(TRY_PAUSE).await;
    }
}
