//! Tasks of a fleet whose list of prefixes is an object.

use std::time::Duration;

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, weed};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use shared::digest::{Algorithm, Hasher};
use shared::ledger::Run;
use shared::tasks::{OperationClass, RunEnd};

use crate::serve::{Sandbox, stop};
use crate::support::{list, put_all};

/// A task of a bucket behind a proxy, and its list in the same bucket.
struct Listed {
    sandbox: Sandbox,
    proxy: Proxy,
    bucket: String,
    client: aws_sdk_s3::Client,
}

impl Listed {
    async fn new() -> Listed {
        let weed = weed();
        let (proxy, bucket) = (Proxy::start(&weed.endpoint).await, weed.create_bucket("listed").await);
        let (sandbox, client) = (Sandbox::new().await, weed.client(&weed.endpoint));
        put_all(&client, &bucket, ["data/a/1", "data/b/1", "data/c/1"].map(|key| (key.to_owned(), 10))).await;
        Listed { sandbox, proxy, bucket, client }
    }

    async fn write_list(&self, text: &str) {
        let body = text.as_bytes().to_vec();
        self.client.put_object().bucket(&self.bucket).key("lists/p").body(body.into()).send().await.expect("a list");
    }

    async fn keep_versions(&self) {
        let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let request = self.client.put_bucket_versioning().bucket(&self.bucket).versioning_configuration(enabled);
        request.send().await.expect("the bucket keeps versions");
    }

    async fn create(&self) {
        let keys = format!("file:{}", credentials_file(ACCESS_KEY, SECRET_KEY).display());
        let (source, list) = (format!("s3://{}/data", self.bucket), format!("s3://{}/lists/p", self.bucket));
        let words = ["task", "create", "photos", &source, "@/to", "--prefix-list", &list];
        let service = ["--source-endpoint-url", &self.proxy.endpoint, "--source-credentials", &keys];
        self.sandbox.command(&[&words[..], &service].concat()).await;
    }

    fn has(&self, key: &str) -> bool {
        self.sandbox.path("to").join(key).exists()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_run_reads_the_list_of_prefixes_anew() {
    let listed = Listed::new().await;
    listed.create().await;
    let mut serve = listed.sandbox.serve();
    listed.sandbox.command(&["task", "run", "photos"]).await;
    let waits = async || {
        let open = listed.sandbox.backend.tasks.open_operations(OperationClass::Run, 1).await.expect("operations");
        open.first().and_then(|run| run.progress.clone()).is_some_and(|said| said.contains("lists/p"))
    };
    listed.sandbox.until("the missing list is named", &mut serve, waits).await;
    listed.sandbox.command(&["task", "cancel", "photos"]).await;
    let idle = async || listed.sandbox.summary("photos").await.is_some_and(|task| task.last_run.is_some());
    listed.sandbox.until("the run without a list ends", &mut serve, idle).await;
    listed.write_list("# first\na/\n").await;
    listed.sandbox.command(&["task", "run", "photos"]).await;
    let ended = async || listed.sandbox.summary("photos").await.is_some_and(|task| task.run.is_none());
    listed.sandbox.until("the first run ends", &mut serve, async || listed.has("a/1") && ended().await).await;
    listed.write_list("b/\n").await;
    listed.sandbox.command(&["task", "run", "photos"]).await;
    listed.sandbox.until("the second run ends", &mut serve, async || listed.has("b/1") && ended().await).await;
    assert!(!listed.has("c/1"));
    assert_eq!(list(&listed.client, &listed.bucket).await.len(), 4);
    stop(serve).await;
}

/// Begins a run under a list, ends its process while it lists, and changes the list. Returns the run's end.
async fn changed_in_mid_run(listed: &Listed, before: &str, after: &str) -> (RunEnd, Run) {
    listed.write_list(before).await;
    listed.create().await;
    let mut serve = listed.sandbox.serve();
    listed.sandbox.receives(&mut serve, "photos").await;
    listed.proxy.inject(Rule::on(Kind::List, Fault::Stall).containing("data%2Fa"));
    listed.sandbox.command(&["task", "run", "photos"]).await;
    let begun = async || listed.sandbox.runs("photos").await.len() == 1 && listed.proxy.delayed() > 0;
    listed.sandbox.until("the run lists", &mut serve, begun).await;
    serve.kill();
    serve.wait(Duration::from_secs(10)).await;
    listed.write_list(after).await;
    listed.proxy.heal();
    let mut serve = listed.sandbox.serve();
    let ended = async || listed.sandbox.summary("photos").await.is_some_and(|task| task.last_run.is_some());
    listed.sandbox.until("the run ends", &mut serve, ended).await;
    stop(serve).await;
    let end = listed.sandbox.summary("photos").await.expect("the task").last_run.expect("an end").end;
    (end, listed.sandbox.runs("photos").await.remove(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_with_the_list_that_it_began_with() {
    let listed = Listed::new().await;
    let (end, run) = changed_in_mid_run(&listed, "a/\n", "c/\n").await;
    assert_eq!((end, run.error.as_deref()), (RunEnd::Done, None), "{run:?}");
    assert!(listed.has("a/1") && !listed.has("c/1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_list_is_pinned_by_its_version_or_stops_the_run() {
    // As random digits, compressed to half of their size.
    let digest = |n: usize| {
        let mut hasher = Hasher::new(Algorithm::Sha256).expect("SHA-256 is computed here");
        hasher.update(n.to_string().as_bytes());
        hasher.finish().to_hex()
    };
    let line = |n: usize| (0..15).map(|part| digest(100 * n + part)).collect::<String>();
    let lines: String = (0..180).map(|n| format!("a/{}\n", line(n))).collect();
    let large = format!("a/1\n{lines}");
    let (stopped, goes_on) = (Listed::new().await, Listed::new().await);
    goes_on.keep_versions().await;
    let both = tokio::join!(
        changed_in_mid_run(&stopped, &large, "a/\nc/\n"),
        changed_in_mid_run(&goes_on, &large, "a/\nc/\n")
    );
    let ((end, run), (other, unstopped)) = both;
    assert_eq!(end, RunEnd::Stopped, "{run:?}");
    let why = run.error.unwrap_or_default();
    assert!(why.contains("the prefix list has changed") && why.contains("turn on the bucket's versioning"), "{why}");
    assert!(!stopped.has("c/1"));
    assert_eq!((other, unstopped.error.as_deref()), (RunEnd::Done, None), "{unstopped:?}");
    assert!(goes_on.has("a/1") && !goes_on.has("c/1"));
}
