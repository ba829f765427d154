use super::*;

mod documented;
mod properties;

/// The one change of a body.
fn change(body: &str) -> ObjectChange {
    let parsed = parse(body).unwrap_or_else(|error| panic!("{error}: {body}"));
    assert_eq!(parsed.changes.len(), 1, "{body}");
    parsed.changes.into_iter().next().unwrap()
}

fn keys(body: &str) -> Vec<String> {
    parse(body).unwrap().changes.into_iter().map(|change| change.key).collect()
}

fn s3_record(key: &str) -> String {
    format!(
        r#"{{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{{"bucket":{{"name":"b"}},"object":{{"key":{}}}}}}}"#,
        serde_json::json!(key)
    )
}

#[test]
fn each_format_has_its_own_word() {
    let words: std::collections::BTreeSet<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
    assert_eq!(words.len(), Format::ALL.len());
}

#[test]
fn a_change_lies_in_the_task_or_in_another_bucket_or_prefix() {
    let location: Location = "s3://b/p".parse().unwrap();
    let at = |bucket: Option<&str>, key: &str| ObjectChange {
        bucket: bucket.map(str::to_owned),
        ..ObjectChange::of(key.into())
    };
    for (bucket, key, expected) in [
        (Some("b"), "p/a", Scope::Key("a")),
        (None, "p/a", Scope::Key("a")),
        (Some("b"), "p//a", Scope::Key("/a")),
        (Some("b"), "p/a/", Scope::Key("a/")),
        (Some("c"), "p/a", Scope::OtherBucket),
        (Some("c"), "q/a", Scope::OtherBucket),
        (Some("B"), "p/a", Scope::OtherBucket),
        (Some("b"), "p2/a", Scope::OtherPrefix),
        (Some("b"), "p", Scope::OtherPrefix),
        (Some("b"), "/p/a", Scope::OtherPrefix),
        // The marker of the location's own folder is not listed there either.
        (Some("b"), "p/", Scope::OtherPrefix),
    ] {
        assert_eq!(scope(&at(bucket, key), &location), expected, "{bucket:?} {key}");
    }
    let whole: Location = "s3://b".parse().unwrap();
    assert_eq!(scope(&at(Some("b"), "/"), &whole), Scope::Key("/"));
}

#[test]
fn an_unreadable_key_refuses_the_body_and_names_the_record() {
    let body = |record: &str| format!(r#"{{"Records":[{},{record}]}}"#, s3_record("good"));
    for (record, why) in [
        (s3_record("a%2"), "record 2: key \"a%2\" is not URL-encoded UTF-8"),
        (s3_record("a%zz"), "is not URL-encoded UTF-8"),
        (s3_record("%ff"), "is not URL-encoded UTF-8"),
        (s3_record(""), "record 2: s3.object.key is empty"),
        (r#"{"s3":{"object":{"key":7}}}"#.into(), "record 2: s3.object.key is not a string"),
        (r#"{"s3":{"object":{"key":null}}}"#.into(), "record 2: s3.object.key is missing"),
        (r#"{"s3":{"bucket":{"name":7},"object":{"key":"a"}}}"#.into(), "record 2: s3.bucket.name is not a string"),
        (r#"{"cos":{}}"#.into(), "record 2: s3.object.key is missing"),
        ("7".into(), "record 2: it is not a JSON object"),
    ] {
        let error = parse(&body(&record)).unwrap_err().to_string();
        assert!(error.starts_with("s3 event, record 2: ") && error.contains(why), "{record}: {error}");
    }
}

#[test]
fn what_is_no_event_is_refused_in_one_line() {
    let deep = format!(r#"{{"key":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
    for (body, part) in [
        ("", "neither a JSON object"),
        ("7", "neither a JSON object"),
        ("\"text\"", "neither a JSON object"),
        ("bm8gSlNPTg==", "neither a JSON object"),
        ("{", "EOF"),
        ("{} {}", "trailing"),
        ("{}", "unknown format: it has no members"),
        ("[]", "list envelope: it is empty"),
        (r#"{"Records":[]}"#, "unknown format: it has \"Records\""),
        (r#"{"hello\n":1}"#, r#"unknown format: it has "hello\n""#),
        // A job of a version that this release does not know.
        (r#"{"v":2,"kind":"parts","key":"k"}"#, "unknown format"),
        (r#"{"key":"a","key":"b"}"#, "\"key\" occurs twice"),
        (r#"{"key":"\ud800"}"#, "not an event"),
        (r#"{"Type":"Other","Message":"{}"}"#, "\"Other\" is not a message type"),
        (r#"{"detail-type":"Object Created","source":"mine","detail":{"object":{"key":"a"}}}"#, "must be aws.s3"),
        (r#"{"specversion":"1.0","type":"t","source":"s"}"#, "data and data_base64"),
        (r#"{"specversion":"1.0","type":"t","source":"s","data_base64":"%"}"#, "not JSON in Base64"),
        (r#"{"message":{"attributes":{}}}"#, "contains no data"),
        (&deep, "nested too deeply"),
    ] {
        let error = parse(body).unwrap_err().to_string();
        assert!(error.contains(part), "{body}: {error}");
        assert!(!error.contains(char::is_control), "{error:?}");
    }
    assert_eq!(parse(&" ".repeat(MAX_BODY_BYTES + 1)), Err(EventError::TooLong(MAX_BODY_BYTES + 1)));
}

#[test]
fn a_body_that_fits_two_formats_is_not_guessed_at() {
    let both = r#"{"Records":[{"s3":{"object":{"key":"a"}},"cos":{"cosObject":{"key":"b"}}}]}"#;
    assert_eq!(parse(both), Err(EventError::Ambiguous("s3", "cos")));
    let both = r#"{"Records":[{"s3":{"object":{"key":"a"}}}],"events":[{"oss":{"object":{"key":"b"}}}]}"#;
    assert_eq!(parse(both), Err(EventError::Ambiguous("s3", "oss")));
    let both = r#"{"Records":[{"s3":{"object":{"key":"a"}}}],"eventName":"x","s3":{"object":{"key":"b"}}}"#;
    assert!(matches!(parse(both), Err(EventError::Unknown(_))));
}

#[test]
fn changes_are_bounded() {
    let record = s3_record("a");
    let body = |n: usize| format!(r#"{{"Records":[{}]}}"#, vec![record.as_str(); n].join(","));
    assert_eq!(parse(&body(MAX_CHANGES)).unwrap().changes.len(), MAX_CHANGES);
    assert_eq!(parse(&body(MAX_CHANGES + 1)), Err(EventError::TooMany(MAX_CHANGES + 1)));
}

#[test]
fn two_envelopes_are_opened_and_not_three() {
    let sns = |inner: &str| serde_json::json!({"Type": "Notification", "Message": inner}).to_string();
    let mut body = r#"{"key":"a"}"#.to_owned();
    for _ in 0..MAX_ENVELOPES {
        body = sns(&body);
        assert_eq!(keys(&body), ["a"]);
    }
    assert_eq!(parse(&sns(&body)), Err(EventError::TooDeep));
}

#[test]
fn a_list_of_events_is_all_of_one_format_and_without_notices() {
    assert_eq!(keys(r#"[{"key":"a"},"{\"key\":\"b\"}"]"#), ["a", "b"]);
    let mixed = format!(r#"[{{"key":"a"}},{{"Records":[{}]}}]"#, s3_record("b"));
    assert_eq!(
        parse(&mixed).unwrap_err().to_string(),
        "list envelope: it contains events of two formats, minimal and s3"
    );
    let notice = r#"[{"key":"a"},{"Type":"SubscriptionConfirmation","Message":""}]"#;
    assert_eq!(parse(notice).unwrap_err().to_string(), "list envelope: it contains a notice among events");
}

#[test]
fn both_readings_of_a_key_of_unknown_encoding_are_checked() {
    let record = |source: &str, key: &str| {
        format!(r#"{{"Records":[{{"eventSource":"{source}","s3":{{"object":{{"key":"{key}"}}}}}}]}}"#)
    };
    assert_eq!(keys(&record("aws:s3", "a+b%2Fc")), ["a b/c"]);
    assert_eq!(keys(&record("minio:s3", "a+b%2Fc")), ["a b/c"]);
    assert_eq!(keys(&record("ceph:s3", "a+b%2Fc")), ["a+b%2Fc", "a b/c"]);
    assert_eq!(keys(&record("ceph:s3", "100%")), ["100%"]);
    assert_eq!(keys(&record("ctyun:s3", "plain")), ["plain"]);
    let cos = r#"{"Records":[{"cos":{"cosObject":{"key":"/7/b/a+%2B"},"cosBucket":{"name":"b","appid":7}}}]}"#;
    assert_eq!(keys(cos), ["a+%2B", "a +"]);
}

#[test]
fn a_cos_key_loses_its_bucket_once_and_is_refused_with_another() {
    let key = |key: &str, name: &str| {
        format!(
            r#"{{"Records":[{{"cos":{{"cosObject":{{"key":"{key}"}},"cosBucket":{{"name":"{name}","appid":"7"}}}}}}]}}"#
        )
    };
    assert_eq!(keys(&key("/7/b/7/b/x", "b")), ["7/b/x"]);
    assert_eq!(keys(&key("/7/b//x", "b")), ["/x"]);
    assert_eq!(change(&key("/7/b/x", "b-7")).bucket.as_deref(), Some("b-7"));
    for wrong in ["/7/c/x", "/7/b/", "/7/b", "/x"] {
        let error = parse(&key(wrong, "b")).unwrap_err().to_string();
        assert!(error.contains("does not begin with /7/b/, or ends there"), "{error}");
    }
}
