//! Outcomes of a job that are recorded together, in blocks.
//!
//! A settlement writes its blocks and never overwrites others: a block's name is the digest of its outcomes. The blocks
//! of a run's range sort by the first keys of their jobs, whose keys are disjoint and ascend. So the last block that
//! begins at a key or before it names the only job that may have the key; the job's other blocks lie beside it.

use aws_sdk_dynamodb::types::WriteRequest;
use futures::future::try_join_all;
use sha2::{Digest as _, Sha256};

use super::bounds::Range;
use super::item::{EXPIRES, Item, MAX_ITEM_BYTES, Record, binary, pk, text};
use super::{DynamoDbLedger, batch, block_key, deflated, outcomes};
use shared::Result;
use shared::digest::to_hex;
use shared::ledger::{Outcome, Settlement, Stream};
use shared::object::Timestamp;

/// Most bytes of a block's outcomes. The rest of the item is for keys and names: each of the two keys has at most some
/// 1,024 bytes.
const MAX_BLOCK_BYTES: usize = MAX_ITEM_BYTES - 16 * 1024;

/// Bytes of a digest that name a settlement: as many as a UUID has.
const NAME_BYTES: usize = 16;

/// The requests that write a settlement's blocks, and the outcomes that are not in them.
///
/// Slow, cut off, repeated, or done with its answer lost: the same block is written again under the same name. Another
/// worker's settlement of the same objects has other times, so it is a block of its own.
pub(super) fn puts<'a>(ledger: &DynamoDbLedger, settlement: &Settlement<'a>) -> (Vec<WriteRequest>, Vec<&'a Outcome>) {
    let mut rest = Vec::new();
    let mut joined = Vec::new();
    for (index, outcome) in settlement.outcomes {
        match &settlement.span {
            Some(span) if span.joins(*index, outcome) => joined.push(outcome),
            _ if outcome.is_of_key() => rest.push(outcome),
            _ => {}
        }
    }
    let Some(span) = settlement.span.as_ref().filter(|_| joined.len() > 1) else {
        rest.append(&mut joined);
        return (Vec::new(), rest);
    };
    let (partition, job) = (partition(settlement.run, span.range), block_key::of_job(span, &settlement.origin.id));
    let mut blocks = Vec::new();
    let mut parts = vec![joined.as_slice()];
    while let Some(part) = parts.pop() {
        let Some(body) = deflated::deflate(part).filter(|body| body.len() <= MAX_BLOCK_BYTES) else {
            // One alone is larger than any item: let the write of an item say so.
            let (first, second) = part.split_at(part.len() / 2);
            match first {
                [] => rest.extend(second),
                _ => parts.extend([first, second]),
            }
            continue;
        };
        match block_key::of_block(&job, &to_hex(&Sha256::digest(&body)[..NAME_BYTES])) {
            Some(sort_key) => {
                let item = Item::new(&partition, sort_key).with_text("task", Some(settlement.task));
                let item = item.with_text("run", Some(settlement.run)).with("outcomes", binary(&body));
                blocks.push(batch::put(item.expiring(ledger.keep_outcomes)));
            }
            None => rest.extend(part),
        }
    }
    (blocks, rest)
}

fn partition(run: &str, range: u32) -> String {
    pk("block", &[run, &range.to_string()])
}

/// The outcome of a key in the blocks of a run's ranges; `None` if none has it.
pub(super) async fn find(ledger: &DynamoDbLedger, run: &str, ranges: &[Range], key: &str) -> Result<Option<Outcome>> {
    let Some(range) = Range::of_key(ranges, key) else { return Ok(None) };
    let streams = [(Stream::Copies, range.jobs), (Stream::Deletes, range.deferred)];
    let used = streams.into_iter().filter(|(_, jobs)| *jobs > 0);
    let found = try_join_all(used.map(|(stream, _)| find_in(ledger, run, range.id, stream, key))).await?;
    Ok(found.into_iter().flatten().reduce(outcomes::later_attempt))
}

async fn find_in(ledger: &DynamoDbLedger, run: &str, range: u32, stream: Stream, key: &str) -> Result<Option<Outcome>> {
    let partition = partition(run, range);
    let (from, to) = block_key::up_to(stream, key);
    let query = ledger
        .query(&partition, "")
        .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
        .expression_attribute_values(":from", text(from))
        .expression_attribute_values(":to", text(to))
        .projection_expression("sk")
        .scan_index_forward(false);
    let Some(last) = ledger.all(query, 1).await?.pop() else { return Ok(None) };
    let query = ledger.query(&partition, block_key::job_of(last.text("sk")?));
    let now = Timestamp::now().as_secs();
    let mut found = None;
    for block in ledger.all(query, usize::MAX).await? {
        // The service removes what has expired some days later.
        if block.number::<i64>(EXPIRES)? > now {
            found = found.into_iter().chain(outcome_in(&block, key)?).reduce(outcomes::later_attempt);
        }
    }
    Ok(found)
}

fn outcome_in(block: &Record, key: &str) -> Result<Option<Outcome>> {
    let outcomes: Option<Vec<Outcome>> = deflated::inflate(block.bytes("outcomes")?);
    let outcomes = outcomes.ok_or_else(|| block.corrupt("outcomes"))?;
    Ok(outcomes.into_iter().filter(|outcome| outcome.key == key).reduce(outcomes::later_attempt))
}
