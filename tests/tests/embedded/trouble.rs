//! Folders and files that are not as they should be.

use std::fs;
use std::path::Path;

use adapters::sqlite::Database;
use shared::ErrorKind;

fn refused(dir: &Path) -> (ErrorKind, String) {
    let error = Database::open(dir).unwrap_err();
    let line = error.to_string();
    assert!(line.contains(&dir.display().to_string()) && !line.contains('\n'), "{line}");
    (error.kind(), line)
}

#[test]
fn a_file_that_is_no_database_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("flotilla.db");
    fs::write(&file, "not a database, but long enough to be looked at. ".repeat(100)).unwrap();
    assert_eq!(refused(dir.path()).0, ErrorKind::Corrupt);
    assert!(fs::read(&file).unwrap().starts_with(b"not a database"));
}

#[test]
fn a_state_folder_that_is_a_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("state");
    fs::write(&file, "").unwrap();
    assert_eq!(refused(&file).0, ErrorKind::Invalid);
    assert_eq!(refused(&file.join("below")).0, ErrorKind::Invalid);
}

#[test]
fn a_database_that_is_a_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("flotilla.db")).unwrap();
    assert_eq!(refused(dir.path()).0, ErrorKind::Denied);
}

#[test]
fn a_folder_that_cannot_be_written_is_denied() {
    // Nobody can write there, not even root.
    let (kind, line) = refused(Path::new("/proc/flotilla-state"));
    assert!(matches!(kind, ErrorKind::Denied | ErrorKind::Unavailable), "{line}");
}

#[test]
fn files_of_dead_owners_are_removed_and_of_live_ones_kept() {
    let dir = tempfile::tempdir().unwrap();
    let first = Database::open(dir.path()).unwrap();
    fs::write(dir.path().join("owners/dead.lock"), "").unwrap();
    let second = Database::open(dir.path()).unwrap();
    let count = || fs::read_dir(dir.path().join("owners")).unwrap().count();
    assert_eq!(count(), 2);
    drop((first, second));
    assert_eq!(count(), 0);
}
