//! Requests operations: a worker plans, verifies and probes, the controller tests notices.

use adapters::open;
use serde_json::json;
use shared::config::TaskDefinition;
use shared::notify::{NoticeEvent, NoticeRequest};
use shared::queue::{Outgoing, Queue};
use shared::tasks::{OPERATIONS, Operation, OperationClass, OperationKind, TaskState};

use super::actor::{Actor, LOOKED_THROUGH, key_reused, paused};
use crate::effort::Effort;
use crate::refusal::{Code, Refusal};
use crate::request::{PlanRequest, ProbeRequest, VerifyRequest};

/// Most operations of a task that may be requested and not done, beside its runs.
const MAX_OPEN: usize = 20;

/// An operation that is to be requested.
struct Request<'a> {
    /// The task's name, for people.
    name: &'a str,
    /// The task's id, and the version of its definition.
    of: (&'a str, u32),
    /// What is to be done.
    kind: OperationKind,
    /// The arguments, as JSON.
    text: String,
}

/// Has a worker plan the task's next run.
pub async fn plan(actor: &Actor, name: &str) -> Result<Operation, Refusal> {
    of_task(actor, name, OperationKind::Plan, String::new()).await
}

/// Has a worker plan the first run of a task that is not created. The request holds the definition.
pub async fn plan_new(actor: &Actor, definition: &TaskDefinition) -> Result<Operation, Refusal> {
    let text = json!(PlanRequest { definition: Some(definition.to_toml()?) }).to_string();
    of_fleet(actor, &definition.task, OperationKind::Plan, text).await
}

/// Has a worker verify the task.
pub async fn verify(actor: &Actor, name: &str, effort: Effort) -> Result<Operation, Refusal> {
    of_task(actor, name, OperationKind::Verify, json!(VerifyRequest { effort }).to_string()).await
}

/// Has a worker probe both sides of a definition, whose task need not be created.
///
/// The request holds the definition and goes to the fleet's own queue: a task that no worker can open is probed too.
pub async fn probe(actor: &Actor, definition: &TaskDefinition, write_test: bool) -> Result<Operation, Refusal> {
    let text = json!(ProbeRequest { write_test, definition: Some(definition.to_toml()?) }).to_string();
    of_fleet(actor, &definition.task, OperationKind::Probe, text).await
}

/// Has the controller send a test notice to each receiver of the task. One that is under way is the answer to another
/// request.
pub async fn notify_test(actor: &Actor, name: &str) -> Result<Operation, Refusal> {
    let found = actor.found(name).await?;
    let summary = &found.summary;
    if found.definition.notify.channels().next().is_none() {
        let what = format!("task {name:?} has no receiver of notices");
        let remedy = format!("run flotilla task edit {name} --notify-webhook URL, or --notify-topic ARN, first");
        return Err(Refusal::new(Code::NoReceiver, what).of_setting("notify").remedy(remedy));
    }
    let text = NoticeRequest { event: NoticeEvent::Test, ..NoticeRequest::default() }.text();
    if let Some(made) = actor.made_before(&summary.task.id).await? {
        let is_same = made.kind == OperationKind::Notify && made.request == text;
        return if is_same { Ok(made) } else { Err(key_reused()) };
    }
    let read = actor.tasks().operations(&summary.task.id, None, LOOKED_THROUGH).await;
    let (newest, _) = read.map_err(Refusal::service)?;
    let is_open = |one: &Operation| one.end.is_none() && one.kind == OperationKind::Notify && one.request == text;
    if let Some(open) = newest.into_iter().find(is_open) {
        return Ok(open);
    }
    let of = (summary.task.id.as_str(), summary.version);
    let operation = Operation::queued(actor.new_id(), of, OperationKind::Notify, text, &actor.author(""));
    actor.tasks().request(&operation).await.map_err(Refusal::service)?;
    Ok(operation)
}

async fn of_task(actor: &Actor, name: &str, kind: OperationKind, text: String) -> Result<Operation, Refusal> {
    let summary = actor.summary(name).await?;
    if actor.made_before(&summary.task.id).await?.is_none() {
        check_received(name, summary.state)?;
    }
    let queue = open::task_queues(actor.fleet(), &summary).await.map_err(Refusal::service)?.events;
    request(actor, &queue, Request { name, of: (&summary.task.id, summary.version), kind, text }).await
}

async fn of_fleet(actor: &Actor, name: &str, kind: OperationKind, text: String) -> Result<Operation, Refusal> {
    let queue = actor.backend.operations_queue().await.map_err(Refusal::service)?;
    request(actor, &queue, Request { name, of: (OPERATIONS, 0), kind, text }).await
}

/// Refuses what would wait without a word: nobody receives the messages of a paused task.
fn check_received(name: &str, state: TaskState) -> Result<(), Refusal> {
    match state {
        TaskState::Paused => Err(paused(name)),
        TaskState::Active | TaskState::Deleting => Ok(()),
    }
}

/// Records the operation, then sends its job. If the program ends in between, the controller sends the job.
async fn request(actor: &Actor, queue: &Queue, request: Request<'_>) -> Result<Operation, Refusal> {
    let Request { name, of, kind, text } = request;
    let operation = match actor.made_before(of.0).await? {
        Some(made) if made.kind != kind || made.request != text => return Err(key_reused()),
        Some(made) if made.beat > 0 || made.end.is_some() => return Ok(made),
        Some(made) => made,
        None => {
            check_open(actor, name, of.0).await?;
            let operation = Operation::queued(actor.new_id(), of, kind, text, &actor.author(""));
            actor.tasks().request(&operation).await.map_err(Refusal::service)?;
            operation
        }
    };
    // Sent twice, it does no harm.
    queue.send(&[Outgoing::now(operation.job(0).to_body())]).await.map_err(|error| {
        let recorded = "the operation is recorded: the controller sends its job in some minutes";
        Refusal::midway(error).hint(format!("{recorded}; {}", goes_on(name, &operation)))
    })?;
    Ok(operation)
}

/// Where the result of an operation will be found by somebody who no longer waits.
pub fn goes_on(name: &str, operation: &Operation) -> String {
    let (id, kind) = (&operation.id, operation.kind.as_str());
    format!("The {kind} of {name} goes on: flotilla task operation {name} {id} prints its result")
}

/// Refuses one more of a task with too many: all are looked through each minute. Two callers at once may exceed it.
async fn check_open(actor: &Actor, name: &str, id: &str) -> Result<(), Refusal> {
    let (newest, _) = actor.tasks().operations(id, None, LOOKED_THROUGH).await.map_err(Refusal::service)?;
    let is_open = |one: &&Operation| one.end.is_none() && one.kind.class() == OperationClass::Other;
    match newest.iter().filter(is_open).count() {
        open if open < MAX_OPEN => Ok(()),
        open => Err(Refusal::new(Code::TooMany, format!("{open} operations of task {name:?} are not done"))
            .remedy("wait for their ends, or start a worker")),
    }
}

#[cfg(test)]
mod tests {
    use shared::object::Timestamp;
    use shared::tasks::{OperationEnd, OperationVerdict};

    use super::*;
    use crate::{RequestKey, fixtures};

    #[tokio::test]
    async fn a_task_with_20_open_requests_takes_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let (actor, summary) = fixtures::fleet(folder.path()).await;
        let first = plan(&actor, "t").await.unwrap();
        for _ in 1..MAX_OPEN {
            plan(&actor, "t").await.unwrap();
        }
        let refused = plan(&actor, "t").await.unwrap_err();
        let what = "20 operations of task \"t\" are not done";
        assert_eq!((refused.code, refused.what.as_str(), refused.is_midway), (Code::TooMany, what, false));
        let id = summary.task.id.as_str();
        assert_eq!(actor.tasks().operations(id, None, 100).await.unwrap().0.len(), MAX_OPEN, "nothing was recorded");
        let end = OperationEnd { verdict: OperationVerdict::Succeeded, at: Timestamp::now(), result: String::new() };
        actor.tasks().finish(id, &first.id, &end).await.unwrap();
        plan(&actor, "t").await.unwrap();
    }

    #[tokio::test]
    async fn a_request_that_is_repeated_with_its_key_has_one_effect() {
        let folder = tempfile::tempdir().unwrap();
        let (actor, summary) = fixtures::fleet(folder.path()).await;
        let keyed = |key: &str| actor.clone().with_key(Some(RequestKey::new("test", "verify t", key)));
        let first = verify(&keyed("1"), "t", Effort::Deep).await.unwrap();
        assert_eq!(verify(&keyed("1"), "t", Effort::Deep).await.unwrap(), first);
        super::super::pause(&actor, "t").await.unwrap();
        assert_eq!(verify(&keyed("1"), "t", Effort::Deep).await.unwrap(), first, "paused since");
        super::super::resume(&actor, "t").await.unwrap();
        assert_eq!(verify(&keyed("1"), "t", Effort::Quick).await.unwrap_err().code, Code::KeyReused);
        assert_ne!(verify(&keyed("2"), "t", Effort::Deep).await.unwrap().id, first.id);
        assert_eq!(actor.tasks().operations(&summary.task.id, None, 100).await.unwrap().0.len(), 2);
    }

    #[test]
    fn regression_a_plan_of_a_paused_task_is_refused() {
        let is_received = |state| check_received("t", state).is_ok();
        assert_eq!(TaskState::ALL.map(is_received), [true, false, true]);
    }
}
