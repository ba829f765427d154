//! The transaction that counts, and the meaning of its refusals.

use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, Put, TransactWriteItem, Update};

use super::super::item::{Item, binary, number, pk, text};
use super::super::{DynamoDbLedger, outcomes};
use super::{COUNTED, COUNTER, FAILED_BY, Job, SKIPPED_BY, Step, any_shard, job_key};
use shared::ledger::events::{self, is_events_run};
use shared::ledger::{Settled, Settlement};
use shared::retry;
use shared::{ErrorKind, Result};

/// How long it is known which objects of a job are counted. A message lives for 14 days at most;
/// what is older by more cannot come again. A run lasts as long as its jobs, which may be sent anew; an event is
/// sent once, and there is no end of events: [`events::COUNTED_FOR`].
const COUNTED_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// One transaction to be sent.
pub(super) struct Commit<'a> {
    pub(super) ledger: &'a DynamoDbLedger,
    pub(super) settlement: &'a Settlement<'a>,
    pub(super) job: &'a Job,
    pub(super) step: &'a Step<'a>,
}

/// How a transaction ended that was not refused for a reason of the service's own.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Committed {
    /// It is done.
    Done,
    /// Nothing is done: the job's item is not as it was read.
    JobChanged,
}

impl Commit<'_> {
    pub(super) async fn send(&self) -> Result<Committed> {
        let Settlement { task, run, .. } = *self.settlement;
        let table = &self.ledger.table;
        let failure = |outcome| {
            let put =
                Put::builder().table_name(table).set_item(Some(outcomes::failure(task, run, outcome).attributes()));
            TransactWriteItem::builder().put(put.build().expect("table and item are set")).build()
        };
        let counter = add_to_counter(self.ledger, run, &self.step.settled);
        let mut actions = vec![self.put_job(), counter];
        actions.extend(self.step.failures.values().map(|outcome| failure(outcome)));
        Ok(match self.ledger.transact(actions).await? {
            Ok(()) => Committed::Done,
            Err(Refused { .. }) => Committed::JobChanged,
        })
    }

    fn put_job(&self) -> TransactWriteItem {
        let Settlement { task, run, origin, .. } = self.settlement;
        let counted_for = if is_events_run(task, run) { events::COUNTED_FOR } else { COUNTED_FOR };
        let item = Item::new(job_key(self.settlement.run, self.settlement.origin), COUNTED)
            .with_text("task", Some(*task))
            .with_text("run", Some(*run))
            .with("objects", number(origin.items))
            .with("indexes", binary(self.step.indexes.bytes()))
            .with("version", number(self.job.version + 1))
            .expiring(counted_for);
        let put = Put::builder().table_name(&self.ledger.table).set_item(Some(item.attributes()));
        let put = match self.job.version {
            0 => put.condition_expression("attribute_not_exists(pk)"),
            version => put
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":version", number(version)),
        };
        TransactWriteItem::builder().put(put.build().expect("table and item are set")).build()
    }
}

/// Adds to one of a run's counters. Its time is that of this transaction: it may step back.
pub(crate) fn add_to_counter(ledger: &DynamoDbLedger, run: &str, settled: &Settled) -> TransactWriteItem {
    let counts = [
        ("copied", settled.copied),
        ("deleted", settled.deleted),
        ("skipped", settled.skipped),
        ("failed", settled.failed),
        ("cancelled", settled.cancelled),
        ("bytes", settled.bytes),
    ];
    let mut update =
        Update::builder().table_name(&ledger.table).key("pk", text(pk(COUNTER, &[run]))).key("sk", text(any_shard()));
    let by_reason = [(SKIPPED_BY, &settled.skipped_by), (FAILED_BY, &settled.failed_by)];
    let by_reason = by_reason
        .into_iter()
        .flat_map(|(prefix, reasons)| reasons.iter().map(move |(reason, count)| (format!("{prefix}{reason}"), count)));
    let counts = counts.map(|(name, count)| (name.to_owned(), count)).into_iter().chain(by_reason);
    let mut add = Vec::new();
    for (index, (name, count)) in counts.enumerate() {
        add.push(format!("#c{index} :c{index}"));
        update = update.expression_attribute_names(format!("#c{index}"), name);
        update = update.expression_attribute_values(format!(":c{index}"), number(count));
    }
    let mut expression = format!("ADD {}", add.join(", "));
    if let Some(last) = settled.last {
        expression = format!("SET #last = :last {expression}");
        update =
            update.expression_attribute_names("#last", "last").expression_attribute_values(":last", number(last.0));
    }
    let update = update.update_expression(expression).build().expect("table, key and expression are set");
    TransactWriteItem::builder().update(update).build()
}

/// A transaction of which nothing is done, because a condition does not hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The index of the first action whose condition does not hold.
    pub(crate) action: usize,
}

impl DynamoDbLedger {
    /// Carries out all actions (at most 100) or none.
    pub(crate) async fn transact(&self, actions: Vec<TransactWriteItem>) -> Result<Result<(), Refused>> {
        // Sent again after a lost answer, DynamoDB knows the transaction by its token (for 10 minutes)
        // and answers `Ok` without doing it twice. Where that is not so, the conditions refuse it.
        let token = uuid::Uuid::now_v7().to_string();
        retry::run(&retry::LEDGER, &self.table, || async {
            let request = self.client.transact_write_items().client_request_token(&token);
            let Err(error) = request.set_transact_items(Some(actions.clone())).send().await else {
                return Ok(Ok(()));
            };
            if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() {
                let verdict = verdict(cancelled.cancellation_reasons());
                return verdict.map(Err).map_err(|(kind, why)| self.error(kind, why).with_source(error));
            }
            Err(self.meaning(retry::LEDGER.verb, error))
        })
        .await
    }
}

/// What a cancellation means: a condition that does not hold, or an error. A condition's refusal is
/// certain, whatever else hindered the transaction.
fn verdict(reasons: &[CancellationReason]) -> Result<Refused, (ErrorKind, String)> {
    let codes = || reasons.iter().map(|reason| reason.code().unwrap_or("None"));
    if let Some(action) = codes().position(|code| code == "ConditionalCheckFailed") {
        return Ok(Refused { action });
    }
    let Some(reason) = reasons.iter().find(|reason| !matches!(reason.code(), None | Some("None"))) else {
        return Err((ErrorKind::Unavailable, "the transaction was cancelled without a reason".to_owned()));
    };
    let code = reason.code().unwrap_or_default();
    let kind = match code {
        // Another transaction is at one of the items: the same may succeed in a moment.
        "TransactionConflict" => ErrorKind::Unavailable,
        "ThrottlingError" | "ProvisionedThroughputExceeded" => ErrorKind::Throttled,
        "ItemCollectionSizeLimitExceeded" => ErrorKind::Exhausted,
        _ => ErrorKind::Invalid,
    };
    Err((kind, format!("the transaction was cancelled: {code}: {}", reason.message().unwrap_or("no reason given"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict_on(codes: &[&str]) -> Result<usize, ErrorKind> {
        let reasons: Vec<_> = codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect();
        verdict(&reasons).map(|refused| refused.action).map_err(|(kind, _)| kind)
    }

    #[test]
    fn the_reason_of_a_cancelled_transaction_decides_the_retry() {
        assert_eq!(verdict_on(&["ConditionalCheckFailed", "None"]), Ok(0));
        assert_eq!(verdict_on(&["None", "ConditionalCheckFailed"]), Ok(1));
        assert_eq!(verdict_on(&["TransactionConflict", "ConditionalCheckFailed"]), Ok(1));
        assert_eq!(verdict_on(&["None", "TransactionConflict"]), Err(ErrorKind::Unavailable));
        assert_eq!(verdict_on(&["None", "ThrottlingError"]), Err(ErrorKind::Throttled));
        assert_eq!(verdict_on(&["ValidationError"]), Err(ErrorKind::Invalid));
        assert_eq!(verdict_on(&[]), Err(ErrorKind::Unavailable));
    }
}
