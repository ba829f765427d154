//! `flotilla serve`: tasks of a state folder, with the real program.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use adapters::open::FleetBackend;
use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::emulators::fresh_folder;
use shared::config::FleetFile;
use shared::tasks::{Heartbeat, Summary};

use crate::support::write_files;

/// For a machine with many more programs than cores.
const LIMIT: Duration = Duration::from_secs(180);

const NO_ENV: [(&str, String); 0] = [];

/// A state folder, with folders beside it.
pub struct Place {
    root: PathBuf,
    pub backend: FleetBackend,
}

impl Place {
    pub async fn new() -> Place {
        let root = fresh_folder("serve");
        let fleet = FleetFile::of_folder("local", root.join("state"));
        Place { backend: FleetBackend::open(&fleet).await.expect("a state folder"), root }
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

    /// Of a command that ends by itself; `@/name` in a word stands for a path in this place.
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

    /// Waits until `reached`, which `what` says, while the process works.
    pub async fn until(&self, what: &str, process: &mut Process, reached: impl AsyncFn() -> bool) {
        let began = Instant::now();
        while !reached().await {
            assert!(process.is_running(), "{what}: the program ended: {}", process.stderr());
            assert!(began.elapsed() < LIMIT, "{what}: not in time; {}", process.stderr());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
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
    let place = Place::new().await;
    write_files(&place.path("good"), &[("a".to_owned(), 10)]);
    place.command(&["task", "create", "good", "@/good", "@/to/good"]).await;
    place.command(&["task", "create", "away", "@/away", "@/to/away"]).await;
    let mut serve = place.serve();
    let (good, away) = (place.summary("good").await.unwrap(), place.summary("away").await.unwrap());
    let error = async || place.heartbeats().await.first().and_then(|beat| beat.errors.get(&away.task.id).cloned());
    place.until("the error is reported", &mut serve, async || error().await.is_some()).await;
    let beat = place.heartbeats().await.remove(0);
    let why = &beat.errors[&away.task.id];
    assert!(why.contains("/away"), "it names the folder: {why}");
    assert!(!beat.errors.contains_key(&good.task.id), "{:?}", beat.errors);
    assert!(serve.stderr().contains("receiving the task's jobs (task good)"), "{}", serve.stderr());
    write_files(&place.path("away"), &[("b".to_owned(), 10)]);
    place.until("it is mended", &mut serve, async || error().await.is_none()).await;
    stop(serve).await;
    assert_eq!(place.heartbeats().await, [], "a worker that ends leaves");
}
