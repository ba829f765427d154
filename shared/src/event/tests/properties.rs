//! Any key survives each format; any bytes are an event or a reason.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use super::*;

/// As `application/x-www-form-urlencoded` spells a key; `loose` leaves alone what servers leave alone.
fn form_encoded(key: &str, loose: bool) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.*".contains(&b) || loose && b"/!'()".contains(&b);
    key.bytes()
        .map(|b| match b {
            b' ' => "+".to_owned(),
            b if plain(b) => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}

/// A key in each of the formats, and in envelopes.
fn bodies(key: &str, loose: bool) -> Vec<(Format, Value)> {
    let s3 = json!({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete",
        "s3": {"bucket": {"name": "b"}, "object": {"key": form_encoded(key, loose)}}}]});
    let ceph = json!({"Records": [{"eventSource": "ceph:s3", "s3": {"object": {"key": key}}}]});
    let eventbridge = json!({"detail-type": "Object Created", "source": "aws.s3", "detail": {"object": {"key": key}}});
    let oss = json!({"events": [{"eventName": "ObjectCreated:PutObject", "oss": {"object": {"key": key}}}]});
    let cos = |key: String| json!({"Records": [{"cos": {"cosObject": {"key": key}, "cosBucket": {"name": "b", "appid": 7}}}]});
    let resource = json!({"kind": "storage#object", "name": key, "bucket": "b"});
    let attributes = json!({"eventType": "OBJECT_FINALIZE", "bucketId": "b", "objectId": key});
    let r2 = json!({"action": "PutObject", "bucket": "b", "object": {"key": key}});
    let kodo = json!({"Message": json!({"event": "put", "bucket": "b", "key": key}).to_string(), "Subject": "s"});
    let sns = |inner: &Value| json!({"Type": "Notification", "Message": inner.to_string()});
    let cloud_event = |inner: &Value| json!({"specversion": "1.0", "type": "t", "source": "s", "data_base64": STANDARD.encode(inner.to_string())});
    vec![
        (Format::Minimal, json!({"key": key, "size": 1})),
        (Format::S3, sns(&s3)),
        (Format::S3, cloud_event(&s3)),
        (Format::S3, json!({"message": {"data": STANDARD.encode(s3.to_string())}})),
        (Format::S3, s3),
        (Format::S3, ceph),
        (Format::EventBridge, sns(&eventbridge)),
        (Format::EventBridge, eventbridge),
        (Format::Oss, cloud_event(&oss["events"][0])),
        (Format::Oss, json!({"TopicName": "t", "Message": STANDARD.encode(oss.to_string())})),
        (Format::Oss, oss),
        (Format::Cos, cos(format!("/7/b/{key}"))),
        (Format::Cos, cos(format!("/7/b/{}", form_encoded(key, loose)))),
        (Format::Gcs, json!({"message": {"attributes": attributes, "messageId": "1"}})),
        (
            Format::Gcs,
            json!({"specversion": "1.0", "type": "google.cloud.storage.object.v1.finalized", "source": "s", "data": resource}),
        ),
        (Format::Gcs, resource),
        (Format::R2, r2),
        (Format::Kodo, kodo),
    ]
}

/// Keys of all characters, and often of those that encodings are about.
fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ a+%/.\\\\\"&é\u{0}\u{1f}-]{1,12}", "(%[0-9a-fA-F]{2}|[+/ ]){1,6}"]
        .prop_filter("a key is not empty", |key| !key.is_empty())
}

/// What holds of every answer.
fn check(body: &str) {
    match parse(body) {
        Ok(parsed) => {
            assert_eq!(parsed.changes.is_empty(), parsed.notice.is_some());
            assert!(parsed.changes.iter().all(|change| !change.key.is_empty()));
        }
        Err(error) => assert!(!error.to_string().contains(char::is_control), "{error:?}"),
    }
}

proptest! {
    #[test]
    fn any_key_survives_every_format(key in any_key(), loose: bool) {
        for (format, body) in bodies(&key, loose) {
            let parsed = parse(&body.to_string()).unwrap_or_else(|error| panic!("{error}: {body}"));
            prop_assert_eq!(parsed.format, format);
            let found = parsed.changes.iter().any(|change| change.key == key);
            prop_assert!(found, "{body} gives {:?}", parsed.changes);
        }
    }

    #[test]
    fn each_record_of_a_list_gives_a_change_in_its_order(keys in proptest::collection::vec(any_key(), 1..20)) {
        let records: Vec<Value> = keys.iter().map(|key| json!({"oss": {"object": {"key": key}}})).collect();
        prop_assert_eq!(super::keys(&json!({"events": records}).to_string()), keys.clone());
        let records: Vec<Value> = keys.iter().map(|key| json!({"s3": {"object": {"key": form_encoded(key, false)}}})).collect();
        prop_assert_eq!(super::keys(&json!({"Records": records}).to_string()), keys);
    }

    #[test]
    fn any_text_is_an_event_or_a_reason(body in any::<String>()) {
        check(&body);
        check(&format!("{{{body}"));
    }

    #[test]
    fn any_damage_to_an_event_leaves_an_event_or_a_reason(
        key in any_key(), which: Index, place: Index, length in 0_usize..8, other in any::<String>(), again: Index,
    ) {
        let bodies = bodies(&key, false);
        let body = which.get(&bodies).1.to_string();
        let mut damaged: Vec<char> = body.chars().collect();
        let from = place.index(damaged.len());
        let to = (from + length).min(damaged.len());
        damaged.splice(from..to, other.chars());
        check(&damaged.iter().collect::<String>());
        // Cut off, and doubled from some place on.
        check(&body.chars().take(from).collect::<String>());
        let rest: String = body.chars().skip(again.index(body.chars().count())).collect();
        check(&format!("{body}{rest}"));
    }

    #[test]
    fn any_member_may_be_missing_or_of_another_type(key in any_key(), which: Index, member: Index, value in 0_usize..6) {
        let bodies = bodies(&key, false);
        let mut body = which.get(&bodies).1.clone();
        let mut members = Vec::new();
        paths(&body, "", &mut members);
        let path = member.get(&members);
        let value = [Value::Null, json!(-1), json!(1e300), json!([]), json!({}), json!("")][value].clone();
        *body.pointer_mut(path).unwrap() = value;
        check(&body.to_string());
    }
}

/// JSON pointers to everything inside a value.
fn paths(value: &Value, at: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (format!("{at}/{name}"), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(n, value)| (format!("{at}/{n}"), value)).collect(),
        _ => Vec::new(),
    };
    for (path, value) in children {
        paths(value, &path, found);
        found.push(path);
    }
}
