use proptest::prelude::*;
use shared::object::ETag;

use super::*;
use crate::fakes::entry;

fn names() -> RunRef {
    RunRef { task: "t".repeat(100), run: "01997b5c-0000-7000-8000-000000000000".into(), definition: u32::MAX }
}

fn job(body: &str) -> ObjectJob {
    ObjectJob::parse(body).unwrap()
}

fn sizes(body: &str) -> Vec<u64> {
    match job(body).work {
        ObjectWork::Copy { objects } => objects.iter().map(|o| o.size).collect(),
        _ => panic!("not a copy job"),
    }
}

#[test]
fn an_object_larger_than_a_job_goes_alone() {
    let mut pack = Pack::new(&Find { job_bytes: 10, ..Find::default() });
    for size in [3, 11, 4, 50] {
        assert!(pack.has_room_for(&entry("k", size, 1)));
        pack.copy(entry("k", size, 1), false);
    }
    assert!(!pack.has_room_for(&entry("k", 4, 1)));
    assert!(pack.has_room_for(&entry("k", 3, 1)));
    let mut checkpoint = Checkpoint { id: 7, jobs: 5, ..Checkpoint::default() };
    assert_eq!(pack.seal(&names(), &mut checkpoint), None);
    let jobs: Vec<_> = checkpoint.outbox.iter().map(|body| sizes(body)).collect();
    assert_eq!(jobs, [vec![11], vec![50], vec![3, 4]]);
    let origins: Vec<_> = checkpoint.outbox.iter().map(|body| job(body).origin.id).collect();
    assert_eq!(origins, ["c7-5", "c7-6", "c7-7"]);
    assert_eq!(checkpoint.jobs, 8);
    assert!(pack.is_empty());
}

#[test]
fn keys_to_delete_are_named_in_a_job_of_their_own() {
    let mut pack = Pack::new(&Find::default());
    pack.delete("x".into(), false);
    pack.delete("y".into(), false);
    let mut checkpoint = Checkpoint { id: 1, deferred: 2, ..Checkpoint::default() };
    let (number, body) = pack.seal(&names(), &mut checkpoint).unwrap();
    assert_eq!((number, checkpoint.deferred), (2, 3));
    assert_eq!(job(&body).origin, Origin { id: "d1-2".into(), items: 2 });
    assert!(checkpoint.outbox.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn jobs_and_outboxes_keep_within_their_bounds_and_lose_nothing(
        objects in prop::collection::vec((any::<bool>(), ".{0,1000}", 0u64..40, prop::option::of("[ -~]{0,60}")), 0..200),
        job_objects in 1u32..700, job_bytes in 1u64..60,
    ) {
        let options = Find { job_objects, job_bytes, ..Find::default() };
        let mut pack = Pack::new(&options);
        let mut checkpoint = Checkpoint::default();
        let (mut copied, mut deleted) = (Vec::new(), Vec::new());
        let mut seal = |pack: &mut Pack| {
            let deferred = pack.seal(&names(), &mut checkpoint);
            let bytes: usize = checkpoint.outbox.iter().map(String::len).sum();
            assert!(bytes <= MAX_BODY_BYTES && checkpoint.outbox.len() <= MAX_JOBS);
            for body in checkpoint.outbox.drain(..).chain(deferred.map(|(_, body)| body)) {
                match job(&body).work {
                    ObjectWork::Copy { objects } => {
                        assert!(objects.len() <= job_objects as usize);
                        assert!(objects.len() == 1 || objects.iter().map(|o| o.size).sum::<u64>() <= job_bytes);
                        copied.extend(objects.into_iter().map(|o| o.key));
                    }
                    ObjectWork::Delete { objects } => {
                        assert!(objects.len() <= (2 * job_objects as usize).min(1_000));
                        deleted.extend(objects.into_iter().map(|o| o.key));
                    }
                    ObjectWork::Parts(_) | ObjectWork::Changed { .. } => panic!("the finder makes no parts jobs"),
                }
            }
        };
        for (copy, key, size, etag) in &objects {
            let mut entry = entry(key, *size, 1);
            entry.etag = etag.as_deref().map(ETag::new);
            let room = if *copy { pack.has_room_for(&entry) } else { pack.has_room_to_delete(key) };
            if !room {
                seal(&mut pack);
            }
            if *copy { pack.copy(entry, true) } else { pack.delete(key.clone(), false) }
            if pack.is_full() {
                seal(&mut pack);
            }
        }
        seal(&mut pack);
        let sorted = |mut keys: Vec<String>| { keys.sort(); keys };
        let expected = |copies| sorted(objects.iter().filter(|o| o.0 == copies).map(|o| o.1.clone()).collect());
        prop_assert_eq!(sorted(copied), expected(true));
        prop_assert_eq!(deleted, objects.iter().filter(|o| !o.0).map(|o| o.1.clone()).collect::<Vec<_>>());
    }
}
