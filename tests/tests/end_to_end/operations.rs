//! Plan, verify, probe and close as operations, with the real programs.

use std::path::Path;
use std::time::Duration;

use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::{
    ACCESS_KEY, READ_ONLY_KEY, READ_ONLY_SECRET, SECRET_KEY, credentials_file, fresh_folder, weed,
};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use serde_json::Value;
use shared::object::Timestamp;
use shared::queue::Outgoing;
use shared::tasks::{Operation, OperationClass, OperationKind, OperationVerdict};

use crate::many_tasks::stage::{self, Fleet, LIMIT};
use crate::serve::{Sandbox, stop};
use crate::support::{put_all, write_files};

const NO_ENV: [(&str, String); 0] = [];

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}: {text}"))
}

/// A state folder with a task between two folders that differ.
async fn differing() -> Sandbox {
    let sandbox = Sandbox::new().await;
    let files = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), 100)).collect::<Vec<_>>();
    write_files(&sandbox.path("from"), &files(&["a", "b/c", "d"]));
    write_files(&sandbox.path("to"), &files(&["a", "extra"]));
    sandbox.command(&["task", "create", "t", "@/from", "@/to"]).await;
    sandbox
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).expect("a folder").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_planned_verified_and_probed_by_its_workers() {
    let sandbox = differing().await;
    let serve = sandbox.serve();
    let by_worker = json(&sandbox.command(&["task", "plan", "t", "--json"]).await);
    let here = sandbox.command(&["plan", "@/from", "@/to", "--json"]).await;
    assert_eq!(by_worker, json(&here));
    assert_eq!(by_worker["copies"], 2);

    let verified = sandbox.run(&["task", "verify", "t", "--json"]).await;
    let folders = ["from", "to"].map(|name| sandbox.path(name).display().to_string());
    let words = ["verify", &folders[0], &folders[1], "--json"].map(str::to_owned);
    let mut here = Process::start(&binaries::flotilla(), words, NO_ENV);
    let here = here.wait(LIMIT).await;
    assert_eq!((verified.code, here.code), (Some(1), Some(1)), "{}", verified.stderr);
    let lines = |text: &str| text.lines().map(json).collect::<Vec<_>>();
    let (mut verified, mut here) = (lines(&verified.stdout), lines(&here.stdout));
    [&mut verified, &mut here].into_iter().for_each(|lines| lines.last_mut().expect("a tally")["seconds"] = 0.into());
    assert_eq!(verified, here);

    let probed = json(&sandbox.command(&["task", "probe", "t", "--json"]).await);
    assert_eq!(probed["source"]["read"]["answer"], "yes", "{probed}");
    assert_eq!(probed["source"]["write"]["answer"], "not-tried", "{probed}");
    assert_eq!(probed["destination"]["delete"]["answer"], "not-tried", "{probed}");
    assert_eq!(entries(&sandbox.path("to")), 2, "nothing was written");
    let probed = json(&sandbox.command(&["task", "probe", "t", "--write-test", "--json"]).await);
    for right in ["list", "read", "write", "delete"] {
        assert_eq!(probed["destination"][right]["answer"], "yes", "{right}: {probed}");
    }
    assert_eq!(entries(&sandbox.path("to")), 2, "nothing stays");
    stop(serve).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_command_says_if_no_worker_serves_the_task() {
    let sandbox = differing().await;
    let requested = json(&sandbox.command(&["task", "verify", "t", "--quick", "--no-wait", "--json"]).await);
    let id = requested["operation"].as_str().expect("an id").to_owned();
    let task = sandbox.summary("t").await.expect("the task").task.id;
    let mut waiting = sandbox.start(&["task", "plan", "t"]);
    let began = std::time::Instant::now();
    while !waiting.stderr().contains("no worker serves the fleet") {
        assert!(began.elapsed().as_secs() < 120, "{}", waiting.stderr());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    waiting.interrupt();
    let ended = waiting.wait(std::time::Duration::from_secs(60)).await;
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let (_, named) = ended.stderr.split_once("flotilla task operation t ").expect("the operation is named");
    let plan = named.split_whitespace().next().expect("an id").to_owned();
    let state = json(&sandbox.command(&["task", "operation", "t", &plan, "--json"]).await);
    assert_eq!((&state["state"], &state["kind"]), (&"queued".into(), &"plan".into()), "{state}");
    let unknown = sandbox.run(&["task", "operation", "t", "nonsense"]).await;
    assert!(unknown.code == Some(2) && unknown.stderr.contains("has no operation"), "{}", unknown.stderr);
    let mut serve = sandbox.serve();
    let operation =
        async |id: &str| sandbox.backend.tasks.operation(&task, id).await.expect("answers").expect("is there");
    let open = async || sandbox.backend.tasks.open_operations(OperationClass::Other, 9).await.expect("answers");
    sandbox.until("both are done", &mut serve, async || open().await.is_empty()).await;
    let end = operation(&id).await.end.expect("an end");
    assert_eq!((end.verdict, json(&end.result)["different"].clone()), (OperationVerdict::Succeeded, 3.into()));
    let planned = json(&sandbox.command(&["task", "operation", "t", &plan, "--json"]).await);
    assert_eq!(planned, json(&sandbox.command(&["task", "plan", "t", "--json"]).await));
    let verified = sandbox.run(&["task", "operation", "t", &id]).await;
    assert_eq!(verified.code, Some(1), "as verify ends: {}", verified.stderr);
    stop(serve).await;
}

/// All but the first objects are read slowly: the slice of ten minutes is far from its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_verification_shows_how_far_it_is_while_it_works() {
    const OBJECTS: usize = 80;
    let (sandbox, weed) = (Sandbox::new().await, weed());
    let slow = Proxy::start(&weed.endpoint).await;
    let bucket = weed.create_bucket("slow").await;
    let files: Vec<(String, usize)> = (0..OBJECTS).map(|n| (format!("{n:03}"), 10)).collect();
    put_all(&weed.client(&weed.endpoint), &bucket, files.clone()).await;
    write_files(&sandbox.path("to"), &files);
    let keys = format!("file:{}", credentials_file(ACCESS_KEY, SECRET_KEY).display());
    let source = format!("s3://{bucket}");
    let words = ["task", "create", "t", &source, "@/to", "--source-endpoint-url", &slow.endpoint];
    sandbox.command(&[&words[..], &["--source-credentials", &keys]].concat()).await;
    slow.inject(Rule::on(Kind::Get, Fault::Delay(Duration::from_secs(15))).after(20));
    let mut serve = sandbox.serve();
    let requested = json(&sandbox.command(&["task", "verify", "t", "--deep", "--no-wait", "--json"]).await);
    let id = requested["operation"].as_str().expect("an id").to_owned();
    let task = sandbox.summary("t").await.expect("the task").task.id;
    let operation = async || sandbox.backend.tasks.operation(&task, &id).await.expect("answers").expect("is there");
    let is_shown = async || {
        let shown = operation().await.progress.unwrap_or_default();
        shown.ends_with("keys compared, 0 different") && !shown.starts_with("0 ")
    };
    sandbox.until("the progress is shown", &mut serve, is_shown).await;
    let shown = operation().await;
    assert_eq!((shown.beat, shown.end), (1, None), "in its first slice");
    assert!(sandbox.command(&["task", "operation", "t", &id]).await.contains("keys compared"));
    slow.heal();
    sandbox.until("it ends", &mut serve, async || operation().await.end.is_some()).await;
    let end = operation().await.end.expect("an end");
    assert_eq!(json(&end.result)["compared"], OBJECTS, "{}", end.result);
    stop(serve).await;
}

/// Each is executed once as far as its record shows, however often its jobs come.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_an_operation_that_come_again_or_late_change_nothing() {
    let sandbox = differing().await;
    let summary = sandbox.summary("t").await.expect("the task");
    let operation = |id: &str, kind: OperationKind, request: &str| Operation {
        id: id.to_owned(),
        task: summary.task.id.clone(),
        kind,
        version: summary.version,
        who: "me".to_owned(),
        requested: Timestamp::now(),
        request: request.to_owned(),
        beat: 0,
        worker: None,
        progress: None,
        end: None,
    };
    let queue = adapters::open::task_queues(sandbox.backend.fleet(), &summary).await.expect("queues").events;
    let close = operation("o1", OperationKind::Close, r#"{"run":"r"}"#);
    let wrong = operation("o2", OperationKind::Verify, r#"{"effort":"lazy"}"#);
    let tasks = &sandbox.backend.tasks;
    for (operation, slices) in [(&close, vec![0, 0, 7]), (&wrong, vec![0])] {
        tasks.request(operation).await.expect("is recorded");
        let jobs: Vec<_> = slices.into_iter().map(|slice| Outgoing::now(operation.job(slice).to_body())).collect();
        queue.send(&jobs).await.expect("is sent");
    }
    let unknown = operation("o3", OperationKind::Plan, "");
    queue.send(&[Outgoing::now(unknown.job(0).to_body())]).await.expect("is sent");
    let mut serve = sandbox.serve();
    let is_empty = async || queue.depth().await.expect("answers").waiting() == 0;
    sandbox.until("all jobs are done", &mut serve, is_empty).await;
    let done = async |id: &str| tasks.operation(&summary.task.id, id).await.expect("answers");
    let closed = done("o1").await.expect("is there");
    assert_eq!(closed.beat, 1);
    let end = closed.end.expect("an end");
    assert_eq!((end.verdict, json(&end.result)["aborted"].clone()), (OperationVerdict::Succeeded, 0.into()));
    let end = done("o2").await.expect("is there").end.expect("an end");
    assert_eq!(end.verdict, OperationVerdict::Failed);
    assert!(end.result.contains("the request is invalid"), "{}", end.result);
    assert_eq!(done("o3").await, None);
    stop(serve).await;
}

/// The definitions need not be created; one side's error says nothing of the other side.
#[tokio::test(flavor = "multi_thread")]
async fn a_probe_names_the_missing_right_and_leaves_nothing() {
    let fleet = Fleet::new().await;
    let workers = vec![fleet.worker()];
    let (weed, folder) = (weed(), fresh_folder("definitions"));
    fleet.put("photos", "a", 100).await;
    let denied = credentials_file(READ_ONLY_KEY, READ_ONLY_SECRET);
    let probe = async |name: &str, bucket: &str, endpoint: &str, more: &[&str]| {
        let side = |bucket: &str, endpoint: &str, folder: &str| {
            let keys = denied.display();
            format!(
                "location = \"s3://{bucket}/{folder}\"\nendpoint-url = \"{endpoint}\"\nregion = \"us-east-1\"\n\
                 credentials = \"file:{keys}\"\n"
            )
        };
        let (from, to) = (side(&fleet.source, &weed.endpoint, "photos"), side(bucket, endpoint, "copy"));
        let file = folder.join(format!("{name}.toml"));
        let text = format!("task = \"{name}\"\n[source]\n{from}[destination]\n{to}");
        std::fs::write(&file, text).expect("a file");
        let words = ["task", "probe", "--from", file.to_str().expect("UTF-8"), "--json"];
        let ended = fleet.run(&[&words, more].concat()).await;
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        json(&ended.stdout)
    };
    let probed = probe("denied", &fleet.destination, &weed.endpoint, &["--write-test"]).await;
    let (source, destination) = (&probed["source"], &probed["destination"]);
    assert_eq!((&source["list"]["answer"], &source["read"]["answer"]), (&"yes".into(), &"yes".into()), "{probed}");
    assert_eq!(destination["list"]["answer"], "yes", "{probed}");
    assert_eq!(destination["read"]["answer"], "not-tried", "the prefix is empty: {probed}");
    assert_eq!(destination["write"]["answer"], "no", "{probed}");
    assert_eq!(destination["write"]["remedy"], "allow s3:PutObject and s3:AbortMultipartUpload", "{probed}");
    assert_eq!(destination["delete"]["answer"], "not-tried", "{probed}");
    let text = probed.to_string();
    assert!(!text.contains(READ_ONLY_SECRET) && !text.contains(READ_ONLY_KEY), "{text}");

    // Nothing is written to a store that cannot be used: SeaweedFS makes a missing bucket by the first write.
    for (name, endpoint, why) in
        [("missing", &*weed.endpoint, "NoSuchBucket"), ("closed", "http://127.0.0.1:1", "Connection refused")]
    {
        let probed = probe(name, "no-such-bucket", endpoint, &["--write-test"]).await;
        assert_eq!(probed["source"]["read"]["answer"], "yes", "{probed}");
        let destination = &probed["destination"];
        assert!(destination["list"]["reason"].as_str().is_some_and(|reason| reason.contains(why)), "{probed}");
        assert_eq!(destination["write"]["answer"], "not-tried", "{probed}");
        assert_eq!(destination["delete"]["answer"], "not-tried", "{probed}");
    }
    let buckets = fleet.clients[1].list_buckets().send().await.expect("answers");
    assert!(buckets.buckets().iter().all(|bucket| bucket.name() != Some("no-such-bucket")), "{buckets:?}");
    let uploads = fleet.clients[1].list_multipart_uploads().bucket(&fleet.destination).send().await.expect("answers");
    assert!(uploads.uploads().is_empty(), "{uploads:?}");
    stage::stop(workers).await;
}
