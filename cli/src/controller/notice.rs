//! Notices of the ends of runs, of tasks that wait, and of tests.
//!
//! A notice is an operation of kind `notify`, one for each channel, requested before the end of the run, or the outage, is
//! recorded, and sent after: so none is lost and none says another end than the record. Before each attempt a step of the
//! operation is recorded: of two controllers one sends. If it dies before it has recorded that the notice was taken, the
//! notice is sent again under the same id.
//!
//! A test is requested by a person. It is one operation for all receivers, and each of them has one attempt.

use std::time::Duration;

use shared::config::{Notify, TaskDefinition};
use shared::controller::MAX_RESTARTS;
use shared::notify::{Channel, NOT_TAKEN, Notice, NoticeRequest, NoticeRun, TestResult, TestedReceiver};
use shared::tasks::{EndedRun, Operation, OperationEnd, OperationKind, OperationVerdict, Summary, derived_id, run_id};
use shared::{Error, ErrorKind, Result};

use super::act::ActResult;
use super::action::OutageReport;
use super::context::ControllerContext;

/// A notice that nobody takes is given up after this.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Requests the notices of a run's end. Repeated, it changes nothing.
pub async fn request(context: &ControllerContext, summary: &Summary, end: &EndedRun) -> Result<()> {
    if !summary.outline.notify {
        return Ok(());
    }
    let notify = notify_of(context, summary).await?;
    if !notify.on.takes(end.end) {
        return Ok(());
    }
    let about = NoticeRequest { run: Some(end.id.clone()), ..NoticeRequest::default() };
    request_of_each(context, summary, &notify, &about, |channel| derived_id(&end.id, channel.as_str())).await
}

/// Requests the notices of a task that waits, or that goes on. Repeated, it changes nothing.
pub async fn request_of_outage(context: &ControllerContext, report: &OutageReport) -> Result<()> {
    let OutageReport { summary, event, since, error } = report;
    if !summary.outline.notify {
        return Ok(());
    }
    let notify = notify_of(context, summary).await?;
    let about = NoticeRequest { event: *event, since: Some(*since), error: error.clone(), ..NoticeRequest::default() };
    let id = |channel: Channel| run_id(&format!("{}/{}/{}", summary.task.id, event.as_str(), channel.as_str()), *since);
    request_of_each(context, summary, &notify, &about, id).await
}

async fn request_of_each(
    context: &ControllerContext,
    summary: &Summary,
    notify: &Notify,
    about: &NoticeRequest,
    id: impl Fn(Channel) -> String,
) -> Result<()> {
    for channel in notify.channels() {
        let request = NoticeRequest { channel: Some(channel), ..about.clone() };
        let (of, author) = ((summary.task.id.as_str(), summary.version), context.author(""));
        let operation = Operation::queued(id(channel), of, OperationKind::Notify, request.text(), &author);
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

/// Sends a notice, if the end that it reports is recorded and no other controller sends it.
pub async fn send(context: &ControllerContext, summary: &Summary, operation: &Operation) -> Result<ActResult> {
    let asked = NoticeRequest::read(operation)?;
    let ended = match &asked.run {
        None => None,
        Some(run) => {
            let operation = context.tasks.operation(&summary.task.id, run).await?;
            let Some(end) = operation.and_then(|run| run.end) else { return Ok(ActResult::ByOthers) };
            Some(end.result)
        }
    };
    let (id, seen) = (&operation.id, operation.beat);
    let step = context.tasks.step(&operation.task, id, seen, &context.owner, "sending").await?;
    if !step.is_made() {
        return Ok(ActResult::ByOthers);
    }
    let notify = notify_of(context, summary).await?;
    let notice = notice(context, summary, operation, &asked, ended.as_deref()).await?;
    let Some(channel) = asked.channel else { return test(context, operation, &notify, &notice).await };
    let Some(target) = notify.target(channel) else {
        return finish(context, operation, OperationVerdict::Cancelled, "the task no longer names a receiver").await;
    };
    match context.notifier.send(channel, target, &notice).await {
        Ok(()) => finish(context, operation, OperationVerdict::Succeeded, "sent").await,
        Err(error) if is_overdue(context, operation) => {
            finish(context, operation, OperationVerdict::Failed, &format!("given up after a day: {error}")).await?;
            Err(error.and("the notice is given up after a day"))
        }
        Err(error) => {
            let error = error.and("the notice is sent again later");
            // For `task show`. Not recorded, or recorded late: the log has the reason. The counter of steps keeps a late
            // one from replacing that of a later attempt.
            let why = format!("{NOT_TAKEN}{error}");
            if let Err(unrecorded) = context.tasks.step(&operation.task, id, seen + 1, &context.owner, &why).await {
                tracing::debug!(%unrecorded, "the reason is not recorded");
            }
            Err(error)
        }
    }
}

/// Sends a test to each receiver once. Who asked for it waits for the result: it is not sent again later.
async fn test(
    context: &ControllerContext,
    operation: &Operation,
    notify: &Notify,
    notice: &Notice,
) -> Result<ActResult> {
    let mut receivers = Vec::new();
    for channel in notify.channels() {
        let target = notify.target(channel).unwrap_or_default();
        let sent = context.notifier.send(channel, target, notice).await;
        receivers.push(TestedReceiver { channel, error: sent.err().map(|error| error.to_string()) });
    }
    let failed = |one: &TestedReceiver| Some(format!("{}: {}", one.channel.as_str(), one.error.as_ref()?));
    let mut errors: Vec<String> = receivers.iter().filter_map(failed).collect();
    if receivers.is_empty() {
        errors.push("the task no longer names a receiver".to_owned());
    }
    let error = (!errors.is_empty()).then(|| errors.join("; "));
    let verdict = if error.is_none() { OperationVerdict::Succeeded } else { OperationVerdict::Failed };
    let result = serde_json::to_string(&TestResult { receivers, error }).expect("a result is representable as JSON");
    let end = OperationEnd { verdict, at: context.now(), result };
    context.tasks.finish(&operation.task, &operation.id, &end).await?;
    Ok(ActResult::Yes)
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
    let key = if verdict == OperationVerdict::Failed { "error" } else { "notice" };
    let result = serde_json::json!({ key: result }).to_string();
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

/// The notice: of a run from its recorded end and the ledger's counters. A run that the ledger never knew has none.
async fn notice(
    context: &ControllerContext,
    summary: &Summary,
    operation: &Operation,
    asked: &NoticeRequest,
    ended: Option<&str>,
) -> Result<Notice> {
    let (mut run, mut error) = (None, asked.error.clone());
    if let Some((id, ended)) = asked.run.as_ref().zip(ended) {
        let (ended, why) = of_run(context, summary, id, ended).await?;
        (run, error) = (Some(ended), why);
    }
    let page = match &run {
        Some(run) => format!("/runs/{}", run.run),
        None => format!("/tasks/{}", summary.task.name),
    };
    let notice = Notice {
        id: operation.id.clone(),
        event: asked.event,
        fleet: context.fleet.clone(),
        task: summary.task.name.clone(),
        source: summary.outline.source.clone(),
        destination: summary.outline.destination.clone(),
        run,
        since: asked.since,
        error,
        link: context.public_url.as_ref().map(|url| format!("{}{page}", url.trim_end_matches('/'))),
        text: String::new(),
    };
    Ok(Notice { text: notice.line(), ..notice })
}

/// The end of a run, and why it stopped.
async fn of_run(
    context: &ControllerContext,
    summary: &Summary,
    run: &str,
    end: &str,
) -> Result<(NoticeRun, Option<String>)> {
    let end: EndedRun = serde_json::from_str(end)
        .map_err(|error| Error::new(ErrorKind::Corrupt, "read", run, format!("the run's end is invalid: {error}")))?;
    let recorded = context.ledger.run(run).await?;
    let error = recorded.as_ref().and_then(|run| run.error.clone()).or_else(|| stays_stopped(summary, &end));
    let ended = NoticeRun {
        run: run.to_owned(),
        end: end.end,
        begun: recorded.as_ref().map_or(end.ended, |run| run.start.started),
        ended: end.ended,
        lost: end.lost,
        found: recorded.as_ref().map(|run| run.found).unwrap_or_default(),
        settled: recorded.map(|run| run.settled).unwrap_or_default(),
    };
    Ok((ended, error))
}
