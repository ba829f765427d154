//! Tasks of a fleet whose list of prefixes is an object.

use std::time::Duration;

use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, weed};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
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

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_list_of_prefixes_changes_stops_with_one_line() {
    let listed = Listed::new().await;
    listed.write_list("a/\n").await;
    listed.create().await;
    let mut serve = listed.sandbox.serve();
    listed.sandbox.receives(&mut serve, "photos").await;
    listed.proxy.inject(Rule::on(Kind::List, Fault::Stall).containing("data%2Fa"));
    listed.sandbox.command(&["task", "run", "photos"]).await;
    let begun = async || listed.sandbox.runs("photos").await.len() == 1 && listed.proxy.delayed() > 0;
    listed.sandbox.until("the run lists", &mut serve, begun).await;
    tokio::time::timeout(Duration::from_secs(90), stop(serve)).await.expect("it stops");
    listed.write_list("a/\nc/\n").await;
    listed.proxy.heal();
    let mut serve = listed.sandbox.serve();
    let ended = async || listed.sandbox.summary("photos").await.is_some_and(|task| task.last_run.is_some());
    listed.sandbox.until("the run stops", &mut serve, ended).await;
    let end = listed.sandbox.summary("photos").await.expect("the task").last_run.expect("an end").end;
    let run = listed.sandbox.runs("photos").await.remove(0);
    assert_eq!(end, RunEnd::Stopped, "{run:?}");
    assert!(
        run.error.is_some_and(|why| why.contains("the prefix list or an endpoint has changed since the run began"))
    );
    assert!(!listed.has("c/1"));
    stop(serve).await;
}
