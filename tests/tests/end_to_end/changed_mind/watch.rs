//! A watch that is started again with other options: neither its scans nor its events go on under the earlier ones.

use std::fs;

use super::*;

/// The sizes that make `giant` an object whose parts are jobs.
const GIANT: &str = "--giant-threshold 20MiB --multipart-threshold 10MiB --part-size 5MiB --concurrency 1";

/// Waits until something is so while the process runs.
async fn until(process: &mut Process, what: &str, is_so: impl AsyncFn(&Process) -> bool) {
    let began = Instant::now();
    while !is_so(process).await {
        assert!(process.is_running() && began.elapsed() < LIMIT, "{what}: {}", process.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Mirror {
    /// Starts a watch, and waits for the end of its first scan.
    async fn watch(&self, options: &str) -> Process {
        let mut process = self.start(&format!("watch SIDES --every 1h --json {options}"));
        until(&mut process, "the first scan ends", async |process| process.stdout().ends_with('\n')).await;
        process
    }

    /// Kills a watch when the proxy has been asked so often for this, and forgets what was asked.
    async fn kill_watch(&self, mut process: Process, kind: Kind, count: u64) {
        until(&mut process, "requests come", async |_| self.proxy.count(kind) >= count).await;
        process.kill();
        process.wait(LIMIT).await;
        self.proxy.heal();
        self.proxy.reset();
    }

    /// Waits until a new file and these keys are copied and no upload is open, and ends the watch.
    async fn finish(&self, mut process: Process, keys: &[&str]) {
        fs::write(self.root.join("source/last"), "last").expect("a file");
        let client = self.weed.client(&self.weed.endpoint);
        until(&mut process, "all is copied", async |_| {
            let there = list(&client, &self.bucket).await;
            keys.iter().chain(&["last"]).all(|key| there.contains_key(*key)) && self.uploads().await.is_empty()
        })
        .await;
        process.terminate();
        let ended = process.wait(LIMIT).await;
        // A key whose write is in doubt comes again later.
        assert!(matches!(ended.code, Some(0 | 3)), "{}", ended.stderr);
    }

    /// The ids of the open uploads.
    async fn uploads(&self) -> Vec<String> {
        let client = self.weed.client(&self.weed.endpoint);
        let open = client.list_multipart_uploads().bucket(&self.bucket).send().await.expect("uploads are listed");
        open.uploads().iter().map(|upload| upload.upload_id().expect("an id").to_owned()).collect()
    }

    /// The targets of the requests of a kind that name a key with this beginning.
    fn asked(&self, kind: Kind, prefix: &str) -> Vec<String> {
        let path = format!("/{prefix}");
        let seen = self.proxy.seen().into_iter();
        seen.filter(|seen| seen.kind == kind && seen.target.contains(&path)).map(|seen| seen.target).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_new_watch_ends_the_last_scans_deletes() {
    let mirror = Mirror::new(&[("kept".to_owned(), 5)]).await;
    let gone: Vec<_> = (0..GONE).map(|n| (format!("gone/{n}"), 3)).collect();
    put_all(&mirror.weed.client(&mirror.weed.endpoint), &mirror.bucket, gone).await;
    mirror.proxy.inject(Rule::on(Kind::Delete, Fault::Delay(Duration::from_millis(300))));
    let first = mirror.start("watch SIDES --delete --concurrency 1");
    mirror.kill_watch(first, Kind::Delete, 3).await;
    let second = mirror.watch("").await;
    mirror.finish(second, &[]).await;
    assert_eq!(mirror.proxy.count(Kind::Delete), 0);
    assert!(mirror.keys().await > GONE / 2);
    assert_cancelled(&mirror.runs().await[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_new_watch_applies_its_options_to_old_events() {
    let files: Vec<_> = (0..40).map(|n| (format!("a/{n}"), 3)).collect();
    let mirror = Mirror::new(&files).await;
    let first = mirror.watch("--delete --concurrency 1").await;
    mirror.proxy.inject(Rule::on(Kind::Delete, Fault::Delay(Duration::from_millis(300))));
    let new: Vec<_> = (0..40).map(|n| (format!("z/{n}"), 3)).collect();
    write_files(&mirror.root.join("source"), &new);
    files.iter().for_each(|(key, _)| fs::remove_file(mirror.root.join("source").join(key)).expect("it is removed"));
    mirror.kill_watch(first, Kind::Delete, 3).await;
    let left = mirror.keys().await;
    let mut second = mirror.watch("--exclude z/**").await;
    until(&mut second, "the old events are settled", async |_| {
        let runs = mirror.runs().await;
        let events = runs.iter().find(|run| run["events"] == true).expect("events came");
        let settled = |name: &str| events["settled"][name].as_u64().expect("a number");
        ["copied", "deleted", "skipped", "failed"].map(settled).iter().sum::<u64>() >= 80
    })
    .await;
    mirror.finish(second, &[]).await;
    assert_eq!((mirror.proxy.count(Kind::Delete), mirror.asked(Kind::Put, "z/").len()), (0, 0));
    // One key is new, and a delete that was on its way may have come late.
    assert!(mirror.keys().await + 1 >= left, "{left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_new_watch_ends_uploads_of_excluded_files() {
    let mirror = Mirror::new(&[("small".to_owned(), 5)]).await;
    let first = mirror.watch(GIANT).await;
    mirror.proxy.inject(Rule::on(Kind::Part, Fault::Delay(Duration::from_millis(500))));
    write_files(&mirror.root.join("source"), &[("giant".to_owned(), 60 * MIB)]);
    mirror.kill_watch(first, Kind::Part, 3).await;
    let second = mirror.watch(&format!("{GIANT} --exclude giant")).await;
    mirror.finish(second, &[]).await;
    assert_eq!(mirror.asked(Kind::Part, "giant").len() + mirror.asked(Kind::Complete, "giant").len(), 0);
    assert_eq!(mirror.keys().await, 2, "the excluded file is not copied");
}

/// Kills a watch in the middle of an upload, and starts it with another storage class.
async fn written_under_its_own_options(sizes: &str) {
    let mirror = Mirror::new(&[("small".to_owned(), 5)]).await;
    let first = mirror.watch(sizes).await;
    mirror.proxy.inject(Rule::on(Kind::Part, Fault::Delay(Duration::from_millis(500))));
    write_files(&mirror.root.join("source"), &[("giant".to_owned(), 60 * MIB)]);
    mirror.kill_watch(first, Kind::Part, 3).await;
    let ids = mirror.uploads().await;
    assert_eq!(ids.len(), 1);
    let second = mirror.watch(&format!("{sizes} --storage-class STANDARD_IA")).await;
    mirror.finish(second, &["giant"]).await;
    let completed = mirror.asked(Kind::Complete, "giant");
    assert!(!completed.is_empty(), "the file is copied");
    assert!(ids.iter().all(|id| completed.iter().all(|target| !target.contains(id))), "{ids:?} {completed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_new_watch_applies_its_options_to_large_files() {
    written_under_its_own_options(GIANT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_new_watch_resumes_no_upload_of_other_options() {
    written_under_its_own_options("--multipart-threshold 10MiB --part-size 5MiB --concurrency 1").await;
}
