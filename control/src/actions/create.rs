//! Creates tasks.

use std::time::Duration;

use adapters::open;
use shared::ErrorKind;
use shared::config::{FollowedEvents, TaskDefinition};
use shared::object::Timestamp;
use shared::tasks::{NewTask, Summary, TaskRef, TaskState};
use tokio::time::{Instant, sleep};

use super::actor::{Actor, key_reused};
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
    /// How its events come, for the user. If queues or events could not be made, the task is recorded all the same.
    pub completed: Result<Option<String>, Refusal>,
}

/// Records a task, then makes its queues. Nothing is asked of its stores. If the program ends in between, the program
/// that serves the fleet makes the queues.
pub async fn create(actor: &Actor, definition: &TaskDefinition, waiting: Waiting<'_>) -> Result<Created, Refusal> {
    definition.check_on(actor.fleet())?;
    events_queue::check(actor, definition).await?;
    let next_due = definition.schedule.as_ref().and_then(|schedule| schedule.first(Timestamp::now()));
    let name = &definition.task;
    let task = TaskRef { name: name.clone(), id: actor.new_id() };
    let new = NewTask { task, definition: definition.kept()?, next_due };
    if !actor.tasks().create(&new, &actor.author("")).await.map_err(Refusal::service)?.is_made() {
        let made = made_before(actor, &new).await?;
        // Somebody deletes or has edited it since: what they undid is not done again.
        if made.state == TaskState::Deleting || made.version > 1 {
            return Ok(Created { task: made.task, next_due: made.next_due, completed: Ok(None) });
        }
    }
    let summary = actor.summary(name).await?;
    let completed = complete(actor, &summary, definition, waiting).await;
    Ok(Created { task: summary.task, next_due, completed })
}

/// The task that this request made when it was sent before. Refuses a name that another task has.
async fn made_before(actor: &Actor, new: &NewTask) -> Result<Summary, Refusal> {
    let name = &new.task.name;
    let summary = actor.tasks().summary(name).await.map_err(Refusal::service)?;
    let made = summary.filter(|summary| actor.made(&summary.task.id));
    let Some(made) = made else {
        let what = format!("fleet {:?} has a task {name:?}", actor.fleet().name);
        return Err(Refusal::new(Code::TaskExists, what).remedy("give another name"));
    };
    match made.version == 1 && actor.text(&made).await? != new.definition.text {
        true => Err(key_reused()),
        false => Ok(made),
    }
}

/// What is made after the record.
async fn complete(
    actor: &Actor,
    summary: &Summary,
    definition: &TaskDefinition,
    waiting: Waiting<'_>,
) -> Result<Option<String>, Refusal> {
    make_queues(actor, summary, waiting).await?;
    match definition.events {
        FollowedEvents::Off => Ok(None),
        _ => actor.wire_events(summary, definition).await,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RequestKey, fixtures};

    #[tokio::test]
    async fn regression_a_repeated_create_leaves_an_edited_task() {
        let folder = tempfile::tempdir().unwrap();
        let (actor, _) = fixtures::fleet(folder.path()).await;
        let actor = actor.with_key(Some(RequestKey::new("test", "POST /tasks", "1")));
        let definition = TaskDefinition { task: "new".to_owned(), ..fixtures::definition("") };
        let waiting = || Waiting { at_most: Duration::ZERO, say: &|_| {} };
        let first = create(&actor, &definition, waiting()).await.unwrap();
        assert_eq!(create(&actor, &definition, waiting()).await.unwrap(), first);
        let other = fixtures::definition("[find]\ndelete = true\n").kept().unwrap();
        assert!(actor.tasks().edit(&first.task, 1, &other, None, &actor.author("")).await.unwrap().is_made());
        let again = create(&actor, &definition, waiting()).await.unwrap();
        assert_eq!((again.task, again.completed), (first.task, Ok(None)));
        assert_eq!(actor.summary("new").await.unwrap().version, 2);
    }
}
