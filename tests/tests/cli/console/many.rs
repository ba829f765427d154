//! A console over many tasks and many failures.

use std::time::{Duration, Instant};

use adapters::open::FleetBackend;
use flotilla_tests::scale::scale;
use serde_json::Value;
use shared::config::{FleetFile, TaskDefinition};
use shared::object::Timestamp;
use shared::tasks::{Author, NewTask, TaskRef};
use tokio::time::sleep;

use super::browser::Browser;
use super::records::failures;
use crate::sandbox::Sandbox;

/// Tasks of one stream.
const STREAMED: usize = 200;

/// What a console may take for all that these requests read, bytes. All failures as text are more in a long run.
const ROOM: u64 = 96 << 20;

/// What it may take at most, bytes: all summaries are in memory while a list is made of them.
const PEAK: u64 = 256 << 20;

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

/// Says how long an answer took: a second after the one before it, so that nothing is remembered.
async fn timed(browser: &Browser, path: &str) -> Value {
    sleep(Duration::from_millis(1_100)).await;
    let began = Instant::now();
    let answer = browser.get(path).await;
    println!("{path}: {:?}", began.elapsed());
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_over_many_tasks_and_failures_stays_small() {
    let (many, failed) = (10_000, scale(100_000, 1_000_000));
    let sandbox = Sandbox::new();
    let fleet = FleetFile::of_folder("local", sandbox.path("state"));
    let backend = FleetBackend::open(&fleet).await.expect("a state folder");
    let task = tasks(&backend, many).await;
    failures(&backend, &task, "the-run", failed).await;
    let mut process = sandbox.start("console --state @/state --listen 127.0.0.1:0");
    let mut browser = Browser::of(&mut process).await;
    browser.sign_in().await;
    let began = Instant::now();
    backend.tasks.summaries().await.expect("the same query by hand");
    println!("{many} tasks: the query alone in {:?}", began.elapsed());
    let first = timed(&browser, "/api/v1/tasks?limit=50").await;
    for tab in ["status=waiting", "status=failed", "search=task-0001"] {
        timed(&browser, &format!("/api/v1/tasks?limit=50&{tab}")).await;
    }
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
    let began = Instant::now();
    backend.ledger.failures("the-run", None, 50).await.expect("the same query by hand");
    println!("{failed} failures: the query alone in {:?}", began.elapsed());
    timed(&browser, "/api/v1/runs/the-run/failures?group=cause").await;
    timed(&browser, "/api/v1/runs/the-run/failures?limit=50").await;
    let names: Vec<String> = (0..STREAMED).map(|i| format!("task-{i:05}")).collect();
    let stream = format!("/api/v1/stream?tasks={}", names.join(","));
    assert_eq!(browser.events(&stream, "", STREAMED).await.len(), STREAMED, "each task comes once");
    let grown = process.peak_memory_bytes().expect("it runs") - before;
    println!("memory grew by {} MiB", grown >> 20);
    assert!(grown < ROOM, "{grown} bytes");
    let peak = process.peak_memory_bytes().expect("it runs");
    println!("peak memory {} MiB", peak >> 20);
    assert!(peak < PEAK, "{peak} bytes");
}
