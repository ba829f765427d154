//! Keys of a bucket of which a folder holds one only: `q` and `q/x`.

use std::fs;
use std::path::{Path, PathBuf};

use std::time::{Duration, Instant};

use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, fresh_folder};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule, Seen};

use crate::fleet_of_folders::{Folders, stop};
use crate::keys::{Sync, at};

/// Keys below the file `q`, some of them behind keys that only begin like it.
const BELOW: [&str; 3] = ["q/", "q/x", "q/y/z"];

/// The other keys.
const COPIED: [&str; 5] = ["a/b", "q", "q-1", "q.txt", "r"];

fn put(cloud: &Cloud, bucket: &str) {
    for key in COPIED.into_iter().chain(BELOW) {
        cloud.put(bucket, key, key);
    }
}

async fn sync() -> (Cloud, PathBuf, Sync) {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let bucket = cloud.create_bucket("source");
    put(&cloud, &bucket);
    let destination = fresh_folder("destination");
    let to = destination.to_str().expect("UTF-8");
    let sync = Sync::new(&format!("s3://{bucket}"), to, [at("source", &cloud)]);
    (cloud, destination, sync)
}

fn read(folder: &Path, key: &str) -> Option<String> {
    fs::read_to_string(folder.join(key)).ok()
}

fn assert_copied(destination: &Path) {
    for key in COPIED {
        assert_eq!(read(destination, key).as_deref(), Some(key));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_of_a_key_and_keys_below_it_the_first_is_copied() {
    let (_cloud, destination, sync) = sync().await;
    let (ended, plan) = sync.run(&["--dry-run"]).await;
    assert_eq!((ended.code, &plan["not_judged"], &plan["copies"]), (Some(1), &3.into(), &5.into()), "{}", ended.stderr);
    for (options, copied) in [(&[][..], 5), (&["--force"], 0), (&["--delete"], 0)] {
        let (ended, summary) = sync.run(options).await;
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert_eq!((&summary["copied"], &summary["not_judged"]), (&copied.into(), &3.into()), "{summary}");
        for key in BELOW {
            assert!(ended.stderr.contains(&format!("/{key} lies below s3://")), "{}", ended.stderr);
        }
        assert_copied(&destination);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_folder_in_place_of_a_key_stays_with_all_in_it() {
    let (_cloud, destination, sync) = sync().await;
    fs::create_dir_all(destination.join("q")).expect("a folder");
    for key in ["q/x", "q/old"] {
        fs::write(destination.join(key), "old bytes").expect("a file");
    }
    for options in [&[][..], &["--delete"]] {
        let (ended, summary) = sync.run(options).await;
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert_eq!((&summary["failed"], &summary["deleted"]), (&1.into(), &0.into()), "{summary}");
        assert!(ended.stderr.contains("a folder stands where the key needs a file"), "{}", ended.stderr);
        for key in ["q/x", "q/old"] {
            assert_eq!(read(&destination, key).as_deref(), Some("old bytes"));
        }
    }
}

/// A fleet's task from a bucket to a folder.
async fn fleet(cloud: &Cloud, bucket: &str) -> Folders {
    let task = Folders::new(&[], "").await;
    let config = fs::read_to_string(task.path("task.toml")).expect("a config");
    let keys = credentials_file(ACCESS_KEY, SECRET_KEY);
    let source = format!(
        "source = {{ location = \"s3://{bucket}\", endpoint-url = \"{}\", region = \"us-east-1\", credentials = \"file:{}\" }}\n",
        cloud.endpoint,
        keys.display()
    );
    let lines = config.lines().map(|line| match line.starts_with("source.location") {
        true => source.clone(),
        false => format!("{}\n", line.replace("job-objects = 5", "job-objects = 1")),
    });
    fs::write(task.path("task.toml"), lines.collect::<String>()).expect("a config");
    task
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_fleet_copies_the_first_of_a_key_and_keys_below() {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let bucket = cloud.create_bucket("source");
    put(&cloud, &bucket);
    let task = fleet(&cloud, &bucket).await;
    // Each object is a job: of two workers either may be the first.
    let mut workers = [task.worker(&[]), task.worker(&[])];
    for copied in [5, 0] {
        let ended = task.find().await;
        for key in BELOW {
            assert!(ended.stderr.contains(&format!("/{key} lies below s3://")), "{}", ended.stderr);
        }
        let run = task.until_done(&mut workers).await;
        assert_eq!((run.settled.copied, run.settled.objects()), (copied, copied), "{:?}", run.settled);
        assert_eq!(run.found.not_judged, 3, "{:?}", run.found);
        assert_copied(&task.path("destination"));
    }
    for worker in &mut workers {
        stop(worker).await;
    }
}

/// Interrupts a sync at the source's page of this number, and resumes it.
async fn resumed_at_page(page: u64) {
    // Pages begin at `a/b`, `q-1`, `q/`, `q/y/z`.
    let cloud = Cloud::start(Profile { page_keys: 2, ..Profile::AMAZON }).await;
    let bucket = cloud.create_bucket("source");
    put(&cloud, &bucket);
    let proxy = Proxy::start(&cloud.endpoint).await;
    let destination = fresh_folder("destination");
    let from = at("source", &cloud).into_iter().map(|option| option.replace(&cloud.endpoint, &proxy.endpoint));
    let to = destination.to_str().expect("UTF-8");
    let sync = Sync::new(&format!("s3://{bucket}"), to, [from.collect()]);
    let options = ["--list-concurrency=1", "--job-objects=1"];
    proxy.inject(Rule::on(Kind::List, Fault::Stall).containing("continuation-token").after(page - 2));
    let (mut first, began) = (sync.start(&options), Instant::now());
    // The page is requested ahead. The run has passed `q` once it copies it.
    let is_past_q = || proxy.seen().iter().any(|seen| seen.kind == Kind::Get && seen.target.contains("/q?"));
    while proxy.delayed() == 0 || !is_past_q() {
        let is_in_time = first.is_running() && began.elapsed() < Duration::from_secs(60);
        assert!(is_in_time, "{:?}: {}", proxy.counts(), first.stderr());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    first.interrupt();
    let ended = first.wait(Duration::from_secs(60)).await;
    assert_eq!(ended.code, Some(3), "page {page}: {}", ended.stderr);
    proxy.heal();
    proxy.reset();
    let (resumed, summary) = sync.run(&options).await;
    let after = |seen: &Seen| seen.kind == Kind::List && seen.target.contains("start-after=q");
    assert!(proxy.seen().iter().any(after), "page {page}: it goes on where it was: {:?}", proxy.seen());
    assert_eq!((resumed.code, &summary["not_judged"]), (Some(1), &3.into()), "page {page}: {}", resumed.stderr);
    for key in BELOW {
        let warning = format!("/{key} lies below s3://");
        assert!(resumed.stderr.contains(&warning) || ended.stderr.contains(&warning), "page {page}: {key}");
    }
    assert_copied(&destination);
    let (_, again) = sync.run(&options).await;
    assert_eq!((&again["copied"], &again["not_judged"]), (&0.into(), &3.into()), "page {page}: {again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_resumed_run_knows_the_file_that_keys_lie_below() {
    for page in 2..=4 {
        resumed_at_page(page).await;
    }
}
