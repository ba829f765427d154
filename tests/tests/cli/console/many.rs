//! A console over many tasks and many failures.

use std::time::Instant;

use adapters::open::FleetBackend;
use flotilla_tests::scale::scale;
use shared::config::{FleetFile, TaskDefinition};
use shared::job::Origin;
use shared::ledger::{NO_FENCE, Outcome, RunOptions, RunStart, Settlement, State};
use shared::object::Timestamp;
use shared::tasks::{Author, NewTask, TaskRef};

use super::browser::Browser;
use crate::sandbox::Sandbox;

/// Failures of one settlement.
const BLOCK: u32 = 250;

/// What a console may take for all that these requests read, bytes. All failures as text are more in a long run.
const ROOM: u64 = 96 << 20;

async fn tasks(backend: &FleetBackend, number: usize) -> String {
    let mut last = String::new();
    for i in 0..number {
        let text = format!(
            "task = \"task-{i:05}\"\n[source]\nlocation = \"/from/{i}\"\n[destination]\nlocation = \"/to/{i}\"\n"
        );
        let definition = TaskDefinition::parse(&text).expect("a definition").kept().expect("a definition");
        let task = TaskRef { name: format!("task-{i:05}"), id: uuid::Uuid::now_v7().to_string() };
        last = task.id.clone();
        let author = Author::new("test", Timestamp::now(), "");
        let new = NewTask { task, definition, next_due: None };
        assert!(backend.tasks.create(&new, &author).await.expect("created").is_made());
    }
    last
}

async fn failures(backend: &FleetBackend, task: &str, run: &str, number: u32) {
    let word = |word: &str| word.to_owned();
    let (source, destination, options) = (word("/a"), word("/b"), RunOptions::default());
    let start = RunStart { id: word(run), task: word(task), source, destination, options, started: Timestamp::now() };
    backend.ledger.start_run(&start, NO_FENCE).await.expect("begun");
    for block in 0..number / BLOCK {
        let origin = Origin { id: format!("job-{block}"), items: BLOCK };
        let failed = |index: u32| {
            let outcome = Outcome::new(format!("folder/object-{block:06}-{index:03}"), State::Failed);
            (index, Outcome { error: Some(word("put: AccessDenied: Access Denied (HTTP 403)")), ..outcome })
        };
        let outcomes: Vec<(u32, Outcome)> = (0..BLOCK).map(failed).collect();
        let settlement = Settlement { task, run, origin: &origin, reasons: &[], outcomes: &outcomes };
        backend.ledger.settle(&settlement).await.expect("settled");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_over_many_tasks_and_failures_stays_small() {
    let (many, failed) = (scale(1_000, 10_000), scale(20_000, 1_000_000));
    let sandbox = Sandbox::new();
    let fleet = FleetFile::of_folder("local", sandbox.path("state"));
    let backend = FleetBackend::open(&fleet).await.expect("a state folder");
    let task = tasks(&backend, many).await;
    failures(&backend, &task, "the-run", failed).await;
    let mut process = sandbox.start("console --state @/state --listen 127.0.0.1:0");
    let mut browser = Browser::of(&mut process).await;
    browser.sign_in().await;
    let began = Instant::now();
    let first = browser.get("/api/v1/tasks?limit=50").await.json();
    let (listed, began) = (began.elapsed(), Instant::now());
    backend.tasks.summaries().await.expect("the same query by hand");
    println!("{many} tasks: a page in {listed:?}, the query alone in {:?}", began.elapsed());
    assert_eq!(first["counts"]["all"], many);
    assert_eq!(first["items"].as_array().map(Vec::len), Some(50));
    let before = process.peak_memory_bytes().expect("it runs");
    let (mut cursor, mut seen) = (String::new(), 0);
    loop {
        let page = browser.get(&format!("/api/v1/tasks?limit=200{cursor}")).await.json();
        seen += page["items"].as_array().map_or(0, Vec::len);
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, many, "each task is on one page");
    let began = Instant::now();
    let lines = browser.lines("/api/v1/runs/the-run/report").await;
    println!("a report of {failed} failures in {:?}", began.elapsed());
    assert_eq!(lines, failed as usize);
    let groups = browser.get("/api/v1/runs/the-run/failures?group=cause").await.json();
    assert_eq!(groups["groups"][0]["objects"], failed);
    let grown = process.peak_memory_bytes().expect("it runs") - before;
    println!("memory grew by {} MiB", grown >> 20);
    assert!(grown < ROOM, "{grown} bytes");
}
