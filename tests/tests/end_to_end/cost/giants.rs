//! Giants: their parts are jobs, which workers share.

use super::*;

const GIANTS: u64 = 2;

/// The number of requests does not depend on the size of a part.
const PARTS: u64 = 64;
const PART_BYTES: u64 = 5 << 20;
const GIANT_BYTES: u64 = PARTS * PART_BYTES;

/// Jobs of the parts of one giant, of four parts each.
const JOBS: u64 = 16;

/// Two workers, which share the jobs.
async fn bench() -> Bench {
    let mut bench = Bench::new(&format!("real-{GIANTS}x{GIANT_BYTES}"), "empty", None).await;
    let (part_size, multipart_threshold) = (Some(PART_BYTES), Some(PART_BYTES));
    bench.work = Work { part_size, multipart_threshold, giant_threshold: GIANT_BYTES, ..bench.work };
    bench.machine.concurrency = 8;
    bench.workers = 2;
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn giants_cost_what_the_plan_says() {
    let (run, table) = bench().await.measured("2 giants of 64 parts").await;
    assert_eq!(run.settled.copied, GIANTS);
    // A GET and a PUT of each part, create and complete, one page of parts; HEADs before and after the parts, and after
    // the write.
    let again = table.assert_parts();
    assert!((GIANTS * PARTS..=GIANTS * PARTS + again).contains(&table.counted("source", "get")), "{table}");
    assert_eq!(table.counted("source", "head"), GIANTS * 3, "{table}");
    assert_eq!(table.counted("destination", "put"), GIANTS * (PARTS + 2) + again, "{table}");
    assert_eq!(table.asked("SQS.DeleteMessage"), GIANTS * (1 + JOBS), "{table}");
    // Two checkpoints, and a group of each job: more where its parts take over 2 s. How often updates are refused
    // depends on the moments at which jobs end; after each the set is read again. A poll brings no message, if the
    // other worker has the last ones, or several.
    let groups = table.asked("DynamoDB.PutItem").saturating_sub(2 + GIANTS * JOBS);
    let refused = table.refused().abs_diff(GIANTS * (JOBS - 1));
    let polls = table.asked("SQS.ReceiveMessage").abs_diff(GIANTS * (1 + JOBS));
    table.assert_planned(&[
        ("source", "get", again),
        ("destination", "put", again),
        ("ledger", "write", GROUP * groups + refused),
        ("ledger", "read", groups + refused),
        ("queue", "request", polls),
    ]);
}
