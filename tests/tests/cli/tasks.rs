//! `flotilla task` over a state folder.

use std::path::Path;
use std::time::Duration;

use flotilla_tests::binaries::{self, Process};

/// The exit code, standard output and standard error of `flotilla task` over a state folder.
async fn task(state: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut all = vec!["task".to_owned()];
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    all.extend(["--state".to_owned(), state.display().to_string()]);
    let none: [(&str, String); 0] = [];
    let ended = Process::start(&binaries::flotilla(), all, none).wait(Duration::from_secs(60)).await;
    (ended.code.expect("an exit code"), ended.stdout, ended.stderr)
}

/// A pass of the controller.
async fn controller(state: &Path) {
    let words = ["controller", "--once", "--state", state.to_str().expect("UTF-8")];
    let none: [(&str, String); 0] = [];
    let ended = Process::start(&binaries::flotilla(), words, none).wait(Duration::from_secs(60)).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

/// Of a command that succeeds.
async fn answer(state: &Path, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = task(state, arguments).await;
    assert_eq!(code, 0, "{arguments:?}: {stderr}");
    stdout
}

/// Of a command that is refused.
async fn refusal(state: &Path, arguments: &[&str]) -> String {
    let (code, _, stderr) = task(state, arguments).await;
    assert_eq!((code, stderr.lines().count()), (2, 1), "{arguments:?}: {stderr}");
    stderr
}

#[tokio::test]
async fn a_task_is_created_listed_shown_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    let options = ["--schedule", "every 6h", "--delete", "--exclude", "*.tmp", "--bandwidth-limit", "1MiB"];
    let create = [&["create", "photos", "/photos", "/backup"][..], &options].concat();
    assert_eq!(answer(state, &create).await, "created task photos: its first run is due now\n");
    let refused = refusal(state, &create).await;
    assert!(refused.contains("has a task \"photos\": give another name"), "{refused}");
    let listed = answer(state, &["list"]).await;
    assert!(
        listed.starts_with("photos\tactive\tnext run 2") && listed.ends_with("\tnever ran\t/photos -> /backup\n"),
        "{listed}"
    );
    let json: serde_json::Value = serde_json::from_str(&answer(state, &["list", "--json"]).await).unwrap();
    assert_eq!((json["task"]["name"].as_str(), json["limits"]["bandwidth"].as_u64()), (Some("photos"), Some(1 << 20)));
    let shown = answer(state, &["show", "photos"]).await;
    assert!(shown.starts_with("photos: active, version 1\n") && shown.contains("filters = [\"- *.tmp\"]"), "{shown}");
    assert_eq!(answer(state, &["delete", "photos"]).await, "deleted task photos\n");
    assert_eq!(answer(state, &["list"]).await, "");
    let refused = refusal(state, &["show", "photos"]).await;
    assert!(refused.contains("has no task \"photos\""), "{refused}");
}

#[tokio::test]
async fn regression_a_new_task_with_a_schedule_may_be_run_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    answer(state, &["create", "photos", "/photos", "/backup", "--schedule", "every 6h"]).await;
    controller(state).await;
    let json: serde_json::Value = serde_json::from_str(&answer(state, &["show", "photos", "--json"]).await).unwrap();
    let run = json["run"]["id"].as_str().expect("the controller began a run").to_owned();
    let said = answer(state, &["run", "photos"]).await;
    assert!(said.ends_with(" of task photos has begun by its schedule, and goes on\n"), "{said}");
    let json: serde_json::Value = serde_json::from_str(&answer(state, &["run", "photos", "--json"]).await).unwrap();
    assert_eq!((json["run"].as_str(), json["superseded"].as_str()), (Some(&*run), None));
    let refused = refusal(state, &["run", "photos", "--delete"]).await;
    assert!(refused.contains("has not ended") && refused.contains("--supersede"), "{refused}");
    let said = answer(state, &["run", "photos", "--supersede"]).await;
    assert!(said.starts_with("began run "), "{said}");
}

#[tokio::test]
async fn a_shown_definition_creates_the_same_task() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let create = ["create", "photos", "/photos", "/backup", "--compare", "size", "--schedule", "once", "--strict"];
    answer(&first, &create).await;
    let toml = answer(&first, &["show", "photos", "--toml"]).await;
    let file = folder.path().join("photos.toml");
    std::fs::write(&file, &toml).unwrap();
    answer(&second, &["create", "--from", file.to_str().unwrap()]).await;
    assert_eq!(answer(&second, &["show", "photos", "--toml"]).await, toml);
}

#[tokio::test]
async fn what_is_no_tasks_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    for (arguments, part) in [
        (&["create", "Photos", "/a", "/b"][..], "\"Photos\" is not a task name"),
        (&["create", "photos", "/a"], "argument was not provided: destination"),
        (&["create", "photos", "/a", "/b", "--concurrency", "3"], "--concurrency: machines have it"),
        (&["create", "photos", "/a", "/b", "--schedule", "daily"], "is not a schedule"),
        (&["create", "--from", "/nowhere.toml"], "/nowhere.toml"),
        (&["create", "--from", "/nowhere.toml", "--delete"], "--delete: --from has the whole definition"),
        (&["create", "photos", "/a", "/b", "--machines", "99999"], "99999"),
    ] {
        let refused = refusal(state, arguments).await;
        assert!(refused.contains(part), "{arguments:?}: {refused}");
    }
    let missing = state.join("missing");
    for command in [&["list"][..], &["show", "photos"], &["delete", "photos"]] {
        let refused = refusal(&missing, command).await;
        assert!(refused.contains("does not exist: run flotilla task create first"), "{refused}");
    }
    assert!(!missing.exists());
}

#[tokio::test]
async fn regression_two_tasks_never_share_a_queue_of_events() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    let queue = "--events-queue=http://127.0.0.1:1/000000000000/q";
    let create =
        |name: &'static str, queue: &'static str| ["create", name, "s3://b", "/d", "--events", "create", queue];
    answer(state, &create("photos", queue)).await;
    let refused = refusal(state, &create("films", queue)).await;
    assert!(refused.contains("task \"photos\" receives the events of queue \"q\""), "{refused}");
    answer(state, &create("films", "--events-queue=http://127.0.0.1:1/000000000000/films")).await;
    let refused = refusal(state, &["edit", "films", queue]).await;
    assert!(refused.contains("give each task a queue of its own"), "{refused}");
    answer(state, &["edit", "photos", "--description", "its own queue is no other task's"]).await;
    answer(state, &["edit", "photos", "--events", "off", "--reset", "events-queue"]).await;
    answer(state, &["edit", "films", queue]).await;
}
