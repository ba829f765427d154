//! The built programs, and processes of them that a test can watch, stop and kill.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use crate::emulators::{folder, keeper};

/// The `flotilla` program.
pub fn flotilla() -> PathBuf {
    built("flotilla")
}

/// The `finder` program.
pub fn finder() -> PathBuf {
    built("finder")
}

/// The `worker` program.
pub fn worker() -> PathBuf {
    built("worker")
}

/// A program of the next release. The script builds what is not built yet: see there what differs.
///
/// # Panics
/// If the script fails.
pub fn next_release(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("next-release");
        let built = Command::new(script).status().expect("python3 is installed");
        assert!(built.success(), "the next release is not built");
    });
    built(&format!("next-{name}"))
}

// Tests run from target/PROFILE/deps; the programs of the same profile are one folder up.
fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the system names the running program");
    let profile = test.parent().and_then(Path::parent).expect("tests run from target/PROFILE/deps");
    let program = profile.join(name);
    assert!(
        program.exists(),
        "{} is not built: run `cargo build --workspace --bins` (with the tests' profile) or tests/run",
        program.display()
    );
    program
}

/// How a process ended, and what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Signal that ended it.
    pub signal: Option<i32>,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

/// Waits until `reached`, which `what` says, while these processes run.
///
/// # Panics
/// If a process ends, or after `limit`; with what they wrote to standard error.
pub async fn until(what: &str, processes: &mut [Process], limit: Duration, reached: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !reached().await {
        for process in processes.iter_mut() {
            assert!(process.is_running(), "{what}: a program ended: {}", process.stderr());
        }
        let logs = || processes.iter().map(Process::stderr).collect::<Vec<String>>();
        assert!(began.elapsed() < limit, "{what}: not in time; {:#?}", logs());
        sleep(Duration::from_millis(50)).await;
    }
}

/// A running process. Dropping it kills and reaps it; it ends with the test process in any case.
#[derive(Debug)]
pub struct Process {
    child: Child,
    status: Option<ExitStatus>,
    folder: PathBuf,
}

impl Process {
    /// Starts `program`. It sees this process's environment without what configures Amazon's SDK,
    /// so that no test depends on the machine's, and `env` in addition.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start<A, E>(program: &Path, args: A, env: E) -> Process
    where
        A: IntoIterator<Item: AsRef<OsStr>>,
        E: IntoIterator<Item = (&'static str, String)>,
    {
        let folder = folder::fresh("process");
        let mut command = keeper::command(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"AWS_")) {
            command.env_remove(name);
        }
        command.args(args).env("AWS_EC2_METADATA_DISABLED", "true").envs(env).stdin(Stdio::null());
        command.stdout(File::create(folder.join("stdout")).expect("the temporary folder must be writable"));
        command.stderr(File::create(folder.join("stderr")).expect("the temporary folder must be writable"));
        let child = keeper::spawn(command).unwrap_or_else(|e| panic!("cannot start {}: {e}", program.display()));
        Process { child, status: None, folder }
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// If it is still running after `limit`, with what it wrote to standard error.
    pub async fn wait(&mut self, limit: Duration) -> Ended {
        let started = Instant::now();
        while self.is_running() {
            assert!(started.elapsed() < limit, "still running after {limit:?}; it wrote:\n{}", self.stderr());
            sleep(Duration::from_millis(20)).await;
        }
        let status = self.status.expect("it has ended");
        Ended { code: status.code(), signal: status.signal(), stdout: self.stdout(), stderr: self.stderr() }
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("a child can be waited for");
        }
        self.status.is_none()
    }

    /// Sends it SIGKILL.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
    }

    /// Sends it SIGTERM.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Sends it SIGINT, as Ctrl-C does.
    pub fn interrupt(&mut self) {
        self.signal(Signal::INT);
    }

    /// Sends it a signal; nothing happens if it has ended.
    pub fn signal(&mut self, signal: Signal) {
        // Not yet reaped, so the id is still its own.
        if self.is_running() {
            kill_process(self.pid(), signal).expect("a child may be signalled");
        }
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// What it has written to standard output so far.
    pub fn stdout(&self) -> String {
        self.read("stdout")
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        self.read("stderr")
    }

    /// The most memory it has had resident, bytes; `None` once it has ended.
    pub fn peak_memory_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join(name)).unwrap_or_default()).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
