use std::sync::Arc;
use std::time::Duration;

use shared::ledger::{Ledger as _, Phase, RunStart, State, events_run};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::Finder;
use crate::fakes::{Belt, Book, Faults};

fn names() -> RunRef {
    RunRef { task: "t".into(), run: "r".into(), definition: 3 }
}

fn failed(key: &str) -> Outcome {
    Outcome {
        size: 5,
        attempts: 3,
        error: Some("no".into()),
        worker: "w".into(),
        started: Timestamp(1),
        finished: Timestamp(2),
        ..Outcome::new(key.into(), State::Failed)
    }
}

fn run(id: &str) -> Run {
    let start = RunStart {
        id: id.into(),
        task: "t".into(),
        source: "/a".into(),
        destination: "/b".into(),
        options: RunOptions::default(),
        started: Timestamp(0),
    };
    Run {
        start,
        phase: Phase::Listing,
        entered: Default::default(),
        error: None,
        found: Default::default(),
        settled: Default::default(),
    }
}

#[test]
fn keys_whose_events_failed_are_looked_at_anew_whatever_it_was() {
    let mut checkpoint = Checkpoint::default();
    let delete = Outcome { reason: Some(FAILED_DELETE.into()), ..failed("gone") };
    advance(&mut checkpoint, &run(&events_run("t")), &names(), &[failed("a"), delete], None).unwrap();
    let jobs: Vec<ObjectJob> = checkpoint.outbox.iter().map(|body| ObjectJob::parse(body).expect("is a job")).collect();
    let change = |index, key: &str| JobChange { index, key: key.into(), time: None, no_delete: false };
    let work = ObjectWork::Changed { objects: vec![change(0, "a"), change(1, "gone")] };
    assert_eq!(jobs, [job(&names(), 0, 2, work)]);
    assert_eq!((checkpoint.jobs, checkpoint.found.enqueued), (1, 2));
}

#[test]
fn a_page_of_the_longest_keys_fits_one_message() {
    let page: Vec<Outcome> = (0..JOB_OBJECTS).map(|_| failed(&"\u{1}".repeat(1024))).collect();
    let page: Vec<&Outcome> = page.iter().collect();
    assert!(ObjectJob::parse(&job(&names(), 0, page.len(), copy(&page).unwrap()).to_body()).is_ok());
}

#[test]
fn counters_cursor_and_outbox_move_together() {
    let mut checkpoint = Checkpoint::default();
    let old = run("00");
    advance(&mut checkpoint, &old, &names(), &[failed("a"), failed("b")], Some("token".into())).unwrap();
    assert_eq!((checkpoint.found.enqueued, checkpoint.found.enqueued_bytes), (2, 10));
    assert_eq!((checkpoint.jobs, checkpoint.outbox.len(), checkpoint.done), (1, 1, false));
    checkpoint.outbox.clear();
    advance(&mut checkpoint, &old, &names(), &[], None).unwrap();
    assert_eq!((checkpoint.found.enqueued, checkpoint.jobs, checkpoint.outbox.len()), (2, 1, 0));
    assert!(checkpoint.done);
}

#[test]
fn a_failed_delete_is_tried_again_as_a_delete() {
    let mut checkpoint = Checkpoint::default();
    let delete = Outcome { reason: Some(FAILED_DELETE.into()), ..failed("gone") };
    advance(&mut checkpoint, &run("00"), &names(), &[failed("a"), delete], None).unwrap();
    let kinds: Vec<&str> =
        checkpoint.outbox.iter().map(|body| ObjectJob::parse(body).expect("is a job").work.verb()).collect();
    assert_eq!((kinds, checkpoint.jobs, checkpoint.found.enqueued), (vec!["copy", "delete"], 2, 2));
}

/// A run of 100 failures, and the finder that retries them.
fn failed_run(faults: &Arc<Faults>) -> (Finder, Arc<Book>, Arc<Belt>) {
    let belt = Arc::new(Belt { faults: faults.clone(), ..Belt::default() });
    let book = Arc::new(Book { faults: faults.clone(), ..Book::default() });
    let old = Run { phase: Phase::Listed, ..run("00") };
    let mut pages = book.pages.lock().unwrap();
    pages.runs.insert("00".into(), old);
    pages.failures = (0..100).map(|n| failed(&format!("{n:03}"))).collect();
    drop(pages);
    let finder = Finder {
        task: "t".into(),
        queue: belt.clone(),
        ledger: book.clone(),
        owner: "me".into(),
        force: false,
        look_every: Duration::from_secs(6),
        run: None,
    };
    (finder, book, belt)
}

async fn retry(finder: &Finder, book: &Arc<Book>) -> Result<String, FindError> {
    let old = book.run("00").await.unwrap().unwrap();
    let planner = RetryPlanner::new(old, RunOptions::default(), book.clone());
    finder.run(&planner, CancellationToken::new(), Arc::default()).await
}

#[tokio::test]
async fn a_retry_killed_at_any_write_resumes_each_failure_once() {
    let mut crashes = 0;
    for at in 0.. {
        let faults = Arc::new(Faults::default());
        let (finder, book, belt) = failed_run(&faults);
        faults.crash_at(Some((at, at % 2 == 0)));
        let first = retry(&finder, &book).await;
        faults.crash_at(None);
        crashes += u32::from(first.is_err());
        // Its very last write may have been made all the same.
        let is_listed = book.last_run().start.id != "00" && book.last_run().phase == Phase::Listed;
        if first.is_err() && !is_listed {
            retry(&finder, &book).await.unwrap();
        }
        let sent = belt.sent.lock().unwrap().clone();
        let mut keys = std::collections::BTreeMap::new();
        for job in sent.iter().map(|body| ObjectJob::parse(body).unwrap()) {
            for (index, key) in job.work.keys() {
                let place = (job.run.clone(), job.origin.id.clone(), index);
                let before = keys.insert(key.to_owned(), place.clone());
                assert!(before.is_none_or(|before| before == place), "{key} is in two jobs");
            }
        }
        assert_eq!(keys.len(), 100, "died at {at}");
        let runs = book.pages.lock().unwrap().runs.len();
        let last = book.last_run();
        assert!(last.phase == Phase::Listed && last.found.enqueued == 100 && last.start.options.retries.is_some());
        if first.is_ok() {
            assert_eq!(runs, 2);
            break;
        }
    }
    assert!(crashes > 8, "only {crashes} places to die at");
}

#[tokio::test]
async fn a_retry_of_some_keys_leaves_the_others() {
    let (finder, book, belt) = failed_run(&Arc::default());
    let old = book.run("00").await.unwrap().unwrap();
    let keys = ["007", "099", "no failure"].map(str::to_owned);
    let planner = RetryPlanner::new(old, RunOptions::default(), book.clone()).of_keys(Some(keys.into()));
    finder.run(&planner, CancellationToken::new(), Arc::default()).await.unwrap();
    let sent = belt.sent.lock().unwrap().clone();
    let jobs: Vec<ObjectJob> = sent.iter().map(|body| ObjectJob::parse(body).unwrap()).collect();
    let sent: Vec<&str> = jobs.iter().flat_map(|job| job.work.keys().map(|(_, key)| key)).collect();
    assert_eq!(sent, ["007", "099"]);
    assert_eq!((book.last_run().phase, book.last_run().found.enqueued), (Phase::Listed, 2));
}
