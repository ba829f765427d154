//! `flotilla task` and `flotilla status` over a fleet file: queues, events of a bucket, and services that refuse.

use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_s3::types::{Event, NotificationConfiguration, QueueConfiguration, S3KeyFilter};
use aws_sdk_s3::types::{FilterRule, FilterRuleName, NotificationConfigurationFilter};
use aws_sdk_sqs::types::QueueAttributeName::{Policy, QueueArn};
use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::emulators::{self, ACCESS_KEY, SECRET_KEY, ministack, unique_name};
use flotilla_tests::proxy::{Fault, Proxy, Rule};
use serde_json::Value;

struct Fleet {
    proxy: Proxy,
    name: String,
    file: PathBuf,
    keys: String,
    bucket: String,
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
}

impl Fleet {
    /// A fleet that nobody made yet, and a bucket.
    async fn new() -> Fleet {
        let emulator = ministack();
        let proxy = Proxy::start(&emulator.endpoint).await;
        let (name, bucket) = (unique_name("f"), unique_name("source"));
        let keys = format!("file:{}", emulators::credentials_file(ACCESS_KEY, SECRET_KEY).display());
        let service = format!("endpoint-url = {:?}\nregion = \"us-east-1\"\ncredentials = {keys:?}\n", proxy.endpoint);
        let text = format!("name = {name:?}\n[queue]\n{service}[ledger]\ntable = {name:?}\n{service}");
        let file = emulators::fresh_folder("fleet").join("fleet.toml");
        std::fs::write(&file, text).expect("the temporary folder is writable");
        let s3 = emulators::s3_client(&emulator.endpoint, ACCESS_KEY, SECRET_KEY);
        s3.create_bucket().bucket(&bucket).send().await.expect("a bucket");
        Fleet { proxy, name, file, keys, bucket, s3, sqs: aws_sdk_sqs::Client::new(&emulator.sdk_config()) }
    }

    async fn flotilla(&self, words: &[&str]) -> Ended {
        let fleet = ["--fleet", self.file.to_str().expect("UTF-8")];
        let arguments: Vec<&str> = words.iter().copied().chain(fleet).collect();
        Process::start(&binaries::flotilla(), arguments, [("USER", "ada".to_owned())])
            .wait(Duration::from_secs(120))
            .await
    }

    /// Of a command that succeeds.
    async fn answer(&self, words: &[&str]) -> String {
        let ended = self.flotilla(words).await;
        assert_eq!(ended.code, Some(0), "{words:?}: {}", ended.stderr);
        ended.stdout
    }

    /// The one line of a command that fails.
    async fn failure(&self, words: &[&str]) -> String {
        let ended = self.flotilla(words).await;
        assert!(matches!(ended.code, Some(1 | 2)) && ended.stderr.lines().count() == 1, "{words:?}: {}", ended.stderr);
        ended.stderr
    }

    /// Creates a task that copies the bucket's folder `p`.
    fn create<'a>(&'a self, source: &'a str, events: &'a str) -> Vec<&'a str> {
        let keys = self.keys.as_str();
        let both = ["--endpoint-url", &self.proxy.endpoint, "--region", "us-east-1", "--credentials", keys];
        [&["task", "create", "photos", source, "s3://to", "--events", events][..], &both].concat()
    }

    /// Ids, queues and events of the bucket's rules.
    async fn rules(&self) -> Vec<(String, String, Vec<String>)> {
        let answer = self.s3.get_bucket_notification_configuration().bucket(&self.bucket).send().await.expect("rules");
        let rule = |rule: &QueueConfiguration| {
            let queue = rule.queue_arn().rsplit(':').next().unwrap_or_default().to_owned();
            let events = rule.events().iter().map(|event| event.as_str().to_owned()).collect();
            (rule.id().unwrap_or_default().to_owned(), queue, events)
        };
        let mut rules: Vec<_> = answer.queue_configurations().iter().map(rule).collect();
        rules.sort();
        rules
    }

    /// A rule of somebody else: new objects below a prefix go to another queue.
    async fn give_away(&self, prefix: &str) {
        let url = self.sqs.create_queue().queue_name(unique_name("theirs")).send().await.expect("a queue").queue_url;
        let request = self.sqs.get_queue_attributes().set_queue_url(url).attribute_names(QueueArn);
        let arn = request.send().await.expect("attributes").attributes.expect("attributes")[&QueueArn].clone();
        let rule = FilterRule::builder().name(FilterRuleName::Prefix).value(prefix).build();
        let filter = NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(rule).build());
        let theirs = QueueConfiguration::builder().id("theirs").queue_arn(arn).events(Event::S3ObjectCreated);
        let theirs = theirs.filter(filter.build()).build().expect("a rule");
        let all = NotificationConfiguration::builder().queue_configurations(theirs).build();
        let request = self.s3.put_bucket_notification_configuration().bucket(&self.bucket);
        request.notification_configuration(all).send().await.expect("the rule is taken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tasks_bucket_sends_events_until_the_task_is_deleted() {
    let fleet = Fleet::new().await;
    fleet.give_away("other/").await;
    let theirs = fleet.rules().await;
    let source = format!("s3://{}/p", fleet.bucket);
    let created = fleet.answer(&fleet.create(&source, "create")).await;
    let events = format!("{}--photos--events", fleet.name);
    let line = format!("bucket {} sends its events to queue {events}\n", fleet.bucket);
    assert!(created.contains(&line) && created.contains("created task photos"), "{created}");
    let url = fleet.sqs.get_queue_url().queue_name(&events).send().await.unwrap().queue_url;
    let policy = fleet.sqs.get_queue_attributes().set_queue_url(url).attribute_names(Policy).send().await.unwrap();
    let policy = policy.attributes.unwrap()[&Policy].clone();
    assert!(policy.contains("s3.amazonaws.com") && policy.contains(&fleet.bucket), "{policy}");
    let shown: Value = serde_json::from_str(&fleet.answer(&["task", "show", "photos", "--json"]).await).unwrap();
    let id = format!("flotilla-{}", shown["task"]["id"].as_str().unwrap());
    let (made, removed) = ("s3:ObjectCreated:*".to_owned(), "s3:ObjectRemoved:*".to_owned());
    let with = |rule: Vec<String>| {
        let mut rules = [theirs.clone(), vec![(id.clone(), events.clone(), rule)]].concat();
        rules.sort();
        rules
    };
    assert_eq!(fleet.rules().await, with(vec![made.clone()]));
    fleet.answer(&["task", "edit", "photos", "--events", "create-delete"]).await;
    assert_eq!(fleet.rules().await, with(vec![made.clone(), removed]));
    fleet.answer(&["task", "edit", "photos", "--events", "off"]).await;
    assert_eq!(fleet.rules().await, theirs);
    for _ in 0..2 {
        fleet.answer(&["task", "edit", "photos", "--events", "create"]).await;
        assert_eq!(fleet.rules().await, with(vec![made.clone()]));
    }
    fleet.answer(&["task", "delete", "photos", "--yes"]).await;
    assert_eq!(fleet.rules().await, theirs);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_events_go_elsewhere_gets_them_by_eventbridge() {
    let fleet = Fleet::new().await;
    fleet.give_away("").await;
    let theirs = fleet.rules().await;
    let source = format!("s3://{}/p", fleet.bucket);
    // A right that is missing leaves the task without events, until somebody has mended it.
    let denied = Fault::Respond(403, r#"{"__type":"AccessDeniedException","message":"no"}"#.into());
    fleet.proxy.inject(Rule::always(denied).containing("AWSEvents.PutTargets"));
    let failed = fleet.failure(&fleet.create(&source, "create")).await;
    assert!(
        failed.contains("events:PutTargets") && failed.contains("task photos is recorded, without events"),
        "{failed}"
    );
    fleet.proxy.heal();
    let resumed = fleet.answer(&["task", "resume", "photos"]).await;
    assert!(resumed.contains(&format!("by the EventBridge rule {}--photos", fleet.name)), "{resumed}");
    assert_eq!(fleet.rules().await, theirs);
    fleet.answer(&["task", "delete", "photos", "--yes"]).await;
    assert_eq!(fleet.rules().await, theirs);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_list_goes_into_the_definition_if_it_is_small() {
    let fleet = Fleet::new().await;
    let list = emulators::fresh_folder("list").join("prefixes");
    let create = |name: &'static str| ["task", "create", name, "s3://a", "s3://b", "--prefix-list"];
    let with = |name, list: &std::path::Path| {
        create(name).iter().map(|word| (*word).to_owned()).chain([list.display().to_string()]).collect::<Vec<_>>()
    };
    let words = with("photos", &list);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert!(fleet.failure(&words).await.contains("cannot read the prefix list"));
    std::fs::write(&list, "# two\nb/\na/\na/inner\n").unwrap();
    fleet.answer(&words).await;
    std::fs::remove_file(&list).unwrap();
    let shown = fleet.answer(&["task", "show", "photos", "--toml"]).await;
    assert!(shown.contains("prefixes = [\"a/\", \"b/\"]") && !shown.contains("prefix-list"), "{shown}");
    // Another one in its place, by reference.
    fleet.answer(&["task", "edit", "photos", "--prefix-list", "s3://lists/p"]).await;
    let shown = fleet.answer(&["task", "show", "photos", "--toml"]).await;
    assert!(shown.contains("prefix-list = \"s3://lists/p\"") && !shown.contains("prefixes"), "{shown}");
    let large: String = (0..2_000).map(|n| format!("{n:040}/\n")).collect();
    std::fs::write(&list, large).unwrap();
    let words = with("films", &list);
    let failed = fleet.failure(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert!(failed.contains("82000 bytes") && failed.contains("--prefix-list s3://BUCKET/KEY"), "{failed}");
    assert!(!fleet.answer(&["task", "list"]).await.contains("films"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_is_named_and_nothing_is_begun() {
    let fleet = Fleet::new().await;
    fleet.answer(&["init"]).await;
    let denied = || Fault::Respond(403, r#"{"__type":"AccessDeniedException","message":"no"}"#.into());
    for right in ["GetQueueUrl", "CreateQueue", "GetQueueAttributes"] {
        fleet.proxy.inject(Rule::always(denied()).containing(&format!("AmazonSQS.{right}")));
        let failed = fleet.failure(&["task", "create", &unique_name("t"), "/a", "/b"]).await;
        assert!(
            failed.contains(&format!("sqs:{right}")) && failed.contains("the task is recorded"),
            "{right}: {failed}"
        );
        fleet.proxy.heal();
    }
    fleet.answer(&["task", "create", "photos", "/a", "/b"]).await;
    for (right, command) in [
        ("ListQueueTags", &["task", "run", "photos"][..]),
        ("SendMessage", &["task", "run", "photos"]),
        ("DeleteQueue", &["task", "delete", "films"]),
    ] {
        if right == "DeleteQueue" {
            fleet.answer(&["task", "create", "films", "/a", "/b"]).await;
        }
        fleet.proxy.inject(Rule::always(denied()).containing(&format!("AmazonSQS.{right}")));
        let failed = fleet.failure(command).await;
        assert!(failed.contains(&format!("sqs:{right}")), "{right}: {failed}");
        fleet.proxy.heal();
    }
    // The run whose job was not sent is recorded, and the failure said so.
    assert!(fleet.answer(&["status"]).await.contains("photos\tactive, run "));
    fleet.answer(&["task", "delete", "films"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_queues_are_made_again_and_a_vanished_table_is_named() {
    let fleet = Fleet::new().await;
    fleet.answer(&["task", "create", "photos", "/a", "/b"]).await;
    let events = format!("{}--photos--events", fleet.name);
    let url = fleet.sqs.get_queue_url().queue_name(&events).send().await.unwrap().queue_url;
    fleet.sqs.delete_queue().set_queue_url(url).send().await.unwrap();
    let shown = fleet.answer(&["task", "show", "photos"]).await;
    assert!(shown.contains(&format!("queue {events} does not exist")), "{shown}");
    fleet.answer(&["task", "run", "photos"]).await;
    let shown = fleet.answer(&["task", "show", "photos"]).await;
    assert!(shown.contains("queues: 1 ready, 0 leased, 0 delayed") && shown.contains("no worker serves"), "{shown}");
    assert!(fleet.failure(&["failures", "photos"]).await.contains("task \"photos\" has no runs yet"));
    let table = aws_sdk_dynamodb::Client::new(&ministack().sdk_config());
    table.delete_table().table_name(&fleet.name).send().await.unwrap();
    for command in [&["task", "list"][..], &["task", "run", "photos"], &["task", "delete", "photos"], &["status"]] {
        let failed = fleet.failure(command).await;
        assert!(failed.contains(&format!("{} does not exist: create it with `flotilla init`", fleet.name)), "{failed}");
    }
}
