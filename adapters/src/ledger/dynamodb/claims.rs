//! Which finder has the claim on a task: one item a task, which stays without an owner when the claim ends, so that
//! the fence goes on growing.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValue;

use super::DynamoDbLedger;
use super::item::{Record, number, pk, text};
use shared::ledger::ClaimView;
use shared::{ErrorKind, Result};

const CLAIM: &str = "claim";

/// Renews the owner's claim, or takes one that is free, or whose owner is `dead`. Nobody's clock decides: the item says
/// who has the claim, and by its beat whether it was renewed since the caller looked.
pub(super) async fn claim(ledger: &DynamoDbLedger, task: &str, owner: &str, dead: Option<&ClaimView>) -> Result<u64> {
    // Repeated, or done with its answer lost: the beat moves twice, which proves life as well. Carried out late, after
    // the claim went to another: the condition refuses it.
    let renewed = changed(ledger, || {
        update(ledger, task, owner).update_expression("ADD #beat :one").condition_expression("#owner = :owner")
    });
    if let Some(record) = renewed.await? {
        return record.number("fence");
    }
    // Repeated, or done with its answer lost: refused, and the item names this owner. Carried out late, when the caller
    // has given up: nobody renews the claim, and the next finder takes it after the lease.
    let taken = changed(ledger, || {
        let update = update(ledger, task, owner)
            .update_expression("SET #owner = :owner ADD #fence :one, #beat :one")
            .expression_attribute_names("#fence", "fence");
        match dead {
            None => update.condition_expression("attribute_not_exists(#owner)"),
            Some(dead) => update
                .condition_expression("attribute_not_exists(#owner) OR (#fence = :fence AND #beat = :beat)")
                .expression_attribute_values(":fence", number(dead.fence))
                .expression_attribute_values(":beat", number(dead.beat)),
        }
    });
    if let Some(record) = taken.await? {
        return record.number("fence");
    }
    match claimed(ledger, task).await? {
        Some(claim) if claim.owner == owner => Ok(claim.fence),
        claim => {
            let holder = claim.map_or_else(|| "another process".to_owned(), |claim| claim.owner);
            Err(ledger.error(ErrorKind::Conflict, format!("claimed by {holder}")))
        }
    }
}

/// The claim on a task.
pub(super) async fn claimed(ledger: &DynamoDbLedger, task: &str) -> Result<Option<ClaimView>> {
    let Some(record) = ledger.get(&pk("task", &[task]), CLAIM).await? else { return Ok(None) };
    let Some(owner) = record.optional("owner") else { return Ok(None) };
    let view = ClaimView { owner: owner.to_owned(), fence: record.number("fence")?, beat: record.number("beat")? };
    Ok(Some(view))
}

/// Ends the claim, if `owner` holds it.
pub(super) async fn unclaim(ledger: &DynamoDbLedger, task: &str, owner: &str) -> Result<()> {
    // Repeated, or carried out late: nobody has it, or another, which the condition protects.
    let ended = changed(ledger, || {
        update(ledger, task, owner)
            .update_expression("REMOVE #owner ADD #beat :one")
            .condition_expression("#owner = :owner")
    });
    ended.await.map(drop)
}

/// An update of the claim's item by its owner.
fn update(ledger: &DynamoDbLedger, task: &str, owner: &str) -> UpdateItemFluentBuilder {
    let update = ledger.client.update_item().table_name(&ledger.table);
    update
        .key("pk", text(pk("task", &[task])))
        .key("sk", text(CLAIM))
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_names("#beat", "beat")
        .expression_attribute_values(":owner", text(owner))
        .expression_attribute_values(":one", number(1))
        .return_values(ReturnValue::AllNew)
}

/// The item after the update; `None` if its condition refused it.
async fn changed(ledger: &DynamoDbLedger, update: impl Fn() -> UpdateItemFluentBuilder) -> Result<Option<Record>> {
    match ledger.call(|| update().send()).await {
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
        updated => Ok(updated?.attributes.map(Record::new)),
    }
}
