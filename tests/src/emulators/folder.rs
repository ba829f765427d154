//! The test process's own folder for data, logs and credentials.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

const PREFIX: &str = "flotilla-tests-";

/// A folder of this process below `$TMPDIR`. Nothing runs when a process is killed, so each process
/// removes what its dead predecessors left.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let base = std::env::temp_dir();
        sweep(&base);
        let folder = base.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir_all(&folder).expect("the temporary folder must be writable");
        folder
    })
}

/// A new empty folder that goes away after the test process.
pub fn fresh(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let path = folder().join(format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir_all(&path).expect("the temporary folder must be writable");
    path
}

// Two processes may sweep at once: whatever the other removed first is no error.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|n| n.strip_prefix(PREFIX)).and_then(|n| n.parse::<i32>().ok()) else {
            continue;
        };
        // A pid that was given away again keeps its folder until that process is gone too.
        let gone = rustix::process::Pid::from_raw(pid)
            .is_none_or(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH));
        if gone || pid as u32 == std::process::id() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
