//! Limits that a store has and nobody knows of: the object arrives all the same, or the message says why not.

use std::fs;
use std::path::Path;

use flotilla_tests::binaries::Ended;
use flotilla_tests::cloud::{Cloud, Profile, StoredObject};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, fresh_folder, weed};
use flotilla_tests::proxy::{Kind, Proxy};

use crate::fidelity::{CUT, Sync, count, summary};
use crate::keys;
use crate::support::{MIB, content, list, write_files};

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_source_without_gzip_ranges_is_read_whole() {
    let from = Cloud::start(Profile { ignores_gzip_ranges: true, ..Profile::AMAZON }).await;
    let to = Cloud::start(Profile::AMAZON).await;
    let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
    // In parts, and giant.
    for (key, size) in [("parts", 6 * MIB), ("giant", 12 * MIB)] {
        from.put_as(&source, key, content(key, size), pack);
    }
    let ended = Sync::between(&from, &source, &to, &destination).run(&CUT).await;
    assert_eq!(count(&summary(&ended, 0), "copied"), 2, "{}", ended.stderr);
    for key in ["parts", "giant"] {
        let copy = to.object(&destination, key).expect("it was copied");
        assert!(copy.bytes == from.object(&source, key).expect("it is there").bytes, "{key}: the bytes differ");
        assert_eq!(copy.headers["content-encoding"], "gzip", "{key}");
    }
    assert_eq!(to.uploads(&destination), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_objects_of_google_arrive_packed() {
    let (from, to) = (Cloud::start(Profile::GCS).await, Cloud::start(Profile::AMAZON).await);
    let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
    for (key, size) in [("whole", 1000), ("parts", 6 * MIB)] {
        from.put_as(&source, key, content(key, size), pack);
    }
    let sync = Sync::new((&from.endpoint, format!("gs://{source}")), (&to.endpoint, format!("s3://{destination}")));
    let ended = sync.run(&CUT).await;
    assert_eq!(count(&summary(&ended, 0), "copied"), 2, "{}", ended.stderr);
    for (key, size) in [("whole", 1000), ("parts", 6 * MIB)] {
        let copy = to.object(&destination, key).expect("it was copied");
        assert!(copy.bytes == content(key, size), "{key}: the bytes differ");
    }
}

/// Stores the object as if its bytes were packed.
fn pack(stored: &mut StoredObject) {
    stored.headers.insert("content-encoding".to_owned(), "gzip".to_owned());
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_refused_number_of_parts_gives_larger_parts() {
    let (from, to) =
        (Cloud::start(Profile::AMAZON).await, Cloud::start(Profile { max_parts: 2, ..Profile::UNKNOWN }).await);
    let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
    let bytes = content("many", 11 * MIB);
    from.put(&source, "many", bytes.clone());
    let options = ["--multipart-threshold", "5MiB", "--part-size", "5MiB"];
    let ended = Sync::between(&from, &source, &to, &destination).run(&options).await;
    assert_eq!(count(&summary(&ended, 0), "copied"), 1, "{}", ended.stderr);
    assert!(to.object(&destination, "many").expect("it was copied").bytes == bytes);
    assert!(ended.stderr.contains("--part-size"), "{}", ended.stderr);
    assert_eq!((to.uploads(&destination), to.count(Kind::Create)), (vec![], 2));
}

/// A key of folders with names of 200 bytes, and a file.
fn deep_key(folders: usize) -> String {
    format!("{}/", "d".repeat(200)).repeat(folders) + "file"
}

/// One object failed, in one attempt, with this reason.
fn assert_failed_at_once(ended: &Ended, counted: &serde_json::Value, reason: &str) {
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!((&counted["failed"], &counted["copied"]), (&1.into(), &1.into()), "{counted}");
    let failed: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("failed: ")).collect();
    assert_eq!(failed.len(), 1, "{}", ended.stderr);
    assert!(failed[0].contains("\t1 attempt\t") && failed[0].contains(reason), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_key_over_1024_bytes_takes_one_attempt() {
    let weed = weed();
    let proxy = Proxy::start(&weed.endpoint).await;
    let bucket = weed.create_bucket("destination").await;
    let source = fresh_folder("source");
    write_files(&source, &[(deep_key(6), 10), ("short".to_owned(), 10)]);
    let keys = credentials_file(ACCESS_KEY, SECRET_KEY);
    let to = [
        format!("--destination-endpoint-url={}", proxy.endpoint),
        format!("--destination-credentials=file:{}", keys.display()),
    ];
    let sync = keys::Sync::new(source.to_str().expect("UTF-8"), &format!("s3://{bucket}"), [to.to_vec()]);
    let (ended, counted) = sync.run(&[]).await;
    assert_failed_at_once(&ended, &counted, "the key has 1210 bytes, and a store accepts at most 1024");
    assert_eq!(list(&weed.client(&weed.endpoint), &bucket).await.len(), 1);
    assert_eq!((proxy.writes(), proxy.count(Kind::Put)), (1, 1), "the short one alone");
}

/// Makes a folder below `root` whose path is longer than a program may name, with a file in it; gives the file's key.
fn write_below_a_long_path(root: &Path) -> String {
    let name = "d".repeat(200);
    let mut folder = fs::File::open(root).expect("the folder opens");
    let mut key = String::new();
    while key.len() < 4_100 {
        rustix::fs::mkdirat(&folder, &name, rustix::fs::Mode::RWXU).expect("a folder can be made");
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
        folder = rustix::fs::openat(&folder, &name, flags, rustix::fs::Mode::empty()).expect("it opens").into();
        key += &format!("{name}/");
    }
    let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
    rustix::fs::openat(&folder, "file", flags, rustix::fs::Mode::RUSR).expect("a file can be made");
    key + "file"
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_path_over_path_max_takes_one_attempt() {
    let (source, destination) = (fresh_folder("source"), fresh_folder("destination"));
    let key = write_below_a_long_path(&source);
    write_files(&source, &[("short".to_owned(), 10)]);
    let sync = keys::Sync::new(source.to_str().expect("UTF-8"), destination.to_str().expect("UTF-8"), []);
    let (ended, counted) = sync.run(&[]).await;
    assert!(key.len() > 4_095, "{} bytes", key.len());
    assert_failed_at_once(&ended, &counted, "bytes, and at most 4095 are allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_key_too_long_for_a_folder_takes_one_attempt() {
    let from = Cloud::start(Profile::AMAZON).await;
    let source = from.create_bucket("source");
    for key in [&deep_key(5), "short"] {
        from.put(&source, key, "bytes");
    }
    let mut destination = fresh_folder("destination");
    while destination.as_os_str().len() < 3_500 {
        destination.push("d".repeat(200));
        fs::create_dir(&destination).expect("a folder can be made");
    }
    let to = destination.to_str().expect("UTF-8");
    let sync = keys::Sync::new(&format!("s3://{source}"), to, [keys::at("source", &from)]);
    let (ended, counted) = sync.run(&[]).await;
    assert_failed_at_once(&ended, &counted, "and at most 4095 are allowed");
    assert_eq!(fs::read(destination.join("short")).expect("it was copied"), b"bytes");
}
