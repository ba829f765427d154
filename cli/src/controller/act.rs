//! Carries actions out. Each may be repeated, and may end between any two of its writes: the next pass goes on.

use shared::controller::task::TaskDecision;
use shared::fleet::Ended;
use shared::ledger::{self, NO_FENCE, RunOptions, RunStart};
use shared::tasks::{
    BeginRun, Change, CloseRequest, Due, EndedRun, Operation, OperationEnd, OperationKind, OperationVerdict, RunEnd,
    Summary, derived_id,
};
use shared::{Error, ErrorKind, Result};

use super::action::Action;
use super::context::ControllerContext;
use super::fleet_metrics::is_failed;
use super::{deletion, events, notice};

/// Whether an action was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActResult {
    /// It was, by this call or an earlier one.
    Yes,
    /// Another controller, or a person, was first.
    ByOthers,
}

impl ActResult {
    fn of<T>(change: &Change<T>) -> ActResult {
        if change.is_made() { ActResult::Yes } else { ActResult::ByOthers }
    }
}

/// Carries out an action.
pub async fn carry_out(context: &ControllerContext, action: &Action) -> Result<ActResult> {
    let tasks = &context.tasks;
    Ok(match action {
        Action::Watch { task, seen, watch, notice } => {
            // Before the record of it: who dies in between leaves an outage that is noticed again, under the same id.
            if let Some(report) = notice {
                notice::request_of_outage(context, report).await?;
            }
            ActResult::of(&tasks.watch(task, *seen, watch).await?)
        }
        Action::Decided(summary, decision) => decided(context, summary, decision).await?,
        Action::Ask(summary, kind) => {
            let operation = deletion::operation(summary, *kind, &context.author(""));
            ask(context, summary, &operation).await?
        }
        Action::Remove(summary, left) => {
            // While a rule names a queue that is gone, the bucket refuses all changes of its rules.
            events::leave(context, summary).await?;
            // Queues first: a task that is gone has nobody who would remove them.
            context.queues.remove(summary).await?;
            ActResult::of(&tasks.forget(&summary.task, &context.author(left.note())).await?)
        }
        Action::Remember(version, text) => ActResult::of(&tasks.set_fleet_record(*version, text).await?),
        Action::Send(summary, operation) => {
            send(context, summary.as_deref(), operation).await?;
            ActResult::Yes
        }
        Action::Withdraw(operation, why) => {
            let result = serde_json::Value::from(*why).to_string();
            let end = OperationEnd { verdict: OperationVerdict::Cancelled, at: context.now(), result };
            ActResult::of(&tasks.finish(&operation.task, &operation.id, &end).await?)
        }
        Action::Notify(summary, operation) => notice::send(context, summary, operation).await?,
        Action::Terminate { machine, is_smaller } => terminate(context, machine, *is_smaller).await?,
        Action::Grow(machines) => {
            context.group.grow(*machines).await?;
            ActResult::Yes
        }
        Action::Sample(task, sample) => {
            tasks.add_sample(&task.id, sample).await?;
            ActResult::Yes
        }
    })
}

async fn decided(context: &ControllerContext, summary: &Summary, decision: &TaskDecision) -> Result<ActResult> {
    match decision {
        TaskDecision::Begin { run, due } => begin(context, summary, run, *due).await,
        TaskDecision::Skip(due) => Ok(ActResult::of(&context.tasks.skip_due(&summary.task, due).await?)),
        TaskDecision::Find(run) => match context.tasks.operation(&summary.task.id, run).await? {
            Some(operation) => send(context, Some(summary), &operation).await.map(|()| ActResult::Yes),
            None => Err(missing(run)),
        },
        TaskDecision::Cancel(run) => cancel(context, summary, run).await,
        TaskDecision::Lose { run, .. } => match context.ledger.run(run).await? {
            Some(run) => refused_is_done(ledger::lose(&context.ledger, &run).await.map(drop)),
            None => Err(missing(run)),
        },
        TaskDecision::End(end) => {
            if matches!(end.end, RunEnd::Cancelled | RunEnd::Stopped) {
                close_uploads(context, summary, &end.id).await?;
            }
            if end.end == RunEnd::Cancelled {
                record_cancel(context, summary, &end.id).await?;
            }
            // Before the end: who dies in between leaves a run that is live, whose end is recorded again. The notice is
            // sent when the end is recorded, and has that end.
            notice::request(context, summary, end).await?;
            let ended = context.tasks.end_run(&summary.task, end).await?;
            if ended.is_made() && is_failed(end) && is_of_another(context, summary, end).await? {
                return Ok(ActResult::ByOthers);
            }
            Ok(ActResult::of(&ended))
        }
        TaskDecision::Unreadable(why) => {
            Err(Error::new(ErrorKind::Invalid, "schedule", &summary.task.name, format!("{why}: edit the task")))
        }
    }
}

/// Whether another controller has recorded the end of a run first: an end that is recorded again counts as made, and as
/// failed it is counted once.
async fn is_of_another(context: &ControllerContext, summary: &Summary, end: &EndedRun) -> Result<bool> {
    let now = context.tasks.summary(&summary.task.name).await?;
    let last = now.and_then(|now| now.last_run);
    Ok(last.is_some_and(|last| last.id == end.id && last.ended != end.ended))
}

fn missing(run: &str) -> Error {
    Error::new(ErrorKind::NotFound, "read", run, "the run has no record")
}

/// Begins a run, then sends its job. If the controller dies in between, a run that nobody finds gets its job again.
async fn begin(context: &ControllerContext, summary: &Summary, run: &str, due: Option<Due>) -> Result<ActResult> {
    let (kind, request) = match due {
        Some(_) => (OperationKind::Find, String::new()),
        None => lost(context, summary).await?,
    };
    let operation = operation(context, summary, run.to_owned(), kind, request);
    let begin = BeginRun { task: &summary.task, operation: &operation, due, supersedes: None };
    let begun = context.tasks.begin_run(&begin, &context.author("")).await?;
    if begun.is_made() {
        send(context, Some(summary), &operation).await?;
    }
    Ok(ActResult::of(&begun))
}

/// What was asked of the run that lost messages: a `retry`, or overrides that do not delete, stay so. Without its record
/// nothing is begun.
async fn lost(context: &ControllerContext, summary: &Summary) -> Result<(OperationKind, String)> {
    let lost = summary.last_run.as_ref().map_or("", |last| &last.id);
    let operation = context.tasks.operation(&summary.task.id, lost).await?.ok_or_else(|| missing(lost))?;
    Ok((operation.kind, operation.request))
}

/// Has the ledger cancel a run, then asks for its uploads to be closed. Killed in between: that is asked for before the
/// end of the run is recorded.
async fn cancel(context: &ControllerContext, summary: &Summary, run: &str) -> Result<ActResult> {
    let Some(recorded) = context.ledger.run(run).await? else { return Err(missing(run)) };
    let why = summary.cancel_reason(run);
    let cancelled = refused_is_done(ledger::cancel(&context.ledger, &recorded, why, &context.owner).await)?;
    close_uploads(context, summary, run).await?;
    Ok(cancelled)
}

/// Asks, once, for the uploads of a run to be closed that was cancelled or lost messages: an upload whose messages are
/// lost has no job that would abort it, and a later run opens its own. A run that the ledger does not know has none. A
/// finder that sees the cancel first has the ledger cancel the run: then this is asked for when the run ends.
async fn close_uploads(context: &ControllerContext, summary: &Summary, run: &str) -> Result<()> {
    let id = derived_id(run, "close");
    let is_asked = context.tasks.operation(&summary.task.id, &id).await?.is_some();
    let state = context.ledger.run_state(run).await?;
    if is_asked || !state.is_some_and(|state| state.is_over()) {
        return Ok(());
    }
    let request = CloseRequest { run: Some(run.to_owned()) };
    let request = serde_json::to_string(&request).expect("a request is representable as JSON");
    ask(context, summary, &operation(context, summary, id, OperationKind::Close, request)).await.map(drop)
}

/// Has the ledger know a cancelled run that no finder has recorded yet: a finder that is slow, or killed right after it
/// records the run, leaves no run that nobody ends. Killed between the two writes: the run is still named as cancelled.
async fn record_cancel(context: &ControllerContext, summary: &Summary, run: &str) -> Result<()> {
    let state = context.ledger.run_state(run).await?;
    if state.as_ref().is_some_and(|state| state.phase.is_cancelled()) {
        return Ok(());
    }
    if state.is_none() {
        let start = RunStart {
            id: run.to_owned(),
            task: summary.task.id.clone(),
            source: summary.outline.source.clone(),
            destination: summary.outline.destination.clone(),
            options: RunOptions::default(),
            started: context.now(),
        };
        context.ledger.start_run(&start, NO_FENCE).await?;
    }
    let Some(recorded) = context.ledger.run(run).await? else { return Err(missing(run)) };
    let why = summary.cancel_reason(run);
    refused_is_done(ledger::cancel(&context.ledger, &recorded, why, &context.owner).await).map(drop)
}

/// A phase that does not follow: another controller, a worker or a person was first.
fn refused_is_done(answer: Result<()>) -> Result<ActResult> {
    match answer {
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(ActResult::ByOthers),
        other => other.map(|()| ActResult::Yes),
    }
}

fn operation(
    context: &ControllerContext,
    summary: &Summary,
    id: String,
    kind: OperationKind,
    request: String,
) -> Operation {
    Operation::queued(id, (&summary.task.id, summary.version), kind, request, &context.author(""))
}

/// Requests an operation, then sends its job. If the controller dies in between, the job is sent some passes later.
async fn ask(context: &ControllerContext, summary: &Summary, operation: &Operation) -> Result<ActResult> {
    context.tasks.request(operation).await?;
    send(context, Some(summary), operation).await.map(|()| ActResult::Yes)
}

async fn send(context: &ControllerContext, summary: Option<&Summary>, operation: &Operation) -> Result<()> {
    let body = operation.job(operation.beat).to_body();
    match summary {
        Some(summary) => context.queues.send(summary, body).await,
        None => context.queues.send_operation(body).await,
    }
}

/// At its minimum the group does not become smaller: then the machine is replaced.
async fn terminate(context: &ControllerContext, machine: &str, is_smaller: bool) -> Result<ActResult> {
    if context.group.terminate(machine, is_smaller).await? == Ended::Refused {
        context.group.terminate(machine, false).await?;
    }
    Ok(ActResult::Yes)
}
