use super::*;
use proptest::prelude::*;

fn job(work: ObjectWork) -> ObjectJob {
    let origin = Origin { id: "r0-1".into(), items: 4 };
    ObjectJob::new("t", "r", origin, work)
}

fn object(key: &str) -> JobObject {
    JobObject {
        index: 0,
        key: key.into(),
        size: 1,
        modified: Timestamp(2),
        etag: Some(ETag::new("e")),
        ..JobObject::default()
    }
}

#[test]
fn the_format_stays_as_other_programs_know_it() {
    let body = job(ObjectWork::Copy { objects: vec![object("a/b")] }).to_body();
    assert_eq!(
        body,
        r#"{"v":1,"task":"t","run":"r","attempt":1,"origin":{"id":"r0-1","items":4},"kind":"objects","verb":"copy","items":1,"body":{"objects":[{"index":0,"key":"a/b","size":1,"modified":2,"etag":"e"}]}}"#
    );
}

#[test]
fn a_waiting_job_names_its_due_time_and_its_first_wait() {
    let restoring = Restoring { since: Timestamp(3), due: Timestamp(9) };
    let waiting = ObjectJob { restoring: Some(restoring), ..job(ObjectWork::Copy { objects: vec![object("a")] }) };
    let body = waiting.to_body();
    assert!(body.contains(r#""not_before":9,"#) && body.ends_with(r#""since":3}}"#), "{body}");
    assert_eq!(ObjectJob::parse(&body), Ok(waiting));
    let error = ObjectJob::parse(&body.replace(r#""not_before":9,"#, "")).unwrap_err().to_string();
    assert!(error.contains("no time to look again"), "{error}");
}

#[test]
fn an_invalid_body_is_named_with_kind_and_verb() {
    let head = r#"{"v":1,"task":"t","run":"r","attempt":1,"origin":{"id":"x","items":2},"kind":"objects","#;
    for (rest, part) in [
        (r#""verb":"copy","items":1,"body":{"objects":[]}}"#, "a job objects/copy is invalid: the number of objects"),
        (r#""verb":"copy","items":1,"body":{}}"#, "missing field"),
        (r#""verb":"fly","items":1,"body":{}}"#, "a job objects/fly is invalid: this release has no such job"),
        (r#""verb":"delete","items":1,"body":{"objects":[{"index":2,"key":"k"}]}}"#, "indexes must ascend"),
        (r#""verb":"changed","items":2,"body":{"objects":[{"index":1,"key":"k"},{"index":0,"key":"l"}]}}"#, "ascend"),
        (
            r#""verb":"parts","items":1,"body":{"index":0,"key":"k","upload_id":"u","first":3,"last":2}}"#,
            "parts must lie within 1",
        ),
        (
            r#""verb":"parts","items":1,"body":{"index":0,"key":"k","upload_id":"u","first":1,"last":2,"again":[3]}}"#,
            "parts to send again",
        ),
    ] {
        let error = ObjectJob::parse(&format!("{head}{rest}")).unwrap_err().to_string();
        assert!(error.contains(part), "{rest}: {error}");
    }
    let other =
        job(ObjectWork::Copy { objects: vec![object("a")] }).to_body().replace("objects\",\"verb", "rows\",\"verb");
    assert!(ObjectJob::parse(&other).unwrap_err().to_string().contains("no job for objects"));
}

proptest! {
    // Each makes and reads some hundred KiB.
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn changed_keys_are_packed_whole_in_order_into_bodies_that_fit(
        keys in prop::collection::vec(prop_oneof![any::<String>(), "\\PC{900}"], 0..400),
    ) {
        let change = |(index, key): (usize, &String)| JobChange { index: index as u32, key: key.clone(), time: None, no_delete: index % 2 == 0 };
        let changes: Vec<JobChange> = keys.iter().enumerate().map(change).collect();
        let base = ObjectJob { origin: Origin { id: "m-1".into(), items: 400 }, ..job(ObjectWork::Delete { objects: vec![] }) };
        let mut packed = Vec::new();
        for job in base.changed(1, changes.clone()) {
            let ObjectWork::Changed { objects } = ObjectJob::parse(&job.to_body()).unwrap().work else { panic!() };
            packed.extend(objects);
        }
        prop_assert_eq!(packed, changes);
    }
}

proptest! {
    #[test]
    fn any_key_passes_the_queue_in_legal_characters(key in any::<String>(), etag in proptest::option::of("[ -~]{0,40}")) {
        let mut one = object(&key);
        one.etag = etag.map(|e| ETag::new(&e));
        let bound = body_bytes_at_most(&one.key, one.etag.as_ref(), None);
        let empty = job(ObjectWork::Copy { objects: vec![] }).to_body().len();
        let copy = job(ObjectWork::Copy { objects: vec![one] });
        let body = copy.to_body();
        prop_assert!(body.len() <= empty + bound);
        let legal = |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        prop_assert!(body.chars().all(legal));
        prop_assert_eq!(ObjectJob::parse(&body).unwrap(), copy);
    }
}
