use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use shared::ErrorKind;
use shared::config::{Find, Work};
use shared::ledger::{Ledger, Outcome, Settlement, State};
use shared::objects::job::{ObjectJob, ObjectWork};
use shared::store::{Span, Store, Unlisted};

use super::*;
use crate::fakes::{ALIVE, Belt, Book, Faults, Shelf, entry};
use crate::objects::planner::ObjectsPlanner;
use crate::objects::ranges::CUTS_SHORT_LISTINGS;

/// A task over fakes.
struct Bench {
    finder: Finder,
    source: Store,
    destination: Store,
    find: Find,
    work: Work,
    belt: Arc<Belt>,
    book: Arc<Book>,
    faults: Arc<Faults>,
}

fn bench(source: Shelf, destination: Shelf, find: Find) -> Bench {
    CUTS_SHORT_LISTINGS.set(true);
    let faults = Arc::new(Faults::default());
    let belt = Arc::new(Belt { faults: faults.clone(), ..Belt::default() });
    let book = Arc::new(Book { faults: faults.clone(), ..Book::default() });
    let finder = Finder {
        task: "task".into(),
        queue: belt.clone(),
        ledger: book.clone(),
        owner: "me".into(),
        force: false,
        look_every: Duration::from_secs(6),
        run: None,
    };
    let (source, destination) = (Arc::new(source), Arc::new(destination));
    Bench { finder, source, destination, find, work: Work::default(), belt, book, faults }
}

fn mirror() -> Find {
    Find { delete: true, job_objects: 4, list_concurrency: 3, ..Find::default() }
}

/// Keys that agree for so long that a walk cannot estimate their density, and cuts as often as it may.
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
        self.run_until(CancellationToken::new(), Arc::default()).await
    }

    async fn run_until(&self, stop: CancellationToken, progress: Arc<Progress>) -> Result<String, FindError> {
        self.finder.run(&self.planner(), stop, progress).await
    }

    fn planner(&self) -> ObjectsPlanner {
        let (source, destination) = (self.source.clone(), self.destination.clone());
        ObjectsPlanner::new(source, destination, &self.find, &self.work, self.book.clone()).unwrap()
    }

    /// What was sent, by origin. A job that was sent twice must be the same both times.
    fn jobs(&self) -> BTreeMap<String, ObjectJob> {
        let mut jobs = BTreeMap::new();
        for body in self.belt.sent.lock().unwrap().iter() {
            let job = ObjectJob::parse(body).unwrap();
            let before = jobs.insert(job.origin.id.clone(), job.clone());
            assert!(before.is_none_or(|before| before == job), "{} was made twice, differently", job.origin.id);
        }
        jobs
    }

    /// All jobs of a run that were sent, also twice.
    fn jobs_of(&self, run: &str) -> Vec<ObjectJob> {
        let sent = self.belt.sent.lock().unwrap();
        sent.iter().map(|body| ObjectJob::parse(body).unwrap()).filter(|job| job.run == run).collect()
    }

    /// All keys that were sent to be copied, and to be deleted; each of them in one origin only.
    fn keys(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut copied, mut deleted) = Default::default();
        let add = |to: &mut BTreeSet<String>, key: String| assert!(to.insert(key.clone()), "{key} is in two jobs");
        for job in self.jobs().into_values() {
            match job.work {
                ObjectWork::Copy { objects } => objects.into_iter().for_each(|o| add(&mut copied, o.key)),
                ObjectWork::Delete { objects } => objects.into_iter().for_each(|o| add(&mut deleted, o.key)),
                ObjectWork::Parts(_) | ObjectWork::Changed { .. } => panic!("the finder makes no parts jobs"),
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
    let run = bench.run_until(CancellationToken::new(), progress.clone()).await.unwrap();
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
async fn a_run_killed_at_any_write_has_each_object_in_one_job() {
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
async fn a_stopped_run_keeps_its_decisions_and_is_resumed() {
    let (source, destination) = mirrored();
    let bench = bench(source, destination, mirror());
    let stop = CancellationToken::new();
    stop.cancel();
    let stopped = bench.run_until(stop, Arc::default()).await.unwrap_err();
    assert!(matches!(stopped, FindError::Interrupted), "{stopped}");
    assert_eq!(bench.book.last_run().phase, Phase::Listing);
    assert_eq!(bench.book.pages.lock().unwrap().claim, None);
    bench.run().await.unwrap();
    bench.assert_mirrored();
}

#[tokio::test]
async fn filtered_keys_are_neither_copied_nor_deleted() {
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
async fn an_idle_run_sends_nothing_and_writes_three_records() {
    let keys: Vec<String> = (0..900).map(|n| format!("{n:04}")).collect();
    let (mut source, mut destination) = (Shelf::of(&keys), Shelf::of(&keys));
    (source.page, destination.page) = (1_000, 1_000);
    let bench = bench(source, destination, mirror());
    bench.run().await.unwrap();
    assert!(bench.belt.sent.lock().unwrap().is_empty());
    // Run, last checkpoint, phase; nothing else.
    assert_eq!(bench.faults.steps.load(SeqCst), 3);
}

mod cancelled;
mod deletes;
mod fenced;
mod previous;
mod requested;
mod room;
