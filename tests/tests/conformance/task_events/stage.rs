//! A fleet at an emulator, with a bucket whose events its tasks follow, behind a proxy.

use std::collections::BTreeSet;
use std::time::Duration;

use adapters::open;
use aws_sdk_s3::types::{
    Event, EventBridgeConfiguration, FilterRule, FilterRuleName, NotificationConfiguration,
    NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
};
use aws_sdk_sqs::types::QueueAttributeName::{self, Policy, QueueArn};
use flotilla_tests::emulators::{self, ACCESS_KEY, Emulator, SECRET_KEY, unique_name};
use flotilla_tests::proxy::Proxy;
use shared::Result;
use shared::config::{FleetFile, TaskDefinition};
use shared::event::{self, ChangeKind};
use shared::object::Timestamp;
use shared::tasks::{Author, Definition, Limits, NewTask, Outline, Summary, TaskRef};
use tokio::time::Instant;

/// How long events may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(20);

pub struct Stage {
    pub proxy: Proxy,
    pub fleet: FleetFile,
    pub bucket: String,
    pub s3: aws_sdk_s3::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub events: aws_sdk_eventbridge::Client,
}

/// A task and its definition.
#[derive(Clone)]
pub struct Followed {
    pub summary: Summary,
    definition: TaskDefinition,
}

impl Followed {
    /// The id of its rule in the bucket.
    pub fn rule_id(&self) -> String {
        format!("flotilla-{}", self.summary.task.id)
    }

    /// The same task, following other events.
    pub fn following(&self, events: &str) -> Followed {
        let text = self.definition.to_toml().unwrap();
        let old = text.lines().find(|line| line.starts_with("events = ")).unwrap();
        let definition = TaskDefinition::parse(&text.replace(old, &format!("events = {events:?}"))).unwrap();
        Followed { definition, ..self.clone() }
    }
}

/// What happened to keys.
pub fn set(events: &[(ChangeKind, &str)]) -> BTreeSet<(String, String)> {
    events.iter().map(|(kind, key)| (format!("{kind:?}"), (*key).to_owned())).collect()
}

impl Stage {
    pub async fn new(emulator: &Emulator) -> Stage {
        let proxy = Proxy::start(&emulator.endpoint).await;
        let (name, bucket) = (unique_name("f"), unique_name("source"));
        let queue = emulators::connection(&proxy.endpoint, ACCESS_KEY, SECRET_KEY);
        // Its ledger is not used, but a fleet without one has queues of its own.
        let fleet = FleetFile { queue, state: None, ..FleetFile::of_folder(&name, "") };
        let s3 = emulators::s3_client(&emulator.endpoint, ACCESS_KEY, SECRET_KEY);
        s3.create_bucket().bucket(&bucket).send().await.unwrap();
        let config = emulator.sdk_config();
        let (sqs, events) = (aws_sdk_sqs::Client::new(&config), aws_sdk_eventbridge::Client::new(&config));
        Stage { proxy, fleet, bucket, s3, sqs, events }
    }

    /// A task with queues that copies a folder of the bucket.
    pub async fn task(&self, name: &str, folder: &str, events: &str) -> Followed {
        let task = TaskRef { name: name.to_owned(), id: uuid::Uuid::now_v7().to_string() };
        let kept = Definition { text: String::new(), outline: Outline::default(), limits: Limits::default() };
        let new = NewTask { task, definition: kept, next_due: None };
        let summary = Summary::of_new(&new, &Author::new("me", Timestamp::now(), ""));
        open::create_task_queues(&self.fleet, &summary).await.unwrap();
        let service = format!(
            "endpoint-url = {:?}\nregion = \"us-east-1\"\ncredentials = {:?}\n",
            self.proxy.endpoint,
            self.fleet.queue.credentials.as_deref().unwrap()
        );
        let bucket = &self.bucket;
        let text = format!(
            "task = {name:?}\nevents = {events:?}\n[source]\nlocation = \"s3://{bucket}/{folder}\"\n{service}\
             [destination]\nlocation = \"s3://to\"\n{service}"
        );
        Followed { summary, definition: TaskDefinition::parse(&text).unwrap() }
    }

    pub async fn try_wire(&self, task: &Followed) -> Result<Option<String>> {
        open::wire_events(&self.fleet, &task.summary, &task.definition).await
    }

    /// The line for the user.
    pub async fn wire(&self, task: &Followed) -> String {
        self.try_wire(task).await.unwrap().unwrap()
    }

    pub async fn try_unwire(&self, task: &Followed) -> Result<()> {
        open::unwire_events(&self.fleet, &task.summary, &task.definition).await
    }

    pub async fn unwire(&self, task: &Followed) {
        self.try_unwire(task).await.unwrap();
    }

    pub async fn remove_queues(&self, task: &Followed) {
        open::delete_task_queues(&self.fleet, &task.summary).await.unwrap();
    }

    /// A rule of somebody else: new objects below a prefix go to another queue.
    pub async fn give_away(&self, prefix: &str) {
        let arn = self.queue_arn(&unique_name("theirs")).await;
        self.write_rules(vec![rule("theirs", &arn, prefix)]).await;
    }

    /// Replaces the whole configuration, as another program does.
    pub async fn write_rules(&self, rules: Vec<QueueConfiguration>) {
        let all = NotificationConfiguration::builder().set_queue_configurations(Some(rules)).build();
        let request = self.s3.put_bucket_notification_configuration().bucket(&self.bucket);
        request.notification_configuration(all).send().await.unwrap();
    }

    /// Somebody else sends the bucket's events to EventBridge, beside the rules that are there.
    pub async fn s3_switches_on(&self) {
        let current = self.s3.get_bucket_notification_configuration().bucket(&self.bucket).send().await.unwrap();
        let all = NotificationConfiguration::builder()
            .set_queue_configurations(current.queue_configurations)
            .event_bridge_configuration(EventBridgeConfiguration::builder().build());
        let request = self.s3.put_bucket_notification_configuration().bucket(&self.bucket);
        request.notification_configuration(all.build()).send().await.unwrap();
    }

    /// The ids of the bucket's rules, and whether EventBridge gets its events.
    pub async fn bucket_rules(&self) -> (Vec<String>, bool) {
        let request = self.s3.get_bucket_notification_configuration().bucket(&self.bucket);
        let all = request.send().await.unwrap();
        let mut ids: Vec<String> =
            all.queue_configurations().iter().map(|rule| rule.id().unwrap_or_default().to_owned()).collect();
        ids.sort();
        (ids, all.event_bridge_configuration().is_some())
    }

    /// The names of the fleet's rules of EventBridge.
    pub async fn bridge_rules(&self) -> Vec<String> {
        let request = self.events.list_rules().name_prefix(format!("{}--", self.fleet.name));
        let mut names: Vec<String> =
            request.send().await.unwrap().rules().iter().map(|rule| rule.name().unwrap_or_default().into()).collect();
        names.sort();
        names
    }

    /// Makes a queue unless it exists.
    pub async fn queue_arn(&self, name: &str) -> String {
        let url = self.sqs.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap();
        self.attribute(&url, QueueArn).await
    }

    async fn attribute(&self, url: &str, name: QueueAttributeName) -> String {
        let request = self.sqs.get_queue_attributes().queue_url(url).attribute_names(name.clone());
        request.send().await.unwrap().attributes.unwrap_or_default().remove(&name).unwrap_or_default()
    }

    async fn url(&self, task: &Followed) -> String {
        let name = format!("{}--{}--events", self.fleet.name, task.summary.task.name);
        self.sqs.get_queue_url().queue_name(name).send().await.unwrap().queue_url.unwrap()
    }

    /// The policy of the task's queue of events.
    pub async fn policy(&self, task: &Followed) -> String {
        self.attribute(&self.url(task).await, Policy).await
    }

    pub async fn put(&self, key: &str) {
        self.s3.put_object().bucket(&self.bucket).key(key).send().await.unwrap();
    }

    pub async fn delete(&self, key: &str) {
        self.s3.delete_object().bucket(&self.bucket).key(key).send().await.unwrap();
    }

    /// What the task's queue has got, once it is so many events: kinds and whole keys.
    pub async fn received(&self, task: &Followed, count: usize) -> BTreeSet<(String, String)> {
        let (url, begun, mut seen) = (self.url(task).await, Instant::now(), BTreeSet::new());
        loop {
            let request = self.sqs.receive_message().queue_url(&url).max_number_of_messages(10).wait_time_seconds(1);
            let messages = request.send().await.unwrap().messages.unwrap_or_default();
            let is_idle = messages.is_empty();
            for message in messages {
                for change in event::parse(message.body().unwrap()).unwrap().changes {
                    seen.insert((format!("{:?}", change.kind), change.key));
                }
                let receipt = message.receipt_handle().unwrap();
                self.sqs.delete_message().queue_url(&url).receipt_handle(receipt).send().await.unwrap();
            }
            // One idle poll more: nothing else may come.
            if is_idle && (seen.len() >= count || begun.elapsed() > ARRIVAL) {
                return seen;
            }
        }
    }
}

/// A bucket's rule: new objects below a prefix go to a queue.
pub fn rule(id: &str, queue_arn: &str, prefix: &str) -> QueueConfiguration {
    let filter = FilterRule::builder().name(FilterRuleName::Prefix).value(prefix).build();
    let filter = NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(filter).build());
    let rule = QueueConfiguration::builder().id(id).queue_arn(queue_arn).events(Event::S3ObjectCreated);
    rule.filter(filter.build()).build().unwrap()
}
