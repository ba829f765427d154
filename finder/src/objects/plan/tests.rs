use shared::ErrorKind;
use shared::config::Work;

use super::*;
use crate::fakes::{Shelf, entry};

async fn plan_of(source: Shelf, destination: Shelf, options: &Find) -> Plan {
    plan_by(source, destination, options, &Work::default()).await
}

async fn plan_by(source: Shelf, destination: Shelf, options: &Find, work: &Work) -> Plan {
    plan(Arc::new(source), Arc::new(destination), options, work, CancellationToken::new(), Arc::default())
        .await
        .unwrap()
}

fn count(plan: &Plan, service: &str, operation: &str) -> u64 {
    let found = plan.cost.requests.iter().find(|r| r.service == service && r.operation == operation);
    found.map_or(0, |requests| requests.count)
}

#[tokio::test]
async fn a_plan_counts_what_a_run_would_do_and_what_it_would_cost() {
    let source = Shelf::new(vec![entry("a", 10, 1), entry("b", 1 << 30, 1), entry("c", 7, 1)]);
    let destination = Shelf::new(vec![entry("c", 7, 1), entry("d", 1, 1)]);
    let plan = plan_of(source, destination, &Find { delete: true, ..Find::default() }).await;
    assert_eq!((plan.listed, plan.listed_destination, plan.unchanged), (3, 2, 1));
    assert_eq!((plan.copies, plan.copy_bytes, plan.deletes, plan.jobs), (2, (1 << 30) + 10, 1, 3));
    assert_eq!(plan.reasons, [(Reason::Missing, 2)]);
    // One object whole, one in 64 parts of 16 MiB, as the worker cuts it.
    assert_eq!(count(&plan, "destination", "put"), 1 + 64 + 2);
    // The source reports nothing about the bytes: they are read twice.
    assert_eq!(count(&plan, "source", "get"), 2 * (1 + 64));
    // A HEAD before the parts and one after them, a LIST for the deletes; a page of each side, and the probe.
    assert_eq!((count(&plan, "source", "head"), count(&plan, "source", "list")), (2, 1 + 1 + 1));
    // The parts are listed once before they become an object.
    assert_eq!(count(&plan, "destination", "list"), 1 + 1 + 1);
    assert!(plan.cost.usd_requests > 0.0 && plan.cost.usd_egress_at_most > 0.09);
    let shown = plan.to_string();
    for part in ["2 (1.00 GiB) in 2 jobs", "2 missing", "to delete  1", crate::objects::price::DATE] {
        assert!(shown.contains(part), "{shown}");
    }
    assert_eq!(serde_json::to_value(&plan).unwrap()["copies"], 2);
}

#[tokio::test]
async fn a_plan_names_the_first_keys_to_copy_and_to_delete() {
    let keys = |side: &str| (0..3_000).map(|n| format!("{n:05}{side}")).collect::<Vec<_>>();
    let options = Find { delete: true, ..Find::default() };
    let plan = plan_of(Shelf::of(keys("new")), Shelf::of(keys("old")), &options).await;
    assert_eq!(plan.copy_keys, keys("new")[..10]);
    assert_eq!(plan.delete_keys, keys("old")[..10]);
}

#[tokio::test]
async fn a_plan_follows_the_options_of_copying() {
    let puts = async |work: Work| {
        let source = Shelf::new(vec![entry("b", 1 << 30, 1)]);
        count(&plan_by(source, Shelf::of([""; 0]), &Find::default(), &work).await, "destination", "put")
    };
    assert_eq!(puts(Work { part_size: Some(128 << 20), ..Work::default() }).await, 8 + 2);
    assert_eq!(puts(Work { multipart_threshold: Some(2 << 30), ..Work::default() }).await, 1);
    assert_eq!(puts(Work { part_size: Some(1), ..Work::default() }).await, 205 + 2, "5 MiB is the least");
}

#[tokio::test]
async fn a_plan_counts_a_settlement_as_its_transaction() {
    let writes = async |objects: u64| {
        let mut source = Shelf::new((0..objects).map(|i| entry(&format!("{i:04}"), 1, 1)).collect());
        source.page = 1000;
        count(&plan_of(source, Shelf::of([""; 0]), &Find::default()).await, "ledger", "write")
    };
    let (one, all) = (writes(1).await, writes(500).await);
    // The run's own ten, outcomes whose ETags cannot be compared, and a settlement of four writes; checkpoints, with the
    // job in one of them, come on top.
    assert!((10 + 1 + 4..30).contains(&one), "{one}");
    assert!((10 + 500 + 4..700).contains(&all), "{all}");
}

#[tokio::test]
async fn a_giant_object_is_shared_out_in_jobs_of_its_parts() {
    let of = async |giant_threshold: u64| {
        let work = Work { giant_threshold, ..Work::default() };
        let source = Shelf::new(vec![entry("b", 1 << 30, 1)]);
        let plan = plan_by(source, Shelf::of([""; 0]), &Find::default(), &work).await;
        [("queue", "request"), ("ledger", "write"), ("ledger", "read")].map(|(service, of)| count(&plan, service, of))
    };
    let ([requests, writes, reads], giant) = (of(2 << 30).await, of(1 << 30).await);
    // Sixteen jobs, sent in two requests, each received and acknowledged.
    assert_eq!(giant[0], requests + 2 + 16 * 2);
    // One group of two writes, with an update of the set, becomes sixteen groups with an update each, of which all but
    // the first are refused once. Either way the object is settled once.
    assert_eq!(giant[1], writes - (2 * 2 + 1) + 16 * (2 + 1) + 15);
    // Each job reads the upload and the set, and the set again after a refusal. The records of the groups take two
    // reads and not one, twice. The key may have a mark.
    assert_eq!(giant[2], reads + 16 * 2 + 15 + 2 + 1);
}

#[tokio::test]
async fn a_plan_counts_the_look_for_the_upload_of_a_whole_object() {
    let reads = async |size: u64, multipart_threshold: Option<u64>| {
        let work = Work { multipart_threshold, ..Work::default() };
        let source = Shelf::new(vec![entry("b", size, 1)]);
        count(&plan_by(source, Shelf::of([""; 0]), &Find::default(), &work).await, "ledger", "read")
    };
    let small = reads(32 << 20, None).await;
    assert_eq!(reads(33 << 20, None).await, small + 1, "it would go in parts if the stores were far away");
    assert_eq!(reads(33 << 20, Some(64 << 20)).await, small, "it goes whole wherever the stores are");
}

#[tokio::test]
async fn a_plan_lists_the_parts_of_an_object_page_by_page() {
    let of = async |part_size: u64| {
        let work = Work { part_size: Some(part_size), ..Work::default() };
        let source = Shelf::new(vec![entry("b", 8 << 30, 1)]);
        plan_by(source, Shelf::of([""; 0]), &Find::default(), &work).await
    };
    let (few, many) = (of(16 << 20).await, of(5 << 20).await);
    assert_eq!([&few, &many].map(|plan| count(plan, "destination", "put")), [512 + 2, 1_639 + 2]);
    // The probe, and a page of the listing.
    assert_eq!([&few, &many].map(|plan| count(plan, "destination", "list")), [1 + 1 + 1, 1 + 1 + 2]);
}

/// Only the MD5 of the whole object is known.
#[tokio::test]
async fn a_plan_reads_no_copy_again_that_is_hashed_in_order() {
    use shared::object::{ETag, Entry};
    use shared::store::{Capabilities, EtagMeaning};
    let tagged = |shelf: Shelf| {
        let capabilities = Capabilities { etags: EtagMeaning::Md5, ..shelf.capabilities.clone() };
        Shelf { capabilities, ..shelf }
    };
    let of = async |size: u64| {
        let object = Entry { etag: Some(ETag::new(&"0".repeat(32))), ..entry("b", size, 1) };
        let (source, destination) = (tagged(Shelf::new(vec![object])), tagged(Shelf::of([""; 0])));
        let plan = plan_of(source, destination, &Find::default()).await;
        ["put", "get"].map(|operation| count(&plan, "destination", operation))
    };
    assert_eq!(of(1 << 30).await, [128 + 2, 0], "parts of 8 MiB");
    assert_eq!(of(8 << 30).await, [1_024 + 2, 1_024], "a giant");
}

#[tokio::test]
async fn parts_are_cut_larger_where_there_would_be_too_many() {
    let source = Shelf::new(vec![entry("b", 1_000 << 30, 1)]);
    let plan = plan_of(source, Shelf::of([""; 0]), &Find::default()).await;
    assert_eq!(count(&plan, "destination", "put"), 9_942 + 2, "parts of 103 MiB, a whole number of them");
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
    assert!(plan.deletes_refused.unwrap().contains("has no objects"));
}

/// 20,000 objects take 20 pages. Ranges are cut while they are listed, and each cut costs a page of a side or two.
#[tokio::test]
async fn a_parallel_listing_takes_no_more_than_three_times_its_pages() {
    let keys: Vec<String> = (0..20_000).map(|n| format!("data/{:02}/file-{n:05}.bin", n % 37)).collect();
    let shelf = || {
        let mut shelf = Shelf::of(&keys);
        shelf.page = 1_000;
        shelf
    };
    let plan = plan_of(shelf(), shelf(), &Find::default()).await;
    let lists = ["source", "destination"].map(|side| count(&plan, side, "list"));
    assert!(lists.iter().all(|lists| (21..=60).contains(lists)), "{lists:?}");
    let one = plan_of(shelf(), shelf(), &Find { list_concurrency: 1, ..Find::default() }).await;
    assert_eq!(["source", "destination"].map(|side| count(&one, side, "list")), [21, 21]);
}

/// Objects to copy, to delete and to leave.
fn sides() -> (Store, Store) {
    let objects = |left_out: usize| (0..3_000).filter(move |n| n % left_out > 0);
    let source = objects(5).map(|n| entry(&format!("{n:05}"), 10 + u64::from(n % 7 == 1), 1)).collect();
    let destination = objects(3).map(|n| entry(&format!("{n:05}"), 10, 1)).collect();
    let (mut source, mut destination) = (Shelf::new(source), Shelf::new(destination));
    (source.page, destination.page) = (50, 70);
    (Arc::new(source), Arc::new(destination))
}

/// Goes on with a plan, and stops it after so many polls, if it has not ended by then.
async fn slice(polls: usize, so_far: &mut PlanProgress, options: &Find) -> Result<Plan, FindError> {
    let ((source, destination), work) = (sides(), Work::default());
    let stop = CancellationToken::new();
    let mut going = Box::pin(go_on(so_far, source, destination, (options, &work), stop.clone(), Arc::default()));
    for _ in 0..polls {
        if let std::task::Poll::Ready(ended) = futures::poll!(&mut going) {
            return ended;
        }
        tokio::task::yield_now().await;
    }
    stop.cancel();
    going.await
}

/// What must be the same; pages, and jobs that are cut short, depend on where a plan was stopped.
fn sums(plan: &Plan) -> Plan {
    Plan { jobs: 0, copy_jobs: 0, cost: Cost::default(), ..plan.clone() }
}

#[tokio::test]
async fn a_plan_in_slices_has_the_sums_of_one_in_one_go() {
    for list_concurrency in [1, 4] {
        let options = Find { delete: true, list_concurrency, job_objects: 40, ..Find::default() };
        let whole = slice(usize::MAX, &mut PlanProgress::default(), &options).await.unwrap();
        assert!(whole.copies > 500 && whole.deletes > 100 && whole.unchanged > 100, "{whole:?}");
        for polls in [2, 7, 12] {
            let (mut saved, mut slices) = (PlanProgress::default(), 0);
            let plan = loop {
                slices += 1;
                let mut so_far = saved.clone();
                // Longer each time: one that sees no page gets nowhere.
                let ended = slice(polls + slices as usize, &mut so_far, &options).await;
                if slices % 4 == 3 {
                    // Killed before the slice was recorded: the next one goes on from the last record.
                    continue;
                }
                match ended {
                    Ok(plan) => break plan,
                    Err(FindError::Interrupted) => {
                        let json = serde_json::to_string(&so_far).unwrap();
                        saved = serde_json::from_str(&json).unwrap();
                    }
                    Err(error) => panic!("{error}"),
                }
            };
            assert!(slices > 1, "{slices} slices of {polls} polls");
            assert_eq!(sums(&plan), sums(&whole), "{slices} slices of {polls} polls");
            let most = slices * list_concurrency as u64 * 2;
            assert!((whole.jobs..=whole.jobs + most).contains(&plan.jobs), "{} and {} jobs", whole.jobs, plan.jobs);
            let pages = |plan| count(plan, "source", "list");
            assert!(pages(&plan) <= pages(&whole) + most, "{} and {} pages", pages(&whole), pages(&plan));
        }
    }
}

mod added;
mod documented;
