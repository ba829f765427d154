//! `flotilla serve`: tasks of a state folder, with the real program.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use adapters::open::FleetBackend;
use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::emulators::fresh_folder;
use shared::config::FleetFile;
use shared::ledger::Run;
use shared::tasks::{Heartbeat, RunEnd, Summary};

use crate::support::{assert_files, write_files};

/// For a machine with many more programs than cores.
const LIMIT: Duration = Duration::from_secs(180);

const NO_ENV: [(&str, String); 0] = [];

/// A state folder, with folders beside it.
pub struct Sandbox {
    root: PathBuf,
    pub backend: FleetBackend,
}

impl Sandbox {
    pub async fn new() -> Sandbox {
        let root = fresh_folder("serve");
        let fleet = FleetFile::of_folder("local", root.join("state"));
        Sandbox { backend: FleetBackend::open(&fleet).await.expect("a state folder"), root }
    }

    /// With task `photos`, from folder `source`, which has these files, to folder `to`.
    pub async fn with_photos(files: &[(String, usize)], options: &[&str]) -> Sandbox {
        let sandbox = Sandbox::new().await;
        write_files(&sandbox.path("source"), files);
        sandbox.command(&[&["task", "create", "photos", "@/source", "@/to"], options].concat()).await;
        sandbox
    }

    /// As [`with_photos`](Self::with_photos), of one file, `a`, with a process that serves the task.
    async fn that_serves_photos() -> (Sandbox, Process) {
        let sandbox = Sandbox::with_photos(&[("a".to_owned(), 10)], &[]).await;
        let mut serve = sandbox.serve();
        sandbox.receives(&mut serve, "photos").await;
        (sandbox, serve)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn start(&self, words: &[&str]) -> Process {
        let root = format!("{}/", self.root.display());
        let mut arguments: Vec<String> = words.iter().map(|word| word.replace("@/", &root)).collect();
        arguments.extend(["--state".to_owned(), self.path("state").display().to_string()]);
        Process::start(&binaries::flotilla(), arguments, NO_ENV)
    }

    pub fn serve(&self) -> Process {
        self.start(&["serve"])
    }

    /// Of a command that ends by itself; `@/name` in a word stands for a path in this sandbox.
    pub async fn run(&self, words: &[&str]) -> Ended {
        self.start(words).wait(LIMIT).await
    }

    /// Standard output of a command that succeeds.
    pub async fn command(&self, words: &[&str]) -> String {
        let ended = self.run(words).await;
        assert_eq!(ended.code, Some(0), "{words:?}: {}", ended.stderr);
        ended.stdout
    }

    pub async fn summary(&self, name: &str) -> Option<Summary> {
        self.backend.tasks.summary(name).await.expect("the tasks are read")
    }

    pub async fn heartbeats(&self) -> Vec<Heartbeat> {
        self.backend.tasks.heartbeats().await.expect("the heartbeats are read")
    }

    /// The runs of a task, newest first.
    pub async fn runs(&self, name: &str) -> Vec<Run> {
        let Some(summary) = self.summary(name).await else { return Vec::new() };
        self.backend.ledger.runs(&summary.task.id, 10).await.expect("the ledger answers")
    }

    /// Waits until the process has logged a line so often.
    pub async fn logs(&self, process: &mut Process, line: &str, times: usize) {
        let began = Instant::now();
        while process.stderr().matches(line).count() < times {
            assert!(process.is_running() && began.elapsed() < LIMIT, "{line}: {}", process.stderr());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a task is served.
    pub async fn receives(&self, process: &mut Process, name: &str) {
        self.logs(process, &format!("receiving the task's jobs (task {name})"), 1).await;
    }

    /// Waits until `reached`, which `what` says, while the process works.
    pub async fn until(&self, what: &str, process: &mut Process, reached: impl AsyncFn() -> bool) {
        binaries::until(what, std::slice::from_mut(process), LIMIT, reached).await;
    }
}

/// Ends a process in good order.
pub async fn stop(mut process: Process) {
    process.terminate();
    let ended = process.wait(Duration::from_secs(60)).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_cannot_be_opened_is_an_error_of_it_alone() {
    let sandbox = Sandbox::new().await;
    write_files(&sandbox.path("good"), &[("a".to_owned(), 10)]);
    sandbox.command(&["task", "create", "good", "@/good", "@/to/good"]).await;
    sandbox.command(&["task", "create", "away", "@/away", "@/to/away"]).await;
    let mut serve = sandbox.serve();
    let (good, away) = (sandbox.summary("good").await.unwrap(), sandbox.summary("away").await.unwrap());
    let error = async || sandbox.heartbeats().await.first().and_then(|beat| beat.errors.get(&away.task.id).cloned());
    sandbox.until("the error is reported", &mut serve, async || error().await.is_some()).await;
    let beat = sandbox.heartbeats().await.remove(0);
    let why = &beat.errors[&away.task.id];
    assert!(why.contains("/away"), "it names the folder: {why}");
    assert!(!beat.errors.contains_key(&good.task.id), "{:?}", beat.errors);
    assert!(serve.stderr().contains("receiving the task's jobs (task good)"), "{}", serve.stderr());
    write_files(&sandbox.path("away"), &[("b".to_owned(), 10)]);
    sandbox.until("it is mended", &mut serve, async || error().await.is_none()).await;
    stop(serve).await;
    assert_eq!(sandbox.heartbeats().await, [], "a worker that ends leaves");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_fires_and_a_restart_goes_on() {
    let files: Vec<_> = (0..50).map(|n| (format!("d/{n:02}"), 10 * n)).collect();
    let sandbox = Sandbox::with_photos(&files, &["--schedule", "once"]).await;
    let mut serve = sandbox.serve();
    let ended = async || sandbox.summary("photos").await.is_some_and(|task| task.last_run.is_some());
    sandbox.until("the scheduled run ends", &mut serve, ended).await;
    assert_files(&sandbox.path("to"), &files);
    let last = sandbox.summary("photos").await.unwrap().last_run.unwrap();
    assert_eq!((last.end, last.failed, last.lost), (RunEnd::Done, 0, 0));

    // A run is asked for while nobody serves: the next process goes on with it.
    stop(serve).await;
    write_files(&sandbox.path("source"), &[("new".to_owned(), 7)]);
    sandbox.command(&["task", "run", "photos"]).await;
    let mut serve = sandbox.serve();
    sandbox.until("the run goes on", &mut serve, async || sandbox.path("to/new").exists()).await;
    stop(serve).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_another_process_begins_starts_at_once() {
    let (sandbox, mut serve) = Sandbox::that_serves_photos().await;
    sandbox.command(&["task", "run", "photos"]).await;
    let sent = Instant::now();
    let began = async || sandbox.runs("photos").await.len() == 1;
    sandbox.until("the run is recorded by its finder", &mut serve, began).await;
    // The port promises a second; the rest is for a machine with many more programs than cores.
    assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
    sandbox.until("the object is copied", &mut serve, async || sandbox.path("to/a").exists()).await;
    stop(serve).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_task_does_nothing_until_it_is_resumed() {
    let (sandbox, mut serve) = Sandbox::that_serves_photos().await;
    sandbox.command(&["task", "run", "photos"]).await;
    sandbox.until("the object is copied", &mut serve, async || sandbox.path("to/a").exists()).await;
    sandbox.command(&["task", "pause", "photos"]).await;
    let released = "the task's jobs are no longer received (task photos)";
    sandbox.logs(&mut serve, released, 1).await;
    sandbox.command(&["task", "resume", "photos"]).await;
    sandbox.logs(&mut serve, "receiving the task's jobs (task photos)", 2).await;
    sandbox.command(&["task", "delete", "photos", "--yes"]).await;
    sandbox.until("the task is gone", &mut serve, async || sandbox.summary("photos").await.is_none()).await;
    stop(serve).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_applies_to_the_next_run() {
    let files = [("a.txt".to_owned(), 10), ("b.tmp".to_owned(), 10)];
    let sandbox = Sandbox::with_photos(&files, &["--exclude", "*.tmp"]).await;
    let mut serve = sandbox.serve();
    sandbox.receives(&mut serve, "photos").await;
    sandbox.command(&["task", "run", "photos"]).await;
    let ended = async |runs: usize| {
        let runs_are_done = sandbox.runs("photos").await.iter().filter(|run| run.is_done()).count() == runs;
        runs_are_done && sandbox.summary("photos").await.is_some_and(|task| task.run.is_none())
    };
    sandbox.until("the first run ends", &mut serve, async || ended(1).await).await;
    assert!(sandbox.path("to/a.txt").exists() && !sandbox.path("to/b.tmp").exists());
    sandbox.command(&["task", "edit", "photos", "--exclude", "*.none"]).await;
    sandbox.command(&["task", "run", "photos"]).await;
    sandbox.until("the second run ends", &mut serve, async || ended(2).await).await;
    assert!(sandbox.path("to/b.tmp").exists());
    stop(serve).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_a_watched_folder_arrive() {
    let sandbox = Sandbox::with_photos(&[("first".to_owned(), 10)], &["--events", "create-delete"]).await;
    let mut serve = sandbox.serve();
    sandbox.until("the first run copies", &mut serve, async || sandbox.path("to/first").exists()).await;
    write_files(&sandbox.path("source"), &[("later/deep".to_owned(), 20)]);
    sandbox.until("a new file arrives", &mut serve, async || sandbox.path("to/later/deep").exists()).await;
    std::fs::remove_file(sandbox.path("source/later/deep")).expect("a file");
    sandbox.until("its removal arrives", &mut serve, async || !sandbox.path("to/later/deep").exists()).await;

    // What changes while nobody watches is found by the run of the next start.
    stop(serve).await;
    write_files(&sandbox.path("source"), &[("meanwhile".to_owned(), 5)]);
    let mut serve = sandbox.serve();
    sandbox.until("it is found", &mut serve, async || sandbox.path("to/meanwhile").exists()).await;
    stop(serve).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_second_serve_of_a_folder_is_refused() {
    let sandbox = Sandbox::new().await;
    let mut serve = sandbox.serve();
    sandbox.logs(&mut serve, "ready for jobs", 1).await;
    let second = sandbox.run(&["serve"]).await;
    assert_eq!(second.code, Some(2), "{}", second.stderr);
    let line = "another flotilla serve works on this state folder (process ";
    assert!(second.stderr.lines().count() == 1 && second.stderr.contains(line), "{}", second.stderr);
    serve.kill();
    let mut serve = sandbox.serve();
    sandbox.logs(&mut serve, "ready for jobs", 1).await;
    stop(serve).await;
}

/// An edit of the description changes nothing about the folder; one of the filters does.
#[tokio::test(flavor = "multi_thread")]
async fn regression_an_edit_beside_the_folder_begins_no_run() {
    let sandbox = Sandbox::with_photos(&[("first".to_owned(), 10)], &["--events", "create-delete"]).await;
    let mut serve = sandbox.serve();
    let runs = async || sandbox.runs("photos").await.len();
    let ends = async |number: usize| runs().await == number && sandbox.summary("photos").await.unwrap().run.is_none();
    sandbox.until("the first run ends", &mut serve, async || ends(1).await).await;
    let history = sandbox.command(&["task", "history", "photos"]).await;
    assert!(history.contains("\tcatch-up\t"), "{history}");
    sandbox.command(&["task", "edit", "photos", "--description", "Photos"]).await;
    write_files(&sandbox.path("source"), &[("later".to_owned(), 20)]);
    sandbox.until("a new file arrives", &mut serve, async || sandbox.path("to/later").exists()).await;
    sandbox.command(&["task", "edit", "photos", "--exclude", "*.none"]).await;
    sandbox.until("a run catches up", &mut serve, async || ends(2).await).await;
    write_files(&sandbox.path("source"), &[("last".to_owned(), 20), ("a.none".to_owned(), 20)]);
    sandbox.until("a new file arrives", &mut serve, async || sandbox.path("to/last").exists()).await;
    assert!(!sandbox.path("to/a.none").exists());
    assert_eq!(runs().await, 2, "one at the start, one for the filters");
    stop(serve).await;
}
