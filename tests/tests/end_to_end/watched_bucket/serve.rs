//! `flotilla serve` follows the queue that a task's definition names.

use super::*;
use crate::serve::{Sandbox, stop};

/// The words that create the task `photos`, which copies the bucket's folder `p`.
fn create(bucket: &Bucket, with_queue: bool) -> Vec<String> {
    let options = bucket.options().into_iter().filter(|option| option.starts_with("--source"));
    let words = ["task", "create", "photos", &format!("s3://{}/p", bucket.name), "@/to", "--events", "create-delete"];
    let queue = bucket.queue.connection.endpoint_url.as_deref().expect("an endpoint");
    let queue = with_queue.then(|| format!("--events-queue={queue}/000000000000/{}", bucket.queue.name));
    words.iter().map(|word| (*word).to_owned()).chain(options).chain(queue).collect()
}

async fn command(sandbox: &Sandbox, words: &[String]) -> String {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    sandbox.command(&words).await
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_follows_a_bucket_by_the_queue_of_its_events() {
    let (sandbox, bucket) = (Sandbox::new().await, Bucket::new().await);
    bucket.make_queue().await;
    assert_eq!(command(&sandbox, &create(&bucket, true)).await, "created task photos: it runs when asked to\n");
    let mut serve = sandbox.serve();
    let copied = async |key: &str| sandbox.path("to").join(key).exists();
    bucket.put(&["a b+c".to_owned(), "deep/er".to_owned()]).await;
    bucket.tell("ObjectCreated:Put", "a+b%2Bc").await;
    bucket.tell("ObjectCreated:Put", "deep/er").await;
    sandbox.until("copied", &mut serve, async || copied("a b+c").await && copied("deep/er").await).await;
    bucket.delete("deep/er").await;
    bucket.tell("ObjectRemoved:Delete", "deep/er").await;
    sandbox.until("deleted", &mut serve, async || !copied("deep/er").await).await;
    sandbox.until("acknowledged", &mut serve, async || bucket.is_idle().await).await;

    // Killed; what comes meanwhile waits on the queue.
    serve.kill();
    serve.wait(LIMIT).await;
    bucket.put(&["meanwhile".to_owned()]).await;
    bucket.tell("ObjectCreated:Put", "meanwhile").await;
    let mut serve = sandbox.serve();
    sandbox.until("copied after a restart", &mut serve, async || copied("meanwhile").await).await;
    sandbox.until("acknowledged", &mut serve, async || bucket.is_idle().await).await;

    // Paused, and without events, it takes nothing.
    for (stop, line, go) in [
        (&["task", "pause", "photos"][..], "are no longer received", &["task", "resume", "photos"][..]),
        (
            &["task", "edit", "photos", "--events", "off", "--reset", "events-queue"],
            "no longer receiving events",
            &["task", "edit", "photos", "--events", "create"],
        ),
    ] {
        let times = serve.stderr().matches(line).count();
        sandbox.command(stop).await;
        sandbox.logs(&mut serve, line, times + 1).await;
        let key = format!("after-{}", stop[1]);
        bucket.put(std::slice::from_ref(&key)).await;
        bucket.tell("ObjectCreated:Put", &key).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(!copied(&key).await && bucket.messages(&bucket.queue.name).await == 1);
        let queue = create(&bucket, true).pop().expect("the queue");
        let go: Vec<&str> = match stop[1] {
            "edit" => go.iter().copied().chain([queue.as_str()]).collect(),
            _ => go.to_vec(),
        };
        sandbox.command(&go).await;
        sandbox.until("copied after that", &mut serve, async || copied(&key).await).await;
    }
    assert!(sandbox.runs("photos").await.is_empty(), "events were enough");
    assert_eq!(bucket.dead().await, 0);
    stop(serve).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_events_that_is_missing_is_an_error_of_its_task() {
    let (sandbox, bucket) = (Sandbox::new().await, Bucket::new().await);
    command(&sandbox, &create(&bucket, true)).await;
    let mut serve = sandbox.serve();
    let id = sandbox.summary("photos").await.expect("the task").task.id;
    let error = async || sandbox.heartbeats().await.first().and_then(|beat| beat.errors.get(&id).cloned());
    sandbox.until("it is reported", &mut serve, async || error().await.is_some()).await;
    let why = error().await.expect("an error");
    assert!(why.contains("cannot receive events from queue") && why.contains(&bucket.queue.name), "{why}");
    // Runs go on meanwhile.
    bucket.put(&["a".to_owned()]).await;
    sandbox.command(&["task", "run", "photos"]).await;
    sandbox.until("copied by a run", &mut serve, async || sandbox.path("to/a").exists()).await;
    bucket.make_queue().await;
    sandbox.until("it is mended", &mut serve, async || error().await.is_none()).await;
    bucket.put(&["b".to_owned()]).await;
    bucket.tell("ObjectCreated:Put", "b").await;
    sandbox.until("copied by an event", &mut serve, async || sandbox.path("to/b").exists()).await;
    stop(serve).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_without_a_queue_of_events_gets_one_line() {
    let (sandbox, bucket) = (Sandbox::new().await, Bucket::new().await);
    let created = command(&sandbox, &create(&bucket, false)).await;
    let line = created.lines().find(|line| line.starts_with("events of s3://")).expect("a line");
    assert!(line.contains("events-queue") && line.contains("a schedule"), "{line}");
    let mut serve = sandbox.serve();
    sandbox.logs(&mut serve, "nothing brings the events of the source bucket: give the task events-queue", 1).await;
    stop(serve).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_events_has_one_receiver_until_it_leaves() {
    let (first, second, bucket) = (Sandbox::new().await, Sandbox::new().await, Bucket::new().await);
    bucket.make_queue().await;
    let copied = |sandbox: &Sandbox, key: &str| sandbox.path("to").join(key).exists();
    for sandbox in [&first, &second] {
        command(sandbox, &create(&bucket, true)).await;
    }
    let mut serves = [first.serve(), second.serve()];
    // One of the two fleets has it. The other one says who.
    let error = async |sandbox: &Sandbox| {
        sandbox.heartbeats().await.first().and_then(|beat| beat.errors.values().next().cloned())
    };
    let (mut has, mut lacks) = (0, 1);
    let refused = async || {
        let both = [error(&first).await, error(&second).await];
        both.iter().flatten().any(|why| why.contains("receives the events of this queue"))
    };
    first.until("one is refused", &mut serves[0], async || refused().await).await;
    if error(&first).await.is_some() {
        (has, lacks) = (1, 0);
    }
    let sandboxes = [&first, &second];
    let id = sandboxes[has].summary("photos").await.expect("the task").task.id;
    let why = error(sandboxes[lacks]).await.expect("an error");
    assert!(why.contains(&format!("task photos {id}")) && why.contains("flotilla:receiver"), "{why}");

    // Nor does a watch get it.
    let words = ["watch".to_owned(), format!("s3://{}/p", bucket.name), first.path("watched").display().to_string()];
    let state = format!("--state={}", fresh_folder("state").display());
    let words: Vec<String> = words.into_iter().chain(bucket.options()).chain([state]).collect();
    let ended = Process::start(&binaries::flotilla(), words, NO_ENV).wait(LIMIT).await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("task photos {id} receives the events")), "{}", ended.stderr);

    bucket.put(&["a".to_owned()]).await;
    bucket.tell("ObjectCreated:Put", "a").await;
    let owner = sandboxes[has];
    owner.until("copied", &mut serves[has], async || copied(owner, "a")).await;
    assert!(!copied(sandboxes[lacks], "a"));

    // Deleted, it leaves the queue to the other one, with nothing of its own on it.
    owner.command(&["task", "delete", "photos", "--yes", "--wait", "2"]).await;
    let next = sandboxes[lacks];
    next.until("the other one has it", &mut serves[lacks], async || error(next).await.is_none()).await;
    assert_eq!((bucket.messages(&bucket.queue.name).await, bucket.dead().await), (0, 0));
    bucket.put(&["b".to_owned()]).await;
    bucket.tell("ObjectCreated:Put", "b").await;
    next.until("copied by the other one", &mut serves[lacks], async || copied(next, "b")).await;
    for serve in serves {
        stop(serve).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_an_edit_frees_a_queue_while_nobody_serves() {
    let (first, second, bucket) = (Sandbox::new().await, Sandbox::new().await, Bucket::new().await);
    bucket.make_queue().await;
    let copied = |sandbox: &Sandbox, key: &str| sandbox.path("to").join(key).exists();
    command(&first, &create(&bucket, true)).await;
    let mut serve = first.serve();
    bucket.put(&["a".to_owned()]).await;
    bucket.tell("ObjectCreated:Put", "a").await;
    first.until("the first one has the queue", &mut serve, async || copied(&first, "a")).await;
    first.until("acknowledged", &mut serve, async || bucket.is_idle().await).await;
    stop(serve).await;
    first.command(&["task", "edit", "photos", "--events", "off", "--reset", "events-queue"]).await;
    command(&second, &create(&bucket, true)).await;
    let mut serve = second.serve();
    bucket.put(&["b".to_owned()]).await;
    bucket.tell("ObjectCreated:Put", "b").await;
    second.until("the second one has it", &mut serve, async || copied(&second, "b")).await;
    stop(serve).await;
}
