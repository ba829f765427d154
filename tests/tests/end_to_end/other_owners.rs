//! Buckets of other owners: some charge their requesters, and want to own all their objects.

use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::proxy::Kind;

use crate::fidelity::{CUT, Sync, count, stage, summary};
use crate::support::{MIB, content};

/// An object goes whole, in parts, or shared by all workers, under the options of [`CUT`].
const SIZES: [(&str, usize); 3] = [("whole", 1000), ("parts", 6 * MIB), ("giant", 12 * MIB)];

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_charges_its_requesters_is_read_and_written() {
    for one_store in [false, true] {
        let (from, other) = stage(one_store).await;
        let to = other.as_ref().unwrap_or(&from);
        let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
        SIZES.iter().for_each(|(key, size)| from.put(&source, key, content(key, *size)));
        to.put(&destination, "extra", "x");
        from.charge_requesters(&source);
        let sync = Sync::between(&from, &source, to, &destination);
        let refused = sync.run(&CUT).await;
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains("--source-requester-pays"), "{}", refused.stderr);
        let copies = [&CUT[..], &["--source-requester-pays", "--delete"]].concat();
        assert_eq!(count(&summary(&sync.run(&copies).await, 0), "copied"), 3);
        assert_eq!(to.keys(&destination), ["giant", "parts", "whole"]);
        assert_eq!(to.count(Kind::Copy) + to.count(Kind::PartCopy) > 0, one_store);
        let is_charged = |target: &str| target.contains(&destination);
        let paid = |headers: &http::HeaderMap| headers.get("x-amz-request-payer").is_some();
        let seen = to.seen();
        let others = seen.iter().filter(|seen| !matches!(seen.kind, Kind::Copy | Kind::PartCopy));
        assert!(others.filter(|seen| is_charged(&seen.target)).all(|seen| !paid(&seen.headers)), "only what must");
        to.charge_requesters(&destination);
        let again = sync.run(&[&copies[..], &["--destination-requester-pays", "--compare", "always"]].concat()).await;
        assert_eq!(count(&summary(&again, 0), "copied"), 3, "{}", again.stderr);
        let both = sync.run(&[&CUT[..], &["--requester-pays", "--metadata"]].concat()).await;
        assert_eq!(count(&summary(&both, 0), "copied"), 0, "{}", both.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canned_list_is_given_to_each_copy_however_it_goes() {
    for one_store in [false, true] {
        let (from, other) = stage(one_store).await;
        let to = other.as_ref().unwrap_or(&from);
        let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
        SIZES.iter().for_each(|(key, size)| from.put(&source, key, content(key, *size)));
        let options = [&CUT[..], &["--canned-acl", "bucket-owner-full-control"]].concat();
        let ended = Sync::between(&from, &source, to, &destination).run(&options).await;
        assert_eq!(count(&summary(&ended, 0), "copied"), 3, "{}", ended.stderr);
        let list = |headers: &http::HeaderMap| headers.get("x-amz-acl").cloned();
        let made: Vec<_> = to.seen().into_iter().filter(|seen| makes_an_object(seen.kind)).collect();
        assert_eq!(made.len(), 3, "{made:?}");
        assert!(made.iter().all(|seen| list(&seen.headers).is_some_and(|acl| acl == "bucket-owner-full-control")));
        let public = to.create_bucket("public");
        let options = [&CUT[..], &["--canned-acl", "public-read"]].concat();
        let ended = Sync::between(&from, &source, to, &public).run(&options).await;
        assert_eq!(count(&summary(&ended, 0), "copied"), 3, "{}", ended.stderr);
        assert!(to.objects(&public).values().all(|copy| copy.grants.len() == 1), "{:?}", to.objects(&public));
    }
}

fn makes_an_object(kind: Kind) -> bool {
    matches!(kind, Kind::Put | Kind::Create | Kind::Copy)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_acls_refuses_a_canned_one_before_writing() {
    let from = Cloud::start(Profile::AMAZON).await;
    let to = Cloud::start(Profile { has_acl: false, ..Profile::UNKNOWN }).await;
    let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
    from.put(&source, "a", "x");
    let ended = Sync::between(&from, &source, &to, &destination).run(&["--canned-acl", "private"]).await;
    assert_eq!(count(&summary(&ended, 1), "failed"), 1, "{}", ended.stderr);
    assert_eq!(to.keys(&destination), [""; 0]);
}
