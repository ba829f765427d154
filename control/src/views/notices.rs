//! What became of the notices of a task.

use serde::Serialize;
use shared::Result;
use shared::notify::{Channel, NOT_TAKEN, NoticeEvent, NoticeRequest, TestResult};
use shared::object::Timestamp;
use shared::tasks::{Operation, OperationKind, OperationVerdict, SharedTasks};

/// Newest operations among which notices are looked for.
const LOOKED_THROUGH: usize = 100;

/// A notice to one receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoticeState {
    /// The operation that sends it.
    pub id: String,
    /// What it is about.
    pub event: NoticeEvent,
    /// The receiver; `None`: all, of a test that is not done.
    pub channel: Option<Channel>,
    /// The run that has ended.
    pub run: Option<String>,
    /// When it was requested.
    pub requested: Timestamp,
    /// When the receiver took it; `None`: it has not.
    pub delivered: Option<Timestamp>,
    /// Attempts so far.
    pub tries: u64,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// Whether it is sent no more.
    pub is_done: bool,
}

/// How notices reach a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiverState {
    /// The receiver.
    pub channel: Channel,
    /// When it last took a notice.
    pub delivered: Option<Timestamp>,
    /// Why it did not take the newest notice, if it has not.
    pub error: Option<String>,
    /// Attempts at the newest notice.
    pub tries: u64,
}

/// The notices of a task, by its id, among its newest operations; the newest first.
pub async fn notices(tasks: &SharedTasks, task: &str) -> Result<Vec<NoticeState>> {
    let (newest, _) = tasks.operations(task, None, LOOKED_THROUGH).await?;
    Ok(newest.iter().flat_map(states).collect())
}

/// The notices that an operation sends. One whose request cannot be read is left out: another release wrote it.
fn states(operation: &Operation) -> Vec<NoticeState> {
    let asked = match operation.kind {
        OperationKind::Notify => NoticeRequest::read(operation).ok(),
        _ => None,
    };
    let Some(asked) = asked else { return Vec::new() };
    let end = operation.end.as_ref();
    let is_taken = end.is_some_and(|end| end.verdict == OperationVerdict::Succeeded);
    let state = NoticeState {
        id: operation.id.clone(),
        event: asked.event,
        channel: asked.channel,
        run: asked.run,
        requested: operation.requested,
        delivered: end.filter(|_| is_taken).map(|end| end.at),
        // A failed attempt is two steps: before it, and with its error.
        tries: operation.beat.div_ceil(2),
        error: error(operation).filter(|_| !is_taken),
        is_done: end.is_some(),
    };
    match end.and_then(|end| serde_json::from_str::<TestResult>(&end.result).ok()) {
        Some(tested) if asked.channel.is_none() && !tested.receivers.is_empty() => {
            let of = |one: shared::notify::TestedReceiver| NoticeState {
                channel: Some(one.channel),
                delivered: end.filter(|_| one.error.is_none()).map(|end| end.at),
                error: one.error,
                ..state.clone()
            };
            tested.receivers.into_iter().map(of).collect()
        }
        _ => vec![state],
    }
}

/// Why the last attempt failed.
fn error(operation: &Operation) -> Option<String> {
    let result = operation.end.as_ref().and_then(|end| serde_json::from_str::<serde_json::Value>(&end.result).ok());
    let ended = result.and_then(|result| Some(result.get("error")?.as_str()?.to_owned()));
    ended.or_else(|| Some(operation.progress.as_ref()?.strip_prefix(NOT_TAKEN)?.to_owned()))
}

/// How notices reach each of these receivers, by the notices of the task, the newest first.
pub fn receivers(notices: &[NoticeState], channels: impl Iterator<Item = Channel>) -> Vec<ReceiverState> {
    let of = |channel: Channel| {
        let mut its = notices.iter().filter(|notice| notice.channel == Some(channel));
        let newest = its.clone().find(|notice| notice.tries > 0);
        ReceiverState {
            channel,
            delivered: its.find_map(|notice| notice.delivered),
            error: newest.and_then(|notice| notice.error.clone()),
            tries: newest.map_or(0, |notice| notice.tries),
        }
    };
    channels.map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::tasks::{Author, OperationEnd};

    fn notice(id: &str, request: &NoticeRequest, beat: u64, progress: &str, end: Option<OperationEnd>) -> Operation {
        let author = Author::new("controller", Timestamp(1), "");
        let queued = Operation::queued(id.into(), ("t", 1), OperationKind::Notify, request.text(), &author);
        Operation { beat, progress: Some(progress.to_owned()), end, ..queued }
    }

    fn end(verdict: OperationVerdict, at: i64, result: &str) -> Option<OperationEnd> {
        Some(OperationEnd { verdict, at: Timestamp(at), result: result.to_owned() })
    }

    #[test]
    fn a_receiver_has_its_last_delivery_and_the_error_of_the_newest() {
        let request = NoticeRequest { channel: Some(Channel::Webhook), run: Some("r".into()), ..Default::default() };
        let taken = notice("1", &request, 3, "sending", end(OperationVerdict::Succeeded, 5, "{}"));
        let open = notice("2", &request, 4, "not taken: answered 500", None);
        let queued = notice("3", &request, 0, "", None);
        let notices: Vec<NoticeState> = [&queued, &open, &taken].into_iter().flat_map(states).collect();
        assert_eq!((notices[2].tries, notices[2].delivered), (2, Some(Timestamp(5))));
        let found = receivers(&notices, Channel::ALL.into_iter());
        let none = ReceiverState { channel: Channel::Topic, delivered: None, error: None, tries: 0 };
        let error = Some("answered 500".to_owned());
        let webhook = ReceiverState { channel: Channel::Webhook, delivered: Some(Timestamp(5)), error, tries: 2 };
        assert_eq!(found, [none, webhook]);
        let given_up = end(OperationVerdict::Failed, 9, r#"{"error":"given up after a day: no answer"}"#);
        let given_up = states(&notice("4", &request, 40, "sending", given_up));
        assert_eq!(given_up[0].error.as_deref(), Some("given up after a day: no answer"));
        assert!(given_up[0].is_done && given_up[0].delivered.is_none());
    }

    #[test]
    fn a_test_counts_for_each_receiver() {
        let request = NoticeRequest { event: NoticeEvent::Test, ..Default::default() };
        let result = r#"{"receivers":[{"channel":"topic"},{"channel":"webhook","error":"answered 404"}],"error":"x"}"#;
        let tested = states(&notice("1", &request, 1, "sending", end(OperationVerdict::Failed, 7, result)));
        let found: Vec<_> = tested.iter().map(|one| (one.channel, one.delivered, one.error.as_deref())).collect();
        let expected =
            [(Some(Channel::Topic), Some(Timestamp(7)), None), (Some(Channel::Webhook), None, Some("answered 404"))];
        assert_eq!(found, expected);
        assert_eq!(states(&notice("2", &request, 0, "", None)).len(), 1);
    }
}
