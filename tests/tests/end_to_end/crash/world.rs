//! Two locations, their contents, and the checks at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::emulators::{ACCESS_KEY, REGION, SECRET_KEY, Weed};
use flotilla_tests::emulators::{credentials_file, fresh_folder, s3_client, weed};
use flotilla_tests::proxy::{Kind, Proxy};
use shared::ledger::Ledger;
use shared::objects::UploadLog;

use crate::support::{MIB, Random, content, list};

/// How an endpoint is reached: names and values, as options and config files spell them.
pub fn reached_by(endpoint: &str) -> Vec<(&'static str, String)> {
    let keys = credentials_file(ACCESS_KEY, SECRET_KEY).display().to_string();
    vec![("endpoint-url", endpoint.to_owned()), ("region", REGION.to_owned()), ("credentials", format!("file:{keys}"))]
}

/// The store that holds a round's buckets.
enum Store {
    /// In this process; gone with the round.
    Cloud(Cloud),
    /// A real one.
    Weed(&'static Weed),
}

impl Store {
    /// Beside a folder, whose clock is this machine's, it must have the same, or copies look older.
    async fn of(random: &mut Random, may_be_skewed: bool) -> Store {
        if random.percent(20) {
            return Store::Weed(weed());
        }
        let cloud = Cloud::start([Profile::AMAZON, Profile::UNKNOWN, Profile::MINIO][random.below(3)].clone()).await;
        if may_be_skewed && random.percent(30) {
            cloud.set_clock_ahead(random.pick(&[-300, 300]));
        }
        Store::Cloud(cloud)
    }

    fn endpoints(&self) -> [&str; 2] {
        match self {
            Store::Cloud(cloud) => [&cloud.endpoint, &cloud.endpoint],
            Store::Weed(weed) => [&weed.endpoint, &weed.second_endpoint],
        }
    }

    async fn bucket(&self, stem: &str, proxy: Arc<Proxy>) -> RoundSide {
        let client = s3_client(self.endpoints()[0], ACCESS_KEY, SECRET_KEY);
        let bucket = match self {
            Store::Cloud(cloud) => cloud.create_bucket(stem),
            Store::Weed(weed) => weed.create_bucket(stem).await,
        };
        RoundSide::Bucket { client, bucket, proxy }
    }
}

/// One side.
pub enum RoundSide {
    Bucket { client: Client, bucket: String, proxy: Arc<Proxy> },
    Folder(PathBuf),
}

impl RoundSide {
    pub fn folder(name: &str) -> RoundSide {
        RoundSide::Folder(fresh_folder(name))
    }

    pub fn proxy(&self) -> Option<&Arc<Proxy>> {
        match self {
            RoundSide::Bucket { proxy, .. } => Some(proxy),
            RoundSide::Folder(_) => None,
        }
    }

    /// As a command line names it.
    pub fn location(&self) -> String {
        match self {
            RoundSide::Bucket { bucket, .. } => format!("s3://{bucket}"),
            RoundSide::Folder(path) => path.to_str().expect("UTF-8").to_owned(),
        }
    }

    /// How it is reached.
    pub fn connection(&self) -> Vec<(&'static str, String)> {
        let RoundSide::Bucket { proxy, .. } = self else { return Vec::new() };
        reached_by(&proxy.endpoint)
    }

    /// Puts an object there as of long ago, where that can be said.
    async fn plant(&self, store: &Store, key: &str, bytes: Vec<u8>) {
        match (self, store) {
            (RoundSide::Bucket { bucket, .. }, Store::Cloud(cloud)) => cloud.put(bucket, key, bytes),
            _ => self.put(key, bytes).await,
        }
    }

    pub async fn put(&self, key: &str, bytes: Vec<u8>) {
        match self {
            RoundSide::Bucket { client, bucket, .. } => {
                let put = client.put_object().bucket(bucket).key(key).body(ByteStream::from(bytes));
                put.send().await.expect("the bucket takes objects");
            }
            RoundSide::Folder(root) => {
                let path = root.join(key);
                std::fs::create_dir_all(path.parent().expect("it has one")).expect("folders can be made");
                std::fs::write(path, bytes).expect("files can be written");
            }
        }
    }

    pub async fn delete(&self, key: &str) {
        match self {
            RoundSide::Bucket { client, bucket, .. } => {
                client.delete_object().bucket(bucket).key(key).send().await.expect("the bucket deletes");
            }
            RoundSide::Folder(root) => std::fs::remove_file(root.join(key)).expect("files can be removed"),
        }
    }

    /// All keys, with all bytes.
    async fn all(&self, store: &Store) -> BTreeMap<String, Bytes> {
        let mut found = BTreeMap::new();
        match (self, store) {
            (RoundSide::Bucket { bucket, .. }, Store::Cloud(cloud)) => {
                found.extend(cloud.objects(bucket).into_iter().map(|(key, object)| (key, object.bytes)));
            }
            (RoundSide::Bucket { client, bucket, .. }, Store::Weed(_)) => {
                for key in list(client, bucket).await.into_keys() {
                    let object = client.get_object().bucket(bucket).key(&key).send().await.expect("it is there");
                    found.insert(key, object.body.collect().await.expect("it is whole").into_bytes());
                }
            }
            (RoundSide::Folder(root), _) => walk(root, root, &mut found),
        }
        found
    }

    /// Uploads that are open, and files that are unfinished.
    async fn unfinished(&self) -> BTreeSet<String> {
        match self {
            RoundSide::Bucket { client, bucket, .. } => {
                let open = client.list_multipart_uploads().bucket(bucket).send().await.expect("uploads are listed");
                open.uploads().iter().filter_map(|upload| upload.upload_id().map(str::to_owned)).collect()
            }
            RoundSide::Folder(root) => {
                let entries = std::fs::read_dir(root.join(".flotilla-partial")).into_iter().flatten().flatten();
                entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
            }
        }
    }

    fn remove(&self) {
        if let RoundSide::Folder(root) = self {
            let _ = std::fs::remove_dir_all(root);
        }
    }
}

fn walk(root: &Path, dir: &Path, found: &mut BTreeMap<String, Bytes>) {
    for entry in std::fs::read_dir(dir).expect("the folder is there").flatten() {
        let path = entry.path();
        let key = path.strip_prefix(root).expect("it is below").to_str().expect("UTF-8").to_owned();
        if path.is_dir() {
            walk(root, &path, found);
        } else if !key.starts_with(".flotilla-partial") {
            found.insert(key, std::fs::read(&path).expect("files can be read").into());
        }
    }
}

/// Where objects begin to go in parts, bytes.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub part: usize,
    pub threshold: usize,
    pub giant: usize,
}

/// Transfers at once in each worker.
pub const CONCURRENCY: usize = 4;

/// Most objects of a job.
pub const JOB_OBJECTS: usize = 10;

/// How long a job is leased without a sign of life. A fleet waits for it after each kill; where it is not much longer
/// than what a request takes on a busy machine, leases are lost without one, and jobs given up after 20 of them.
pub const LEASE: &str = "15s";

/// Two sides, and what happened to them.
pub struct Round {
    pub random: Random,
    pub source: RoundSide,
    pub destination: RoundSide,
    pub sizes: Sizes,
    pub kills: u32,
    /// Objects, or parts, that may have been sent again for that.
    may_be_repeated: usize,
    store: Store,
    keys: Vec<String>,
    overwritten: BTreeSet<String>,
    users_uploads: BTreeSet<String>,
}

impl Round {
    /// Makes the world of a seed. `folders` says whether either side may be one.
    pub async fn new(seed: u64, folders: bool) -> Round {
        let mut random = Random(seed);
        let kind = if folders { random.below(10) } else { 9 };
        let store = Store::of(&mut random, kind >= 7).await;
        let [from, to] = store.endpoints();
        let (from, mut to) = (Arc::new(Proxy::start(from).await), Arc::new(Proxy::start(to).await));
        // One endpoint for both: the service copies by itself.
        if random.percent(10) {
            to = from.clone();
        }
        let source = match kind {
            0..4 => RoundSide::folder("source"),
            _ => store.bucket("source", from).await,
        };
        let destination = match kind {
            0 | 4..7 => RoundSide::folder("destination"),
            _ => store.bucket("destination", to).await,
        };
        let sizes = match &destination {
            RoundSide::Bucket { .. } => Sizes { part: 5 * MIB, threshold: 5 * MIB, giant: 11 * MIB },
            RoundSide::Folder(_) => Sizes { part: 64 << 10, threshold: 100 << 10, giant: 512 << 10 },
        };
        let (keys, overwritten, users_uploads) = Default::default();
        let (kills, may_be_repeated) = (0, 0);
        let mut round = Round {
            random,
            source,
            destination,
            sizes,
            kills,
            may_be_repeated,
            store,
            keys,
            overwritten,
            users_uploads,
        };
        round.fill().await;
        round
    }

    async fn fill(&mut self) {
        let (small, large) = (10 + self.random.below(40), 1 + self.random.below(2));
        for index in 0..small {
            let size = self.random.pick(&[0, 1, 100, 1_000, 10_000]);
            self.add(format!("small/{}/{index}", index % 3), size).await;
        }
        for index in 0..large {
            let size = self.sizes.threshold + 1 + self.random.below(self.sizes.giant - self.sizes.threshold - 1);
            self.add(format!("large/{index}"), size).await;
        }
        if self.random.percent(40) {
            let size = self.sizes.giant + self.random.below(self.sizes.part);
            self.add("large/giant".to_owned(), size).await;
        }
        for index in 0..self.random.below(20) {
            self.destination.plant(&self.store, &format!("gone/{index}"), content("gone", index)).await;
        }
        if self.random.percent(30) {
            self.destination.plant(&self.store, "small/0/0", content("old", 77)).await;
            self.destination.plant(&self.store, "large/0", content("old", 77)).await;
        }
        if let (RoundSide::Bucket { client, bucket, .. }, true) = (&self.destination, self.random.percent(50)) {
            for key in ["large/0", "large", "small/0/0"] {
                let create = client.create_multipart_upload().bucket(bucket).key(key).send().await;
                self.users_uploads.extend(create.expect("uploads can be opened").upload_id().map(str::to_owned));
            }
        }
        self.pass_a_second().await;
    }

    async fn add(&mut self, key: String, size: usize) {
        self.source.plant(&self.store, &key, content(&key, size)).await;
        self.keys.push(key);
    }

    /// Times are in whole seconds: what comes after this is later.
    pub async fn pass_a_second(&self) {
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }

    /// Changes the source, perhaps.
    pub async fn change_source(&mut self) {
        if !self.random.percent(25) {
            return;
        }
        let large: Vec<&String> = self.keys.iter().filter(|key| key.starts_with("large/")).collect();
        if self.keys.is_empty() {
            return;
        }
        let key = match self.random.percent(70) && !large.is_empty() {
            true => large[self.random.below(large.len())].clone(),
            false => self.keys[self.random.below(self.keys.len())].clone(),
        };
        if self.random.percent(20) {
            self.source.delete(&key).await;
            self.keys.retain(|other| *other != key);
        } else {
            let threshold = self.sizes.threshold;
            let size = self.random.pick(&[50, threshold * 2, threshold + 1]);
            let generation = self.random.below(usize::MAX);
            self.source.put(&key, content(&format!("{key}@{generation}"), size)).await;
        }
        self.overwritten.insert(key);
    }

    /// A worker was killed, or dropped so many jobs: what was on its way is sent again. A giant that was shared out,
    /// but whose job was not acknowledged, is shared out again: jobs of the same parts may run beside each other.
    pub fn work_was_dropped(&mut self, times: usize) {
        let giant = (self.sizes.giant + self.sizes.part).div_ceil(self.sizes.part);
        self.may_be_repeated += times * (CONCURRENCY + giant);
    }

    /// A finder was killed: the job that it was sending, it may have sent, and sends once more; each of the two is
    /// done as if it was the only one. All objects here are listed in one page, so there was one such job. Those that
    /// go in parts have together at most as many of them.
    pub fn finding_was_dropped(&mut self) {
        self.may_be_repeated += JOB_OBJECTS;
    }

    pub fn source_was_changed(&self) -> bool {
        !self.overwritten.is_empty()
    }

    /// Both sides are equal, nothing of ours is open, nothing of others was touched, and no more was sent
    /// twice than was on its way when something was killed.
    pub async fn check(&self) {
        let (source, destination) = (self.source.all(&self.store).await, self.destination.all(&self.store).await);
        // A folder stands for its marker. One that was made for a file that never came, or is gone, holds nothing.
        let has_folders = [&self.source, &self.destination].iter().any(|side| matches!(side, RoundSide::Folder(_)));
        let empty = |key: &str| has_folders && key.ends_with('/');
        let keys =
            |side: &BTreeMap<String, Bytes>| side.keys().filter(|key| !empty(key)).cloned().collect::<BTreeSet<_>>();
        let (ours, theirs) = (keys(&source), keys(&destination));
        assert!(
            ours == theirs,
            "missing: {:?}, too many: {:?}",
            ours.difference(&theirs).collect::<Vec<_>>(),
            theirs.difference(&ours).collect::<Vec<_>>()
        );
        for (key, bytes) in source.iter().filter(|(key, _)| !empty(key)) {
            assert!(*bytes == destination[key], "{key}: the bytes differ");
        }
        assert_eq!(self.destination.unfinished().await, self.users_uploads, "open uploads, or unfinished files");
        let allowed = self.may_be_repeated;
        let again = self.sent_again(&[Kind::Part, Kind::PartCopy]);
        assert!(again.len() <= allowed, "{} kills, parts sent again: {again:?}", self.kills);
        // Small objects are found in place by their MD5s, which a folder does not report.
        if matches!(self.source, RoundSide::Bucket { .. }) {
            let again = self.sent_again(&[Kind::Put, Kind::Copy]);
            assert!(again.len() <= allowed, "{} kills, objects sent again: {again:?}", self.kills);
        }
    }

    /// The repeated requests of these kinds, but for objects that were changed.
    fn sent_again(&self, kinds: &[Kind]) -> Vec<String> {
        let Some(proxy) = self.destination.proxy() else { return Vec::new() };
        let mut seen = BTreeSet::new();
        let mut again = Vec::new();
        for request in proxy.seen().into_iter().filter(|request| kinds.contains(&request.kind)) {
            // What names the part, and not the upload.
            let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
            let part = query.split('&').find(|pair| pair.starts_with("partNumber=")).unwrap_or_default();
            let what = format!("{path}?{part}");
            let changed = self.overwritten.iter().any(|key| path.ends_with(&format!("/{key}")));
            if !changed && !seen.insert(what.clone()) {
                again.push(what);
            }
        }
        again
    }

    /// All runs are done, with exact counters.
    pub async fn check_runs(&self, ledger: &(impl Ledger + UploadLog), task: &str) {
        for run in ledger.runs(task, 100).await.expect("the ledger answers") {
            assert!(run.is_done() && run.error.is_none(), "{run:?}");
            assert_eq!((run.settled.objects(), run.settled.failed), (run.enqueued(), 0), "{run:?}");
        }
        for key in &self.keys {
            // The record of an upload that is gone may outlive its run, until its job comes once more.
            let intents = ledger.intents(task, key).await.expect("the ledger answers");
            assert!(intents.is_none(), "{key}: {intents:?}");
        }
    }

    /// Makes room.
    pub fn remove(&self) {
        self.source.remove();
        self.destination.remove();
    }
}
