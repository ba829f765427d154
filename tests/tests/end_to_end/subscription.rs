//! `flotilla events` at a bucket and a queue of an emulator.

use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_s3::types::{
    Event, FilterRule, FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration,
    S3KeyFilter,
};
use aws_sdk_sqs::types::QueueAttributeName::{Policy, QueueArn};
use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::emulators::{self, ministack, unique_name};
use shared::event::{self, ChangeKind, Scope, SubscriptionNotice};

struct Subscription {
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
    bucket: String,
    queue: String,
    config: PathBuf,
}

impl Subscription {
    /// A bucket, and a task with a queue that copies the bucket's folder `p`.
    async fn new() -> Subscription {
        let emulator = ministack();
        let (bucket, queue) = (unique_name("source"), unique_name("events"));
        let s3 = emulators::s3_client(&emulator.endpoint, emulators::ACCESS_KEY, emulators::SECRET_KEY);
        s3.create_bucket().bucket(&bucket).send().await.expect("a bucket");
        let keys = emulators::credentials_file(emulators::ACCESS_KEY, emulators::SECRET_KEY);
        let service = format!(
            "endpoint-url = {:?}\nregion = {:?}\ncredentials = \"file:{}\"\n",
            emulator.endpoint,
            emulators::REGION,
            keys.display()
        );
        let text = format!(
            "task = \"t\"\n[source]\nlocation = \"s3://{bucket}/p\"\n{service}[destination]\nlocation = \"s3://to\"\n{service}\
             [queue]\nname = \"{queue}\"\n{service}[ledger]\ntable = \"{queue}\"\n{service}"
        );
        let config = emulators::fresh_folder("subscription").join("task.toml");
        std::fs::write(&config, text).expect("the temporary folder is writable");
        let subscription =
            Subscription { s3, sqs: aws_sdk_sqs::Client::new(&emulator.sdk_config()), bucket, queue, config };
        assert_eq!(subscription.run(&["init"]).await.code, Some(0));
        subscription
    }

    async fn run(&self, words: &[&str]) -> Ended {
        let config = ["--config", self.config.to_str().expect("UTF-8")];
        let arguments: Vec<&str> = words.iter().copied().chain(config).collect();
        let none: [(&'static str, String); 0] = [];
        Process::start(&binaries::flotilla(), arguments, none).wait(Duration::from_secs(120)).await
    }

    async fn url(&self, queue: &str) -> String {
        let answer = self.sqs.create_queue().queue_name(queue).send().await;
        match answer {
            Ok(answer) => answer.queue_url.expect("its URL"),
            // It exists with other attributes.
            Err(_) => {
                let answer = self.sqs.get_queue_url().queue_name(queue).send().await;
                answer.expect("the queue exists").queue_url.expect("its URL")
            }
        }
    }

    async fn arn(&self, queue: &str) -> String {
        let request = self.sqs.get_queue_attributes().queue_url(self.url(queue).await).attribute_names(QueueArn);
        let attributes = request.send().await.expect("attributes").attributes.expect("attributes");
        attributes[&QueueArn].clone()
    }

    async fn policy(&self) -> Option<String> {
        let request = self.sqs.get_queue_attributes().queue_url(self.url(&self.queue).await).attribute_names(Policy);
        request.send().await.expect("attributes").attributes?.remove(&Policy)
    }

    /// A rule that somebody else made: new objects below a prefix go to another queue.
    async fn give_away(&self, prefix: &str) {
        let rule = FilterRule::builder().name(FilterRuleName::Prefix).value(prefix).build();
        let filter = S3KeyFilter::builder().filter_rules(rule).build();
        let theirs = QueueConfiguration::builder()
            .id("theirs")
            .queue_arn(self.arn(&unique_name("theirs")).await)
            .events(Event::S3ObjectCreated)
            .filter(NotificationConfigurationFilter::builder().key(filter).build());
        let theirs = theirs.build().expect("a rule");
        let all = NotificationConfiguration::builder().queue_configurations(theirs).build();
        let request = self.s3.put_bucket_notification_configuration().bucket(&self.bucket);
        request.notification_configuration(all).send().await.expect("the rule is taken");
    }

    /// Id, target and prefix of each of the bucket's rules, and whether EventBridge gets all events.
    async fn rules(&self) -> (Vec<(String, String, String)>, bool) {
        let request = self.s3.get_bucket_notification_configuration().bucket(&self.bucket);
        let all = request.send().await.expect("the configuration");
        let prefix = |rule: &QueueConfiguration| {
            let value = rule.filter()?.key()?.filter_rules().first()?.value()?;
            Some(value.to_owned())
        };
        let rules = all.queue_configurations().iter();
        let rules = rules.map(|rule| {
            (rule.id().unwrap_or_default().into(), rule.queue_arn().into(), prefix(rule).unwrap_or_default())
        });
        (rules.collect(), all.event_bridge_configuration().is_some())
    }
}

#[tokio::test]
async fn a_bucket_is_subscribed_once_and_what_it_had_configured_stays() {
    let subscription = Subscription::new().await;
    subscription.give_away("other/").await;
    let (before, _) = subscription.rules().await;
    let arn = subscription.arn(&subscription.queue).await;
    let message = format!("queue {} accepts events of bucket {}", subscription.queue, subscription.bucket);
    let and = format!("bucket {} sends its events to {arn}", subscription.bucket);

    let first = subscription.run(&["events"]).await;
    assert_eq!((first.code, first.stdout), (Some(0), format!("{message}\n{and}\n")), "{}", first.stderr);
    let (after, _) = subscription.rules().await;
    assert_eq!(after[..1], before[..]);
    assert_eq!(after[1..], [("flotilla-t".to_owned(), arn, "p/".to_owned())]);
    assert!(subscription.policy().await.is_some_and(|policy| policy.contains("s3.amazonaws.com")));

    let again = subscription.run(&["events"]).await;
    assert_eq!(
        (again.code, again.stdout),
        (Some(0), format!("{message} already\n{and} already\n")),
        "{}",
        again.stderr
    );
    assert_eq!(subscription.rules().await.0, after);

    // What the bucket sends now is read as what happened.
    for key in ["p/a b+c%2F\u{e9}", "p2/not-ours", "other/theirs"] {
        subscription.s3.put_object().bucket(&subscription.bucket).key(key).send().await.expect("an object");
        subscription.s3.delete_object().bucket(&subscription.bucket).key(key).send().await.expect("deleted");
    }
    let location = format!("s3://{}/p", subscription.bucket).parse().expect("a location");
    let mut seen = Vec::new();
    let url = subscription.url(&subscription.queue).await;
    loop {
        let answer = subscription.sqs.receive_message().queue_url(&url).max_number_of_messages(10).wait_time_seconds(0);
        let messages = answer.send().await.expect("messages").messages.unwrap_or_default();
        if messages.is_empty() {
            break;
        }
        for message in messages {
            let parsed = event::parse(message.body().expect("a body")).expect("an event");
            assert!(parsed.notice.is_none_or(|notice| notice == SubscriptionNotice::Test));
            for change in parsed.changes {
                assert_eq!(event::scope(&change, &location), Scope::Key("a b+c%2F\u{e9}"));
                seen.push(change.kind);
            }
        }
    }
    seen.sort_by_key(|kind| *kind == ChangeKind::Removed);
    assert_eq!(seen, [ChangeKind::Created, ChangeKind::Removed]);
}

#[tokio::test]
async fn an_overlapping_rule_is_named_and_nothing_is_changed() {
    let subscription = Subscription::new().await;
    subscription.give_away("p/q/").await;
    let before = subscription.rules().await;
    let refused = subscription.run(&["events"]).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("\"theirs\"") && refused.stderr.contains("--eventbridge"), "{}", refused.stderr);
    assert_eq!((subscription.rules().await, subscription.policy().await), (before.clone(), None));

    for (run, already) in [("first", ""), ("second", " already")] {
        let by_bridge = subscription.run(&["events", "--eventbridge"]).await;
        assert_eq!(by_bridge.code, Some(0), "{run}: {}", by_bridge.stderr);
        let message = format!("bucket {} sends its events to EventBridge{already}\n", subscription.bucket);
        assert!(by_bridge.stdout.starts_with(&message), "{run}: {}", by_bridge.stdout);
        for part in ["put-rule --name flotilla-t ", r#""key":[{"prefix":"p/"}]"#, "put-targets", "events.amazonaws.com"]
        {
            assert!(by_bridge.stdout.contains(part), "{part}: {}", by_bridge.stdout);
        }
        assert_eq!(subscription.rules().await, (before.0.clone(), true));
    }
}

#[tokio::test]
async fn a_source_that_sends_no_events_is_refused_in_one_line() {
    let subscription = Subscription::new().await;
    let text = std::fs::read_to_string(&subscription.config).expect("the config");
    let (start, rest) = text.split_once("[source]").expect("a source");
    let (source, rest) = rest.split_once("[destination]").expect("a destination");
    let oss = source.replace("s3://", "oss://");
    let folder = "\nlocation = \"/tmp/folder\"\n".to_owned();
    for (other, part) in [(oss, "deploy/functions/README.md"), (folder, "a folder, which sends no events")] {
        std::fs::write(&subscription.config, format!("{start}[source]{other}[destination]{rest}")).expect("written");
        let refused = subscription.run(&["events"]).await;
        assert_eq!(refused.code, Some(2), "{other}: {}", refused.stderr);
        assert!(refused.stderr.contains(part) && refused.stderr.lines().count() == 1, "{other}: {}", refused.stderr);
    }
}
