//! The reads of a console over many tasks in DynamoDB, counted.

use std::collections::BTreeMap;

use adapters::open::FleetBackend;
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, ministack, unique_name};
use flotilla_tests::proxy::Proxy;
use flotilla_tests::scale::scale;
use futures::{StreamExt as _, stream};
use serde_json::Value;
use shared::config::{FleetFile, TaskDefinition};
use shared::object::Timestamp;
use shared::tasks::{Author, NewTask, TaskRef};

use super::browser::Browser;
use crate::sandbox::Sandbox;

/// A page of a query has at most so many bytes.
const PAGE_BYTES: usize = 1 << 20;

/// A summary of these tasks has at most so many bytes.
const SUMMARY_BYTES: usize = 1_500;

/// Somebody opens the list in so many windows.
const WINDOWS: usize = 20;

fn fleet_file(name: &str, endpoint: &str) -> String {
    let keys = credentials_file(ACCESS_KEY, SECRET_KEY);
    let service =
        format!("endpoint-url = \"{endpoint}\"\nregion = \"us-east-1\"\ncredentials = \"file:{}\"\n", keys.display());
    format!("name = \"{name}\"\n[queue]\n{service}[ledger]\ntable = \"{name}\"\n{service}")
}

async fn create(backend: &FleetBackend, number: usize) {
    let tasks = (0..number).map(|i| async move {
        let text =
            format!("task = \"task-{i:05}\"\n[source]\nlocation = \"/a/{i}\"\n[destination]\nlocation = \"/b/{i}\"\n");
        let definition = TaskDefinition::parse(&text).expect("a definition").kept().expect("a definition");
        let task = TaskRef { name: format!("task-{i:05}"), id: uuid::Uuid::now_v7().to_string() };
        let new = NewTask { task, definition, next_due: None };
        let author = Author::new("test", Timestamp::now(), "");
        assert!(backend.tasks.create(&new, &author).await.expect("created").is_made());
    });
    stream::iter(tasks).buffer_unordered(16).collect::<Vec<()>>().await;
}

/// Requests to the table since the last call, by operation.
fn requests(proxy: &Proxy) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for seen in proxy.seen() {
        if let Some((_, operation)) = seen.target.split_once(" DynamoDB_20120810.") {
            *counts.entry(operation.to_owned()).or_insert(0) += 1;
        }
    }
    proxy.reset();
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_of_a_list_are_few_and_shared() {
    let many = scale(1_000usize, 10_000);
    let (sandbox, name) = (Sandbox::new(), unique_name("counted"));
    let proxy = Proxy::start(&ministack().endpoint).await;
    let direct = fleet_file(&name, &ministack().endpoint);
    sandbox.write("direct.toml", &direct);
    sandbox.write("fleet.toml", &fleet_file(&name, &proxy.endpoint));
    let made = sandbox.run("init --fleet @/direct.toml").await;
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let backend = FleetBackend::open(&FleetFile::parse(&direct).expect("a fleet file")).await.expect("it opens");
    create(&backend, many).await;
    let mut process = sandbox.start("console --fleet @/fleet.toml --listen 127.0.0.1:0");
    let mut browser = Browser::of(&mut process).await;
    browser.sign_in().await;
    proxy.reset();
    let page = browser.get("/api/v1/tasks?limit=50").await.json();
    assert_eq!((&page["counts"]["all"], page["items"].as_array().map(Vec::len)), (&Value::from(many), Some(50)));
    let one = requests(&proxy);
    // The tasks, a page of the query for each MiB, and the workers. No task is read by itself: none has a run.
    let most = many * SUMMARY_BYTES / PAGE_BYTES + 2;
    assert!(one.keys().eq(["Query"]) && one["Query"] <= most, "{one:?}, at most {most} queries");
    // Read once a second for all: windows that open together share a read, and later ones the next.
    let windows = (0..WINDOWS).map(|_| browser.get("/api/v1/tasks?limit=50"));
    assert!(futures::future::join_all(windows).await.iter().all(|answer| answer.status == 200));
    let all = requests(&proxy);
    assert!(all.get("Query").copied().unwrap_or(0) < WINDOWS / 2 * one["Query"], "{all:?} for {WINDOWS} windows");
    // One task costs the same in any fleet: record, definition, operations, changes and events.
    let shown = browser.get("/api/v1/tasks/task-00007").await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    let of_task = requests(&proxy);
    assert!(of_task.values().sum::<usize>() <= 8, "{of_task:?}");
}
