//! The event functions of other clouds: their own tests, and that what they send is what a worker reads.

use std::path::{Path, PathBuf};
use std::time::Duration;

use flotilla_tests::binaries::{Ended, Process};
use flotilla_tests::emulators::{self, REGION, ministack, unique_name};
use serde_json::{Value, json};
use shared::event::{self, ChangeKind, Format};

fn functions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/functions")
}

async fn python(arguments: &[&str], environment: &[(&'static str, &str)]) -> Ended {
    let path = functions();
    let own = [("PYTHONPATH", path.to_str().expect("UTF-8")), ("PYTHONDONTWRITEBYTECODE", "1")];
    let variables = own.iter().chain(environment).map(|&(name, value)| (name, value.to_owned()));
    let arguments = arguments.iter().map(|argument| (*argument).to_owned());
    let mut process = Process::start(&emulators::program("python"), arguments, variables);
    process.wait(Duration::from_secs(480)).await
}

#[tokio::test]
async fn the_functions_pass_their_own_tests_against_a_real_queue() {
    let folder = functions().join("tests");
    let arguments = ["-m", "unittest", "discover", "-s", folder.to_str().expect("UTF-8")];
    let ended = python(&arguments, &[("FLOTILLA_TEST_SQS", &ministack().endpoint)]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let ran = ended.stderr.lines().find_map(|line| line.strip_prefix("Ran ")?.split(' ').next()?.parse::<u32>().ok());
    assert!(ran.is_some_and(|ran| ran >= 25), "{}", ended.stderr);
}

/// Calls each function with its events.
const SCRIPT: &str = "
import json, os, aliyun_oss, tencent_cos, google_gcs
from cloudevents.http import CloudEvent
events = json.loads(os.environ['EVENTS'])
aliyun_oss.handler(json.dumps(events['oss']).encode(), None)
tencent_cos.main_handler(events['cos'], None)
for event in events['gcs']:
    google_gcs.forward(CloudEvent(event['attributes'], event['data']))
";

/// One event of each key from Alibaba Cloud (two), Tencent Cloud and Google Cloud, as their functions are called.
fn sent(keys: &[&str]) -> String {
    let oss = |name: &'static str| {
        let record =
            move |key: &&str| json!({"eventName": name, "oss": {"bucket": {"name": "b"}, "object": {"key": key}}});
        keys.iter().map(record)
    };
    let oss: Vec<Value> = oss("ObjectCreated:PutObject").chain(oss("ObjectRemoved:DeleteObject")).collect();
    let cos = |key: &&str| {
        json!({"cos": {"cosBucket": {"name": "b", "appid": "7"}, "cosObject": {"key": format!("/7/b/{key}")}},
            "event": {"eventName": "cos:ObjectRemove:Delete"}})
    };
    let cos: Vec<Value> = keys.iter().map(cos).collect();
    let gcs = |key: &&str| {
        json!({"attributes": {"specversion": "1.0", "id": "1", "source": "//storage.googleapis.com/projects/_/buckets/b",
            "type": "google.cloud.storage.object.v1.finalized"}, "data": {"name": key, "bucket": "b"}})
    };
    let gcs: Vec<Value> = keys.iter().map(gcs).collect();
    json!({"oss": {"events": oss}, "cos": {"Records": cos}, "gcs": gcs}).to_string()
}

#[tokio::test]
async fn what_the_functions_send_is_read_as_the_keys_that_changed() {
    let sqs = aws_sdk_sqs::Client::new(&ministack().sdk_config());
    let created = sqs.create_queue().queue_name(unique_name("functions")).send().await.expect("a queue");
    let queue = created.queue_url().expect("its URL").to_owned();
    let keys = ["a//b", "a+b%2Fc d", "\u{1}\t\u{7f}", "\u{fffe}é\u{1f980}", "\"'&<>\\"];

    let events = sent(&keys);
    let environment = [
        ("ACCESS_KEY", emulators::ACCESS_KEY),
        ("SECRET_KEY", emulators::SECRET_KEY),
        ("QUEUE_URL", &queue),
        ("REGION_NAME", REGION),
        ("ENDPOINT_URL", &ministack().endpoint),
        ("EVENTS", &events),
    ];
    let ended = python(&["-c", SCRIPT], &environment).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);

    let mut seen: Vec<(Format, ChangeKind, String)> = Vec::new();
    loop {
        let answer = sqs.receive_message().queue_url(&queue).max_number_of_messages(10).send().await.expect("messages");
        if answer.messages().is_empty() {
            break;
        }
        for message in answer.messages() {
            let parsed = event::parse(message.body().expect("a body")).expect("an event");
            seen.extend(parsed.changes.into_iter().map(|change| (parsed.format, change.kind, change.key)));
            let receipt = message.receipt_handle().expect("a receipt");
            sqs.delete_message().queue_url(&queue).receipt_handle(receipt).send().await.expect("deleted");
        }
    }
    for key in keys {
        for (format, kind) in [
            (Format::Oss, ChangeKind::Created),
            (Format::Oss, ChangeKind::Removed),
            (Format::Cos, ChangeKind::Removed),
            (Format::Gcs, ChangeKind::Created),
        ] {
            let wanted = (format, kind, key.to_owned());
            assert_eq!(seen.iter().filter(|&one| *one == wanted).count(), 1, "{wanted:?} in {seen:?}");
        }
    }
}
