//! Metadata: the same however an object is copied, and never lost without a warning.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::cloud::{Cloud, Encryption, Grant, Profile, Restore, StoredObject};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, fresh_folder, weed};
use flotilla_tests::proxy::Kind;
use serde_json::Value;

use crate::support::{MIB, content};

const LIMIT: Duration = Duration::from_secs(120);

/// An object goes whole, in parts, or shared by all workers, by its size under these options.
const SIZES: [(&str, usize); 3] = [("whole", 1000), ("parts", 6 * MIB), ("giant", 12 * MIB)];
pub const CUT: [&str; 6] = ["--multipart-threshold", "5MiB", "--part-size", "5MiB", "--giant-threshold", "11MiB"];

/// Two places, and the state of a sync between them.
pub struct Sync {
    from: (String, String),
    to: (String, String),
    keys: PathBuf,
    state: PathBuf,
}

impl Sync {
    /// Between two places; an empty endpoint is that of a folder.
    pub fn new(from: (&str, String), to: (&str, String)) -> Sync {
        Sync {
            from: (from.0.to_owned(), from.1),
            to: (to.0.to_owned(), to.1),
            keys: credentials_file(ACCESS_KEY, SECRET_KEY),
            state: fresh_folder("state"),
        }
    }

    pub fn between(from: &Cloud, source: &str, to: &Cloud, destination: &str) -> Sync {
        Sync::new((&from.endpoint, format!("s3://{source}")), (&to.endpoint, format!("s3://{destination}")))
    }

    fn start(&self, more: &[&str]) -> Process {
        let mut arguments = vec!["sync".to_owned(), self.from.1.clone(), self.to.1.clone(), "--json".to_owned()];
        arguments.extend(["--state".to_owned(), self.state.display().to_string()]);
        for (side, (endpoint, _)) in [("source", &self.from), ("destination", &self.to)] {
            if !endpoint.is_empty() {
                arguments.extend([format!("--{side}-endpoint-url"), endpoint.clone()]);
                arguments.extend([format!("--{side}-credentials"), format!("file:{}", self.keys.display())]);
                arguments.extend([format!("--{side}-region"), "us-east-1".to_owned()]);
            }
        }
        arguments.extend(more.iter().map(|word| (*word).to_owned()));
        Process::start(&binaries::flotilla(), arguments, [])
    }

    pub async fn run(&self, more: &[&str]) -> Ended {
        self.start(more).wait(LIMIT).await
    }

    async fn look(&self, command: &str) -> String {
        let arguments = [command, "--state", self.state.to_str().expect("UTF-8")];
        Process::start(&binaries::flotilla(), arguments, []).wait(LIMIT).await.stdout
    }
}

/// The summary of a run, whose exit code is checked.
pub fn summary(ended: &Ended, code: i32) -> Value {
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    serde_json::from_str(ended.stdout.lines().last().expect("a summary")).expect("it is JSON")
}

pub fn count(summary: &Value, field: &str) -> u64 {
    summary[field].as_u64().unwrap_or_else(|| panic!("{field} in {summary}"))
}

pub fn map<const N: usize>(pairs: [(&str, &str); N]) -> std::collections::BTreeMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// An object that has everything an object can have.
fn with_everything(stored: &mut StoredObject) {
    stored.headers = map([
        ("content-type", "text/plain; charset=utf-8"),
        ("content-encoding", "gzip"),
        ("content-disposition", "attachment; filename=\"a b.txt\""),
        ("content-language", "de"),
        ("cache-control", "max-age=60, public"),
        // As it is spelled, and no date at all.
        ("expires", "0"),
    ]);
    stored.user = map([("plain", "value"), ("who", "grüß \u{1f600}"), ("empty", "")]);
    stored.tags = map([("team", "blue"), ("a b", "ü=/+")]);
    stored.class = "STANDARD_IA".to_owned();
    stored.grants = BTreeSet::from([Grant {
        grantee: "uri=http://acs.amazonaws.com/groups/global/AllUsers".to_owned(),
        permission: "READ".to_owned(),
    }]);
}

/// Everything of an object but its bytes. A store reports a type also of an object that was given none, and
/// its copy is given that.
fn said(stored: &StoredObject) -> String {
    let mut headers = stored.headers.clone();
    headers.entry("content-type".to_owned()).or_insert_with(|| "binary/octet-stream".to_owned());
    format!("{:?}", (&headers, &stored.user, &stored.tags, &stored.class, &stored.grants))
}

fn plant(cloud: &Cloud, bucket: &str) {
    for (key, size) in SIZES {
        cloud.put_as(bucket, key, content(key, size), with_everything);
    }
}

/// Two stores between which bytes are streamed, or one that copies by itself.
pub async fn stage(one_store: bool) -> (Cloud, Option<Cloud>) {
    let other = if one_store { None } else { Some(Cloud::start(Profile::AMAZON).await) };
    (Cloud::start(Profile::AMAZON).await, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_arrives_with_everything_however_it_is_copied() {
    for one_store in [false, true] {
        let (from, other) = stage(one_store).await;
        let to = other.as_ref().unwrap_or(&from);
        let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
        plant(&from, &source);
        from.put_as(&source, "granted", "x", |stored| {
            let grant =
                |grantee: &str, permission: &str| Grant { grantee: grantee.into(), permission: permission.into() };
            stored.grants.insert(grant("uri=http://acs.amazonaws.com/groups/global/AuthenticatedUsers", "READ_ACP"));
        });
        let ended =
            Sync::between(&from, &source, to, &destination).run(&[&CUT[..], &["--acl", "--strict"]].concat()).await;
        assert_eq!(count(&summary(&ended, 0), "copied"), 4, "{}", ended.stderr);
        assert!(!ended.stderr.contains("some metadata is not copied"), "{}", ended.stderr);
        for (key, original) in from.objects(&source) {
            let copy = to.object(&destination, &key).expect("it was copied");
            assert!(copy.bytes == original.bytes, "{key}: the bytes differ");
            assert_eq!(said(&copy), said(&original), "{key}, one store: {one_store}");
        }
        assert_eq!(to.count(Kind::Copy) + to.count(Kind::PartCopy) > 0, one_store);
        assert_eq!(to.uploads(&destination), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_class_and_encryption_apply_however_it_is_copied() {
    for one_store in [false, true] {
        let (from, other) = stage(one_store).await;
        let to = other.as_ref().unwrap_or(&from);
        let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
        plant(&from, &source);
        let options = ["--storage-class", "ONEZONE_IA", "--sse", "aws:kms", "--sse-kms-key-id", "key-1"];
        let ended = Sync::between(&from, &source, to, &destination).run(&[&CUT[..], &options[..]].concat()).await;
        assert_eq!(count(&summary(&ended, 0), "copied"), 3, "{}", ended.stderr);
        let kms = Encryption { kind: "aws:kms".to_owned(), key: Some("key-1".to_owned()) };
        for (key, copy) in to.objects(&destination) {
            assert_eq!((copy.class.as_str(), copy.encryption.as_ref()), ("ONEZONE_IA", Some(&kms)), "{key}");
            assert!(copy.grants.is_empty(), "{key}: access is carried over only where that is asked for");
            assert_eq!(copy.tags, map([("team", "blue"), ("a b", "ü=/+")]), "{key}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn between_two_seaweedfs_an_object_arrives_with_everything() {
    let weed = weed();
    let client = weed.client(&weed.endpoint);
    let (source, destination) = (weed.create_bucket("source").await, weed.create_bucket("destination").await);
    for (key, size) in [("whole", 1000), ("parts", 6 * MIB)] {
        let put = client.put_object().bucket(&source).key(key).body(ByteStream::from(content(key, size)));
        let put = put.content_type("text/x").content_encoding("gzip").content_disposition("inline");
        let put = put.content_language("de").cache_control("no-store").metadata("who", "grüß").metadata("k", "v");
        let put = put.metadata("word", "=?UTF-8?B?w7w=?=").tagging("a=b&c%20d=%C3%BC");
        put.storage_class(aws_sdk_s3::types::StorageClass::Glacier).send().await.expect("is put");
    }
    let sync =
        Sync::new((&weed.endpoint, format!("s3://{source}")), (&weed.second_endpoint, format!("s3://{destination}")));
    let ended = sync.run(&[&CUT[..], &["--strict"]].concat()).await;
    assert_eq!(count(&summary(&ended, 0), "copied"), 2, "{}", ended.stderr);
    for key in ["whole", "parts"] {
        let mut said = Vec::new();
        for bucket in [&source, &destination] {
            let head = client.head_object().bucket(bucket).key(key).send().await.expect("it is there");
            let tags = client.get_object_tagging().bucket(bucket).key(key).send().await.expect("it has tags");
            said.push(format!(
                "{:?}",
                (
                    head.content_type(),
                    head.content_encoding(),
                    head.content_disposition(),
                    head.content_language(),
                    head.cache_control(),
                    head.metadata().map(|user| user.iter().collect::<std::collections::BTreeMap<_, _>>()),
                    head.storage_class(),
                    tags.tag_set(),
                )
            ));
        }
        assert_eq!(said[0], said[1], "{key}");
        assert!(said[1].contains("grüß") && said[1].contains("Glacier") && said[1].contains("\"ü\""), "{}", said[1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_beyond_ascii_means_the_same_at_all_stores() {
    let (amazon, minio) = (Cloud::start(Profile::AMAZON).await, Cloud::start(Profile::MINIO).await);
    let who = map([("who", "grüß \u{1f600}")]);
    for (from, to) in [(&amazon, &minio), (&minio, &amazon)] {
        let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
        from.put_as(&source, "k", "x", |stored| stored.user = who.clone());
        let ended = Sync::between(from, &source, to, &destination).run(&[]).await;
        assert_eq!(count(&summary(&ended, 0), "copied"), 1, "{}", ended.stderr);
        assert_eq!(to.object(&destination, "k").expect("it was copied").user, who);
    }
    // A line's end can stand in an encoded word, and in no header.
    let (source, destination) = (amazon.create_bucket("source"), minio.create_bucket("destination"));
    amazon.put_as(&source, "k", "x", |stored| stored.user = map([("lines", "a\nb")]));
    let ended = Sync::between(&amazon, &source, &minio, &destination).run(&[]).await;
    assert_eq!(count(&summary(&ended, 1), "failed"), 1);
    assert!(ended.stderr.contains("user metadata \"lines\" contains a control character"), "{}", ended.stderr);
    assert_eq!(minio.keys(&destination), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_folder_cannot_store_is_a_warning_or_strict_failure() {
    let from = Cloud::start(Profile::AMAZON).await;
    let source = from.create_bucket("source");
    plant(&from, &source);
    from.put(&source, "plain", "x");
    let folder = fresh_folder("destination");
    let place = |folder: &Path| folder.display().to_string();
    let ended = Sync::new((&from.endpoint, format!("s3://{source}")), ("", place(&folder))).run(&CUT).await;
    assert_eq!(count(&summary(&ended, 0), "copied"), 4, "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("some metadata is not copied").count(), 1, "{}", ended.stderr);
    for lack in ["no headers and user metadata", "no tags", "storage classes"] {
        assert!(ended.stderr.contains(lack), "{}", ended.stderr);
    }
    let strict = fresh_folder("destination");
    let ended = Sync::new((&from.endpoint, format!("s3://{source}")), ("", place(&strict)))
        .run(&[&CUT[..], &["--strict"]].concat())
        .await;
    let summary = summary(&ended, 1);
    assert_eq!((count(&summary, "copied"), count(&summary, "failed")), (1, 3), "{}", ended.stderr);
    for (key, _) in SIZES {
        assert!(ended.stderr.contains(key) && !strict.join(key).exists(), "{key}: {}", ended.stderr);
    }
    assert!(strict.join("plain").exists(), "what loses nothing is copied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_that_a_store_lacks_is_a_warning_or_failure() {
    let (from, to) = (Cloud::start(Profile::AMAZON).await, Cloud::start(Profile::UNKNOWN).await);
    let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
    plant(&from, &source);
    (0..20).for_each(|n| from.put_as(&source, &format!("small/{n}"), "x", with_everything));
    let ended = Sync::between(&from, &source, &to, &destination).run(&[&CUT[..], &["--acl"]].concat()).await;
    assert_eq!(count(&summary(&ended, 0), "copied"), 23, "{}", ended.stderr);
    for lack in ["keeps no tags", "source's storage classes", "keeps no access control lists"] {
        assert_eq!(ended.stderr.matches(lack).count(), 1, "{lack}: {}", ended.stderr);
    }
    assert_eq!(to.object(&destination, "giant").expect("it was copied").user, with_words());
    let strict = to.create_bucket("strict");
    let ended = Sync::between(&from, &source, &to, &strict).run(&[&CUT[..], &["--strict"]].concat()).await;
    assert_eq!(count(&summary(&ended, 1), "failed"), 23, "{}", ended.stderr);
    assert_eq!((to.keys(&strict), to.uploads(&strict)), (vec![], vec![]));
}

/// User metadata as a store that keeps bytes holds it after it came in words.
fn with_words() -> std::collections::BTreeMap<String, String> {
    map([("plain", "value"), ("who", &shared::rfc2047::encode("grüß \u{1f600}")), ("empty", "")])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_metadata_alone_is_copied_once_if_asked_for() {
    for one_store in [false, true] {
        let (from, other) = stage(one_store).await;
        let to = other.as_ref().unwrap_or(&from);
        let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
        plant(&from, &source);
        // Of this one the store makes up a type by itself.
        ["a", "b", "c"].iter().for_each(|key| from.put(&source, key, *key));
        let sync = Sync::between(&from, &source, to, &destination);
        let found = [&CUT[..], &["--compare", "checksum", "--metadata"]].concat();
        assert_eq!(count(&summary(&sync.run(&found).await, 0), "copied"), 6);
        assert_eq!(count(&summary(&sync.run(&found).await, 0), "copied"), 0);
        from.change(&source, "a", |stored| drop(stored.user.insert("new".to_owned(), "ü".to_owned())));
        from.change(&source, "b", |stored| drop(stored.tags.insert("new".to_owned(), "tag".to_owned())));
        from.change(&source, "parts", |stored| drop(stored.headers.remove("cache-control")));
        assert_eq!(count(&summary(&sync.run(&CUT).await, 0), "copied"), 0, "nothing was asked about metadata");
        let ended = sync.run(&found).await;
        assert_eq!(count(&summary(&ended, 0), "copied"), 3, "{}", ended.stderr);
        for key in ["a", "b", "parts"] {
            let (ours, theirs) = (from.object(&source, key), to.object(&destination, key));
            let (ours, theirs) = (ours.expect("it is there"), theirs.expect("it is there"));
            assert_eq!(said(&ours), said(&StoredObject { grants: ours.grants.clone(), ..theirs }), "{key}");
        }
        assert_eq!(count(&summary(&sync.run(&found).await, 0), "copied"), 0);
    }
}

/// A bucket with two archived objects, one that is restored, and one that never was.
fn archive(cloud: &Cloud) -> String {
    let bucket = cloud.create_bucket("source");
    cloud.put_as(&bucket, "cold", content("cold", 100), |stored| stored.class = "DEEP_ARCHIVE".to_owned());
    cloud.put_as(&bucket, "cold-parts", content("cold-parts", 6 * MIB), |stored| stored.class = "GLACIER".to_owned());
    cloud.put_as(&bucket, "restored", "x", |stored| {
        (stored.class, stored.restore) = ("GLACIER".to_owned(), Some(Restore::Done));
    });
    cloud.put(&bucket, "warm", "x");
    bucket
}

#[tokio::test(flavor = "multi_thread")]
async fn archived_objects_are_named_and_restored_ones_are_copied() {
    let (from, to) = (Cloud::start(Profile::AMAZON).await, Cloud::start(Profile::AMAZON).await);
    let (source, destination) = (archive(&from), to.create_bucket("destination"));
    let sync = Sync::between(&from, &source, &to, &destination);
    let report = sync.state.join("report");
    let ended = sync.run(&[&CUT[..], &["--report", report.to_str().expect("UTF-8")]].concat()).await;
    let totals = summary(&ended, 0);
    assert_eq!((count(&totals, "copied"), count(&totals, "skipped"), count(&totals, "archived")), (2, 2, 2));
    assert_eq!(to.keys(&destination), ["restored", "warm"]);
    assert_eq!((from.count(Kind::Get), from.count(Kind::Restore)), (2, 0), "an archived object is not read");
    let report = std::fs::read_to_string(report).expect("the report is there");
    let archived = report.lines().filter(|line| line.contains("\"state\":\"skipped\",\"reason\":\"archived\""));
    assert_eq!(archived.count(), 2, "{report}");
    assert!(sync.look("status").await.contains("2 archived"));
}

#[tokio::test(flavor = "multi_thread")]
async fn requested_restores_are_awaited_also_after_an_interrupt() {
    let (from, to) = (Cloud::start(Profile::AMAZON).await, Cloud::start(Profile::AMAZON).await);
    let (source, destination) = (archive(&from), to.create_bucket("destination"));
    let sync = Sync::between(&from, &source, &to, &destination);
    let options = [&CUT[..], &["--restore", "Bulk", "--retry-delay", "100ms", "--attempts", "2"]].concat();
    let asked =
        || ["cold", "cold-parts"].iter().all(|key| from.object(&source, key).is_some_and(|o| o.restore.is_some()));
    let mut process = sync.start(&options);
    while !asked() {
        assert!(process.is_running(), "{}", process.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    process.interrupt();
    let ended = process.wait(LIMIT).await;
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("waiting for archived objects to be restored").count(), 1, "{}", ended.stderr);
    from.reset();
    let mut process = sync.start(&options);
    // It looks more often than it has attempts.
    while from.count(Kind::Head) < 6 {
        assert!(process.is_running(), "{}", process.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(from.count(Kind::Restore), 0, "what is under way is not asked for again");
    from.finish_restores(&source);
    let ended = process.wait(LIMIT).await;
    let totals = summary(&ended, 0);
    // The command that was interrupted may have copied those that are no archives.
    let copied = count(&totals, "copied") + totals["earlier"]["copied"].as_u64().unwrap_or(0);
    assert_eq!((copied, count(&totals, "failed")), (4, 0), "{}", ended.stderr);
    for key in ["cold", "cold-parts"] {
        let (ours, theirs) = (from.object(&source, key), to.object(&destination, key));
        assert!(ours.expect("it is there").bytes == theirs.expect("it is there").bytes, "{key}");
    }
}
