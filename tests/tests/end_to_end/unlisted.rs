//! Folders that are closed to us, names that are no keys, and links that lead nowhere: everything else is done.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use flotilla_tests::binaries::Ended;

use crate::disk::{Sandbox, open};

/// A source of these files, each with its key as its bytes, and an empty destination that anybody may write to.
fn sandbox(files: &[&str], there: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new(&[]);
    for (side, files) in [("source", files), ("d", there)] {
        fs::create_dir_all(sandbox.path(side)).expect("a folder");
        for key in files {
            let path = sandbox.path(side).join(key);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            fs::write(&path, key).expect("a file");
            let mut folder = path.parent();
            while let Some(above) = folder.filter(|above| above.starts_with(sandbox.path(side))) {
                open(&above.to_owned(), 0o777);
                folder = above.parent();
            }
        }
        open(&sandbox.path(side), 0o777);
    }
    fs::create_dir_all(sandbox.path("state")).expect("a folder");
    open(&sandbox.path("state"), 0o777);
    sandbox
}

fn is_there(sandbox: &Sandbox, key: &str) -> bool {
    fs::symlink_metadata(sandbox.path("d").join(key)).is_ok()
}

fn assert_code(ended: &Ended, code: i32) {
    assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_closed_source_folder_stops_nothing_else() {
    let sandbox = sandbox(&["a", "closed/x", "z"], &["closed/old", "gone"]);
    open(&sandbox.path("source/closed"), 0o000);
    for command in ["plan @/source @/d --delete", "verify @/source @/d", "ls @/source"] {
        let ended = sandbox.run_as_other(command).await;
        assert_code(&ended, 1);
        assert!(format!("{}{}", ended.stdout, ended.stderr).contains("closed/: Permission denied"), "{}", ended.stderr);
        assert!(!ended.stdout.contains("closed/old"), "what is unknown is not compared: {}", ended.stdout);
    }
    let ended = sandbox.run_as_other("sync @/source @/d --delete").await;
    assert_code(&ended, 1);
    assert!(ended.stderr.contains("closed/: Permission denied"), "{}", ended.stderr);
    assert!(is_there(&sandbox, "a") && is_there(&sandbox, "z") && is_there(&sandbox, "closed/old"));
    assert!(!is_there(&sandbox, "gone"), "deletes go on elsewhere");
    let excluded = sandbox.run_as_other("sync @/source @/d --delete --exclude closed/**").await;
    assert_code(&excluded, 0);
    assert!(!excluded.stderr.contains("denied"), "{}", excluded.stderr);
    assert!(is_there(&sandbox, "closed/old"));
    open(&sandbox.path("source/closed"), 0o777);
    assert_code(&sandbox.run_as_other("sync @/source @/d --delete").await, 0);
    assert!(is_there(&sandbox, "closed/x") && !is_there(&sandbox, "closed/old"));
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_folder_that_cannot_be_listed_is_named_once() {
    let sandbox = sandbox(&["a", "closed/x"], &[]);
    open(&sandbox.path("source/closed"), 0o000);
    for (option, last) in [
        (
            "",
            "flotilla: 1 folder or name could not be listed, so nothing below it was copied or deleted: see the warnings",
        ),
        (
            "-q",
            "flotilla: some folders or names could not be listed, so nothing below them was copied or deleted: source: list ",
        ),
    ] {
        let ended = sandbox.run_as_other(&format!("sync @/source @/d {option}")).await;
        assert_code(&ended, 1);
        assert_eq!(ended.stderr.matches("closed/: Permission denied").count(), 1, "{option}: {}", ended.stderr);
        assert_eq!(ended.stderr.matches(last).count(), 1, "{option}: {}", ended.stderr);
    }
    open(&sandbox.path("source/closed"), 0o777);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_nothing_is_overwritten_in_a_closed_destination() {
    let sandbox = sandbox(&["a", "shut/x"], &["shut/x", "shut/kept", "gone"]);
    fs::write(sandbox.path("d/shut/x"), "an older one").expect("a file");
    // It could be written to, but not listed.
    open(&sandbox.path("d/shut"), 0o333);
    let ended = sandbox.run_as_other("sync @/source @/d --delete").await;
    open(&sandbox.path("d/shut"), 0o777);
    assert_code(&ended, 1);
    assert!(ended.stderr.contains("shut/: Permission denied"), "{}", ended.stderr);
    assert_eq!(fs::read(sandbox.path("d/shut/x")).expect("it is there"), b"an older one");
    assert!(is_there(&sandbox, "a") && is_there(&sandbox, "shut/kept") && !is_there(&sandbox, "gone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_destination_name_that_is_no_text_stops_nothing() {
    let sandbox = sandbox(&["a", "b/c"], &["gone"]);
    let name = sandbox.path("d").join(OsStr::from_bytes(b"caf\xe9"));
    fs::write(&name, "kept").expect("a file");
    let ended = sandbox.run_as_other("sync @/source @/d --delete").await;
    assert_code(&ended, 1);
    assert!(ended.stderr.contains("is not UTF-8"), "{}", ended.stderr);
    assert!(is_there(&sandbox, "a") && is_there(&sandbox, "b/c") && !is_there(&sandbox, "gone"));
    assert_eq!(fs::read(&name).expect("it is there"), b"kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_what_stands_behind_a_link_is_not_deleted() {
    let there = ["loop", "outside/x", "inside/a", "broken", "gone"];
    let sandbox = sandbox(&["a/real"], &there);
    for (name, target) in [("loop", "loop"), ("outside", "/usr"), ("inside", "a"), ("broken", "nowhere")] {
        symlink(target, sandbox.path("source").join(name)).expect("a link");
    }
    let ended = sandbox.run_as_other("sync @/source @/d --delete --attempts 1").await;
    assert_code(&ended, 0);
    for name in ["loop", "outside", "inside", "broken"] {
        assert!(ended.stderr.contains(&format!("{name:?} (a link")), "{}", ended.stderr);
    }
    for key in there {
        assert_eq!(is_there(&sandbox, key), key != "gone", "{key}");
    }
    assert!(is_there(&sandbox, "a/real"));
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_link_at_the_destination_is_in_no_copys_way() {
    let sandbox = sandbox(&["a", "link"], &[]);
    symlink("nowhere", sandbox.path("d/link")).expect("a link");
    assert_code(&sandbox.run_as_other("sync @/source @/d --delete").await, 0);
    assert_eq!(fs::read(sandbox.path("d/link")).expect("it is there"), b"link");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_times_out_of_range_are_copied_once() {
    let sandbox = sandbox(&["past", "future"], &[]);
    // A file system in memory holds times that those on disks do not.
    let source = tempfile::Builder::new().prefix("flotilla-times").tempdir_in("/dev/shm").expect("a folder");
    for (name, seconds) in [("past", -5_400_000_000_i64), ("future", 16_725_225_600)] {
        let file = fs::File::create(source.path().join(name)).expect("a file");
        let far = std::time::Duration::new(seconds.unsigned_abs(), 123_456_789);
        let epoch = std::time::SystemTime::UNIX_EPOCH;
        file.set_modified(if seconds < 0 { epoch - far } else { epoch + far }).expect("it can be set");
    }
    let sync = format!("sync {} @/d --json", source.path().display());
    let first = sandbox.run("", &sync).await;
    assert_code(&first, 0);
    let again = sandbox.run("", &sync).await;
    assert_code(&again, 0);
    assert!(first.stdout.contains("\"copied\":2,") && again.stdout.contains("\"copied\":0,"), "{}", again.stdout);
}
