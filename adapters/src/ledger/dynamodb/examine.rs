//! The table as `flotilla doctor` sees it, by requests that change nothing: each right is tried on an item that does not
//! exist, under a condition that does not hold.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::types::{BillingMode, ConditionCheck, TimeToLiveStatus, TransactWriteItem};

use super::item::{EXPIRES, text};
use super::{DynamoDbLedger, batch, create};
use crate::aws::{self, DateSeen};
use shared::config::LedgerConfig;
use shared::finding::Finding;
use shared::retry;
use shared::{ErrorKind, Result};

/// A clock that differs by more than this will be in the way some day.
const SKEW_WARNED_MS: u64 = 60_000;

/// Services refuse requests that are signed with a clock that differs by more than this.
const SKEW_REFUSED_MS: u64 = 5 * 60_000;

const HOLDS_NEVER: &str = "attribute_exists(pk)";

impl DynamoDbLedger {
    /// Looks at the table. An error: it cannot be described.
    pub async fn examine(config: &LedgerConfig) -> Result<Vec<Finding>> {
        let sdk = aws::sdk_config(&config.connection).await?;
        let date = DateSeen::default();
        let client = Client::from_conf(Builder::from(&sdk).interceptor(date.clone()).build());
        let ledger = DynamoDbLedger { client, table: config.table.clone(), keep_outcomes: config.keep_outcomes };
        let table = create::describe(&ledger).await?;
        create::check(&ledger.table, &table)?;
        let name = &ledger.table;
        let billing = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
        let mut findings = vec![match billing {
            Some(BillingMode::PayPerRequest) => Finding::ok(format!("table {name}: on demand")),
            _ => Finding::warning(
                format!("table {name}: provisioned capacity"),
                "a scan may be throttled: switch the table to on-demand capacity",
            ),
        }];
        findings.push(ledger.time_to_live().await);
        for (right, answer) in ledger.rights().await {
            findings.extend(ledger.of_right(right, answer));
        }
        findings.extend(date.skew_ms().map(of_clock));
        Ok(findings)
    }

    async fn time_to_live(&self) -> Finding {
        let name = &self.table;
        // Read-only: slow, repeated or lost, it changes nothing.
        let request = || self.client.describe_time_to_live().table_name(name).send();
        let described = match self.call_by(&retry::DESCRIBE, request).await {
            Ok(answer) => answer.time_to_live_description,
            Err(error) => {
                return Finding::warning(
                    format!("table {name}, time to live: {error}"),
                    "allow dynamodb:DescribeTimeToLive",
                );
            }
        };
        let status = described.as_ref().and_then(|described| described.time_to_live_status());
        let is_on = matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
        if is_on && described.as_ref().and_then(|described| described.attribute_name()) == Some(EXPIRES) {
            return Finding::ok(format!("table {name}: expired items are removed"));
        }
        Finding::warning(
            format!("table {name}: expired items stay"),
            "run flotilla init, or set time to live to the attribute expires",
        )
    }

    /// Each right that finder, worker and controller need, with the answer to a harmless request.
    async fn rights(&self) -> Vec<(&'static str, Result<()>)> {
        let pk = format!("doctor#{}", uuid::Uuid::now_v7());
        let (client, table) = (&self.client, &self.table);
        let key = |name: &str| text(if name == "pk" { pk.as_str() } else { "doctor" });
        let scan = || client.scan().table_name(table).limit(1).send();
        let put = || {
            let put = client.put_item().table_name(table).item("pk", key("pk")).item("sk", key("sk"));
            put.condition_expression(HOLDS_NEVER).send()
        };
        let update = || {
            let update = client.update_item().table_name(table).key("pk", key("pk")).key("sk", key("sk"));
            update.condition_expression(HOLDS_NEVER).update_expression("REMOVE doctor").send()
        };
        let delete = || {
            let delete = client.delete_item().table_name(table).key("pk", key("pk")).key("sk", key("sk"));
            delete.condition_expression(HOLDS_NEVER).send()
        };
        let check = ConditionCheck::builder().table_name(table).key("pk", key("pk")).key("sk", key("sk"));
        let check = check.condition_expression(HOLDS_NEVER).build().expect("table, key and condition are set");
        let check = TransactWriteItem::builder().condition_check(check).build();
        vec![
            ("GetItem", self.get(&pk, "doctor").await.map(drop)),
            ("Query", self.all(self.query(&pk, ""), 1).await.map(drop)),
            ("BatchGetItem", self.get_all([(pk.as_str(), "doctor")].into_iter()).await.map(drop)),
            ("PutItem", self.call(put).await.map(drop)),
            ("UpdateItem", self.call(update).await.map(drop)),
            ("DeleteItem", self.call(delete).await.map(drop)),
            ("BatchWriteItem", self.write_all(vec![batch::delete(&pk, "doctor")]).await),
            ("ConditionCheckItem", self.transact(vec![check]).await.map(drop)),
            ("Scan", self.call(scan).await.map(drop)),
        ]
    }

    /// A condition that does not hold shows that the request was allowed.
    fn of_right(&self, right: &str, answer: Result<()>) -> Option<Finding> {
        let (name, remedy) = (&self.table, format!("allow dynamodb:{right} on the table"));
        match answer {
            Ok(()) => None,
            Err(error) if error.kind() == ErrorKind::Conflict => None,
            Err(error) if right == "Scan" => {
                let remedy = format!("{remedy}, for task delete --records alone");
                Some(Finding::warning(format!("table {name}, {right}: {error}"), &remedy))
            }
            Err(error) => Some(Finding::error(format!("table {name}, {right}: {error}"), &remedy)),
        }
    }
}

/// By how much the service's clock is ahead of this machine's.
fn of_clock(ahead_ms: i64) -> Finding {
    let what = format!("clock: {} s from the service's", ahead_ms.unsigned_abs() / 1_000);
    match ahead_ms.unsigned_abs() {
        skew if skew > SKEW_REFUSED_MS => {
            Finding::error(what, "set this machine's clock: services refuse its requests")
        }
        skew if skew > SKEW_WARNED_MS => Finding::warning(what, "set this machine's clock"),
        _ => Finding::ok(what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::finding::Level;

    #[test]
    fn a_clock_is_judged_by_its_difference() {
        let levels = [0, -59_000, 61_000, -299_000, 301_000].map(|ahead| of_clock(ahead).level);
        assert_eq!(levels, [Level::Ok, Level::Ok, Level::Warning, Level::Warning, Level::Error]);
    }
}
