//! Tasks are deleted, with the real programs.

use std::time::Duration;

use shared::tasks::{OperationClass, OperationKind};

use crate::serve::{Sandbox, stop};
use crate::support::write_files;

/// A lease of a minute runs out. A controller that is killed after it records an operation, and before it sends its job,
/// leaves it for three minutes.
const ALL_GONE_WITHIN: Duration = Duration::from_secs(8 * 60);

/// A sandbox whose two tasks have copied a file, and the process that serves it.
async fn served() -> (Sandbox, flotilla_tests::binaries::Process) {
    let sandbox = Sandbox::new().await;
    let mut serve = sandbox.serve();
    for task in ["films", "photos"] {
        write_files(&sandbox.path(task), &[("a".to_owned(), 10)]);
        sandbox.command(&["task", "create", task, &format!("@/{task}"), &format!("@/to/{task}")]).await;
        sandbox.command(&["task", "run", task]).await;
    }
    let ended = async |task: &str| sandbox.summary(task).await.is_some_and(|task| task.last_run.is_some());
    sandbox.until("both runs end", &mut serve, async || ended("films").await && ended("photos").await).await;
    (sandbox, serve)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_tasks_go_and_records_only_where_asked_for() {
    let (sandbox, mut serve) = served().await;
    let films = sandbox.summary("films").await.expect("a task").task.id;
    let photos = sandbox.summary("photos").await.expect("a task").task.id;
    let ledger = sandbox.backend.ledger.clone();
    let outcome = async |task: &str| ledger.outcome(task, "a").await.expect("the ledger answers");
    let refused = sandbox.run(&["task", "delete", "photos", "--records"]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("about 2 records in the ledger are removed"), "{}", refused.stderr);
    assert!(refused.stderr.contains("need --yes"), "{}", refused.stderr);

    let said = sandbox.command(&["task", "delete", "photos", "--records", "--yes"]).await;
    assert!(said.contains("then its records and its queues are removed"), "{said}");
    let open = OperationClass::Other;
    let operations = async || sandbox.backend.tasks.open_operations(open, 10).await.expect("the tasks are read");
    let erases = async || operations().await.iter().any(|operation| operation.kind == OperationKind::Erase);
    let is_asked = async || erases().await || outcome(&photos).await.is_none();
    sandbox.until("the removal of records is asked for", &mut serve, is_asked).await;
    serve.kill();
    serve.wait(Duration::from_secs(10)).await;

    // Killed late enough, it had removed the task.
    let mut expected = vec!["films"];
    if sandbox.summary("photos").await.is_some() {
        expected.push("photos");
    }
    let mut deleting = sandbox.start(&["task", "delete", "--all", "--yes", "--wait", "8"]);
    // The tasks that it waits for are read before another process removes one of them.
    for task in &expected {
        sandbox.logs(&mut deleting, &format!("task {task} is being deleted"), 1).await;
    }
    let serve = sandbox.serve();
    let ended = deleting.wait(ALL_GONE_WITHIN).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    for task in expected {
        assert!(ended.stdout.contains(&format!("deleted task {task}\n")), "{}", ended.stdout);
    }
    assert_eq!((sandbox.summary("films").await, sandbox.summary("photos").await), (None, None));
    assert!(outcome(&films).await.is_some(), "its records stay until they expire");
    assert_eq!(outcome(&photos).await, None);
    assert_eq!(ledger.runs(&photos, 10).await.expect("the ledger answers"), []);
    assert!(ledger.tasks().await.expect("the ledger answers").contains(&films));
    stop(serve).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_stay_are_named() {
    let (sandbox, serve) = served().await;
    stop(serve).await;
    // Nobody serves: what has run cannot be closed.
    let ended = sandbox.run(&["task", "delete", "--all", "--yes", "--wait", "0"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("tasks that are still there: films, photos:"), "{}", ended.stderr);
}
