//! A queue belongs to one task, and to one of its runs at a time.

use std::time::Duration;

use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, weed};
use flotilla_tests::proxy::Fault;
use shared::job::Origin;
use shared::objects::job::{JobChange, ObjectJob, ObjectWork};
use shared::queue::JobQueue;

use crate::fleet_of_folders::{Folders, stop};
use crate::support::assert_files;

/// For a machine with many more programs than cores.
const LIMIT: Duration = Duration::from_secs(120);

const FILES: usize = 3;

fn files() -> Vec<(String, usize)> {
    (0..FILES).map(|n| (format!("k{n}"), 10 + n)).collect()
}

async fn task() -> Folders {
    Folders::new(&files(), "lease = \"5s\"\n").await
}

async fn init(task: &Folders) -> Ended {
    let config = task.path("task.toml").display().to_string();
    let arguments = ["init".to_owned(), "--config".to_owned(), config];
    Process::start(&binaries::flotilla(), arguments, [("FLOTILLA_TEST", String::new())]).wait(LIMIT).await
}

/// Gives a task's config file the text `new` in the place of `old`.
fn edit(task: &Folders, old: &str, new: &str) {
    let text = std::fs::read_to_string(task.path("task.toml")).expect("the config is there");
    assert!(text.contains(old), "{text}");
    std::fs::write(task.path("task.toml"), text.replace(old, new)).expect("the config can be written");
}

fn assert_refused(what: &str, ended: &Ended, owner: &Folders, other: &Folders) {
    let line = ended.stderr.lines().last().unwrap_or_default();
    assert_eq!(ended.code, Some(2), "{what}: {}", ended.stderr);
    let expected = format!("this queue belongs to task {:?}, not to task {:?}", owner.name, other.name);
    assert!(line.contains(&expected) && line.contains("a queue of its own"), "{what}: {}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_second_task_on_one_queue_is_refused() {
    let (first, second) = futures::join!(task(), task());
    let ended = init(&first).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let own = std::fs::read_to_string(second.path("task.toml")).expect("the config is there");
    let queues = [
        (format!("[queue]\nname = \"{}\"", second.name), format!("[queue]\nname = \"{}\"", first.name)),
        ("[find]".to_owned(), format!("[events]\nqueue = \"{}\"\n[find]", first.name)),
    ];
    for (old, new) in queues {
        std::fs::write(second.path("task.toml"), &own).expect("the config can be written");
        edit(&second, &old, &new);
        assert_refused("init", &init(&second).await, &first, &second);
        assert_refused("finder", &second.find().await, &first, &second);
        assert_refused("worker", &second.worker(&[]).wait(LIMIT).await, &first, &second);
    }
    // The owner still works, and so does the other one on its own queue.
    std::fs::write(second.path("task.toml"), &own).expect("the config can be written");
    for task in [&first, &second] {
        assert_eq!(init(task).await.code, Some(0));
        let found = task.find().await;
        assert_eq!(found.code, Some(0), "{}", found.stderr);
        let mut workers = [task.worker(&[])];
        task.assert_copied(&task.until_done(&mut workers).await, &files());
        stop(&mut workers[0]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_another_tasks_dead_letter_queue_is_refused() {
    let (first, second) = futures::join!(task(), task());
    assert_eq!(init(&first).await.code, Some(0));
    let dead = format!("[queue]\nname = \"{}\"\ndead-letter = \"{}-dead\"", second.name, first.name);
    edit(&second, &format!("[queue]\nname = \"{}\"", second.name), &dead);
    assert_refused("init", &init(&second).await, &first, &second);
    assert_refused("finder", &second.find().await, &first, &second);
    assert_refused("worker", &second.worker(&[]).wait(LIMIT).await, &first, &second);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_watch_refuses_another_tasks_queue_of_events() {
    let task = task().await;
    assert_eq!(init(&task).await.code, Some(0));
    let (weed, keys) = (weed(), credentials_file(ACCESS_KEY, SECRET_KEY));
    let arguments = [
        "watch".to_owned(),
        format!("s3://{}", weed.create_bucket("watched").await),
        task.path("watched").display().to_string(),
        format!("--source-endpoint-url={}", weed.endpoint),
        format!("--source-credentials=file:{}", keys.display()),
        format!("--state={}", task.path("state").display()),
        format!("--events-queue={}", task.name),
        format!("--events-queue-endpoint-url={}", task.proxy.endpoint),
        format!("--events-queue-credentials=file:{}", keys.display()),
        "--events-queue-region=us-east-1".to_owned(),
    ];
    let env = [("FLOTILLA_TEST", String::new())];
    let ended = Process::start(&binaries::flotilla(), arguments, env).wait(LIMIT).await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("this queue belongs to task {:?}", task.name)), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_or_missing_queue_tags_stop_no_task() {
    let answers = [
        (403, "AccessDeniedException", "allow sqs:ListQueueTags", 1),
        (400, "InvalidAction", "cannot check which task", 0),
        (500, "InternalFailure", "cannot check which task", 1),
    ];
    for (status, code, words, lines) in answers {
        let task = task().await;
        let answer = Fault::Respond(status, format!(r#"{{"__type":"{code}","message":"not here"}}"#));
        task.always("ListQueueTags", answer);
        let ended = init(&task).await;
        assert_eq!(ended.code, Some(0), "{code}: {}", ended.stderr);
        assert_eq!(task.asked("TagQueue"), 0, "{code}: a queue whose tags are not known is left alone");
        let found = task.find().await;
        assert_eq!(found.code, Some(0), "{code}: {}", found.stderr);
        assert_eq!(found.stderr.matches(words).count(), lines, "{code}: {}", found.stderr);
        let mut workers = [task.worker(&[])];
        task.until_done(&mut workers).await;
        stop(&mut workers[0]).await;
        assert_files(&task.path("destination"), &files());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_cannot_be_tagged_is_used_without() {
    let task = task().await;
    let answer = r#"{"__type":"AccessDeniedException","message":"no"}"#;
    task.always("TagQueue", Fault::Respond(403, answer.to_owned()));
    let ended = init(&task).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let line = format!("could not tag queue {} with its task", task.name);
    assert!(ended.stdout.contains(&line) && ended.stdout.contains("allow sqs:TagQueue"), "{}", ended.stdout);
    let found = task.find().await;
    assert_eq!(found.code, Some(0), "{}", found.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_jobs_of_another_task_are_named_in_one_warning() {
    let task = task().await;
    let job = |id: &str| {
        let change = JobChange { index: 0, key: "k".into(), time: None, no_delete: false };
        ObjectJob::new(
            "another",
            "run",
            Origin { id: id.into(), items: 1 },
            ObjectWork::Changed { objects: vec![change] },
        )
    };
    for id in ["a", "b"] {
        task.send(&job(id).to_body()).await;
    }
    let mut workers = [task.worker(&[])];
    task.until("both are dead letters", &mut workers, async || {
        task.queue.depth().await.expect("the queue answers").dead == 2
    })
    .await;
    let words = format!("the queue of task {:?} holds jobs of task \"another\"", task.name);
    let [worker] = &mut workers;
    assert_eq!(worker.stderr().matches(&words).count(), 1, "{}", worker.stderr());
    stop(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finder_beside_a_run_that_is_not_done_ends_with_3() {
    let task = task().await;
    assert_eq!(task.find().await.code, Some(0));
    let first = task.run().await.expect("there is a run").start.id;
    let found = task.find().await;
    assert_eq!(found.code, Some(3), "{}", found.stderr);
    assert!(
        found.stderr.lines().last().is_some_and(|line| line.contains(shared::terminal::run_id(&first))),
        "{}",
        found.stderr
    );
    assert_eq!(task.run().await.expect("there is a run").start.id, first, "no run was begun");
    let mut workers = [task.worker(&[])];
    task.until_done(&mut workers).await;
    stop(&mut workers[0]).await;
    let found = task.find().await;
    assert_eq!(found.code, Some(0), "{}", found.stderr);
}
