use shared::ErrorKind;

use super::*;
use crate::fakes::{Shelf, entry};

async fn plan_of(source: Shelf, destination: Shelf, options: &Find) -> Plan {
    plan(Arc::new(source), Arc::new(destination), options, CancellationToken::new(), Arc::default()).await.unwrap()
}

#[tokio::test]
async fn a_plan_counts_what_a_run_would_do_and_what_it_would_cost() {
    let source = Shelf::new(vec![entry("a", 10, 1), entry("b", 1 << 30, 1), entry("c", 7, 1)]);
    let destination = Shelf::new(vec![entry("c", 7, 1), entry("d", 1, 1)]);
    let plan = plan_of(source, destination, &Find { delete: true, ..Find::default() }).await;
    assert_eq!((plan.listed, plan.listed_destination, plan.unchanged), (3, 2, 1));
    assert_eq!((plan.copies, plan.copy_bytes, plan.deletes, plan.jobs), (2, (1 << 30) + 10, 1, 3));
    assert_eq!(plan.reasons, [(Reason::Missing, 2)]);
    let count = |service, operation| {
        plan.cost.requests.iter().find(|r| (r.service, r.operation) == (service, operation)).map(|r| r.count)
    };
    // One object whole, one in 16 parts.
    assert_eq!(count("destination", "put"), Some(1 + 16 + 2));
    assert_eq!(count("source", "get"), Some(1 + 16 + 1 + 1));
    assert!(plan.cost.usd_requests > 0.0 && plan.cost.usd_egress_at_most > 0.09);
    let shown = plan.to_string();
    for part in ["2 (1.0 GiB) in 3 jobs", "2 missing", "to delete  1", crate::price::DATE] {
        assert!(shown.contains(part), "{shown}");
    }
    assert_eq!(serde_json::to_value(&plan).unwrap()["copies"], 2);
}

#[tokio::test]
async fn a_destination_that_does_not_exist_yet_is_empty() {
    let mut destination = Shelf::of([""; 0]);
    destination.fails_at = Some((String::new(), ErrorKind::NoSuchContainer));
    assert_eq!(plan_of(Shelf::of(["a"]), destination, &Find::default()).await.copies, 1);
}

#[tokio::test]
async fn a_plan_says_when_a_run_would_refuse_to_delete() {
    let options = Find { delete: true, ..Find::default() };
    let plan = plan_of(Shelf::of([""; 0]), Shelf::of(["a"]), &options).await;
    assert!(plan.deletes_refused.unwrap().contains("holds no object"));
}
