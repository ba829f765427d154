//! Keys of a bucket of which a folder holds one only: `q` and `q/x`.

use std::fs;
use std::path::{Path, PathBuf};

use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::emulators::fresh_folder;

use crate::keys::{Sync, at};

/// Keys below the file `q`, some of them behind keys that only begin like it.
const BELOW: [&str; 3] = ["q/", "q/x", "q/y/z"];

async fn sync() -> (Cloud, PathBuf, Sync) {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let bucket = cloud.create_bucket("source");
    for key in ["a/b", "q", "q-1", "q.txt", "r"].into_iter().chain(BELOW) {
        cloud.put(&bucket, key, key);
    }
    let destination = fresh_folder("destination");
    let to = destination.to_str().expect("UTF-8");
    let sync = Sync::new(&format!("s3://{bucket}"), to, [at("source", &cloud)]);
    (cloud, destination, sync)
}

fn read(folder: &Path, key: &str) -> Option<String> {
    fs::read_to_string(folder.join(key)).ok()
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
        for key in ["a/b", "q", "q-1", "q.txt", "r"] {
            assert_eq!(read(&destination, key).as_deref(), Some(key));
        }
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
