//! Limits that a store has and nobody knows of: the object arrives all the same, or the message says why not.

use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::proxy::Kind;

use crate::fidelity::{CUT, Sync, count, summary};
use crate::support::{MIB, content};

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_source_without_gzip_ranges_is_read_whole() {
    let from = Cloud::start(Profile { ignores_gzip_ranges: true, ..Profile::AMAZON }).await;
    let to = Cloud::start(Profile::AMAZON).await;
    let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
    let bytes = content("packed", 6 * MIB);
    from.put_as(&source, "packed", bytes.clone(), |held| {
        drop(held.headers.insert("content-encoding".to_owned(), "gzip".to_owned()));
    });
    let ended = Sync::between(&from, &source, &to, &destination).run(&CUT).await;
    assert_eq!(count(&summary(&ended, 0), "copied"), 1, "{}", ended.stderr);
    let copy = to.object(&destination, "packed").expect("it was copied");
    assert!(copy.bytes == bytes && copy.headers["content-encoding"] == "gzip");
    assert_eq!(to.uploads(&destination), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_giant_without_ranges_names_the_threshold() {
    let from = Cloud::start(Profile { ignores_gzip_ranges: true, ..Profile::AMAZON }).await;
    let to = Cloud::start(Profile::AMAZON).await;
    let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
    from.put_as(&source, "packed", content("packed", 12 * MIB), |held| {
        drop(held.headers.insert("content-encoding".to_owned(), "gzip".to_owned()));
    });
    let ended = Sync::between(&from, &source, &to, &destination).run(&CUT).await;
    assert_eq!(count(&summary(&ended, 1), "failed"), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("raise --giant-threshold"), "{}", ended.stderr);
    assert_eq!(to.uploads(&destination), []);
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
