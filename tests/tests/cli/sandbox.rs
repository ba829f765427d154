//! Folders and the built `flotilla`, as people and scripts run it.

use std::path::PathBuf;
use std::time::Duration;

use flotilla_tests::binaries::{self, Ended, Process};
use tempfile::TempDir;

/// Long enough for a machine that builds beside; the promise to people is 60 s.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A source of three files, and room beside it.
pub struct Sandbox(TempDir);

impl Sandbox {
    pub fn new() -> Sandbox {
        let sandbox = Sandbox(tempfile::tempdir().expect("a temporary folder"));
        sandbox.write("source/a.txt", "a");
        sandbox.write("source/b.jpg", "bb");
        sandbox.write("source/sub/c.jpg", "ccc");
        sandbox
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    /// Runs `flotilla`; `@/name` in an argument stands for a path in this sandbox.
    pub async fn run(&self, arguments: &str) -> Ended {
        self.start(arguments).wait(LIMIT).await
    }

    pub fn start(&self, arguments: &str) -> Process {
        self.start_with(arguments, &[])
    }

    /// Starts `flotilla` with more in its environment.
    pub fn start_with(&self, arguments: &str, more: &[(&'static str, &str)]) -> Process {
        let root = self.text("");
        let arguments: Vec<String> = arguments.split_whitespace().map(|word| word.replace("@/", &root)).collect();
        let env = [("XDG_STATE_HOME", self.text("state")), ("AWS_CONFIG_FILE", self.text("none"))];
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        Process::start(&binaries::flotilla(), arguments, env.into_iter().chain(more))
    }

    /// Starts `flotilla` on many files, slow enough to be met at work.
    pub async fn start_and_see_copies(&self, arguments: &str) -> Process {
        let mut process = self.start(arguments);
        while std::fs::read_dir(self.path("d/many")).map_or(0, Iterator::count) < 20 {
            assert!(process.is_running(), "{}", process.stderr());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        process
    }
}

/// The JSON object in the last line of standard output.
pub fn json(ended: &Ended) -> serde_json::Value {
    serde_json::from_str(ended.stdout.lines().last().expect("a line")).expect("JSON in the last line")
}
