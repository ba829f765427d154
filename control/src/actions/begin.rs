//! Begins runs.

use adapters::open;
use shared::config::{RunOverrides, TaskDefinition};
use shared::queue::Outgoing;
use shared::tasks::{BeginRun, Change, Operation, OperationKind, Summary, TaskState, is_by_schedule};
use shared::terminal;

use super::actor::{Actor, deleting, gone, key_reused, paused};
use super::cancel::mark_cancelled;
use crate::refusal::{Code, Refusal};

/// A run that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The run.
    pub run: String,
    /// The run that it replaces.
    pub superseded: Option<String>,
    /// Whether the run had begun before, by the task's schedule.
    pub is_joined: bool,
}

impl Begun {
    fn new(run: String, superseded: Option<String>) -> Begun {
        Begun { run, superseded, is_joined: false }
    }
}

/// Begins a run of a task, or joins the first run that its schedule began. A new task with a schedule is due at once: who
/// creates it and then begins a run wants this one.
pub async fn run_or_join(actor: &Actor, name: &str) -> Result<Begun, Refusal> {
    let mut begun = run(actor, name, &RunOverrides::default(), false).await;
    if begun.as_ref().is_err_and(|refusal| refusal.code == Code::RunLive) {
        let summary = actor.summary(name).await?;
        if let Some(first) = first_by_schedule(&summary) {
            return Ok(Begun { is_joined: true, ..Begun::new(first.to_owned(), None) });
        }
        if summary.run.is_none() {
            // It has ended meanwhile.
            begun = run(actor, name, &RunOverrides::default(), false).await;
        }
    }
    begun
}

/// The live run, if it is the task's first one, began by schedule and has the present definition.
fn first_by_schedule(summary: &Summary) -> Option<&str> {
    let run = summary.run.as_ref()?;
    let is_first = summary.last_run.is_none() && summary.cancelled.is_empty();
    let is_wanted = is_first && run.version == summary.version && is_by_schedule(&summary.task.id, &run.id);
    is_wanted.then_some(&*run.id)
}

/// Begins a run of a task with options of its own.
pub async fn run(actor: &Actor, name: &str, overrides: &RunOverrides, supersede: bool) -> Result<Begun, Refusal> {
    let summary = actor.summary(name).await?;
    if let Some(begun) = begun_before(actor, &summary, &overrides.to_request()).await? {
        return Ok(begun);
    }
    check_may_begin(&summary, supersede)?;
    let definition = actor.definition(&summary).await?;
    TaskDefinition { find: overrides.apply(&definition.find), ..definition }.check()?;
    begin(actor, &summary, OperationKind::Find, overrides.to_request(), supersede).await
}

/// Records a run, then sends its job. If the program ends in between, the controller sends the job.
pub async fn begin(
    actor: &Actor,
    summary: &Summary,
    kind: OperationKind,
    request: String,
    supersede: bool,
) -> Result<Begun, Refusal> {
    if let Some(begun) = begun_before(actor, summary, &request).await? {
        return Ok(begun);
    }
    check_may_begin(summary, supersede)?;
    // Opened before the run is recorded: a run whose job cannot be sent does not begin.
    let queues = open::task_queues(actor.fleet(), summary).await.map_err(Refusal::service)?;
    let (id, author) = (actor.new_id(), actor.author(""));
    let operation = Operation::queued(id, (&summary.task.id, summary.version), kind, request, &author);
    let superseded = summary.run.as_ref().map(|run| run.id.clone());
    let begin = BeginRun { task: &summary.task, operation: &operation, due: None, supersedes: superseded.as_deref() };
    match actor.tasks().begin_run(&begin, &author).await.map_err(Refusal::service)? {
        Change::Made => {}
        Change::Conflict(None) => return Err(gone(&summary.task.name)),
        // Sent twice at once, the request began a run in the meantime.
        Change::Conflict(Some(now)) if now.run.as_ref().is_some_and(|run| actor.made(&run.id)) => {
            let run = now.run.map(|run| run.id).unwrap_or_default();
            return Ok(Begun::new(run, None));
        }
        Change::Conflict(Some(now)) => {
            check_may_begin(&now, supersede)?;
            let what = format!("somebody else changed task {:?} at the same time", summary.task.name);
            return Err(Refusal::new(Code::Changed, what).remedy("try again"));
        }
    }
    // Sent twice, it does no harm; not sent, the controller sends it.
    queues.events.send(&[Outgoing::now(operation.job(0).to_body())]).await.map_err(|error| {
        let id = terminal::run_id(&operation.id);
        Refusal::midway(error).hint(format!("run {id} is recorded: the controller sends its job in some minutes"))
    })?;
    if let Some(superseded) = &superseded {
        mark_cancelled(actor, superseded).await?;
    }
    Ok(Begun::new(operation.id, superseded))
}

/// The run that this request began when it was sent before. The run that it replaced is not named again. Its job is
/// sent again, which does no harm, unless a worker has begun it.
pub(super) async fn begun_before(actor: &Actor, summary: &Summary, request: &str) -> Result<Option<Begun>, Refusal> {
    let Some(operation) = actor.made_before(&summary.task.id).await? else { return Ok(None) };
    if operation.request != request {
        return Err(key_reused());
    }
    if operation.beat == 0 && operation.end.is_none() {
        let queues = open::task_queues(actor.fleet(), summary).await.map_err(Refusal::midway)?;
        let job = Outgoing::now(operation.job(0).to_body());
        queues.events.send(&[job]).await.map_err(Refusal::midway)?;
    }
    Ok(Some(Begun::new(operation.id, None)))
}

/// Refuses what would be a conflict, in words.
fn check_may_begin(summary: &Summary, supersede: bool) -> Result<(), Refusal> {
    let name = &summary.task.name;
    match (summary.state, &summary.run) {
        (TaskState::Deleting, _) => Err(deleting(name)),
        (TaskState::Paused, _) => Err(paused(name)),
        (TaskState::Active, Some(run)) if !supersede => {
            let what = format!("run {} of task {name:?} has not ended", terminal::run_id(&run.id));
            let remedy = "wait for its end, or give --supersede, which cancels it";
            Err(Refusal::new(Code::RunLive, what).remedy(remedy))
        }
        (TaskState::Active, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use shared::object::Timestamp;
    use shared::tasks::{Due, EndedRun, LiveRun, RunEnd, run_id};

    use super::*;
    use crate::fixtures;

    /// What the controller does when the task's time has come.
    async fn begin_by_schedule(actor: &Actor, summary: &Summary) -> String {
        let due = Timestamp(1_700_000_000_000);
        let id = run_id(&summary.task.id, due);
        let author = actor.author("");
        let of = (&*summary.task.id, summary.version);
        let operation = Operation::queued(id.clone(), of, OperationKind::Find, String::new(), &author);
        let due = Some(Due { seen: due, next: None });
        let begin = BeginRun { task: &summary.task, operation: &operation, due, supersedes: None };
        assert!(actor.tasks().begin_run(&begin, &author).await.unwrap().is_made());
        id
    }

    #[tokio::test]
    async fn regression_a_run_asked_for_joins_the_first_by_schedule() {
        let folder = tempfile::tempdir().unwrap();
        let (actor, summary) = fixtures::due_fleet(folder.path(), Timestamp(1_700_000_000_000)).await;
        let first = begin_by_schedule(&actor, &summary).await;
        let joined = run_or_join(&actor, "t").await.unwrap();
        assert_eq!(joined, Begun { run: first.clone(), superseded: None, is_joined: true });
        let other = RunOverrides { delete: Some(true), ..RunOverrides::default() };
        assert_eq!(run(&actor, "t", &other, false).await.unwrap_err().code, Code::RunLive);
    }

    #[tokio::test]
    async fn a_run_that_was_asked_for_is_not_joined() {
        let folder = tempfile::tempdir().unwrap();
        let (actor, _) = fixtures::fleet(folder.path()).await;
        assert!(!run_or_join(&actor, "t").await.unwrap().is_joined);
        assert_eq!(run_or_join(&actor, "t").await.unwrap_err().code, Code::RunLive);
    }

    #[tokio::test]
    async fn only_a_first_run_of_the_present_definition_is_joined() {
        let folder = tempfile::tempdir().unwrap();
        let (_, summary) = fixtures::fleet(folder.path()).await;
        let id = run_id(&summary.task.id, Timestamp(5));
        let live = |version| Some(LiveRun { id: id.clone(), version, begun: Timestamp(5) });
        let first = Summary { run: live(1), ..summary };
        assert_eq!(first_by_schedule(&first), Some(&*id));
        let ended = EndedRun::new("r", RunEnd::Done, Timestamp(1));
        assert_eq!(first_by_schedule(&Summary { last_run: Some(ended), ..first.clone() }), None);
        assert_eq!(first_by_schedule(&Summary { cancelled: ["r".to_owned()].into(), ..first.clone() }), None);
        assert_eq!(first_by_schedule(&Summary { version: 2, ..first.clone() }), None);
        assert_eq!(first_by_schedule(&Summary { run: None, ..first }), None);
    }
}
