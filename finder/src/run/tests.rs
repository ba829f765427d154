use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use shared::ErrorKind;
use shared::ledger::{Ledger, Outcome, Settlement, State};
use shared::objects::job::{Job, Work as JobWork};
use shared::store::{Span, Unlisted};

use super::*;
use crate::fakes::{Belt, Book, Faults, Shelf, entry};

/// A task over fakes.
struct Bench {
    finder: Finder,
    belt: Arc<Belt>,
    book: Arc<Book>,
    faults: Arc<Faults>,
}

fn bench(source: Shelf, destination: Shelf, options: Find) -> Bench {
    let faults = Arc::new(Faults::default());
    let belt = Arc::new(Belt { faults: faults.clone(), ..Belt::default() });
    let book = Arc::new(Book { faults: faults.clone(), ..Book::default() });
    let finder = Finder {
        task: "task".into(),
        source: Arc::new(source),
        destination: Arc::new(destination),
        queue: belt.clone(),
        ledger: book.clone(),
        options,
        work: Work::default(),
        owner: "me".into(),
        force: false,
        look_every: Duration::from_secs(6),
    };
    Bench { finder, belt, book, faults }
}

fn mirror() -> Find {
    Find { delete: true, job_objects: 4, list_concurrency: 3, ..Find::default() }
}

/// Keys that agree for so long that a walk cannot tell how dense they lie, and cuts as often as it may.
fn key(n: u64) -> String {
    format!("long-in-common/{n:02}")
}

/// Keys 0 to 39 at the source; 20 to 59 at the destination, of which 30 to 39 are in sync.
fn mirrored() -> (Shelf, Shelf) {
    let source = (0..40).map(|n| entry(&key(n), n, 5)).collect();
    let destination = (20..60).map(|n| entry(&key(n), n, if n < 30 { 1 } else { 5 })).collect();
    (Shelf::new(source), Shelf::new(destination))
}

impl Bench {
    async fn run(&self) -> Result<String, FindError> {
        self.finder.run(CancellationToken::new(), Arc::default()).await
    }

    /// What was sent, by origin. A job that was sent twice must be the same both times.
    fn jobs(&self) -> BTreeMap<String, Job> {
        let mut jobs = BTreeMap::new();
        for body in self.belt.sent.lock().unwrap().iter() {
            let job = Job::parse(body).unwrap();
            let before = jobs.insert(job.origin.id.clone(), job.clone());
            assert!(before.is_none_or(|before| before == job), "{} was made twice, differently", job.origin.id);
        }
        jobs
    }

    /// All jobs of a run that were sent, also twice.
    fn jobs_of(&self, run: &str) -> Vec<Job> {
        let sent = self.belt.sent.lock().unwrap();
        sent.iter().map(|body| Job::parse(body).unwrap()).filter(|job| job.run == run).collect()
    }

    /// All keys that were sent to be copied, and to be deleted; each of them in one origin only.
    fn keys(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut copied, mut deleted) = Default::default();
        let add = |to: &mut BTreeSet<String>, key: String| assert!(to.insert(key.clone()), "{key} is in two jobs");
        for job in self.jobs().into_values() {
            match job.work {
                JobWork::Copy { objects } => objects.into_iter().for_each(|o| add(&mut copied, o.key)),
                JobWork::Delete { objects } => objects.into_iter().for_each(|o| add(&mut deleted, o.key)),
                JobWork::Parts(_) | JobWork::Changed { .. } => panic!("the finder makes no parts jobs"),
            }
        }
        (copied, deleted)
    }

    fn assert_mirrored(&self) {
        let (copied, deleted) = self.keys();
        assert_eq!(copied, (0..30).map(key).collect());
        assert_eq!(deleted, (40..60).map(key).collect());
        let run = self.book.last_run();
        assert_eq!(run.phase, Phase::Listed);
        let expected = Found {
            listed: 40,
            listed_destination: 40,
            unchanged: 10,
            filtered: 0,
            not_judged: 0,
            enqueued: 30,
            enqueued_bytes: (0..30).sum(),
            deletes: 20,
            unlisted: 0,
        };
        assert_eq!(run.found, expected);
        let objects: u32 = self.jobs().values().map(|job| job.origin.items).sum();
        assert_eq!(u64::from(objects), run.enqueued());
    }
}

#[tokio::test]
async fn a_run_enqueues_what_differs_and_nothing_else() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    let progress = Arc::new(Progress::default());
    let run = bench.finder.run(CancellationToken::new(), progress.clone()).await.unwrap();
    bench.assert_mirrored();
    assert_eq!(progress.run(), Some(run.as_str()));
    assert_eq!(progress.enqueued.load(SeqCst), 30);
    assert_eq!(progress.enqueued_bytes.load(SeqCst), (0..30).sum::<u64>());
    assert_eq!(progress.listed.load(SeqCst), 40);
    assert_eq!(progress.deletes.load(SeqCst), 20);
    assert!(progress.listing_done.load(SeqCst));
    let ranges = bench.book.pages.lock().unwrap().checkpoints.len();
    assert!(ranges > 4, "only {ranges} ranges");
}

#[tokio::test]
async fn a_run_that_dies_at_any_write_is_resumed_with_every_object_in_exactly_one_job() {
    let (mut at, mut crashes) = (0, 0);
    loop {
        for after in [false, true] {
            let (source, destination) = mirrored();
            let bench = bench(source, destination, mirror());
            bench.faults.crash_at(Some((at, after)));
            let first = bench.run().await;
            if first.is_ok() {
                assert!(crashes > 20, "only {crashes} places to die at");
                return;
            }
            assert!(first.unwrap_err().is_resumable());
            crashes += 1;
            bench.faults.crash_at(None);
            // Its very last write may have been made all the same.
            if at == 0 || bench.book.last_run().phase != Phase::Listed {
                bench.run().await.unwrap();
            }
            assert_eq!(bench.book.pages.lock().unwrap().runs.len(), 1, "resumed, not begun anew");
            bench.assert_mirrored();
        }
        at += 1;
    }
}

#[tokio::test]
async fn a_run_that_was_told_to_stop_keeps_what_it_decided_and_is_resumed() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    let stop = CancellationToken::new();
    stop.cancel();
    let stopped = bench.finder.run(stop, Arc::default()).await.unwrap_err();
    assert!(matches!(stopped, FindError::Interrupted), "{stopped}");
    assert_eq!(bench.book.last_run().phase, Phase::Listing);
    assert_eq!(bench.book.pages.lock().unwrap().claim, None);
    bench.run().await.unwrap();
    bench.assert_mirrored();
}

#[tokio::test]
async fn a_listing_that_fails_stops_the_run_and_deletes_nothing() {
    for (side, at) in [(0, key(5)), (0, key(39)), (1, key(20)), (1, key(59)), (0, String::new()), (1, String::new())] {
        let mut shelves = <[Shelf; 2]>::from(mirrored());
        shelves[side].fails_at = Some((at, ErrorKind::Timeout));
        let [source, destination] = shelves;
        let bench = bench(source, destination, mirror());
        let error = bench.run().await.unwrap_err();
        assert!(matches!(error, FindError::Listing(_)), "{error}");
        let run = bench.book.last_run();
        assert_eq!((run.phase, run.error), (Phase::Stopped, Some(error.to_string())));
        assert!(bench.keys().1.is_empty());
        let sent: u32 = bench.jobs().values().map(|job| job.origin.items).sum();
        assert_eq!(u64::from(sent), bench.book.last_run().enqueued(), "what is counted was sent");
    }
}

#[tokio::test]
async fn an_unordered_listing_stops_the_run_and_deletes_nothing() {
    let (source, mut destination) = mirrored();
    destination.entries.swap(30, 35);
    let bench = bench(source, destination, mirror());
    let error = bench.run().await.unwrap_err();
    assert!(error.to_string().contains("not in byte order"), "{error}");
    assert!(bench.keys().1.is_empty());
}

#[tokio::test]
async fn more_deletes_than_allowed_are_all_refused_and_the_copies_stand() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, Find { max_delete: Some(19), ..mirror() });
    let error = bench.run().await.unwrap_err();
    assert!(matches!(error, FindError::TooManyDeletes { found: 20, max: 19 }), "{error}");
    let (copied, deleted) = bench.keys();
    assert_eq!((copied.len(), deleted.len()), (30, 0));
    assert_eq!(bench.book.last_run().enqueued(), 30);
}

#[tokio::test]
async fn an_empty_source_deletes_nothing_unless_the_number_is_allowed() {
    for (max_delete, allowed) in [(None, false), (Some(39), false), (Some(40), true)] {
        let options = Find { max_delete, ..mirror() };
        let bench = bench(Shelf::of([""; 0]), mirrored().1, options);
        let run = bench.run().await;
        assert_eq!(run.is_ok(), allowed, "{max_delete:?}");
        assert_eq!(bench.keys().1.len(), if allowed { 40 } else { 0 });
    }
}

#[tokio::test]
async fn without_delete_nothing_is_deleted_or_held() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, Find { delete: false, ..mirror() });
    bench.run().await.unwrap();
    assert!(bench.keys().1.is_empty() && bench.book.pages.lock().unwrap().held.is_empty());
}

#[tokio::test]
async fn what_is_filtered_by_key_or_bounds_is_neither_copied_nor_deleted() {
    let (source, destination) = mirrored();
    let filters = vec!["- */0*".into(), "- */4*".into()];
    let bench = bench(source, destination, Find { filters, min_size: Some(15), ..mirror() });
    bench.run().await.unwrap();
    let (copied, deleted) = bench.keys();
    assert_eq!(copied, (15..30).map(key).collect());
    assert_eq!(deleted, (50..60).map(key).collect());
    let found = bench.book.last_run().found;
    assert_eq!((found.listed, found.filtered), (30, 15));
}

#[tokio::test]
async fn a_run_waits_for_the_previous_one_unless_forced() {
    let (source, destination) = mirrored();
    let mut bench = bench(source, destination, mirror());
    let first = bench.run().await.unwrap();
    match bench.run().await.unwrap_err() {
        FindError::Busy { run, waiting, .. } => assert_eq!((run, waiting), (first.clone(), 50)),
        other => panic!("{other}"),
    }
    bench.finder.force = true;
    assert_ne!(bench.run().await.unwrap(), first);
    bench.finder.force = false;
    let second = bench.book.last_run().start.id;
    bench.book.settle_all(&second);
    assert!(bench.run().await.is_ok());
}

/// The workers' part at a cancelled run: each job that was sent is settled as cancelled, each object once.
async fn settle_sent_as_cancelled(bench: &Bench, run: &str) {
    for job in bench.jobs_of(run) {
        let outcome = |(place, key): (u32, &str)| (place, cancelled(key));
        let outcomes: Vec<_> = job.work.keys().map(outcome).collect();
        let settlement = Settlement { task: &job.task, run, origin: &job.origin, outcomes: &outcomes };
        bench.book.settle(&settlement).await.unwrap();
    }
}

fn cancelled(key: &str) -> Outcome {
    Outcome {
        key: key.into(),
        state: State::Cancelled,
        reason: None,
        size: 0,
        source: Default::default(),
        etag: None,
        checksum: None,
        verified: None,
        attempts: 1,
        error: None,
        worker: "w".into(),
        started: Timestamp(0),
        finished: Timestamp(0),
    }
}

type Change = fn(&mut Finder);

/// Options that change what is written or deleted.
const OTHER_OPTIONS: [(&str, Change); 9] = [
    ("delete", |finder| finder.options.delete = false),
    ("max-delete", |finder| finder.options.max_delete = Some(1_000)),
    ("filters", |finder| finder.options.filters = vec!["- x".into()]),
    ("size", |finder| finder.options.min_size = Some(1)),
    ("metadata", |finder| finder.options.metadata = true),
    ("storage class", |finder| finder.work.storage_class = Some("GLACIER".into())),
    ("acl", |finder| finder.work.acl = true),
    ("strict", |finder| finder.work.strict = true),
    ("locations", |finder| {
        finder.destination = Arc::new(Shelf { location: "s3://other".parse().unwrap(), ..Shelf::new(vec![]) })
    }),
];

#[tokio::test]
async fn regression_a_run_with_other_options_cancels_earlier_ones_at_once() {
    for (name, change) in OTHER_OPTIONS {
        let (source, destination) = mirrored();
        let mut bench = bench(source, destination, mirror());
        let first = bench.run().await.unwrap();
        let sent = bench.belt.sent.lock().unwrap().len();
        change(&mut bench.finder);
        let second = bench.run().await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_ne!(first, second, "{name}");
        let of_first = |body: &&String| body.contains(&first);
        assert_eq!(bench.belt.sent.lock().unwrap().iter().filter(of_first).count(), sent, "{name}: sent again");
        let run = bench.book.run(&first).await.unwrap().unwrap();
        // All deletes were released, and are on the queue as well.
        assert_eq!((run.phase, run.is_done(), run.settled.cancelled), (Phase::Cancelled, false, 20), "{name}");
        settle_sent_as_cancelled(&bench, &first).await;
        let run = bench.book.run(&first).await.unwrap().unwrap();
        assert_eq!((run.is_done(), run.settled.cancelled, run.enqueued()), (true, 50, 50), "{name}");
    }
}

#[tokio::test]
async fn options_that_change_nothing_at_the_destination_cancel_no_run() {
    let changes: [Change; 4] = [
        |finder| finder.options.list_concurrency = 1,
        |finder| finder.options.job_objects = 7,
        |finder| finder.work.concurrency = 1,
        |finder| finder.work.bandwidth_limit = Some(1 << 20),
    ];
    for change in changes {
        let (source, destination) = mirrored();
        let mut bench = bench(source, destination, mirror());
        bench.run().await.unwrap();
        change(&mut bench.finder);
        assert!(matches!(bench.run().await, Err(FindError::Busy { .. })));
    }
}

#[tokio::test]
async fn regression_a_cancelled_run_adds_up_wherever_both_finders_died() {
    let (mut at, mut crashes) = (0, 0);
    'first: loop {
        for step in 0.. {
            let (source, destination) = mirrored();
            let mut bench = bench(source, destination, mirror());
            bench.faults.crash_at(Some((at, at % 2 == 0)));
            if bench.run().await.is_ok() {
                break 'first;
            }
            bench.faults.crash_at(None);
            let Some(first) = bench.book.pages.lock().unwrap().runs.keys().next().cloned() else { break };
            bench.finder.options.delete = false;
            // The one that cancels dies as well, and the next one goes on.
            bench.faults.crash_at(Some((step, step % 2 == 0)));
            let cut_off = bench.run().await.is_err();
            bench.faults.crash_at(None);
            crashes += u32::from(cut_off);
            // Its very last write may have been made all the same: then it has begun, and waits for its jobs.
            match bench.run().await {
                Ok(_) | Err(FindError::Busy { .. }) => {}
                Err(error) => panic!("died at {at} and {step}: {error}"),
            }
            settle_sent_as_cancelled(&bench, &first).await;
            let run = bench.book.run(&first).await.unwrap().unwrap();
            assert_eq!((run.phase, run.is_done()), (Phase::Cancelled, true), "died at {at} and {step}: {run:?}");
            assert_eq!(run.settled.objects(), run.enqueued(), "died at {at} and {step}");
            let second = bench.book.last_run().start.id;
            assert!(!bench.jobs_of(&second).iter().any(|job| matches!(job.work, JobWork::Delete { .. })));
            if !cut_off {
                break;
            }
        }
        at += 3;
    }
    assert!(crashes > 20, "only {crashes} places to die at");
}

#[tokio::test(start_paused = true)]
async fn regression_a_run_whose_messages_are_lost_lets_the_next_begin() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    let first = bench.run().await.unwrap();
    bench.belt.is_empty.store(true, SeqCst);
    let began = tokio::time::Instant::now();
    let second = bench.run().await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_secs(54), "ten looks");
    assert_ne!(first, second);
    let lost = bench.book.run(&first).await.unwrap().unwrap();
    assert_eq!((lost.phase, lost.is_done()), (Phase::Lost, true));
    assert!(lost.error.unwrap().starts_with("stopped: 50 objects lost"));
}

#[tokio::test(start_paused = true)]
async fn a_run_of_which_anything_moves_is_not_lost() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    let first = bench.run().await.unwrap();
    bench.belt.is_empty.store(true, SeqCst);
    let settle = async {
        tokio::time::sleep(Duration::from_secs(40)).await;
        bench.book.pages.lock().unwrap().runs.get_mut(&first).unwrap().settled.copied += 1;
    };
    let (busy, ()) = tokio::join!(bench.run(), settle);
    assert!(matches!(busy, Err(FindError::Busy { .. })));
    assert_eq!(bench.book.run(&first).await.unwrap().unwrap().phase, Phase::Listed);
}

#[tokio::test]
async fn every_earlier_run_that_is_not_done_is_cancelled_and_done_ones_stay() {
    let (source, destination) = mirrored();
    let mut bench = bench(source, destination, mirror());
    let mut runs = Vec::new();
    bench.finder.force = true;
    for done in [true, false, false] {
        let run = bench.run().await.unwrap();
        if done {
            bench.book.settle_all(&run);
        }
        runs.push(run);
    }
    bench.finder.force = false;
    bench.finder.options.delete = false;
    bench.run().await.unwrap();
    for (run, phase) in runs.iter().zip([Phase::Listed, Phase::Cancelled, Phase::Cancelled]) {
        assert_eq!(bench.book.run(run).await.unwrap().unwrap().phase, phase);
    }
}

#[tokio::test]
async fn a_run_that_is_resumed_releases_no_more_deletes_than_are_allowed_now() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    let id = bench.run().await.unwrap();
    // As a finder left it that died while it released them, under a rule that was another one.
    bench.book.pages.lock().unwrap().runs.get_mut(&id).unwrap().phase = Phase::Releasing;
    let sent = bench.belt.sent.lock().unwrap().len();
    let found = bench.book.run(&id).await.unwrap().unwrap().found;
    let mut strict = bench.finder.clone();
    strict.options.max_delete = Some(19);
    let refused = strict.allow_again(&id, &found).await.unwrap_err();
    assert!(matches!(refused, FindError::TooManyDeletes { found: 20, max: 19 }), "{refused}");
    assert_eq!(bench.book.run(&id).await.unwrap().unwrap().phase, Phase::Cancelled);
    assert_eq!(bench.belt.sent.lock().unwrap().len(), sent);
}

#[tokio::test]
async fn a_task_that_another_finder_works_on_is_refused() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    bench.book.pages.lock().unwrap().claim = Some("another".into());
    assert!(matches!(bench.run().await.unwrap_err(), FindError::ClaimedByOther(_)));
    assert!(bench.book.pages.lock().unwrap().runs.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_finder_that_loses_its_claim_ends_and_says_who_has_it() {
    let book = Arc::new(Book::default());
    let ledger: SharedLedger = book.clone();
    let claim = Claim::take(&ledger, "task", "me").await.unwrap();
    book.pages.lock().unwrap().claim = Some("another".into());
    claim.lost().cancelled().await;
    assert!(matches!(claim.end().await, Some(FindError::ClaimedByOther(_))));
    assert_eq!(book.pages.lock().unwrap().claim.as_deref(), Some("another"));
}

#[tokio::test(start_paused = true)]
async fn regression_a_claim_that_is_given_back_is_not_renewed_by_what_was_under_way() {
    let book = Arc::new(Book { claim_takes: Duration::from_secs(2), ..Book::default() });
    let ledger: SharedLedger = book.clone();
    let claim = Claim::take(&ledger, "task", "me").await.unwrap();
    // In the middle of the first renewal.
    tokio::time::sleep(Duration::from_secs(16)).await;
    assert!(claim.end().await.is_none());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(book.pages.lock().unwrap().claim, None);
}

#[tokio::test]
async fn a_run_with_nothing_to_do_sends_nothing_and_writes_three_records() {
    let keys: Vec<String> = (0..900).map(|n| format!("{n:04}")).collect();
    let (mut source, mut destination) = (Shelf::of(&keys), Shelf::of(&keys));
    (source.page, destination.page) = (1_000, 1_000);
    let bench = bench(source, destination, mirror());
    bench.run().await.unwrap();
    assert!(bench.belt.sent.lock().unwrap().is_empty());
    // Run, last checkpoint, phase; nothing else.
    assert_eq!(bench.faults.steps.load(SeqCst), 3);
}

#[tokio::test]
async fn regression_a_closed_folder_is_named_and_all_else_is_done() {
    let (mut source, mut destination) = mirrored();
    let closed = |folder: &str| Unlisted {
        keys: Span::Below(folder.to_owned()),
        reason: format!("list {folder}: Permission denied"),
        is_failure: true,
    };
    source.unlisted.push(closed("old/"));
    destination.entries.push(entry("old/kept", 1, 1));
    destination.unlisted.push(closed("shut/"));
    source.entries.push(entry("shut/new", 1, 1));
    let bench = bench(source, destination, mirror());
    let progress = Arc::new(Progress::default());
    bench.finder.run(CancellationToken::new(), progress.clone()).await.unwrap();
    let (copied, deleted) = bench.keys();
    assert_eq!((copied, deleted), ((0..30).map(key).collect(), (40..60).map(key).collect()));
    let run = bench.book.last_run();
    assert_eq!((run.phase, run.found.unlisted, run.found.deletes), (Phase::Listed, 2, 20));
    assert_eq!(run.found.not_judged, 1, "shut/new");
    let error = run.error.unwrap();
    assert!(error.contains("source: list old/: Permission denied"), "{error}");
    assert!(error.contains("destination: list shut/"), "{error}");
}
