//! No room, no right to write, and folders that go away: one clear line, nothing half written, and the next run
//! finishes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::emulators::fresh_folder;

use crate::support::{MIB, assert_files, write_files};

const LIMIT: Duration = Duration::from_secs(180);

/// A folder of a test's own, with the sync's both sides and its state in it.
pub struct Sandbox(PathBuf);

impl Sandbox {
    pub fn new(files: &[(String, usize)]) -> Sandbox {
        let sandbox = Sandbox(fresh_folder("disk"));
        write_files(&sandbox.path("source"), files);
        sandbox
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A shell that does `first` and then becomes `flotilla`, with its output as `redirected`; `@/name` stands for a
    /// path in this place.
    fn start(&self, first: &str, arguments: &str, redirected: &str) -> Process {
        let root = format!("{}/", self.0.display());
        let script = format!("{} exec \"$0\" \"$@\" {redirected}", first.replace("@/", &root));
        let flotilla = binaries::flotilla().display().to_string();
        let arguments = arguments.split_whitespace().map(|word| word.replace("@/", &root));
        let all: Vec<String> = ["-c".to_owned(), script, flotilla].into_iter().chain(arguments).collect();
        Process::start(std::path::Path::new("/bin/sh"), all, [("XDG_STATE_HOME", format!("{root}state"))])
    }

    pub async fn run(&self, first: &str, arguments: &str) -> Ended {
        self.start(first, arguments, "").wait(LIMIT).await
    }

    /// Runs it as another user if we are root, who may do everything.
    pub async fn run_as_other(&self, arguments: &str) -> Ended {
        let user = "[ \"$(id -u)\" = 0 ] && { set -- --reuid 65534 --regid 65534 --clear-groups -- \"$0\" \"$@\"; exec setpriv \"$@\"; };";
        let temporary = std::env::temp_dir();
        for folder in self.0.ancestors().filter(|folder| folder.starts_with(&temporary)) {
            let mode = fs::metadata(folder).expect("it is there").permissions().mode();
            if mode & 0o001 == 0 {
                open(&folder.to_owned(), mode | 0o111);
            }
        }
        self.run(user, arguments).await
    }

    /// Leaves the database as one file: as the last connection to it does when it is closed.
    fn take_in_the_log(&self) {
        let program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA wal_checkpoint(TRUNCATE)'); c.close()";
        let database = self.path("state/flotilla/flotilla.db");
        let done = Command::new("python3").args(["-c", program]).arg(database).status().expect("Python is there");
        assert!(done.success() && !self.path("state/flotilla/flotilla.db-wal").exists());
    }

    async fn sync(&self) -> Ended {
        self.run("", "sync @/source @/d").await
    }

    async fn finishes(&self, files: &[(String, usize)]) {
        let ended = self.sync().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_files(&self.path("d"), files);
    }
}

/// No file grows beyond so many bytes: the write that would fails, as on a disk that is full.
fn no_file_beyond(bytes: usize) -> String {
    // POSIX: in units of 512 bytes. The signal that comes with it would end the process.
    format!("trap '' XFSZ; ulimit -f {};", bytes / 512)
}

fn small(count: usize) -> Vec<(String, usize)> {
    (0..count).map(|n| (format!("f{n}"), 300 + n)).collect()
}

/// One line, ours, that says this.
fn assert_says(ended: &Ended, code: i32, part: &str) {
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    let last = ended.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("flotilla: ") && last.contains(part), "{}", ended.stderr);
    assert!(!ended.stderr.contains("internal error"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_without_room_are_named_and_leave_nothing_behind() {
    let mut files = small(20);
    for (key, size) in [("whole", 3 * MIB), ("in-parts", 9 * MIB)] {
        files.push((key.to_owned(), size));
    }
    let sandbox = Sandbox::new(&files);
    // The database stays far below.
    let options = "sync @/source @/d --json --attempts 2 --retry-delay 0s --part-size 1MiB --multipart-threshold 4MiB";
    let ended = sandbox.run(&no_file_beyond(2 * MIB), options).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stdout.contains("\"copied\":20,") && ended.stdout.contains("\"failed\":2,"), "{}", ended.stdout);
    for key in ["whole", "in-parts"] {
        assert!(ended.stderr.contains(&format!("failed: {key}\t1 attempt\t")), "{}", ended.stderr);
        assert!(!sandbox.path("d").join(key).exists(), "{key} is half written");
    }
    let left = fs::read_dir(sandbox.path("d/.flotilla-partial")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "room is taken up by what was given up");
    assert_files(&sandbox.path("d"), &small(20));
    sandbox.finishes(&files).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_state_folder_ends_the_sync_and_the_next_finishes() {
    let files = small(3_000);
    let sandbox = Sandbox::new(&files);
    // In the middle of the run: the log of the database grows beyond what the disk has room for.
    let ended = sandbox.run(&no_file_beyond(MIB / 2), "sync @/source @/d").await;
    assert_says(&ended, 3, "flotilla.db");
    sandbox.finishes(&files).await;
    // From the first write on.
    fs::remove_dir_all(sandbox.path("state")).expect("it can be removed");
    let ended = sandbox.run(&no_file_beyond(1024), "sync @/source @/d").await;
    assert_says(&ended, 2, "flotilla.db");
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    sandbox.finishes(&files).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_written_is_one_line() {
    let files = small(3);
    for (closed, code, part) in
        [("state/flotilla", 2, "state folder"), ("d", 2, "the destination folder is not writable")]
    {
        let sandbox = Sandbox::new(&files);
        if closed != "d" {
            assert_eq!(sandbox.sync().await.code, Some(0));
            fs::write(sandbox.path("source/new"), "new").expect("a file");
            open(&sandbox.path("d"), 0o777);
        } else {
            fs::create_dir_all(sandbox.path("d")).expect("a folder");
            fs::create_dir_all(sandbox.path("state")).expect("a folder");
            open(&sandbox.path("state"), 0o777);
        }
        open(&sandbox.path(closed), 0o555);
        let ended = sandbox.run_as_other("sync @/source @/d --attempts 1").await;
        open(&sandbox.path(closed), 0o777);
        assert_eq!(ended.code, Some(code), "{closed}: {}", ended.stderr);
        assert!(ended.stderr.contains(part) && !ended.stderr.contains("internal error"), "{closed}: {}", ended.stderr);
        assert!(code == 1 || ended.stderr.lines().count() == 1, "{closed}: {}", ended.stderr);
        let again = sandbox.sync().await;
        assert_eq!(again.code, Some(0), "{closed}: {}", again.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_read_only_destination_can_be_in_sync() {
    let files = small(5);
    let sandbox = Sandbox::new(&files);
    fs::create_dir_all(sandbox.path("d")).expect("a folder");
    fs::create_dir_all(sandbox.path("state")).expect("a folder");
    [("state", 0o777), ("d", 0o777)].iter().for_each(|(name, mode)| open(&sandbox.path(name), *mode));
    let first = sandbox.run_as_other("sync @/source @/d").await;
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    open(&sandbox.path("d"), 0o555);
    let synced = sandbox.run_as_other("sync @/source @/d --json").await;
    fs::write(sandbox.path("source/new"), "new").expect("a file");
    let refused = sandbox.run_as_other("sync @/source @/d").await;
    open(&sandbox.path("d"), 0o777);
    assert_eq!(synced.code, Some(0), "{}", synced.stderr);
    assert!(synced.stdout.contains("\"skipped\":5,"), "{}", synced.stdout);
    assert_says(&refused, 2, "the destination folder is not writable");
    let again = sandbox.run_as_other("sync @/source @/d").await;
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(sandbox.path("d/new").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_too_many_open_files_slow_a_sync_and_fail_nothing() {
    let files: Vec<_> = (0..200).map(|n| (format!("f{n}"), MIB / 4)).collect();
    let sandbox = Sandbox::new(&files);
    let ended = sandbox.run("ulimit -n 60;", "sync @/source @/d --concurrency 128 --retry-delay 0s").await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("free space"), "{}", ended.stderr);
    assert_files(&sandbox.path("d"), &files);
}

/// Sets the permissions of a file or folder.
pub fn open(path: &PathBuf, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_broken_newer_or_gone_is_one_line() {
    let files = small(3);
    let sandbox = Sandbox::new(&files);
    sandbox.finishes(&files).await;
    sandbox.take_in_the_log();
    let database = sandbox.path("state/flotilla/flotilla.db");
    let whole = fs::read(&database).expect("a database");
    // Pages of it, not its head.
    let mut broken = whole.clone();
    broken[8192..].fill(0x5a);
    // The version of its schema: 4 bytes at 60 (SQLite "Database File Format", "The Database Header").
    let mut newer = whole.clone();
    newer[60..64].copy_from_slice(&1_000_u32.to_be_bytes());
    for (bytes, part) in [(&broken, "move the state folder away"), (&newer, "newer release")] {
        fs::write(&database, bytes).expect("a file");
        for command in ["sync @/source @/d", "status", "failures"] {
            let ended = sandbox.run("", command).await;
            assert!(matches!(ended.code, Some(1..=3)), "{command}: {}", ended.stderr);
            assert!(ended.stderr.contains(part), "{command}: {}", ended.stderr);
            assert_eq!(ended.stderr.lines().count(), 1, "{command}: {}", ended.stderr);
        }
    }
    fs::write(&database, &whole).expect("a file");
    sandbox.finishes(&files).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_or_goes_on_if_its_state_folder_is_removed() {
    let files = small(2_000);
    let sandbox = Sandbox::new(&files);
    let mut sync = sandbox.start("", "sync @/source @/d --bandwidth-limit 64KiB --concurrency 2", "");
    let began = Instant::now();
    while fs::read_dir(sandbox.path("d")).map_or(0, Iterator::count) < 20 {
        assert!(sync.is_running() && began.elapsed() < LIMIT, "{}", sync.stderr());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    fs::remove_dir_all(sandbox.path("state")).expect("it can be removed");
    sync.terminate();
    let ended = sync.wait(LIMIT).await;
    assert!(matches!(ended.code, Some(0 | 3)), "{:?} {}", ended.code, ended.stderr);
    assert!(!ended.stderr.contains("internal error"), "{}", ended.stderr);
    sandbox.finishes(&files).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_errors_except_a_closed_pipe_are_errors() {
    let files = small(3);
    let sandbox = Sandbox::new(&files);
    sandbox.finishes(&files).await;
    fs::remove_file(sandbox.path("d/f0")).expect("a file");
    fs::create_dir_all(sandbox.path("d/f0/in-the-way")).expect("a folder");
    assert_eq!(sandbox.run("", "sync @/source @/d --attempts 1").await.code, Some(1));
    for command in [
        "status",
        "status --json",
        "failures",
        "failures --json",
        "plan @/source @/d",
        "verify @/source @/d",
        "sync @/source @/d --json --attempts 1",
    ] {
        let full = sandbox.start("", command, ">/dev/full").wait(LIMIT).await;
        assert_says(&full, 1, "cannot write to standard output");
        let closed = sandbox.start("", command, "| true").wait(LIMIT).await;
        assert!(!closed.stderr.contains("flotilla: "), "{command}: {}", closed.stderr);
    }
    // Nothing can be printed then, but it is no crash.
    let mute = sandbox.start("", "sync @/source @/d --attempts 1", "2>/dev/full").wait(LIMIT).await;
    assert_eq!(mute.code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_whose_name_is_no_text_is_refused() {
    let sandbox = Sandbox::new(&small(1));
    let ended = sandbox.start("name=$(printf '@/s\\377');", "sync @/source @/d --state", "\"$name\"").wait(LIMIT).await;
    assert_says(&ended, 2, "not UTF-8");
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
}

/// Becomes a shell that sees a disk of 2 MiB at the destination, in a mount namespace of its own.
const SMALL_DISK: &str = "set -- \"$0\" \"$@\"; mkdir -p @/d; exec unshare --mount sh -c 'mount -t tmpfs -o size=2m tmpfs @/d && exec \"$0\" \"$@\"' \"$@\";";

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_full_disk_ends_the_sync_soon_and_fails_nothing() {
    let files: Vec<(String, usize)> = (0..40).map(|n| (format!("f{n:02}"), MIB / 4)).collect();
    let sandbox = Sandbox::new(&files);
    let first =
        if is_root() { SMALL_DISK.to_owned() } else { SMALL_DISK.replace("--mount", "--mount --map-root-user") };
    let ended = sandbox.run(&first, "sync @/source @/d").await;
    assert_says(&ended, 3, "disk full at ");
    assert!(!ended.stderr.contains("failed: "), "{}", ended.stderr);
    // The small disk went with the first run: the resumed one does the rest, and another the files that went with it.
    let resumed = sandbox.sync().await;
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    sandbox.finishes(&files).await;
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
