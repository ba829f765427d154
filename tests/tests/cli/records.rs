//! Commands that show runs, objects and failures.

use std::path::Path;

use shared::job::Origin;
use shared::ledger::{NO_FENCE, Outcome, RunStart, Settlement, State, events_run};
use shared::object::Timestamp;
use shared::objects::reasons::{FAILED_DELETE, OUT_OF_SCOPE, REASONS};

use crate::sandbox::{Sandbox, json};

/// The run ids of `status`, the oldest first.
async fn run_ids(sandbox: &Sandbox) -> Vec<String> {
    let status = sandbox.run("status --json").await.stdout;
    let id =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["id"].as_str().map(str::to_owned);
    status.lines().map(|line| id(line).expect("an id")).collect()
}

#[tokio::test]
async fn regression_a_run_is_found_by_any_unique_part_of_its_id() {
    let sandbox = Sandbox::new();
    for _ in 0..2 {
        assert_eq!(sandbox.run("sync @/source @/d").await.code, Some(0));
    }
    let ids = run_ids(&sandbox).await;
    let end = &ids[0][ids[0].len() - 8..];
    let found = sandbox.run(&format!("status {end}")).await;
    assert!(found.code == Some(0) && found.stdout.starts_with(end), "{}{}", found.stdout, found.stderr);
    assert_eq!(sandbox.run(&format!("failures {}", end.to_uppercase())).await.code, Some(0));
    // Both began in the same hour, so the first digits of their ids are the same.
    for (part, says) in [(&ids[0][..4], "2 runs have"), ("zzz", "no run id contains \"zzz\"")] {
        let refused = sandbox.run(&format!("retry {part}")).await;
        assert_eq!((refused.code, refused.stderr.lines().count()), (Some(2), 1), "{}", refused.stderr);
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
        assert_eq!(refused.stderr.contains(&ids[1]), part != "zzz", "{}", refused.stderr);
    }
}

#[tokio::test]
async fn regression_ls_lists_what_the_finder_sees() {
    let sandbox = Sandbox::new();
    let all = sandbox.run("ls @/source").await;
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    let keys: Vec<&str> = all.stdout.lines().filter_map(|line| line.rsplit("  ").next()).collect();
    assert_eq!((keys, all.stderr.trim()), (vec!["a.txt", "b.jpg", "sub/c.jpg"], "3 objects, 6 B"));
    let filtered = sandbox.run("ls @/source --json --exclude *.jpg --include sub/* --min-size 1").await;
    let lines: Vec<serde_json::Value> =
        filtered.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.iter().map(|line| line["key"].as_str()).collect::<Vec<_>>(), [Some("a.txt"), Some("sub/c.jpg")]);
    assert_eq!((&lines[1]["size"], lines[1]["modified"].is_u64()), (&3.into(), true));
}

#[tokio::test]
async fn what_failed_is_named_and_retried_without_options() {
    let sandbox = Sandbox::new();
    // A folder stands where the file should go.
    sandbox.write("d/a.txt/in-the-way", "x");
    let ended = sandbox.run("sync @/source @/d --json --retry-delay 0s --attempts 1").await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!((&json(&ended)["copied"], &json(&ended)["failed"]), (&2.into(), &1.into()));
    assert!(ended.stderr.contains("failed: a.txt\t1 attempt\t"), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("a.txt\t").count() + ended.stderr.matches("key=a.txt").count(), 1);
    let failures = sandbox.run("failures").await;
    assert!(failures.stdout.starts_with("a.txt\t1 attempt\t"), "{}", failures.stdout);
    assert!(sandbox.run("status").await.stdout.contains("1 failed"));

    std::fs::remove_dir_all(sandbox.path("d/a.txt")).expect("it can be removed");
    let retried = sandbox.run("retry --json --report @/report").await;
    assert_eq!(retried.code, Some(0), "{}", retried.stderr);
    assert_eq!((&json(&retried)["copied"], &json(&retried)["failed"]), (&1.into(), &0.into()));
    assert_eq!(std::fs::read_to_string(Path::new(&sandbox.path("d/a.txt"))).expect("a copy"), "a");
    assert!(std::fs::read_to_string(sandbox.path("report")).expect("a report").starts_with("{\"key\":\"a.txt\""));
}

fn outcome(key: &str, state: State, reason: Option<&str>) -> Outcome {
    Outcome {
        reason: reason.map(str::to_owned),
        size: 1024,
        attempts: 3,
        error: (state == State::Failed).then(|| "no luck".to_owned()),
        worker: "w".to_owned(),
        started: Timestamp(1),
        finished: Timestamp(2),
        ..Outcome::new(key.to_owned(), state)
    }
}

#[tokio::test]
async fn failed_events_are_shown_and_retried_as_the_source_is_now() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run("sync @/source @/d").await.code, Some(0));
    let synced = json(&sandbox.run("status --json").await);
    assert_eq!((&synced["events"], &synced["done"]), (&false.into(), &true.into()));
    let (task, source) = (synced["task"].as_str().expect("a task"), synced["source"].as_str().expect("a source"));
    let events = events_run(task);
    let ledger = adapters::open::embedded_ledger(&sandbox.path("state/flotilla")).expect("a ledger");
    let start = RunStart {
        id: events.clone(),
        task: task.to_owned(),
        source: source.to_owned(),
        destination: synced["destination"].as_str().expect("a destination").to_owned(),
        options: Default::default(),
        started: Timestamp(1),
    };
    ledger.start_run(&start, NO_FENCE).await.expect("it starts");
    let outcomes = [
        (0, outcome("a.txt", State::Copied, None)),
        (1, outcome("late.txt", State::Failed, None)),
        (2, outcome("gone.txt", State::Failed, Some(FAILED_DELETE))),
        (3, outcome("elsewhere", State::Skipped, Some(OUT_OF_SCOPE))),
    ];
    let origin = Origin { id: "m-1".to_owned(), items: 4 };
    let settlement =
        Settlement { task, run: &events, origin: &origin, reasons: REASONS, outcomes: &outcomes, span: None };
    ledger.settle(&settlement).await.expect("they settle");
    drop(ledger);

    let shown = sandbox.run("status").await.stdout;
    let line = "following events: 1 copied (1.00 KiB), 1 out of scope, 2 failed, last at ";
    assert!(shown.lines().last().is_some_and(|last| last.contains(line)), "{shown}");
    let status = json(&sandbox.run("status --json").await);
    assert_eq!((&status["id"], &status["events"], &status["done"]), (&(*events).into(), &true.into(), &false.into()));
    assert_eq!((&status["settled"]["out_of_scope"], &status["enqueued"]), (&1.into(), &0.into()));
    // No RUN is the newest of the finder's.
    assert_eq!(sandbox.run("failures").await.stdout, "");
    assert_eq!(sandbox.run(&format!("failures {events}")).await.stdout.lines().count(), 2);
    assert!(sandbox.run("retry").await.stderr.contains("has no failed objects"));

    sandbox.write("source/late.txt", "now it is there");
    sandbox.write("source/gone.txt", "came back");
    let retried = sandbox.run(&format!("retry {events} --json")).await;
    assert_eq!((retried.code, &json(&retried)["copied"]), (Some(0), &2.into()), "{}", retried.stderr);
    assert_eq!(std::fs::read_to_string(sandbox.path("d/late.txt")).expect("a copy"), "now it is there");
    assert_eq!(std::fs::read_to_string(sandbox.path("d/gone.txt")).expect("a copy"), "came back");
    // The retry is a run like others, and the next sync finds nothing left.
    assert_eq!(json(&sandbox.run("sync @/source @/d --json").await)["copied"], 0);
}
