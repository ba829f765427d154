//! Notices of the ends of runs.
//!
//! A notice is an operation of kind `notify`, one for each channel, requested before the end of the run is recorded and
//! sent after: so none is lost and none says another end than the record. Before each attempt a step of the operation is
//! recorded: of two controllers one sends. If it dies before it has recorded that the notice was taken, the notice is
//! sent again under the same id.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::config::{Notify, TaskDefinition};
use shared::controller::MAX_RESTARTS;
use shared::notify::{Channel, Notice};
use shared::tasks::{EndedRun, Operation, OperationEnd, OperationKind, OperationVerdict, Summary, derived_id};
use shared::{Error, ErrorKind, Result};

use super::act::ActResult;
use super::context::ControllerContext;

/// A notice that nobody takes is given up after this.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(24 * 3600);

/// The request of an operation of kind `notify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct NotifyRequest {
    run: String,
    channel: Channel,
}

/// Requests the notices of a run's end. Repeated, it changes nothing.
pub async fn request(context: &ControllerContext, summary: &Summary, end: &EndedRun) -> Result<()> {
    if !summary.outline.notify {
        return Ok(());
    }
    let (notify, run) = (notify_of(context, summary).await?, end.id.as_str());
    if !notify.on.takes(end.end) {
        return Ok(());
    }
    for channel in Channel::ALL.into_iter().filter(|channel| target(&notify, *channel).is_some()) {
        let request = NotifyRequest { run: run.to_owned(), channel };
        let request = serde_json::to_string(&request).expect("a request is representable as JSON");
        let (id, author) = (derived_id(run, channel.as_str()), context.author(""));
        let operation =
            Operation::queued(id, (&summary.task.id, summary.version), OperationKind::Notify, request, &author);
        context.tasks.request(&operation).await?;
    }
    Ok(())
}

/// Who is notified, by the present definition: a wrong receiver is mended by an edit.
async fn notify_of(context: &ControllerContext, summary: &Summary) -> Result<Notify> {
    let text = context.tasks.definition(&summary.task.id, summary.version).await?;
    let invalid = |why: String| Error::new(ErrorKind::Invalid, "read", &summary.task.name, why);
    let text = text.ok_or_else(|| invalid(format!("version {} of the definition is gone", summary.version)))?;
    TaskDefinition::parse(&text).map(|definition| definition.notify).map_err(|error| invalid(error.to_string()))
}

fn target(notify: &Notify, channel: Channel) -> Option<&str> {
    match channel {
        Channel::Topic => notify.topic.as_deref(),
        Channel::Webhook => notify.webhook.as_deref(),
    }
}

/// Sends a notice, if the end of its run is recorded and no other controller sends it.
pub async fn send(context: &ControllerContext, summary: &Summary, operation: &Operation) -> Result<ActResult> {
    let asked: NotifyRequest = serde_json::from_str(&operation.request).map_err(|error| {
        Error::new(ErrorKind::Corrupt, "read", &operation.id, format!("the request is invalid: {error}"))
    })?;
    let run = context.tasks.operation(&summary.task.id, &asked.run).await?;
    let Some(ended) = run.as_ref().and_then(|run| run.end.as_ref()) else { return Ok(ActResult::ByOthers) };
    let (id, seen) = (&operation.id, operation.beat);
    let step = context.tasks.step(&operation.task, id, seen, &context.owner, "sending").await?;
    if !step.is_made() {
        return Ok(ActResult::ByOthers);
    }
    let notify = notify_of(context, summary).await?;
    let Some(target) = target(&notify, asked.channel) else {
        return finish(context, operation, OperationVerdict::Cancelled, "the task no longer names a receiver").await;
    };
    let notice = notice(context, summary, operation, &asked.run, &ended.result).await?;
    match context.notifier.send(asked.channel, target, &notice).await {
        Ok(()) => finish(context, operation, OperationVerdict::Succeeded, "sent").await,
        Err(error) if is_overdue(context, operation) => {
            finish(context, operation, OperationVerdict::Failed, &format!("given up after a day: {error}")).await?;
            Err(error.and("the notice is given up after a day"))
        }
        Err(error) => {
            let error = error.and("the notice is sent again later");
            // For `task show`. Not recorded, or recorded late: the log has the reason. The counter of steps keeps a late
            // one from replacing that of a later attempt.
            let why = format!("not taken: {error}");
            if let Err(unrecorded) = context.tasks.step(&operation.task, id, seen + 1, &context.owner, &why).await {
                tracing::debug!(%unrecorded, "the reason is not recorded");
            }
            Err(error)
        }
    }
}

fn is_overdue(context: &ControllerContext, operation: &Operation) -> bool {
    let age = context.now().0.saturating_sub(operation.requested.0);
    u128::try_from(age).is_ok_and(|age| age >= GIVEN_UP_AFTER.as_millis())
}

async fn finish(
    context: &ControllerContext,
    operation: &Operation,
    verdict: OperationVerdict,
    result: &str,
) -> Result<ActResult> {
    let result = serde_json::to_string(result).expect("a text is representable as JSON");
    let end = OperationEnd { verdict, at: context.now(), result };
    context.tasks.finish(&operation.task, &operation.id, &end).await?;
    Ok(ActResult::Yes)
}

/// Why a run that lost messages is not begun again, if it is the last run.
fn stays_stopped(summary: &Summary, end: &EndedRun) -> Option<String> {
    let losses = summary.losses;
    if !end.has_losses() || summary.last_run.as_ref().is_none_or(|last| last.id != end.id) {
        return None;
    }
    if losses.in_a_row > MAX_RESTARTS {
        return Some(format!("not begun again: {} runs in a row lost messages", losses.in_a_row));
    }
    (losses.version != summary.version).then(|| "not begun again: the task was edited since it began".to_owned())
}

/// The notice, from the recorded end and the ledger's counters. A run that the ledger never knew has none.
async fn notice(
    context: &ControllerContext,
    summary: &Summary,
    operation: &Operation,
    run: &str,
    end: &str,
) -> Result<Notice> {
    let end: EndedRun = serde_json::from_str(end)
        .map_err(|error| Error::new(ErrorKind::Corrupt, "read", run, format!("the run's end is invalid: {error}")))?;
    let recorded = context.ledger.run(run).await?;
    let begun = recorded.as_ref().map_or(end.ended, |run| run.start.started);
    let notice = Notice {
        id: operation.id.clone(),
        fleet: context.fleet.clone(),
        task: summary.task.name.clone(),
        run: run.to_owned(),
        end: end.end,
        begun,
        ended: end.ended,
        source: summary.outline.source.clone(),
        destination: summary.outline.destination.clone(),
        lost: end.lost,
        error: recorded.as_ref().and_then(|run| run.error.clone()).or_else(|| stays_stopped(summary, &end)),
        found: recorded.as_ref().map(|run| run.found).unwrap_or_default(),
        settled: recorded.map(|run| run.settled).unwrap_or_default(),
        text: String::new(),
    };
    Ok(Notice { text: notice.line(), ..notice })
}
