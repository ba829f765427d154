//! Where a run's listing stands: checkpoints, and the delete jobs that are deferred.

use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, TransactWriteItem};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::deflated::{deflate, inflate};
use super::item::{Item, MAX_ITEM_BYTES, Record, binary, number, pk, text};
use super::{DynamoDbLedger, runs};
use shared::ledger::{Checkpoint, Found, fence_error};
use shared::store::KeyRange;
use shared::{ErrorKind, Result};

/// Sort keys of checkpoints begin so.
pub(super) const RANGE: &str = "range#";

/// Ranges whose fence is raised at once.
const RANGES_AT_ONCE: usize = 8;

/// What the item's names and numbers take at most, bytes, besides keys and bodies.
const OVERHEAD_BYTES: usize = 2048;

/// Writes a range's checkpoint over its earlier one, under the run's fence.
///
/// An item of a range has the fence itself, so that a checkpoint is one conditional write. Only the first one of a range
/// checks the run's fence, in a transaction: a range that a finder adds when its claim is lost would move the bounds of
/// others.
pub(super) async fn write(ledger: &DynamoDbLedger, run: &str, checkpoint: &Checkpoint, fence: u64) -> Result<()> {
    let bytes = OVERHEAD_BYTES + bytes(checkpoint);
    if bytes > MAX_ITEM_BYTES {
        let message = format!("a checkpoint of {bytes} bytes is larger than {MAX_ITEM_BYTES}: lower job-objects");
        return Err(ledger.error(ErrorKind::Invalid, message));
    }
    if checkpoint.version > 1 && replace(ledger, run, checkpoint, fence).await? {
        return Ok(());
    }
    // A transaction costs twice as much: one that is large comes after an empty one.
    let is_large = !checkpoint.outbox.is_empty() && checkpoint.version > 0;
    let (id, range) = (checkpoint.id, checkpoint.range.clone());
    let first = if is_large { &Checkpoint { id, range, ..Checkpoint::default() } } else { checkpoint };
    if create(ledger, run, first, fence).await? && !is_large {
        return Ok(());
    }
    if replace(ledger, run, checkpoint, fence).await? {
        return Ok(());
    }
    let there = ledger.get(&pk("run", &[run]), &range_key(checkpoint.id)).await?;
    let decoded = |there: &Record| Ok((decode(there)?, there.number::<u64>("fence")?));
    match there.as_ref().map(decoded).transpose()? {
        Some((there, under)) if there == *checkpoint && under == fence => Ok(()),
        Some((_, under)) if under == fence => Err(ledger.error(ErrorKind::Conflict, checkpoint.conflict(run))),
        _ => Err(runs::not_fenced(ledger, run).await?),
    }
}

/// Replaces an earlier checkpoint; `false` if there is none of a lower version under this fence.
async fn replace(ledger: &DynamoDbLedger, run: &str, checkpoint: &Checkpoint, fence: u64) -> Result<bool> {
    let attributes = encode(run, checkpoint, fence).attributes();
    // Repeated, or done with its answer lost: refused, and found to be there. Carried out late, after a newer one: the
    // condition refuses it, for it would make jobs anew under numbers that are taken.
    let written = ledger.call(|| {
        let put = ledger.client.put_item().table_name(&ledger.table).set_item(Some(attributes.clone()));
        put.condition_expression("#version < :version AND #fence = :fence")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#fence", "fence")
            .expression_attribute_values(":version", number(checkpoint.version))
            .expression_attribute_values(":fence", number(fence))
            .send()
    });
    is_made(written.await)
}

/// Writes the first checkpoint of a range, if the run has this fence; `false` if there is one.
async fn create(ledger: &DynamoDbLedger, run: &str, checkpoint: &Checkpoint, fence: u64) -> Result<bool> {
    let put = Put::builder()
        .table_name(&ledger.table)
        .set_item(Some(encode(run, checkpoint, fence).attributes()))
        .condition_expression("attribute_not_exists(pk)");
    let put = TransactWriteItem::builder().put(put.build().expect("table and item are set")).build();
    // Repeated, or done with its answer lost: refused, because the range is there.
    match ledger.transact(vec![runs::has_fence(ledger, run, fence), put]).await? {
        Ok(()) => Ok(true),
        Err(refused) if refused.action == 0 => Err(runs::not_fenced(ledger, run).await?),
        Err(_) => Ok(false),
    }
}

/// Raises the fence of a run, and of each of its ranges, of which there are at most a thousand and the prefixes of a
/// list. Returns the checkpoints as they are from then on.
pub(super) async fn fence(ledger: &DynamoDbLedger, run: &str, fence: u64) -> Result<Vec<Checkpoint>> {
    // In this order: after the first request no range is added under a lower fence.
    runs::raise_fence(ledger, run, fence).await?;
    let checkpoints = all(ledger, run).await?;
    let raise = |checkpoint: Checkpoint| raise_fence(ledger, run, checkpoint.id, fence);
    stream::iter(checkpoints).map(raise).buffered(RANGES_AT_ONCE).try_collect().await
}

async fn raise_fence(ledger: &DynamoDbLedger, run: &str, range: u32, fence: u64) -> Result<Checkpoint> {
    // Repeated, or done with its answer lost: the same again. Carried out late, after a later finder's: refused.
    let raised = ledger.call(|| {
        let update = ledger.client.update_item().table_name(&ledger.table);
        update
            .key("pk", text(pk("run", &[run])))
            .key("sk", text(range_key(range)))
            .condition_expression("#fence <= :fence")
            .update_expression("SET #fence = :fence")
            .expression_attribute_names("#fence", "fence")
            .expression_attribute_values(":fence", number(fence))
            .return_values(ReturnValue::AllNew)
            .send()
    });
    match raised.await {
        Err(error) if error.kind() == ErrorKind::Conflict => Err(runs::not_fenced(ledger, run).await?),
        raised => decode(&Record::new(raised?.attributes.unwrap_or_default())),
    }
}

/// Whether a conditional write was made; `false` if its condition does not hold.
fn is_made<T>(written: Result<T>) -> Result<bool> {
    match written {
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
        written => written.map(|_| true),
    }
}

/// All checkpoints of a run, by number.
pub(super) async fn all(ledger: &DynamoDbLedger, run: &str) -> Result<Vec<Checkpoint>> {
    let records = ledger.all(ledger.query(&pk("run", &[run]), RANGE), usize::MAX).await?;
    records.iter().map(decode).collect()
}

/// What was found, summed over a run's checkpoints.
pub(super) async fn found(ledger: &DynamoDbLedger, run: &str) -> Result<Found> {
    // Names only what is summed, so that outboxes stay where they are.
    let mut query = ledger.query(&pk("run", &[run]), RANGE);
    let names: Vec<String> = numbers(&Found::default()).iter().map(|(name, _)| format!("#{name}")).collect();
    for name in &names {
        query = query.expression_attribute_names(name, &name[1..]);
    }
    let records = ledger.all(query.projection_expression(names.join(",")), usize::MAX).await?;
    let mut sum = Found::default();
    for record in &records {
        sum += found_in(record)?;
    }
    Ok(sum)
}

/// Keeps the body of a delete job.
pub(super) async fn defer(
    ledger: &DynamoDbLedger,
    run: &str,
    (range, job): (u32, u32),
    body: &str,
    fence: u64,
) -> Result<()> {
    if OVERHEAD_BYTES + body.len() > MAX_ITEM_BYTES {
        let message = format!("a delete job of {} bytes is too large for the ledger: lower job-objects", body.len());
        return Err(ledger.error(ErrorKind::Invalid, message));
    }
    let item =
        Item::new(pk("run", &[run]), deferred_key(range, job)).with("body", binary(&deflated(&[body.to_owned()])));
    let attributes = item.with("fence", number(fence)).attributes();
    // A finder makes the same body for a number, so a write that is repeated or carried out late changes nothing. Of two
    // finders the later one's body stays, and the one that no checkpoint counts is harmless.
    let written = ledger.call(|| {
        let put = ledger.client.put_item().table_name(&ledger.table).set_item(Some(attributes.clone()));
        put.condition_expression("attribute_not_exists(pk) OR #fence <= :fence")
            .expression_attribute_names("#fence", "fence")
            .expression_attribute_values(":fence", number(fence))
            .send()
    });
    match is_made(written.await)? {
        true => Ok(()),
        false => Err(ledger.error(ErrorKind::Conflict, fence_error(run))),
    }
}

/// A deferred job's body.
pub(super) async fn deferred(ledger: &DynamoDbLedger, run: &str, range: u32, number: u32) -> Result<Option<String>> {
    let record = ledger.get(&pk("run", &[run]), &deferred_key(range, number)).await?;
    let body = |record: Record| {
        let bodies: Option<Vec<String>> = inflate(record.bytes("body")?);
        bodies.and_then(|mut bodies| bodies.pop()).ok_or_else(|| record.corrupt("body"))
    };
    record.map(body).transpose()
}

fn deferred_key(range: u32, number: u32) -> String {
    format!("deferred#{range:010}#{number:010}")
}

fn range_key(id: u32) -> String {
    format!("{RANGE}{id:010}")
}

/// Bodies, compressed. Those of an item are few enough.
fn deflated(bodies: &[String]) -> Vec<u8> {
    deflate(bodies).expect("the bodies are shorter than an item")
}

fn bytes(checkpoint: &Checkpoint) -> usize {
    let KeyRange { prefix, after, until } = &checkpoint.range;
    let length = |key: &Option<String>| key.as_ref().map_or(0, String::len);
    // A list's entry takes 1 byte besides its text.
    let outbox: usize = checkpoint.outbox.iter().map(|body| body.len() + 1).sum();
    prefix.len() + length(after) + length(until) + length(&checkpoint.cursor) + outbox
}

/// What was found, by the names it is recorded under.
fn numbers(found: &Found) -> [(&'static str, u64); 9] {
    let Found {
        listed,
        listed_destination,
        unchanged,
        filtered,
        not_judged,
        enqueued,
        enqueued_bytes,
        deletes,
        unlisted,
    } = *found;
    [
        ("listed", listed),
        ("listed_destination", listed_destination),
        ("unchanged", unchanged),
        ("filtered", filtered),
        ("not_judged", not_judged),
        ("enqueued", enqueued),
        ("enqueued_bytes", enqueued_bytes),
        ("deletes", deletes),
        ("unlisted", unlisted),
    ]
}

fn found_in(record: &Record) -> Result<Found> {
    Ok(Found {
        listed: record.number("listed")?,
        listed_destination: record.number("listed_destination")?,
        unchanged: record.number("unchanged")?,
        filtered: record.number("filtered")?,
        not_judged: record.number("not_judged")?,
        enqueued: record.number("enqueued")?,
        enqueued_bytes: record.number("enqueued_bytes")?,
        deletes: record.number("deletes")?,
        unlisted: record.number("unlisted")?,
    })
}

fn encode(run: &str, checkpoint: &Checkpoint, fence: u64) -> Item {
    let Checkpoint { id, version, range, cursor, done, found, jobs, deferred, released, outbox } = checkpoint;
    let item = Item::new(pk("run", &[run]), range_key(*id))
        .with("id", number(id))
        .with("version", number(version))
        .with("fence", number(fence))
        .with_text("prefix", Some(&range.prefix))
        .with_text("after", range.after.as_deref())
        .with_text("until", range.until.as_deref())
        .with_text("cursor", cursor.as_deref())
        .with("done", AttributeValue::Bool(*done))
        .with("jobs", number(jobs))
        .with("deferred", number(deferred))
        .with("released", number(released));
    // Most checkpoints of a run with nothing to do have none.
    let item = if outbox.is_empty() { item } else { item.with("outbox", binary(&deflated(outbox))) };
    numbers(found).into_iter().fold(item, |item, (name, count)| item.with(name, number(count)))
}

fn decode(record: &Record) -> Result<Checkpoint> {
    let owned = |name| record.optional(name).map(str::to_owned);
    let outbox = match record.attributes().contains_key("outbox") {
        true => inflate(record.bytes("outbox")?).ok_or_else(|| record.corrupt("outbox"))?,
        false => Vec::new(),
    };
    Ok(Checkpoint {
        id: record.number("id")?,
        version: record.number("version")?,
        range: KeyRange { prefix: record.text("prefix")?.to_owned(), after: owned("after"), until: owned("until") },
        cursor: owned("cursor"),
        done: record.flag("done"),
        found: found_in(record)?,
        jobs: record.number("jobs")?,
        deferred: record.number("deferred")?,
        released: record.number("released")?,
        outbox,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::option::of;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_checkpoint_comes_back_from_its_item_unchanged(
            id in any::<u32>(), version in any::<u64>(), keys in (any::<String>(), of(any::<String>()), of(any::<String>()), of(any::<String>())),
            done in any::<bool>(), counts in any::<[u64; 9]>(), made in any::<(u32, u32, u32)>(),
            outbox in prop::collection::vec(any::<String>(), 0..4),
        ) {
            let [listed, listed_destination, unchanged, filtered, not_judged, enqueued, enqueued_bytes, deletes, unlisted] = counts;
            let checkpoint = Checkpoint {
                id,
                version,
                range: KeyRange { prefix: keys.0, after: keys.1, until: keys.2 },
                cursor: keys.3,
                done,
                found: Found { listed, listed_destination, unchanged, filtered, not_judged, enqueued, enqueued_bytes, deletes, unlisted },
                jobs: made.0,
                deferred: made.1,
                released: made.2,
                outbox,
            };
            prop_assert_eq!(decode(&Record::new(encode("r", &checkpoint, 1).attributes())).unwrap(), checkpoint);
        }
    }
}
