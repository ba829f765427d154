//! Files where folders were, and the reverse.

use std::fs;
use std::path::{Path, PathBuf};

use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::emulators::fresh_folder;

use crate::keys::{Sync, at};

/// Keys of the source that something else blocks, at several depths.
const BLOCKED: [&str; 5] = ["a/b/c", "d", "e/f/g/h", "e/f/i", "k"];
/// What blocks them.
const BLOCKING: [&str; 6] = ["a", "d/e/z", "d/x", "d/y", "e/f", "k/l"];

fn write(folder: &Path, keys: &[&str], bytes: &str) {
    for key in keys {
        let path = folder.join(key);
        fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("folders can be made");
        fs::write(path, bytes).expect("files can be written");
    }
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("it can be read") {
            let path = entry.expect("it can be read").path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(folder).expect("it lies below").display().to_string()),
            }
        }
    }
    found.sort_unstable();
    found
}

/// A destination in which something blocks keys, and a sync of a folder or a bucket into it.
struct Stage {
    cloud: Cloud,
    bucket: String,
    destination: PathBuf,
    sync: Sync,
}

impl Stage {
    async fn new(from_bucket: bool) -> Stage {
        let cloud = Cloud::start(Profile::AMAZON).await;
        let bucket = cloud.create_bucket("source");
        let (source, destination) = (fresh_folder("source"), fresh_folder("destination"));
        let keys: Vec<&str> = BLOCKED.into_iter().chain(["z"]).collect();
        write(&source, &keys, "new bytes");
        keys.iter().for_each(|key| cloud.put(&bucket, key, "new bytes"));
        write(&destination, &BLOCKING, "old");
        write(&destination, &["stale"], "old");
        let to = destination.to_str().expect("UTF-8");
        let sync = match from_bucket {
            true => Sync::new(&format!("s3://{bucket}"), to, [at("source", &cloud)]),
            false => Sync::new(source.to_str().expect("UTF-8"), to, []),
        };
        Stage { cloud, bucket, destination, sync }
    }

    /// Whether all that blocks a key is as it was.
    fn assert_old(&self, others: &[&str]) {
        let mut expected: Vec<&str> = BLOCKING.iter().chain(others).copied().collect();
        expected.sort_unstable();
        assert_eq!(files(&self.destination), expected);
        for key in BLOCKING {
            assert_eq!(fs::read_to_string(self.destination.join(key)).expect("it is there"), "old", "{key}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_one_run_puts_files_in_place_of_folders_and_back() {
    for from_bucket in [true, false] {
        let stage = Stage::new(from_bucket).await;
        let (ended, summary) = stage.sync.run(&["--delete"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!((&summary["copied"], &summary["failed"]), (&6.into(), &0.into()), "{summary}");
        assert_eq!(files(&stage.destination), ["a/b/c", "d", "e/f/g/h", "e/f/i", "k", "z"]);
        for key in BLOCKED {
            assert_eq!(fs::read_to_string(stage.destination.join(key)).expect("it is there"), "new bytes", "{key}");
        }
        let (ended, summary) = stage.sync.run(&["--delete"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!((&summary["copied"], &summary["deleted"]), (&0.into(), &0.into()), "{summary}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_without_deletes_what_blocks_a_copy_stays() {
    let stage = Stage::new(true).await;
    let (ended, summary) = stage.sync.run(&[]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!((&summary["copied"], &summary["failed"]), (&1.into(), &5.into()), "{summary}");
    assert!(ended.stderr.contains("--delete"), "{}", ended.stderr);
    stage.assert_old(&["stale", "z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_refused_deletes_leave_what_blocks_a_copy() {
    let stage = Stage::new(true).await;
    let (ended, summary) = stage.sync.run(&["--delete", "--max-delete=6"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!((&summary["copied"], &summary["failed"]), (&1.into(), &5.into()), "{summary}");
    assert!(ended.stderr.contains("deletes were refused"), "{}", ended.stderr);
    stage.assert_old(&["stale", "z"]);
    // All of them count, also those that copies make.
    let (ended, _) = stage.sync.run(&["--delete", "--max-delete=7"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_what_blocks_a_copy_that_fails_stays() {
    let stage = Stage::new(true).await;
    stage.cloud.deny(&stage.bucket, &["GetObject"]);
    let (ended, summary) = stage.sync.run(&["--delete"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(summary["copied"], 0, "{summary}");
    stage.assert_old(&["stale"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_link_that_blocks_a_copy_is_named() {
    let (source, destination) = (fresh_folder("source"), fresh_folder("destination"));
    write(&source, &["a/b", "c/d/e"], "new bytes");
    std::os::unix::fs::symlink("nowhere", destination.join("a")).expect("links can be made");
    fs::create_dir(destination.join("c")).expect("folders can be made");
    std::os::unix::fs::symlink(&source, destination.join("c/d")).expect("links can be made");
    let sync = Sync::new(source.to_str().expect("UTF-8"), destination.to_str().expect("UTF-8"), []);
    let (ended, summary) = sync.run(&["--delete"]).await;
    assert_eq!((ended.code, &summary["failed"]), (Some(1), &2.into()), "{}", ended.stderr);
    for link in [r#""a" is a link"#, r#""c/d" is a link"#] {
        assert!(ended.stderr.contains(link), "{link}: {}", ended.stderr);
    }
}
