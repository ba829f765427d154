//! Which finder holds a task.

use std::time::Duration;

use super::DynamoDbLedger;
use super::item::{Item, number, pk, text};
use shared::object::Timestamp;
use shared::{ErrorKind, Result};

const CLAIM: &str = "claim";

/// Makes `owner` the holder, if there is no other whose lease runs.
///
/// Leases are counted by the finders' own clocks: one whose clock is ahead by some seconds takes over
/// so much too early. Claims are renewed long before they end, which leaves room for that.
pub(super) async fn claim(ledger: &DynamoDbLedger, task: &str, owner: &str, lease: Duration) -> Result<()> {
    let now = Timestamp::now().0;
    let until = now.saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX));
    let item = Item::new(pk("task", &[task]), CLAIM).with("owner", text(owner)).with("until", number(until));
    let attributes = item.attributes();
    // Repeated, or done with its answer lost: the owner renews its own claim. Carried out late, after
    // an unclaim: nobody has the claim until the lease ends.
    let claimed = ledger.call(|| {
        let put = ledger.client.put_item().table_name(&ledger.table).set_item(Some(attributes.clone()));
        put.condition_expression("attribute_not_exists(pk) OR #owner = :owner OR #until <= :now")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":now", number(now))
            .send()
    });
    match claimed.await {
        Err(error) if error.kind() == ErrorKind::Conflict => {
            let holder = ledger.get(&pk("task", &[task]), CLAIM).await?;
            let holder = holder.as_ref().and_then(|record| record.optional("owner")).unwrap_or("another process");
            let message = format!("claimed by {holder}");
            Err(ledger.error(ErrorKind::Conflict, message))
        }
        other => other.map(drop),
    }
}

/// Ends the claim, if `owner` holds it.
pub(super) async fn unclaim(ledger: &DynamoDbLedger, task: &str, owner: &str) -> Result<()> {
    // Repeated: nothing is left to delete, or it is another's, which the condition protects.
    let deleted = ledger.call(|| {
        let delete = ledger.client.delete_item().table_name(&ledger.table);
        delete
            .key("pk", text(pk("task", &[task])))
            .key("sk", text(CLAIM))
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(owner))
            .send()
    });
    match deleted.await {
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
        other => other.map(drop),
    }
}
