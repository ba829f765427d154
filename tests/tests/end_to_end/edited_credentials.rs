//! A run that waits for its stores under a wrong secret, which somebody edits, or without credentials, which come back.

use std::path::Path;

use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, weed};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use shared::tasks::{OperationClass, RunEnd};

use crate::serve::{Sandbox, stop};
use crate::support::{MIB, assert_stored, put_all};

/// Makes all delayed messages of the state folder due, as if their time had come.
fn make_due(sandbox: &Sandbox) {
    let database = rusqlite::Connection::open(sandbox.path("state/flotilla.db")).expect("the database opens");
    // A message that is leased has an owner.
    let sql = "UPDATE messages SET ready_at = 0 WHERE owner IS NULL AND ready_at > 0";
    database.execute(sql, ()).expect("the messages are changed");
}

/// A run that cannot begin is tried again after a minute.
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
    let has_ended = async || {
        make_due(&sandbox);
        last().await.is_some()
    };
    sandbox.until("the run ends", &mut serve, has_ended).await;
    let ended = last().await.expect("an end");
    assert_eq!((ended.id, ended.end), (run.id, RunEnd::Done));
    assert!(sandbox.path("to/a").exists() && !sandbox.path("to/b.tmp").exists());
    assert_eq!((run.version, sandbox.summary("photos").await.expect("the task").version), (1, 2));
    stop(serve).await;
}

/// Credentials are refused and their file is gone while a giant is open; later the file is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_giant_goes_on_when_its_credentials_come_back() {
    const PARTS: u64 = 12;
    let (sandbox, weed) = (Sandbox::new().await, weed());
    let to = Proxy::start(&weed.second_endpoint).await;
    let (from, into) = (weed.create_bucket("from").await, weed.create_bucket("into").await);
    let objects: Vec<(String, usize)> = (0..30)
        .map(|n| (format!("small/{n:02}"), 100))
        .chain([("giant".to_owned(), PARTS as usize * 5 * MIB)])
        .collect();
    put_all(&weed.client(&weed.endpoint), &from, objects.clone()).await;
    let (keys, file) = (credentials_file(ACCESS_KEY, SECRET_KEY), sandbox.path("keys"));
    std::fs::copy(&keys, &file).expect("a file");
    let side = |bucket: &str, endpoint: &str, keys: &Path| {
        let keys = keys.display();
        format!(
            "location = \"s3://{bucket}\"\nendpoint-url = \"{endpoint}\"\nregion = \"us-east-1\"\ncredentials = \"file:{keys}\"\n"
        )
    };
    let (source, destination) = (side(&from, &weed.endpoint, &keys), side(&into, &to.endpoint, &file));
    let work =
        "part-size = \"5MiB\"\nmultipart-threshold = \"5MiB\"\ngiant-threshold = \"30MiB\"\nretry-delay = \"100ms\"\n";
    let text = format!("task = \"t\"\n[source]\n{source}[destination]\n{destination}[work]\n{work}");
    std::fs::write(sandbox.path("t.toml"), text).expect("a file");
    sandbox.command(&["task", "create", "--from", "@/t.toml"]).await;

    // Five parts arrive; from then on the keys are refused.
    let refused = || {
        Fault::Respond(403, "<Error><Code>InvalidAccessKeyId</Code><Message>no such key</Message></Error>".to_owned())
    };
    to.inject(Rule::on(Kind::Part, refused()).after(5));
    let mut serve = sandbox.serve();
    sandbox.command(&["task", "run", "t"]).await;
    sandbox.until("parts are refused", &mut serve, async || to.count(Kind::Part) > 5).await;
    std::fs::remove_file(&file).expect("the file is removed");
    to.inject(Rule::always(refused()));
    sandbox
        .until("the task shows the reason", &mut serve, async || {
            let shown = sandbox.command(&["task", "show", "t"]).await;
            shown.contains("the last requests to the destination failed")
        })
        .await;
    assert_eq!(sandbox.runs("t").await[0].settled.failed, 0);

    to.heal();
    to.reset();
    std::fs::copy(&keys, &file).expect("a file");
    let last = async || sandbox.summary("t").await.and_then(|task| task.last_run);
    sandbox.until("the run ends", &mut serve, async || last().await.is_some()).await;
    assert_eq!(last().await.expect("an end").end, RunEnd::Done);
    let settled = sandbox.runs("t").await[0].settled.clone();
    let bytes = objects.iter().map(|(_, size)| *size as u64).sum::<u64>();
    assert_eq!((settled.copied, settled.failed, settled.bytes), (objects.len() as u64, 0, bytes), "{settled:?}");
    assert!(to.count(Kind::Part) <= PARTS - 5 + 2, "{} parts were sent again", to.count(Kind::Part));
    assert_eq!(to.count(Kind::Create), 0, "the same upload goes on");
    assert_stored(&weed.client(&weed.second_endpoint), &into, &objects).await;
    stop(serve).await;
}
