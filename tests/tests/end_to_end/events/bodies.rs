//! Events as the vendors document them, of any bucket and key: the examples of `shared/src/event/tests/documented.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Created,
    Removed,
}

/// Something that happened to a key of a bucket, whose name ends with `-NUMBER` as Tencent's do.
#[derive(Debug, Clone, Copy)]
pub struct EventRecord<'a> {
    pub bucket: &'a str,
    pub key: &'a str,
    pub what: What,
}

/// Makes the body of a message.
pub type Form = fn(&EventRecord<'_>) -> String;

/// All forms, by name.
pub const FORMS: [(&str, Form); 26] = [
    ("minimal", minimal),
    ("minimal-with-size", minimal_with_size),
    ("s3", |record| records([record])),
    ("s3-sns", s3_sns),
    ("s3-sns-raw-lambda", s3_sns_lambda),
    ("s3-sqs-lambda", s3_sqs_lambda),
    ("minio", minio),
    ("ceph", ceph),
    ("ceph-cloudevents", ceph_cloudevents),
    ("eventbridge", eventbridge),
    ("eventbridge-sns", |record| sns(&eventbridge(record))),
    ("oss", oss),
    ("oss-mns", |record| STANDARD.encode(oss(record))),
    ("oss-topic", oss_topic),
    ("oss-eventbridge-mns", oss_eventbridge_mns),
    ("oss-eventbridge", |record| oss_eventbridge(record).to_string()),
    ("oss-eventbridge-list", |record| json!([oss_eventbridge(record).to_string()]).to_string()),
    ("cos", |record| cos(record).to_string()),
    ("cos-eventbridge", cos_eventbridge),
    ("gcs-pubsub", |record| pubsub(record).to_string()),
    ("gcs-push", |record| json!({"message": pubsub(record), "subscription": "projects/p/subscriptions/s"}).to_string()),
    ("gcs-without-payload", gcs_without_payload),
    ("gcs-notification", |record| gcs_resource(record).to_string()),
    ("gcs-cloudevents", gcs_cloudevents),
    ("r2", r2),
    ("kodo", kodo),
];

impl EventRecord<'_> {
    fn is(&self, created: &'static str, removed: &'static str) -> &'static str {
        match self.what {
            What::Created => created,
            What::Removed => removed,
        }
    }
}

fn minimal(record: &EventRecord<'_>) -> String {
    json!({"key": record.key}).to_string()
}

// The size is what its sender believed.
fn minimal_with_size(record: &EventRecord<'_>) -> String {
    json!({"key": record.key, "size": 123}).to_string()
}

/// As `java.net.URLEncoder` does, but for slashes, which Amazon leaves.
fn form_encoded(key: &str) -> String {
    let mut text = String::new();
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'*' => text.push(byte as char),
            b' ' => text.push('+'),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

fn s3_record(record: &EventRecord<'_>) -> Value {
    json!({"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-west-2",
        "eventTime": "1970-01-01T00:00:00.000Z", "eventName": record.is("ObjectCreated:Put", "ObjectRemoved:Delete"),
        "userIdentity": {"principalId": "AIDAJDPLRKLG7UEXAMPLE"}, "requestParameters": {"sourceIPAddress": "172.16.0.1"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810",
            "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD"},
        "s3": {"s3SchemaVersion": "1.0", "configurationId": "testConfigRule",
            "bucket": {"name": record.bucket, "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
                "arn": format!("arn:aws:s3:::{}", record.bucket)},
            "object": {"key": form_encoded(record.key), "size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                "sequencer": "0055AED6DCD90281E5"}}})
}

/// Several records of S3 in one message.
pub fn records<'a>(all: impl IntoIterator<Item = &'a EventRecord<'a>>) -> String {
    json!({"Records": all.into_iter().map(s3_record).collect::<Vec<_>>()}).to_string()
}

fn sns_message(body: &str) -> Value {
    json!({"Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic", "Subject": "Amazon S3 Notification", "Message": body,
        "Timestamp": "2012-05-02T00:54:06.655Z", "SignatureVersion": "1", "Signature": "EXAMPLEw6JRN",
        "SigningCertURL": "https://sns.us-west-2.amazonaws.com/x.pem",
        "UnsubscribeURL": "https://sns.us-west-2.amazonaws.com/"})
}

fn sns(body: &str) -> String {
    sns_message(body).to_string()
}

fn s3_sns(record: &EventRecord<'_>) -> String {
    sns(&records([record]))
}

fn s3_sns_lambda(record: &EventRecord<'_>) -> String {
    let message = sns_message(&records([record]));
    json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": message}]}).to_string()
}

fn s3_sqs_lambda(record: &EventRecord<'_>) -> String {
    json!({"Records": [{"messageId": "1", "body": s3_sns(record), "eventSource": "aws:sqs"}]}).to_string()
}

fn minio(record: &EventRecord<'_>) -> String {
    let name = record.is("s3:ObjectCreated:Put", "s3:ObjectRemoved:Delete");
    json!({"EventName": name, "Key": format!("{}/{}", record.bucket, record.key), "Records": [{"eventVersion": "2.0",
        "eventSource": "minio:s3", "awsRegion": "", "eventTime": "2025-02-06T01:04:31.998Z", "eventName": name,
        "s3": {"s3SchemaVersion": "1.0", "configurationId": "Config", "bucket": {"name": record.bucket},
            "object": {"key": form_encoded(record.key).replace('/', "%2F"), "size": 84452,
                "eTag": "eb4fb1c3c5ae0b2a2ba6a6b8e1cb0cbd", "sequencer": "182178E8B36AC9DF"}},
        "source": {"host": "192.168.1.10", "port": "", "userAgent": "MinIO"}}]})
    .to_string()
}

fn ceph_record(record: &EventRecord<'_>) -> Value {
    json!({"eventVersion": "2.1", "eventSource": "ceph:s3", "awsRegion": "us-east-1",
        "eventTime": "2019-11-22T13:47:35.124724Z", "eventName": record.is("ObjectCreated:Put", "ObjectRemoved:Delete"),
        "s3": {"s3SchemaVersion": "1.0", "configurationId": "mynotif1",
            "bucket": {"name": record.bucket, "id": "503a4c37.4332.38"},
            "object": {"key": record.key, "size": "1024", "eTag": "37b51d194a7513e45b56f6524f2d51f2", "versionId": "",
                "sequencer": "F7E6D75DC742D108", "metadata": [], "tags": []}}, "eventId": ""})
}

fn ceph(record: &EventRecord<'_>) -> String {
    json!({"Records": [ceph_record(record)]}).to_string()
}

fn ceph_cloudevents(record: &EventRecord<'_>) -> String {
    json!({"specversion": "1.0", "type": "com.amazonaws.ObjectCreated:Put", "id": "1",
        "source": format!("ceph:s3.us-east-1.{}", record.bucket), "data": ceph_record(record)})
    .to_string()
}

fn eventbridge(record: &EventRecord<'_>) -> String {
    json!({"version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": record.is("Object Created", "Object Deleted"), "source": "aws.s3", "account": "111122223333",
        "time": "2021-11-12T00:00:00Z", "region": "ca-central-1",
        "detail": {"version": "0", "bucket": {"name": record.bucket}, "object": {"key": record.key, "size": 5,
            "etag": "b1946ac92492d2347c6235b4d2611184", "sequencer": "617f08299329d189"},
            "request-id": "N4N7GDK58NMKJ12R", "requester": "123456789012", "reason": "PutObject"}})
    .to_string()
}

fn oss_record(record: &EventRecord<'_>) -> Value {
    json!({"eventName": record.is("ObjectCreated:PutObject", "ObjectRemoved:DeleteObject"), "eventSource": "acs:oss",
        "eventTime": "2022-08-13T06:45:43.000Z", "eventVersion": "1.0", "region": "cn-hangzhou",
        "oss": {"bucket": {"arn": "acs:oss:cn-hangzhou:123456789:testbucket", "name": record.bucket},
            "object": {"deltaSize": 122539, "eTag": "688A7BF4F233DC9C88A80BF985AB7329", "key": record.key, "size": 122539},
            "ossSchemaVersion": "1.0", "ruleId": "9adac8e253828f4f7c0466d941fa3db81161****"}})
}

fn oss(record: &EventRecord<'_>) -> String {
    json!({"events": [oss_record(record)]}).to_string()
}

fn oss_topic(record: &EventRecord<'_>) -> String {
    json!({"TopicOwner": "1", "TopicName": "t", "Subscriber": "1", "SubscriptionName": "s", "MessageId": "2",
        "MessageMD5": "3", "Message": STANDARD.encode(oss(record)), "PublishTime": "1449556920975"})
    .to_string()
}

fn oss_eventbridge_mns(record: &EventRecord<'_>) -> String {
    json!({"id": "c2g71017", "source": "acs.mns", "specversion": "1.0", "type": "mns:Queue:SendMessage",
        "data": {"requestId": "606EA3074344430D4C81", "messageId": "C6DB60D1574661357FA227277445",
            "messageBody": STANDARD.encode(oss(record))}})
    .to_string()
}

fn oss_eventbridge(record: &EventRecord<'_>) -> Value {
    json!({"datacontenttype": "application/json;charset=utf-8", "aliyunaccountid": "1", "data": oss_record(record),
        "subject": "acs:oss:cn-hangzhou:123456789:testbucket/source/a.png", "source": "acs.oss",
        "type": "oss:ObjectCreated:PutObject", "specversion": "1.0", "aliyuneventbusname": "default", "id": "5f9****"})
}

fn cos(record: &EventRecord<'_>) -> Value {
    let (name, appid) = record.bucket.rsplit_once('-').expect("a bucket NAME-NUMBER");
    json!({"Records": [{"cos": {"cosSchemaVersion": "1.0",
        "cosObject": {"url": format!("http://{}.cos.ap-chengdu.myqcloud.com/", record.bucket), "vid": "", "size": 1029,
            "meta": {"x-cos-request-id": "NWMxOWY4MGFfMjViMjU4NjRfMTUyMV8yNzhhZjM=", "Content-Type": ""},
            "key": format!("/{appid}/{name}/{}", record.key)},
        "cosBucket": {"region": "cd", "name": name, "appid": appid}, "cosNotificationId": "unkown"},
        "event": {"eventName": record.is("cos:ObjectCreated:Put", "cos:ObjectRemove:Delete"), "eventVersion": "1.0",
            "eventTime": 1545205770, "eventSource": "qcs::cos", "reservedInfo": "", "reqid": 179398952}}]})
}

fn cos_eventbridge(record: &EventRecord<'_>) -> String {
    json!({"specversion": "0", "id": "13a3f42d", "type": "cos:created:object", "source": "cos.cloud.tencent",
        "subject": "qcs::cos:ap-guangzhou:uid1250000000:bucketname", "time": "1615430559146",
        "datacontenttype": "application/json;charset=utf-8", "data": cos(record)["Records"][0]})
    .to_string()
}

fn gcs_resource(record: &EventRecord<'_>) -> Value {
    let written = record.is("timeCreated", "timeDeleted");
    json!({"kind": "storage#object", "id": format!("{}/{}/1490000000000000", record.bucket, record.key), "name": record.key,
        "bucket": record.bucket, "generation": "1490000000000000", "metageneration": "1", "contentType": "text/plain",
        (written): "2017-03-20T12:00:00.000Z", "updated": "2017-03-20T12:00:00.000Z", "size": "352",
        "md5Hash": "1B2M2Y8AsgTpgAmY7PhCfg==", "crc32c": "AAAAAA==", "etag": "CKih16GjycICEAE="})
}

fn gcs_attributes(record: &EventRecord<'_>) -> Value {
    json!({"notificationConfig": "projects/_/buckets/my-bucket/notificationConfigs/1",
        "eventType": record.is("OBJECT_FINALIZE", "OBJECT_DELETE"), "payloadFormat": "JSON_API_V1",
        "bucketId": record.bucket, "objectId": record.key, "objectGeneration": "1490000000000000",
        "eventTime": "2017-03-20T12:00:00.000Z"})
}

fn pubsub(record: &EventRecord<'_>) -> Value {
    json!({"attributes": gcs_attributes(record), "data": STANDARD.encode(gcs_resource(record).to_string()),
        "messageId": "2070443601311540", "publishTime": "2021-02-26T19:13:55.749Z"})
}

fn gcs_without_payload(record: &EventRecord<'_>) -> String {
    json!({"message": {"attributes": gcs_attributes(record), "messageId": "1"}, "subscription": "s"}).to_string()
}

fn gcs_cloudevents(record: &EventRecord<'_>) -> String {
    let name = record.is("finalized", "deleted");
    json!({"specversion": "1.0", "id": "1096434104173400", "data": gcs_resource(record),
        "source": format!("//storage.googleapis.com/projects/_/buckets/{}", record.bucket),
        "type": format!("google.cloud.storage.object.v1.{name}"), "datacontenttype": "application/json",
        "subject": format!("objects/{}", record.key), "time": "2017-03-20T12:00:00.000Z"})
    .to_string()
}

fn r2(record: &EventRecord<'_>) -> String {
    json!({"account": "3f4b7e3dcab231cbfdaa90a6a28bd548", "action": record.is("PutObject", "DeleteObject"),
        "bucket": record.bucket, "eventTime": "2024-05-24T19:36:44.379Z",
        "object": {"key": record.key, "size": 65536, "eTag": "c846ff7a18f28c2e262116d6e8719ef0"}})
    .to_string()
}

fn kodo(record: &EventRecord<'_>) -> String {
    let event = json!({"event": record.is("put", "delete"), "time": 1547551207786351434_i64, "bucket": "bucket_name",
        "reqid": "niNkZJy_3M9903AEA", "source_ip": "33.236.132.29", "user_id": "uid:111111", "key": record.key,
        "access_key": "akjFT8jsaYB8kj-90HJJkds", "fsize": 6, "hash": "FhWqsP2Lk36zuwGEFpPzXct12i-v", "ftype": 0,
        "mimetype": "application/octet-stream", "dest_bucket": "", "dest_key": ""});
    json!({"Message": event.to_string(), "Subject": "Qiniu KODO Notification", "Timestamp": "2019-01-15T19:20:07+08:00"})
        .to_string()
}
