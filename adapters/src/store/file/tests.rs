//! Faults that only a folder can have.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tempfile::TempDir;

use super::*;

/// A folder beside the root, for what must not be touched, and the store.
fn open() -> (TempDir, FileStore) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("root")).unwrap();
    fs::create_dir(dir.path().join("outside")).unwrap();
    let store = FileStore::open(&Location::folder(&dir.path().join("root")).unwrap()).unwrap();
    (dir, store)
}

async fn put(store: &FileStore, key: &str, bytes: &'static [u8]) -> Result<Written> {
    let write = Write { size: bytes.len() as u64, ..Write::default() };
    store.put(key, &write, Body::stream(stream::iter([Ok(Bytes::from_static(bytes))]))).await
}

async fn get(store: &FileStore, key: &str) -> Result<Vec<u8>> {
    let chunks: Vec<Bytes> = store.get(key, &Read::default()).await?.body.try_collect().await?;
    Ok(chunks.concat())
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

fn names_in(path: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn no_link_is_read_or_written_through_out_of_the_root() {
    let (dir, store) = open();
    let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
    fs::write(outside.join("secret"), b"secret").unwrap();
    symlink("../outside", root.join("relative")).unwrap();
    symlink(&outside, root.join("absolute")).unwrap();
    symlink("../outside/secret", root.join("file")).unwrap();
    for key in ["relative/secret", "absolute/secret", "file"] {
        assert_eq!(kind(get(&store, key).await), ErrorKind::NotFound, "{key}");
        assert_eq!(kind(store.head(key, &Pin::default()).await), ErrorKind::NotFound, "{key}");
    }
    for key in ["relative/new", "absolute/deep/new", "absolute/", "relative/deep/"] {
        assert_eq!(kind(put(&store, key, b"").await), ErrorKind::Unrepresentable, "{key}");
    }
    assert_eq!(kind(store.create_upload("absolute/new", &Write::default()).await), ErrorKind::Unrepresentable);
    for key in ["relative/secret", "absolute/secret", "relative/", "absolute/"] {
        store.delete(key).await.unwrap();
    }
    // Writing to the link's own key replaces the link, not what it leads to.
    put(&store, "file", b"mine").await.unwrap();
    assert_eq!(get(&store, "file").await.unwrap(), b"mine");
    assert_eq!(names_in(&outside), ["secret"]);
    assert_eq!(fs::read(outside.join("secret")).unwrap(), b"secret");
}

#[tokio::test]
async fn unfinished_files_do_not_follow_a_link_out_either() {
    let (dir, store) = open();
    symlink("../outside", dir.path().join("root/.flotilla-partial")).unwrap();
    assert!(put(&store, "key", b"x").await.is_err());
    assert!(store.create_upload("key", &Write::default()).await.is_err());
    fs::write(dir.path().join("outside/put-1"), b"x").unwrap();
    let _ = store.prepare().await;
    assert_eq!(names_in(&dir.path().join("outside")), ["put-1"]);
}

#[tokio::test]
async fn a_link_makes_a_second_key_of_a_file_and_not_of_a_folder() {
    let (dir, store) = open();
    put(&store, "real/key", b"bytes").await.unwrap();
    symlink("real", dir.path().join("root/folder")).unwrap();
    symlink("real/key", dir.path().join("root/file")).unwrap();
    assert_eq!(get(&store, "file").await.unwrap(), b"bytes");
    assert_eq!(kind(get(&store, "folder/key").await), ErrorKind::NotFound);
    assert_eq!(kind(put(&store, "folder/key", b"other").await), ErrorKind::Unrepresentable);
    store.delete("folder/key").await.unwrap();
    store.delete("file").await.unwrap();
    assert_eq!(get(&store, "real/key").await.unwrap(), b"bytes");
}

/// A file of several chunks, its read begun.
async fn half_read(store: &FileStore) -> Body {
    let bytes: &'static [u8] = Box::leak(vec![b'x'; 1 << 20].into_boxed_slice());
    put(store, "key", bytes).await.unwrap();
    let mut body = store.get("key", &Read::default()).await.unwrap().body;
    assert!(!body.next().await.unwrap().unwrap().is_empty());
    body
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_does_not_end_well() {
    let (dir, store) = open();
    let path = dir.path().join("root/key");
    let changes: [fn(&mut fs::File); 3] = [
        |file| file.write_all(b"y").unwrap(),
        |file| file.set_len(300_000).unwrap(),
        |file| file.set_len(2 << 20).unwrap(),
    ];
    for change in changes {
        let body = half_read(&store).await;
        change(&mut fs::OpenOptions::new().write(true).open(&path).unwrap());
        assert_eq!(kind(body.try_collect::<Vec<_>>().await), ErrorKind::PreconditionFailed);
    }
}

#[tokio::test]
async fn a_file_replaced_or_deleted_during_a_read_is_read_whole() {
    let (_dir, store) = open();
    let body = half_read(&store).await;
    put(&store, "key", b"new").await.unwrap();
    let rest: Vec<Bytes> = body.try_collect().await.unwrap();
    assert_eq!(rest.concat().len(), (1 << 20) - (256 << 10));
    let body = half_read(&store).await;
    store.delete("key").await.unwrap();
    body.try_collect::<Vec<_>>().await.unwrap();
}

#[tokio::test]
async fn a_special_file_is_absent_and_blocks_no_call() {
    let (dir, store) = open();
    let made = std::process::Command::new("mkfifo").arg(dir.path().join("root/pipe")).status().unwrap();
    assert!(made.success());
    assert_eq!(kind(get(&store, "pipe").await), ErrorKind::NotFound);
    assert_eq!(kind(store.head("pipe", &Pin::default()).await), ErrorKind::NotFound);
    let page = store.list(KeyRange::default()).next_page().await.unwrap().unwrap();
    assert!(matches!(&page[..], [shared::store::Listed::Unlisted(pipe)] if !pipe.is_failure), "{page:?}");
}

#[tokio::test]
async fn nothing_unfinished_stays_behind() {
    let (dir, store) = open();
    let write = Write { size: 3 << 20, ..Write::default() };
    let cut_off = Body::stream(stream::iter([Ok(Bytes::from(vec![1; 2 << 20])), Err(store.no_copies("x"))]));
    assert!(store.put("a/b/key", &write, cut_off).await.is_err());
    put(&store, "c/d/key", b"x").await.unwrap();
    let upload = store.create_upload("key", &write).await.unwrap();
    store.abort_upload(&upload).await.unwrap();
    store.delete("c/d/key").await.unwrap();
    assert_eq!(names_in(&dir.path().join("root")), [""; 0]);
}

#[tokio::test]
async fn what_was_left_unfinished_is_swept_by_age() {
    let (dir, store) = open();
    let partials = dir.path().join("root/.flotilla-partial");
    let upload = store.create_upload("key", &Write::default()).await.unwrap();
    fs::write(partials.join("foreign"), b"x").unwrap();
    store.prepare().await.unwrap();
    assert_eq!(names_in(&partials), [upload.id.as_str(), "foreign"], "all of them are fresh");
    sweep::sweep(&store.folder, Timestamp(Timestamp::now().0 + 10_000)).unwrap();
    assert_eq!(names_in(&partials), ["foreign"], "only what is ours is removed");
    assert_eq!(kind(store.list_parts(&upload).await), ErrorKind::NoSuchUpload);
}

#[tokio::test]
async fn regression_only_files_of_dead_processes_are_swept() {
    let (dir, store) = open();
    let partials = dir.path().join("root/.flotilla-partial");
    let upload = store.create_upload("key", &Write::default()).await.unwrap();
    let write = Write { size: 4 << 20, ..Write::default() };
    // A put that hangs after 2 MiB, and another store's look at the folder meanwhile.
    let (hangs, wait) = tokio::sync::oneshot::channel::<()>();
    let (go_on, waits) = tokio::sync::oneshot::channel::<()>();
    let rest = stream::once(async move {
        let _ = hangs.send(());
        let _ = waits.await;
        Ok(Bytes::from(vec![1; 2 << 20]))
    });
    let body = Body::stream(stream::iter([Ok(Bytes::from(vec![1; 2 << 20]))]).chain(rest));
    let mut put = Box::pin(store.put("live", &write, body));
    tokio::select! { _ = &mut put => unreachable!(), asked = wait => asked.unwrap() }
    // Killed: in the middle of a put, while an upload was made, and after one was completed.
    let unmade = uuid::Uuid::now_v7().simple().to_string();
    fs::write(partials.join("put-1"), b"x").unwrap();
    fs::write(partials.join(format!("put-{unmade}")), b"").unwrap();
    fs::create_dir(partials.join(&unmade)).unwrap();
    let completed = partials.join(uuid::Uuid::now_v7().simple().to_string());
    fs::create_dir(&completed).unwrap();
    fs::write(completed.join("upload"), b"{}").unwrap();
    store.prepare().await.unwrap();
    let left = names_in(&partials);
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.contains(&upload.id) && left.iter().any(|name| name.starts_with("put-")), "{left:?}");
    go_on.send(()).unwrap();
    put.await.unwrap();
    assert_eq!(names_in(&partials), [upload.id.as_str()]);
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_not_completed_while_a_part_is_being_written() {
    let (_dir, store) = open();
    let write = Write { size: 3 << 20, ..Write::default() };
    let upload = store.create_upload("key", &write).await.unwrap();
    let part = PartWrite { number: 1, offset: 0, size: 3 << 20, checksum: None };
    let bytes = Bytes::from(vec![7; 3 << 20]);
    let whole = || Body::stream(stream::iter([Ok(bytes.clone())]));
    let parts = [store.upload_part(&upload, &part, whole()).await.unwrap()];
    // A worker that lost its lease sends the part again, and hangs.
    let (hangs, wait) = tokio::sync::oneshot::channel::<()>();
    let end = stream::once(async move {
        let _ = hangs.send(());
        std::future::pending().await
    });
    let late = Body::stream(stream::iter([Ok(bytes.slice(..2 << 20))]).chain(end));
    let mut late = Box::pin(store.upload_part(&upload, &part, late));
    tokio::select! { _ = &mut late => unreachable!(), asked = wait => asked.unwrap() }
    assert_eq!(kind(store.complete_upload(&upload, &parts, &write).await), ErrorKind::Unavailable);
    assert_eq!(kind(store.head("key", &Pin::default()).await), ErrorKind::NotFound);
    // Its record is gone with the attempt, so the part counts again only when sent again.
    drop(late);
    assert_eq!(kind(store.complete_upload(&upload, &parts, &write).await), ErrorKind::Invalid);
    let parts = [store.upload_part(&upload, &part, whole()).await.unwrap()];
    let written = store.complete_upload(&upload, &parts, &write).await.unwrap();
    assert_eq!(written.checksum, store.checksum("key", &Pin::default(), Algorithm::Crc64Nvme).await.unwrap());
}

#[tokio::test]
async fn an_id_that_is_not_ours_names_no_folder() {
    let (dir, store) = open();
    put(&store, "key", b"x").await.unwrap();
    for id in ["", ".", "..", "../..", "/", "put-1", "../../outside", "00000000000000000000000000000000"] {
        let upload = Upload { key: "key".into(), id: id.into() };
        assert_eq!(kind(store.list_parts(&upload).await), ErrorKind::NoSuchUpload, "{id:?}");
        store.abort_upload(&upload).await.unwrap();
    }
    assert_eq!(names_in(dir.path()), ["outside", "root"]);
    assert_eq!(get(&store, "key").await.unwrap(), b"x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deleting_empties_folders_without_failing_the_puts_beside_it() {
    let (_dir, store) = open();
    let store = &store;
    let turns = stream::iter(0..400).for_each_concurrent(8, |n| async move {
        let key = format!("deep/er/{}", n % 8);
        put(store, &key, b"x").await.unwrap();
        store.delete(&key).await.unwrap();
    });
    turns.await;
    assert_eq!(store.list(KeyRange::default()).next_page().await.unwrap(), None);
}

#[tokio::test]
async fn a_root_that_is_no_folder_is_no_container() {
    let (dir, _) = open();
    fs::write(dir.path().join("file"), b"").unwrap();
    let store = FileStore::open(&Location::folder(&dir.path().join("file")).unwrap()).unwrap();
    assert_eq!(kind(store.probe().await), ErrorKind::NoSuchContainer);
    assert_eq!(kind(store.prepare().await), ErrorKind::NoSuchContainer);
    assert_eq!(kind(put(&store, "key", b"x").await), ErrorKind::NoSuchContainer);
}

#[tokio::test]
async fn a_folder_that_may_not_be_written_is_a_denial() {
    let (dir, store) = open();
    let root = dir.path().join("root");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o500)).unwrap();
    // The superuser may write everywhere.
    if fs::write(root.join("probe"), b"").is_err() {
        assert_eq!(kind(put(&store, "key", b"x").await), ErrorKind::Denied);
        assert_eq!(kind(put(&store, "deep/key", b"x").await), ErrorKind::Denied);
    }
    fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn regression_a_time_that_no_file_can_have_converges() {
    let (dir, store) = open();
    store.prepare().await.unwrap();
    const YEAR: i64 = 31_556_952_000;
    for years in [0, -69, -170, -1_700, 68, 100, 477, 530, 8_000] {
        let modified = Timestamp(years * YEAR + 123);
        let write = Write { size: 1, modified: Some(modified), ..Write::default() };
        store.put("key", &write, Body::stream(stream::iter([Ok(Bytes::from_static(b"x"))]))).await.unwrap();
        let found = store.head("key", &Pin::default()).await.unwrap().modified;
        assert_eq!(store.stored_time(modified), found, "{years} years from 1970");
        assert_eq!(store.stored_time(found), found);
    }
    assert_eq!(names_in(&dir.path().join("root")), ["key"]);
}

#[tokio::test]
async fn regression_nothing_empty_is_left_when_the_last_write_ends() {
    let (dir, store) = open();
    let names = || names_in(&dir.path().join("root"));
    put(&store, "a", b"x").await.unwrap();
    assert_eq!(names(), ["a"], "though the store is still in use");
    let upload = store.create_upload("b", &Write { size: 1, ..Write::default() }).await.unwrap();
    store.abort_upload(&upload).await.unwrap();
    assert_eq!(names(), ["a"]);
    let puts = (0..200).map(|n| put(&store, Box::leak(format!("many/{n}").into_boxed_str()), b"x"));
    stream::iter(puts).buffer_unordered(16).try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(names(), ["a", "many"]);
}

#[tokio::test]
async fn regression_a_file_below_a_very_long_path_is_read() {
    let (dir, store) = open();
    let name = "n".repeat(250);
    let mut folder = Dir::open_ambient_dir(dir.path().join("root"), ambient_authority()).unwrap();
    for _ in 0..17 {
        folder.create_dir(&name).unwrap();
        folder = folder.open_dir(&name).unwrap();
    }
    folder.write("file", b"bytes").unwrap();
    let page = store.list(KeyRange::default()).next_page().await.unwrap().unwrap();
    let key = page[0].position().to_owned();
    assert!(key.len() > 4_096);
    assert_eq!(get(&store, &key).await.unwrap(), b"bytes");
    let error = put(&store, &key, b"x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unrepresentable);
    assert!(error.to_string().contains("at most 4095 are allowed"), "{error}");
}

async fn replacing(store: &FileStore, key: &str, bytes: &'static [u8]) -> Result<Written> {
    let write = Write { size: bytes.len() as u64, replaces: true, ..Write::default() };
    store.put(key, &write, Body::stream(stream::iter([Ok(Bytes::from_static(bytes))]))).await
}

#[tokio::test]
async fn regression_a_file_takes_the_place_of_a_folder_and_back() {
    let (dir, store) = open();
    let root = dir.path().join("root");
    // A folder blocks a file, and a file blocks a folder at any depth.
    for (old, new) in [("a/b/c", "a"), ("d", "d/e/f"), ("g/h", "g/h/i"), ("j/k/l/m", "j/k")] {
        put(&store, old, b"old").await.unwrap();
        let error = put(&store, new, b"new").await.unwrap_err();
        assert!(error.is_blocked(), "{error}");
        assert_eq!(get(&store, old).await.unwrap(), b"old", "{old}");
        replacing(&store, new, b"new").await.unwrap();
        assert_eq!(get(&store, new).await.unwrap(), b"new", "{new}");
        assert_eq!(kind(get(&store, old).await), ErrorKind::NotFound, "{old}");
    }
    // So does a folder marker, and an upload.
    put(&store, "n", b"old").await.unwrap();
    replacing(&store, "n/o/", b"").await.unwrap();
    assert!(root.join("n/o").is_dir());
    put(&store, "p/q", b"old").await.unwrap();
    let write = Write { size: 3, replaces: true, ..Write::default() };
    assert!(store.create_upload("p", &Write { replaces: false, ..write.clone() }).await.is_err());
    let upload = store.create_upload("p", &write).await.unwrap();
    let part = PartWrite { number: 1, offset: 0, size: 3, checksum: None };
    let part = store.upload_part(&upload, &part, Bytes::from_static(b"new").into()).await.unwrap();
    store.complete_upload(&upload, &[part], &Write { size: 3, ..Write::default() }).await.unwrap();
    assert_eq!(get(&store, "p").await.unwrap(), b"new");
    assert_eq!(names_in(&root), ["a", "d", "g", "j", "n", "p"], "nothing is left behind");
}

#[tokio::test]
async fn regression_a_write_that_fails_replaces_nothing() {
    let (dir, store) = open();
    let root = dir.path().join("root");
    put(&store, "a", b"old").await.unwrap();
    put(&store, "b/c", b"old").await.unwrap();
    for key in ["a/x", "b"] {
        let write = Write { size: 9, replaces: true, ..Write::default() };
        assert!(store.put(key, &write, Bytes::from_static(b"short").into()).await.is_err());
        // Its name is too long for the file system, which shows when the old one is about to go.
        let long = format!("a/{}/x", "é".repeat(128));
        assert!(replacing(&store, &long, b"new").await.is_err());
    }
    assert_eq!(get(&store, "a").await.unwrap(), b"old");
    assert_eq!(get(&store, "b/c").await.unwrap(), b"old");
    assert_eq!(names_in(&root), ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_all_copies_below_one_replaced_file_arrive() {
    let (dir, store) = open();
    for round in 0..20 {
        put(&store, "a", b"old").await.unwrap();
        let keys: Vec<String> = (0..16).map(|number| format!("a/{}/{number}", number % 3)).collect();
        let puts = keys.iter().map(|key| replacing(&store, key, b"new"));
        futures::future::try_join_all(puts).await.unwrap();
        for key in &keys {
            assert_eq!(get(&store, key).await.unwrap(), b"new", "{round} {key}");
        }
        replacing(&store, "a", b"again").await.unwrap();
        assert_eq!(names_in(&dir.path().join("root")), ["a"]);
    }
}
