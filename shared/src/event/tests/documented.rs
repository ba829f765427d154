//! The examples of the vendors' documents, shortened only by members that play no part.

use super::*;

fn at(time: &str) -> Option<Timestamp> {
    Some(humantime::parse_rfc3339(time).unwrap().into())
}

/// Amazon S3 user guide, "Event message structure", the example of a PUT.
const S3: &str = r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-west-2",
"eventTime":"1970-01-01T00:00:00.000Z","eventName":"ObjectCreated:Put","userIdentity":{"principalId":"AIDAJDPLRKLG7UEXAMPLE"},
"requestParameters":{"sourceIPAddress":"172.16.0.1"},"responseElements":{"x-amz-request-id":"C3D13FE58DE4C810",
"x-amz-id-2":"FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD"},"s3":{"s3SchemaVersion":"1.0",
"configurationId":"testConfigRule","bucket":{"name":"amzn-s3-demo-bucket","ownerIdentity":{"principalId":"A3NL1KOZZKExample"},
"arn":"arn:aws:s3:::amzn-s3-demo-bucket"},"object":{"key":"red+flower.jpg","size":1024,"eTag":"d41d8cd98f00b204e9800998ecf8427e",
"versionId":"096fKKXTRTtl3on89fVO.nfljtsv6qko","sequencer":"0055AED6DCD90281E5"}}}]}"#;

#[test]
fn a_notification_of_s3() {
    assert_eq!(parse(S3).unwrap().format, Format::S3);
    let expected = ObjectChange {
        bucket: Some("amzn-s3-demo-bucket".into()),
        key: "red flower.jpg".into(),
        kind: ChangeKind::Created,
        size: Some(1024),
        etag: Some(ETag::new("d41d8cd98f00b204e9800998ecf8427e")),
        version: Some("096fKKXTRTtl3on89fVO.nfljtsv6qko".into()),
        time: Some(Timestamp(0)),
        sequencer: Some("0055AED6DCD90281E5".into()),
    };
    assert_eq!(change(S3), expected);
}

/// Amazon S3 user guide, "Supported event types for SQS, SNS, and Lambda".
#[test]
fn the_event_names_of_s3() {
    for (name, kind) in [
        ("ObjectCreated:Post", ChangeKind::Created),
        ("ObjectCreated:Copy", ChangeKind::Created),
        ("ObjectCreated:CompleteMultipartUpload", ChangeKind::Created),
        ("ObjectRemoved:Delete", ChangeKind::Removed),
        ("ObjectRemoved:DeleteMarkerCreated", ChangeKind::Removed),
        ("LifecycleExpiration:Delete", ChangeKind::Removed),
        ("LifecycleExpiration:DeleteMarkerCreated", ChangeKind::Removed),
        ("ObjectTagging:Put", ChangeKind::Metadata),
        ("ObjectTagging:Delete", ChangeKind::Metadata),
        ("ObjectAcl:Put", ChangeKind::Metadata),
        ("ObjectRestore:Completed", ChangeKind::Restored),
        ("ObjectRestore:Post", ChangeKind::Other),
        ("Replication:OperationFailedReplication", ChangeKind::Other),
        ("SomethingNew:Happened", ChangeKind::Other),
    ] {
        assert_eq!(change(&S3.replace("ObjectCreated:Put", name)).kind, kind, "{name}");
        assert_eq!(change(&S3.replace("ObjectCreated:Put", &format!("s3:{name}"))).kind, kind, "{name}");
    }
}

/// Amazon S3 user guide, "Event message structure", the test message.
#[test]
fn the_test_message_of_s3() {
    let body = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2014-10-13T15:57:02.089Z",
    "Bucket":"amzn-s3-demo-bucket","RequestId":"5582815E1AEA5ADF","HostId":"8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE"}"#;
    assert_eq!(parse(body), Ok(Parsed::notice(Format::S3, SubscriptionNotice::Test)));
    let through_sns = serde_json::json!({"Type": "Notification", "TopicArn": "arn:aws:sns:r:1:t", "Message": body});
    assert_eq!(parse(&through_sns.to_string()), Ok(Parsed::notice(Format::S3, SubscriptionNotice::Test)));
}

/// SNS developer guide, "Amazon SNS message and JSON formats".
#[test]
fn s3_through_sns_and_through_lambda() {
    let sns = serde_json::json!({
        "Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic", "Subject": "Amazon S3 Notification", "Message": S3,
        "Timestamp": "2012-05-02T00:54:06.655Z", "SignatureVersion": "1", "Signature": "EXAMPLEw6JRN…",
        "SigningCertURL": "https://sns.us-west-2.amazonaws.com/x.pem", "UnsubscribeURL": "https://sns.us-west-2.amazonaws.com/"
    });
    assert_eq!(parse(&sns.to_string()), parse(S3));
    let sqs = serde_json::json!({"Records": [
        {"messageId": "1", "body": sns.to_string(), "eventSource": "aws:sqs"},
        {"messageId": "2", "body": sns.to_string(), "eventSource": "aws:sqs"},
    ]});
    assert_eq!(keys(&sqs.to_string()), ["red flower.jpg", "red flower.jpg"]);
    let lambda = serde_json::json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns}]});
    assert_eq!(parse(&lambda.to_string()), parse(S3));
    let lost = serde_json::json!({"Records": [{"messageId": "1", "body": sns.to_string()}, {"messageId": "2"}]});
    assert!(parse(&lost.to_string()).unwrap_err().to_string().contains("neither an object nor a text"));
}

/// As above, "HTTP/HTTPS subscription confirmation JSON format".
#[test]
fn a_subscription_that_waits_to_be_confirmed() {
    let body = r#"{"Type":"SubscriptionConfirmation","MessageId":"165545c9-2a5c-472c-8df2-7ff2be2b3b1b","Token":"2336412f37…",
    "TopicArn":"arn:aws:sns:us-west-2:123456789012:MyTopic","Message":"You have chosen to subscribe to the topic …",
    "SubscribeURL":"https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription","Timestamp":"2012-04-26T20:45:04.751Z"}"#;
    assert_eq!(parse(body), Ok(Parsed::notice(Format::Sns, SubscriptionNotice::SubscriptionConfirmation)));
    let ended = body.replace("SubscriptionConfirmation", "UnsubscribeConfirmation");
    assert_eq!(parse(&ended), Ok(Parsed::notice(Format::Sns, SubscriptionNotice::UnsubscribeConfirmation)));
}

/// MinIO documentation, "Bucket Notifications", example of a PUT.
#[test]
fn a_notification_of_minio() {
    let body = r#"{"EventName":"s3:ObjectCreated:Put","Key":"test-bucket/image.jpg","Records":[{"eventVersion":"2.0",
    "eventSource":"minio:s3","awsRegion":"","eventTime":"2025-02-06T01:04:31.998Z","eventName":"s3:ObjectCreated:Put",
    "s3":{"s3SchemaVersion":"1.0","configurationId":"Config","bucket":{"name":"test-bucket","arn":"arn:aws:s3:::test-bucket"},
    "object":{"key":"sub%2Fimage+1.jpg","size":84452,"eTag":"eb4fb1c3c5ae0b2a2ba6a6b8e1cb0cbd","contentType":"image/jpeg",
    "sequencer":"182178E8B36AC9DF"}},"source":{"host":"192.168.1.10","port":"","userAgent":"MinIO"}}]}"#;
    let change = change(body);
    assert_eq!((change.key.as_str(), change.kind, change.size), ("sub/image 1.jpg", ChangeKind::Created, Some(84452)));
}

/// Ceph documentation, "Bucket Notifications", "Events"; there also one record as the data of CloudEvents.
#[test]
fn a_notification_of_ceph() {
    let record = r#"{"eventVersion":"2.1","eventSource":"ceph:s3","awsRegion":"us-east-1","eventTime":"2019-11-22T13:47:35.124724Z",
    "eventName":"ObjectCreated:Put","userIdentity":{"principalId":"tester"},"s3":{"s3SchemaVersion":"1.0","configurationId":"mynotif1",
    "bucket":{"name":"mybucket1","ownerIdentity":{"principalId":"tester"},"arn":"arn:aws:s3:us-east-1::mybucket1","id":"503a4c37.4332.38"},
    "object":{"key":"myimage1.jpg","size":"1024","eTag":"37b51d194a7513e45b56f6524f2d51f2","versionId":"","sequencer":"F7E6D75DC742D108",
    "metadata":[],"tags":[]}},"eventId":""}"#;
    let plain = change(&format!(r#"{{"Records":[{record}]}}"#));
    assert_eq!((plain.key.as_str(), plain.size, &plain.version), ("myimage1.jpg", Some(1024), &None));
    assert_eq!(plain.time, at("2019-11-22T13:47:35.124724Z"));
    let event = format!(
        r#"{{"specversion":"1.0","type":"com.amazonaws.ObjectCreated:Put","source":"ceph:s3.us-east-1.mybucket1","id":"1","data":{record}}}"#
    );
    assert_eq!(change(&event), plain);
}

/// Amazon S3 user guide, "EventBridge event message structure".
#[test]
fn s3_through_eventbridge() {
    let body = r#"{"version":"0","id":"17793124-05d4-b198-2fde-7ededc63b103","detail-type":"Object Created","source":"aws.s3",
    "account":"111122223333","time":"2021-11-12T00:00:00Z","region":"ca-central-1","resources":["arn:aws:s3:::amzn-s3-demo-bucket1"],
    "detail":{"version":"0","bucket":{"name":"amzn-s3-demo-bucket1"},"object":{"key":"example+key%20","size":5,
    "etag":"b1946ac92492d2347c6235b4d2611184","version-id":"IYV3p45BT0ac8hjHg1houSdS1a.Mro8e","sequencer":"617f08299329d189"},
    "request-id":"N4N7GDK58NMKJ12R","requester":"123456789012","source-ip-address":"1.2.3.4","reason":"PutObject"}}"#;
    let expected = ObjectChange {
        bucket: Some("amzn-s3-demo-bucket1".into()),
        key: "example+key%20".into(),
        kind: ChangeKind::Created,
        size: Some(5),
        etag: Some(ETag::new("b1946ac92492d2347c6235b4d2611184")),
        version: Some("IYV3p45BT0ac8hjHg1houSdS1a.Mro8e".into()),
        time: at("2021-11-12T00:00:00Z"),
        sequencer: Some("617f08299329d189".into()),
    };
    assert_eq!(change(body), expected);
    for (name, kind) in [
        ("Object Deleted", ChangeKind::Removed),
        ("Object Restore Completed", ChangeKind::Restored),
        ("Object Restore Initiated", ChangeKind::Other),
        ("Object Tags Added", ChangeKind::Metadata),
        ("Object Tags Deleted", ChangeKind::Metadata),
        ("Object ACL Updated", ChangeKind::Metadata),
    ] {
        assert_eq!(change(&body.replace("Object Created", name)).kind, kind, "{name}");
    }
}

/// Function Compute, "Formats of event for different triggers", "OSS triggers".
const OSS: &str = r#"{"events":[{"eventName":"ObjectCreated:PutObject","eventSource":"acs:oss","eventTime":"2022-08-13T06:45:43.000Z",
"eventVersion":"1.0","oss":{"bucket":{"arn":"acs:oss:cn-hangzhou:123456789:testbucket","name":"testbucket","ownerIdentity":"164901546557****"},
"object":{"deltaSize":122539,"eTag":"688A7BF4F233DC9C88A80BF985AB7329","key":"source/a.png","size":122539},"ossSchemaVersion":"1.0",
"ruleId":"9adac8e253828f4f7c0466d941fa3db81161****"},"region":"cn-hangzhou","requestParameters":{"sourceIPAddress":"140.205.128.221"},
"responseElements":{"requestId":"58F9FF2D3DF792092E12044C"},"userIdentity":{"principalId":"164901546557****"}}]}"#;

#[test]
fn a_notification_of_oss_in_all_its_envelopes() {
    let parsed = parse(OSS).unwrap();
    assert_eq!(parsed.format, Format::Oss);
    let expected = ObjectChange {
        bucket: Some("testbucket".into()),
        key: "source/a.png".into(),
        kind: ChangeKind::Created,
        size: Some(122_539),
        etag: Some(ETag::new("688A7BF4F233DC9C88A80BF985AB7329")),
        version: None,
        time: at("2022-08-13T06:45:43Z"),
        sequencer: None,
    };
    assert_eq!(parsed.changes, [expected]);
    // Simple Message Queue, "OSS event notification": "The Message content is Base64-encoded."
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, OSS);
    assert_eq!(parse(&encoded).unwrap(), parsed);
    // "NotificationBody", in the form JSON.
    let topic = serde_json::json!({"TopicOwner": "1", "TopicName": "t", "Subscriber": "1", "SubscriptionName": "s",
        "MessageId": "2", "MessageMD5": "3", "Message": encoded, "PublishTime": "1449556920975"});
    assert_eq!(parse(&topic.to_string()).unwrap(), parsed);
    // EventBridge, "SMQ events".
    let queue = serde_json::json!({"id": "c2g71017", "source": "acs.mns", "specversion": "1.0", "type": "mns:Queue:SendMessage",
        "data": {"requestId": "606EA3074344430D4C81", "messageId": "C6DB60D1574661357FA227277445", "messageBody": encoded}});
    assert_eq!(parse(&queue.to_string()).unwrap(), parsed);
    // EventBridge, "OSS events": one item of the list as data.
    let item = &serde_json::from_str::<Value>(OSS).unwrap()["events"][0];
    let event = serde_json::json!({"datacontenttype": "application/json;charset=utf-8", "aliyunaccountid": "1", "data": item,
        "subject": "acs:oss:cn-hangzhou:123456789:testbucket/source/a.png", "source": "acs.oss", "type": "oss:ObjectCreated:PutObject",
        "aliyunpublishtime": "2021-01-15T17:14:28.602+08:00", "specversion": "1.0", "aliyuneventbusname": "default", "id": "5f9****"});
    assert_eq!(parse(&event.to_string()).unwrap(), parsed);
    assert_eq!(parse(&serde_json::json!([event.to_string()]).to_string()).unwrap(), parsed);
}

/// Function Compute, "Overview of OSS event triggers"; EventBridge, "OSS events".
#[test]
fn the_event_names_of_oss() {
    for (name, kind) in [
        ("ObjectCreated:AppendObject", ChangeKind::Created),
        ("ObjectCreated:CompleteMultipartUpload", ChangeKind::Created),
        ("ObjectCreated:UploadPart", ChangeKind::Other),
        ("ObjectRemoved:DeleteObject", ChangeKind::Removed),
        ("ObjectRemoved:DeleteObjects", ChangeKind::Removed),
        ("ObjectRemoved:AbortMultipartUpload", ChangeKind::Other),
        ("ObjectModified:UpdateObjectMeta", ChangeKind::Metadata),
        ("ObjectRestore:FinishRestore", ChangeKind::Restored),
        ("ObjectReplication:ObjectRemoved", ChangeKind::Removed),
    ] {
        assert_eq!(change(&OSS.replace("ObjectCreated:PutObject", name)).kind, kind, "{name}");
    }
}

/// Serverless Cloud Function, "COS Trigger Description", "Event Message Structure for COS Trigger".
#[test]
fn a_notification_of_cos() {
    let body = r#"{"Records":[{"cos":{"cosSchemaVersion":"1.0","cosObject":{"url":"http://testpic-1253970026.cos.ap-chengdu.myqcloud.com/testfile",
    "meta":{"x-cos-request-id":"NWMxOWY4MGFfMjViMjU4NjRfMTUyMV8yNzhhZjM=","Content-Type":""},"vid":"","key":"/1253970026/testpic/testfile","size":1029},
    "cosBucket":{"region":"cd","name":"testpic","appid":"1253970026"},"cosNotificationId":"unkown"},"event":{"eventName":"cos:ObjectCreated:*",
    "eventVersion":"1.0","eventTime":1545205770,"eventSource":"qcs::cos","requestParameters":{"requestSourceIP":"192.168.15.101",
    "requestHeaders":{"Authorization":"q-sign-algorithm=sha1"}},"eventQueue":"qcs:0:lambda:cd:appid/1253970026:default.printevent.$LATEST",
    "reservedInfo":"","reqid":179398952}}]}"#;
    let expected = ObjectChange {
        bucket: Some("testpic-1253970026".into()),
        kind: ChangeKind::Created,
        size: Some(1029),
        time: at("2018-12-19T07:49:30Z"),
        ..ObjectChange::of("testfile".into())
    };
    assert_eq!(parse(body).unwrap(), Parsed { format: Format::Cos, changes: vec![expected.clone()], notice: None });
    let old = body.replace("1545205770", "\"1970-01-01T00:00:00.000Z\"");
    assert_eq!(change(&old).time, Some(Timestamp(0)));
    for (name, kind) in [
        ("cos:ObjectCreated:CompleteMultipartUpload", ChangeKind::Created),
        ("cos:ObjectRemove:Delete", ChangeKind::Removed),
        ("cos:ObjectRemove:DeleteMarkerCreated", ChangeKind::Removed),
        ("cos:ObjectRestore:Post", ChangeKind::Other),
        ("cos:ObjectRestore:Completed", ChangeKind::Restored),
    ] {
        assert_eq!(change(&body.replace("cos:ObjectCreated:*", name)).kind, kind, "{name}");
    }
    // Tencent EventBridge, "Event Structure".
    let records: Value = serde_json::from_str(body).unwrap();
    for data in [&records, &records["Records"][0]] {
        let event = serde_json::json!({"specversion": "0", "id": "13a3f42d", "type": "cos:created:object", "source": "cos.cloud.tencent",
            "subject": "qcs::cos:ap-guangzhou:uid1250000000:bucketname", "time": "1615430559146", "region": "ap-guangzhou",
            "datacontenttype": "application/json;charset=utf-8", "data": data});
        assert_eq!(change(&event.to_string()), expected);
    }
}

/// Cloud Storage, JSON API, "Objects: resource representations".
const GCS_OBJECT: &str = r#"{"kind":"storage#object","id":"my-bucket/dir/a+b%20c/1490000000000000","selfLink":"https://www.googleapis.com/storage/v1/b/my-bucket/o/x",
"name":"dir/a+b%20c","bucket":"my-bucket","generation":"1490000000000000","metageneration":"1","contentType":"text/plain",
"timeCreated":"2017-03-20T12:00:00.000Z","updated":"2017-03-20T12:00:00.000Z","storageClass":"STANDARD","size":"352","md5Hash":"1B2M2Y8AsgTpgAmY7PhCfg==",
"crc32c":"AAAAAA==","etag":"CKih16GjycICEAE=","metadata":{"a":"b"}}"#;

fn gcs_object() -> ObjectChange {
    ObjectChange {
        bucket: Some("my-bucket".into()),
        key: "dir/a+b%20c".into(),
        kind: ChangeKind::Created,
        size: Some(352),
        etag: Some(ETag::new("d41d8cd98f00b204e9800998ecf8427e")),
        version: Some("1490000000000000".into()),
        time: at("2017-03-20T12:00:00Z"),
        sequencer: None,
    }
}

/// Cloud Storage, "Pub/Sub notifications for Cloud Storage"; Pub/Sub, "Push subscriptions".
#[test]
fn a_notification_of_cloud_storage_through_pubsub() {
    let attributes = serde_json::json!({"notificationConfig": "projects/_/buckets/my-bucket/notificationConfigs/1",
        "eventType": "OBJECT_FINALIZE", "payloadFormat": "JSON_API_V1", "bucketId": "my-bucket", "objectId": "dir/a+b%20c",
        "objectGeneration": "1490000000000000", "eventTime": "2017-03-20T12:00:00.000Z"});
    let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, GCS_OBJECT);
    let message = serde_json::json!({"attributes": attributes, "data": data, "messageId": "2070443601311540",
        "message_id": "2070443601311540", "publishTime": "2021-02-26T19:13:55.749Z", "publish_time": "2021-02-26T19:13:55.749Z"});
    let push = serde_json::json!({"message": message, "subscription": "projects/my-project/subscriptions/my-sub"});
    let eventarc = serde_json::json!({"specversion": "1.0", "type": "google.cloud.pubsub.topic.v1.messagePublished", "id": "1",
        "source": "//pubsub.googleapis.com/projects/my-project/topics/my-topic", "data": push});
    for body in [&message, &push, &serde_json::json!({"ackId": "1", "message": message}), &eventarc] {
        assert_eq!(parse(&body.to_string()).unwrap().format, Format::Gcs);
        assert_eq!(change(&body.to_string()), gcs_object());
    }
    for (name, kind) in [
        ("OBJECT_DELETE", ChangeKind::Removed),
        ("OBJECT_ARCHIVE", ChangeKind::Removed),
        ("OBJECT_METADATA_UPDATE", ChangeKind::Metadata),
        ("OBJECT_SOMETHING", ChangeKind::Other),
    ] {
        assert_eq!(change(&push.to_string().replace("OBJECT_FINALIZE", name)).kind, kind, "{name}");
    }
    // With the payload format NONE there is no data.
    let none = serde_json::json!({"message": {"attributes": attributes, "messageId": "1"}, "subscription": "s"});
    assert_eq!(change(&none.to_string()), ObjectChange { size: None, etag: None, ..gcs_object() });
    let nameless = push.to_string().replace("objectId", "objectID");
    assert!(parse(&nameless).unwrap_err().to_string().contains("gcs event, record 1: objectId is missing"));
}

/// Eventarc, "CloudEvents - JSON event format"; googleapis/google-cloudevents, `StorageObjectData`.
#[test]
fn a_cloud_event_of_cloud_storage() {
    let resource: Value = serde_json::from_str(GCS_OBJECT).unwrap();
    let event = |name: &str| {
        serde_json::json!({"specversion": "1.0", "id": "1096434104173400", "source": "//storage.googleapis.com/projects/_/buckets/my-bucket",
            "type": format!("google.cloud.storage.object.v1.{name}"), "datacontenttype": "application/json",
            "subject": "objects/dir/a+b%20c", "time": "2017-03-20T12:00:00.000Z", "data": resource})
    };
    assert_eq!(change(&event("finalized").to_string()), gcs_object());
    for (name, kind) in [
        ("deleted", ChangeKind::Removed),
        ("archived", ChangeKind::Removed),
        ("metadataUpdated", ChangeKind::Metadata),
        ("new", ChangeKind::Other),
    ] {
        assert_eq!(change(&event(name).to_string()).kind, kind, "{name}");
    }
    let mut encoded = event("finalized");
    let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, GCS_OBJECT);
    let members = encoded.as_object_mut().unwrap();
    members.remove("data");
    members.insert("data_base64".into(), data.into());
    assert_eq!(change(&encoded.to_string()), gcs_object());
    // The payload alone does not say what happened, but that the object was deleted.
    assert_eq!(change(GCS_OBJECT), ObjectChange { kind: ChangeKind::Other, ..gcs_object() });
    let deleted = GCS_OBJECT.replace("timeCreated", "timeDeleted");
    assert_eq!(change(&deleted).kind, ChangeKind::Removed);
}

/// R2, "Event notifications", "Message format".
#[test]
fn a_notification_of_r2() {
    let body = r#"{"account":"3f4b7e3dcab231cbfdaa90a6a28bd548","action":"CopyObject","bucket":"my-bucket","object":{"key":"my-new+object",
    "size":65536,"eTag":"c846ff7a18f28c2e262116d6e8719ef0"},"eventTime":"2024-05-24T19:36:44.379Z",
    "copySource":{"bucket":"my-bucket","object":"my-original-object"}}"#;
    let expected = ObjectChange {
        bucket: Some("my-bucket".into()),
        kind: ChangeKind::Created,
        size: Some(65536),
        etag: Some(ETag::new("c846ff7a18f28c2e262116d6e8719ef0")),
        time: at("2024-05-24T19:36:44.379Z"),
        ..ObjectChange::of("my-new+object".into())
    };
    assert_eq!(parse(body).unwrap(), Parsed { format: Format::R2, changes: vec![expected], notice: None });
    for (name, kind) in [
        ("PutObject", ChangeKind::Created),
        ("CompleteMultipartUpload", ChangeKind::Created),
        ("DeleteObject", ChangeKind::Removed),
        ("LifecycleDeletion", ChangeKind::Removed),
    ] {
        assert_eq!(change(&body.replace("CopyObject", name)).kind, kind, "{name}");
    }
}

/// Kodo, "事件通知", "回调消息格式".
#[test]
fn a_callback_of_kodo() {
    let event = r#"{"event":"put","time":1547551207786351434,"reqid":"niNkZJy_3M9903AEA","source_ip":"33.236.132.29","user_id":"uid:111111",
    "access_key":"akjFT8jsaYB8kj-90HJJkds","bucket":"bucket_name","key":"event1_tets.txt","fsize":6,"hash":"FhWqsP2Lk36zuwGEFpPzXct12i-v",
    "ftype":0,"mimetype":"application/octet-stream","restore_expiration":"2019-01-20T19:20:07+08:00","dest_bucket":"","dest_key":""}"#;
    let callback = |event: &str| {
        serde_json::json!({"Message": event, "Subject": "Qiniu KODO Notification", "Timestamp": "2019-01-15T19:20:07+08:00"}).to_string()
    };
    let expected = ObjectChange {
        kind: ChangeKind::Created,
        size: Some(6),
        time: Some(Timestamp(1_547_551_207_786)),
        ..ObjectChange::of("event1_tets.txt".into())
    };
    assert_eq!(
        parse(&callback(event)).unwrap(),
        Parsed { format: Format::Kodo, changes: vec![expected], notice: None }
    );
    let moved =
        parse(&callback(&event.replace(r#""put""#, r#""move""#).replace(r#""dest_key":"""#, r#""dest_key":"new""#)));
    let seen: Vec<_> = moved.unwrap().changes.into_iter().map(|change| (change.key, change.kind)).collect();
    assert_eq!(seen, [("event1_tets.txt".into(), ChangeKind::Removed), ("new".into(), ChangeKind::Created)]);
    for (name, kind) in
        [("delete", ChangeKind::Removed), ("mkfile", ChangeKind::Created), ("restore:completed", ChangeKind::Restored)]
    {
        assert_eq!(change(&callback(&event.replace(r#""put""#, &format!("\"{name}\"")))).kind, kind, "{name}");
    }
}

/// Data Transfer Hub implementation guide: what its sample functions send.
#[test]
fn the_minimal_event() {
    let body = r#"{"key":"a/b+c%20d","size":123}"#;
    let expected = ObjectChange { size: Some(123), ..ObjectChange::of("a/b+c%20d".into()) };
    assert_eq!(parse(body).unwrap(), Parsed { format: Format::Minimal, changes: vec![expected], notice: None });
    assert_eq!(change(r#"{"key":"a"}"#), ObjectChange::of("a".into()));
    assert_eq!(change(r#"{"key":"a","size":"many","sequencer":"1F"}"#).sequencer.as_deref(), Some("1F"));
}

#[test]
fn the_examples_each_fit_one_shape_and_the_others_not() {
    for body in [S3, OSS, GCS_OBJECT, r#"{"key":"a"}"#] {
        let root: Value = serde_json::from_str(body).unwrap();
        let fitting = SHAPES.iter().filter(|shape| (shape.fits)(root.as_object().unwrap())).count();
        assert_eq!(fitting, 1, "{body}");
    }
}
