//! A run that waits for its stores under a wrong secret, which somebody edits.

use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, weed};
use shared::tasks::{OperationClass, RunEnd};

use crate::serve::{Sandbox, stop};
use crate::support::put_all;

/// It waits for a minute: a run that cannot begin is tried again then.
#[tokio::test(flavor = "multi_thread")]
async fn regression_a_queued_run_goes_on_with_edited_credentials() {
    let (sandbox, weed) = (Sandbox::new().await, weed());
    let (bucket, client) = (weed.create_bucket("secret").await, weed.client(&weed.endpoint));
    put_all(&client, &bucket, ["a", "b.tmp"].map(|key| (key.to_owned(), 10))).await;
    let keys = |secret: &str| format!("file:{}", credentials_file(ACCESS_KEY, secret).display());
    let (source, wrong) = (format!("s3://{bucket}"), keys("wrong"));
    let words = ["task", "create", "photos", &source, "@/to", "--source-endpoint-url", &weed.endpoint];
    sandbox.command(&[&words[..], &["--source-credentials", &wrong, "--exclude", "*.tmp"]].concat()).await;
    let mut serve = sandbox.serve();
    sandbox.command(&["task", "run", "photos"]).await;
    let waits = async || {
        let open = sandbox.backend.tasks.open_operations(OperationClass::Run, 1).await.expect("operations");
        open.first().and_then(|run| run.progress.clone()).is_some_and(|said| said.contains("trying again in"))
    };
    sandbox.until("the run waits", &mut serve, waits).await;
    let run = sandbox.summary("photos").await.and_then(|task| task.run).expect("a live run");

    // The run keeps its filter, and not its secret.
    sandbox.command(&["task", "edit", "photos", "--source-credentials", &keys(SECRET_KEY), "--reset", "exclude"]).await;
    let last = async || sandbox.summary("photos").await.and_then(|task| task.last_run);
    sandbox.until("the run ends", &mut serve, async || last().await.is_some()).await;
    let ended = last().await.expect("an end");
    assert_eq!((ended.id, ended.end), (run.id, RunEnd::Done));
    assert!(sandbox.path("to/a").exists() && !sandbox.path("to/b.tmp").exists());
    assert_eq!((run.version, sandbox.summary("photos").await.expect("the task").version), (1, 2));
    stop(serve).await;
}
