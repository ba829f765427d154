//! `flotilla verify` finds each planted difference, and no other.

use std::collections::BTreeSet;
use std::time::Duration;

use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::cloud::{Cloud, Encryption, Profile, StoredObject};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, fresh_folder};
use flotilla_tests::proxy::Kind;
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(180);

/// Two buckets of one store, with credentials for either side.
struct Pair {
    cloud: Cloud,
    source: String,
    destination: String,
    keys: String,
}

impl Pair {
    async fn new() -> Pair {
        let cloud = Cloud::start(Profile::AMAZON).await;
        let (source, destination) = (cloud.create_bucket("source"), cloud.create_bucket("destination"));
        let keys = format!("file:{}", credentials_file(ACCESS_KEY, SECRET_KEY).display());
        Pair { cloud, source, destination, keys }
    }

    /// The same object on both sides, then changed at the destination.
    fn plant(&self, key: &str, change: impl FnOnce(&mut StoredObject)) {
        self.cloud.put_as(&self.source, key, "some bytes", described);
        self.cloud.put_as(&self.destination, key, "some bytes", described);
        self.cloud.change(&self.destination, key, change);
    }

    async fn verify(&self, more: &[&str]) -> Ended {
        let (from, to) = (format!("s3://{}", self.source), format!("s3://{}", self.destination));
        let mut arguments = vec!["verify", &from, &to, "--json"];
        for side in ["source", "destination"] {
            arguments.extend(match side {
                "source" => ["--source-endpoint-url", &self.cloud.endpoint, "--source-credentials", &self.keys],
                _ => ["--destination-endpoint-url", &self.cloud.endpoint, "--destination-credentials", &self.keys],
            });
        }
        arguments.extend(more);
        Process::start(&binaries::flotilla(), arguments, []).wait(LIMIT).await
    }
}

fn described(stored: &mut StoredObject) {
    stored.headers.insert("content-type".to_owned(), "text/plain".to_owned());
    stored.headers.insert("cache-control".to_owned(), "no-cache".to_owned());
    stored.user.insert("who".to_owned(), "grüß".to_owned());
    stored.tags.insert("team".to_owned(), "blue".to_owned());
}

/// Bytes of the same number, at the same time.
fn flipped(stored: &mut StoredObject) {
    let mut other = StoredObject::default();
    std::mem::swap(stored, &mut other);
    *stored = StoredObject { bytes: "sOme bytes".into(), etag: md5_hex(b"sOme bytes"), checksum: None, ..other };
}

fn md5_hex(bytes: &[u8]) -> String {
    let digest = shared::digest::Hasher::new(shared::digest::Algorithm::Md5).map(|mut hasher| {
        hasher.update(bytes);
        hasher.finish()
    });
    digest.expect("MD5 is computed here").to_hex()
}

/// As [`flipped`], where the tags say nothing.
fn flipped_unseen(stored: &mut StoredObject) {
    flipped(stored);
    stored.etag = "00000000000000000000000000000000".to_owned();
    stored.encryption = Some(Encryption { kind: "aws:kms".to_owned(), key: None });
}

fn found(ended: &Ended) -> BTreeSet<(String, String)> {
    let lines = ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("it is JSON"));
    let text = |line: &Value, field: &str| line[field].as_str().map(str::to_owned);
    lines.filter_map(|line| Some((text(&line, "key")?, text(&line, "kind")?))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_difference_that_was_planted_is_found_and_nothing_else() {
    let pair = Pair::new().await;
    let (nfc, nfd) = ("caf\u{e9}", "cafe\u{301}");
    pair.plant("same", |_| {});
    pair.plant("bytes", flipped);
    pair.plant("bytes, encrypted", flipped_unseen);
    pair.plant("type", |stored| drop(stored.headers.insert("content-type".to_owned(), "text/html".to_owned())));
    pair.plant("header gone", |stored| drop(stored.headers.remove("cache-control")));
    pair.plant("header more", |stored| drop(stored.headers.insert("content-encoding".to_owned(), "gzip".to_owned())));
    pair.plant("user", |stored| drop(stored.user.insert("who".to_owned(), "gruss".to_owned())));
    pair.plant("user more", |stored| drop(stored.user.insert("new".to_owned(), "x".to_owned())));
    pair.plant("tag", |stored| drop(stored.tags.insert("team".to_owned(), "red".to_owned())));
    pair.plant("tags gone", |stored| stored.tags.clear());
    pair.cloud.put(&pair.source, "missing\n", "x");
    pair.cloud.put(&pair.destination, "extra", "x");
    pair.cloud.put(&pair.source, "size", "x");
    pair.cloud.put(&pair.destination, "size", "xy");
    pair.cloud.put(&pair.source, nfc, "x");
    pair.cloud.put(&pair.destination, nfd, "x");
    pair.cloud.put(&pair.source, "marker/", "");
    pair.cloud.put(&pair.destination, "Marker/", "");
    let bytes = [("bytes", "content"), ("bytes, encrypted", "content")];
    let keys = [
        ("missing\n", "missing"),
        ("extra", "extra"),
        ("size", "size"),
        (nfc, "missing"),
        (nfd, "extra"),
        ("marker/", "missing"),
        ("Marker/", "extra"),
    ];
    let described = ["type", "header gone", "header more", "user", "user more", "tag", "tags gone"];
    let described = described.map(|key| (key, "metadata"));
    let owned = |expected: Vec<(&str, &str)>| -> BTreeSet<(String, String)> {
        expected.into_iter().map(|(key, kind)| (key.to_owned(), kind.to_owned())).collect()
    };
    for effort in [&[][..], &["--deep"]] {
        let ended = pair.verify(effort).await;
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert_eq!(found(&ended), owned([&bytes[..], &keys, &described].concat()), "{effort:?}: {}", ended.stderr);
    }
    assert_eq!(pair.cloud.writes(), 0, "nothing is changed");
    pair.cloud.reset();
    let quick = pair.verify(&["--quick"]).await;
    assert_eq!(found(&quick), owned([&bytes[..1], &keys].concat()), "{}", quick.stderr);
    assert_eq!(pair.cloud.count(Kind::Get), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sync_has_copied_is_found_the_same() {
    let pair = Pair::new().await;
    for (at, key) in ["a", "b/c", "d//e", "\u{1f600}"].into_iter().enumerate() {
        pair.cloud.put_as(&pair.source, key, vec![at as u8; 6_000_000 * at], described);
    }
    let (from, to) = (format!("s3://{}", pair.source), format!("s3://{}", pair.destination));
    let state = fresh_folder("state").display().to_string();
    let mut arguments = vec!["sync", &from, &to, "--state", &state, "--multipart-threshold", "5MiB"];
    arguments.extend(["--source-endpoint-url", &pair.cloud.endpoint, "--source-credentials", &pair.keys]);
    arguments.extend(["--destination-endpoint-url", &pair.cloud.endpoint, "--destination-credentials", &pair.keys]);
    let synced = Process::start(&binaries::flotilla(), arguments, []).wait(LIMIT).await;
    assert_eq!(synced.code, Some(0), "{}", synced.stderr);
    for effort in [&[][..], &["--deep"], &["--quick"]] {
        let ended = pair.verify(effort).await;
        assert_eq!((ended.code, found(&ended)), (Some(0), BTreeSet::new()), "{effort:?}: {}", ended.stderr);
    }
}
