//! Limits that a store has and nobody knows of: the object arrives all the same, or the message says why not.

use flotilla_tests::cloud::{Cloud, Held, Profile};
use flotilla_tests::proxy::Kind;

use crate::fidelity::{CUT, Sync, count, summary};
use crate::support::{MIB, content};

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
fn pack(held: &mut Held) {
    held.headers.insert("content-encoding".to_owned(), "gzip".to_owned());
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
