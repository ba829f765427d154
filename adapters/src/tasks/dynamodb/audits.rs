//! Records of changes: one by task, and one by month for the changes of all tasks.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::TransactWriteItem;

use super::{DynamoDbTasks, after, decode, expiring, json, part, put_builder};
use crate::ledger::dynamodb::item::{Item, Record, pk};
use shared::object::Timestamp;
use shared::tasks::{AUDITS_KEPT, Audit, AuditLog, Author, TaskRef};
use shared::{ErrorKind, Result};

/// The clocks of programs may be wrong by this much, milliseconds: the newest record may lie in the next month.
const CLOCK_SKEW_MS: i64 = 24 * 3_600_000;

impl DynamoDbTasks {
    /// The records of a change, to be written in its transaction.
    pub(super) fn audit(
        &self,
        task: &TaskRef,
        author: &Author,
        action: &str,
        subject: impl Into<String>,
    ) -> [TransactWriteItem; 2] {
        let (task, author) = (task.clone(), author.clone());
        self.records(&Audit { task, author, action: action.to_owned(), subject: subject.into() })
    }

    fn records(&self, audit: &Audit) -> [TransactWriteItem; 2] {
        let at = audit.author.at;
        // Unique, and by time: several changes may be made in one millisecond.
        let sk = format!("{:015}-{}", at.0.max(0), uuid::Uuid::now_v7());
        let partitions = [pk("audits", &[&audit.task.id]), self.all_changes(&month(at))];
        partitions.map(|pk| {
            let item = Item::new(pk, &sk).with("audit", json(audit));
            part(put_builder(&self.table, expiring(item, after(at, AUDITS_KEPT))))
        })
    }

    fn all_changes(&self, month: &str) -> String {
        pk("audits-of-all", &[&self.fleet, month])
    }

    /// Reads back month by month until the page is full: at most 15 queries, most of them of a fleet that changes little.
    async fn all_audits(&self, before: Option<&str>, limit: usize) -> Result<(Vec<Record>, Option<String>)> {
        let now = Timestamp::now().0;
        let oldest = month(Timestamp(now.saturating_sub(AUDITS_KEPT.as_millis() as i64)));
        let newest = match before {
            Some(token) => sent_at(token)
                .filter(|at| *at <= now + CLOCK_SKEW_MS)
                .ok_or_else(|| self.table.error(ErrorKind::Invalid, "the token is of no page of changes"))?,
            None => now + CLOCK_SKEW_MS,
        };
        let (mut month, mut token, mut all) = (month(Timestamp(newest)), before.map(str::to_owned), Vec::new());
        while month >= oldest {
            let (records, next) = self.page(&self.all_changes(&month), token.as_deref(), limit - all.len()).await?;
            all.extend(records);
            if all.len() == limit || next.is_some() {
                return Ok((all, next));
            }
            (month, token) = (month_before(&month), None);
        }
        Ok((all, None))
    }
}

/// The time of a sort key, milliseconds since 1970.
fn sent_at(sk: &str) -> Option<i64> {
    sk.split_once('-').and_then(|(time, _)| time.parse().ok()).filter(|at| *at >= 0)
}

/// The month of a time, as `2026-11`.
fn month(at: Timestamp) -> String {
    at.to_string().chars().take(7).collect()
}

fn month_before(month: &str) -> String {
    let number = |part: Option<&str>| part.and_then(|part| part.parse::<u32>().ok()).unwrap_or(1);
    let mut parts = month.split('-');
    match (number(parts.next()), number(parts.next())) {
        (year, ..=1) => format!("{:04}-12", year.saturating_sub(1)),
        (year, month) => format!("{year:04}-{:02}", month - 1),
    }
}

#[async_trait]
impl AuditLog for DynamoDbTasks {
    async fn record(&self, audit: &Audit) -> Result<()> {
        // Its answer lost, the call is repeated with the same items: it is recorded once.
        self.table.transact(self.records(audit).to_vec()).await.map(drop)
    }

    async fn audits(
        &self,
        id: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Audit>, Option<String>)> {
        let (records, token) = match id {
            Some(id) => self.page(&pk("audits", &[id]), after, limit).await?,
            None => self.all_audits(after, limit).await?,
        };
        let audits = records.iter().map(|record| decode(record, "audit")).collect::<Result<_>>()?;
        Ok((audits, token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_go_back_over_the_turn_of_a_year() {
        let newest = month(Timestamp(1_767_312_000_000));
        assert_eq!(newest, "2026-01");
        assert_eq!(month_before(&newest), "2025-12");
        assert_eq!(month_before("2025-12"), "2025-11");
        assert!(month_before("0000-01").as_str() < "2025-11", "the walk ends");
    }

    #[test]
    fn a_token_has_its_time() {
        assert_eq!(sent_at("000001767312000-0198"), Some(1_767_312_000));
        for wrong in ["", "17", "x-1", "-5-1"] {
            assert_eq!(sent_at(wrong), None, "{wrong}");
        }
    }
}
