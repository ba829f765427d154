//! The queues of a fleet and of its tasks.

use std::time::Duration;

use adapters::open;
use adapters::queue::sqs::{FLEET_TAG, TASK_ID_TAG};
use flotilla_tests::emulators::{self, ACCESS_KEY, Emulator, SECRET_KEY};
use flotilla_tests::proxy::{Fault, Proxy, Rule};
use shared::ErrorKind;
use shared::config::{Connection, FleetFile, LedgerConfig};
use shared::object::Timestamp;
use shared::queue::{Depth, Outgoing};
use shared::tasks::{Author, Change, Definition, Limits, NewTask, Outline, Summary, TaskRef, TaskState};

const LEASE: Duration = Duration::from_secs(60);

/// A fleet of its own at an emulator.
fn fleet(emulator: &Emulator) -> FleetFile {
    fleet_at(emulator.connection())
}

fn fleet_at(connection: Connection) -> FleetFile {
    let ledger = LedgerConfig::new(emulators::unique_name("fleet"), connection.clone());
    let name = emulators::unique_name("f");
    FleetFile { queue: connection, ledger: Some(ledger), state: None, ..FleetFile::of_folder(&name, "") }
}

fn task(name: &str) -> Summary {
    let task = TaskRef { name: name.to_owned(), id: uuid::Uuid::now_v7().to_string() };
    let definition = Definition { text: String::new(), outline: Outline::default(), limits: Limits::default() };
    let new = NewTask { task, definition, next_due: None };
    Summary::of_new(&new, &Author::new("me", Timestamp::now(), ""))
}

fn sqs(emulator: &Emulator) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(&emulator.sdk_config())
}

async fn names(emulator: &Emulator, prefix: &str) -> Vec<String> {
    let answer = sqs(emulator).list_queues().queue_name_prefix(format!("{prefix}--")).send().await.unwrap();
    let mut names: Vec<String> =
        answer.queue_urls().iter().filter_map(|url| url.rsplit('/').next().map(str::to_owned)).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_are_made_tagged_opened_and_removed_with_their_task() {
    for emulator in [emulators::ministack(), emulators::moto()] {
        let (fleet, task) = (fleet(emulator), task("photos"));
        let all = ["", "--dead", "--events"].map(|end| format!("{}--photos{end}", fleet.name));
        for _ in 0..2 {
            open::create_task_queues(&fleet, &task).await.unwrap();
            assert_eq!(names(emulator, &fleet.name).await, all);
        }
        for name in &all {
            let url = sqs(emulator).get_queue_url().queue_name(name).send().await.unwrap().queue_url.unwrap();
            let tags = sqs(emulator).list_queue_tags().queue_url(url).send().await.unwrap().tags.unwrap();
            assert_eq!((&tags[FLEET_TAG], &tags[TASK_ID_TAG]), (&fleet.name, &task.task.id));
        }
        let queues = open::task_queues(&fleet, &task).await.unwrap();
        queues.jobs.send(&[Outgoing::now("{}".into())]).await.unwrap();
        queues.events.send(&[Outgoing::now("{}".into())]).await.unwrap();
        let [message] = &queues.events.receive(1, Duration::ZERO, LEASE).await.unwrap()[..] else {
            panic!("a message")
        };
        queues.events.dead_letter(message, "a reason").await.unwrap();
        assert_eq!(queues.depth().await.unwrap(), Depth { ready: 1, leased: 0, delayed: 0, dead: 1 });
        for _ in 0..2 {
            open::delete_task_queues(&fleet, &task).await.unwrap();
            assert_eq!(names(emulator, &fleet.name).await, [""; 0]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_queues_are_made_again_unless_the_task_is_deleted() {
    let emulator = emulators::ministack();
    let (fleet, mut task) = (fleet(emulator), task("photos"));
    open::task_queues(&fleet, &task).await.unwrap();
    let events = format!("{}--photos--events", fleet.name);
    let url = sqs(emulator).get_queue_url().queue_name(&events).send().await.unwrap().queue_url.unwrap();
    sqs(emulator).delete_queue().queue_url(url).send().await.unwrap();
    open::task_queues(&fleet, &task).await.unwrap();
    assert!(names(emulator, &fleet.name).await.contains(&events));
    open::delete_task_queues(&fleet, &task).await.unwrap();
    task.state = TaskState::Deleting;
    let error = open::task_queues(&fleet, &task).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchContainer, "{error}");
    assert_eq!(names(emulator, &fleet.name).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_queues_are_neither_used_nor_removed() {
    let emulator = emulators::ministack();
    let (fleet, old, new) = (fleet(emulator), task("photos"), task("photos"));
    open::create_task_queues(&fleet, &old).await.unwrap();
    for error in
        [open::task_queues(&fleet, &new).await.unwrap_err(), open::create_task_queues(&fleet, &new).await.unwrap_err()]
    {
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains(&old.task.id), "{error}");
    }
    open::delete_task_queues(&fleet, &new).await.unwrap();
    assert_eq!(names(emulator, &fleet.name).await.len(), 3);
    // Nobody's: it has no tags.
    let events = format!("{}--films--events", fleet.name);
    sqs(emulator).create_queue().queue_name(&events).send().await.unwrap();
    let error = open::task_queues(&fleet, &task("films")).await.unwrap_err();
    assert!(error.to_string().contains(&events) && error.to_string().contains("no tag"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_tags_outlast_throttling_and_lost_answers() {
    let emulator = emulators::ministack();
    let proxy = Proxy::start(&emulator.endpoint).await;
    let throttled = Fault::Respond(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#.into());
    for call in ["GetQueueUrl", "ListQueueTags", "CreateQueue", "GetQueueAttributes", "DeleteQueue"] {
        for fault in [throttled.clone(), Fault::CloseAfter, Fault::CutResponse(1)] {
            let fleet = fleet_at(emulators::connection(&proxy.endpoint, ACCESS_KEY, SECRET_KEY));
            let task = task("photos");
            proxy.inject(Rule::always(fault).containing(&format!("AmazonSQS.{call}")).every(3));
            for _ in 0..2 {
                open::create_task_queues(&fleet, &task).await.unwrap();
            }
            open::task_queues(&fleet, &task).await.unwrap();
            assert_eq!(names(emulator, &fleet.name).await.len(), 3, "{call}");
            open::delete_task_queues(&fleet, &task).await.unwrap();
            assert_eq!(names(emulator, &fleet.name).await, [""; 0], "{call}");
            proxy.heal();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_that_cannot_be_read_are_not_taken_for_none() {
    let emulator = emulators::ministack();
    let proxy = Proxy::start(&emulator.endpoint).await;
    let fleet = fleet_at(emulators::connection(&proxy.endpoint, ACCESS_KEY, SECRET_KEY));
    let task = task("photos");
    open::create_task_queues(&fleet, &task).await.unwrap();
    let denied = Fault::Respond(403, r#"{"__type":"AccessDeniedException","message":"no"}"#.into());
    for (fault, why) in [(Fault::Respond(200, String::new()), ""), (denied, "allow sqs:ListQueueTags")] {
        proxy.inject(Rule::always(fault).containing("AmazonSQS.ListQueueTags"));
        for error in [
            open::task_queues(&fleet, &task).await.unwrap_err(),
            open::create_task_queues(&fleet, &task).await.unwrap_err(),
            open::delete_task_queues(&fleet, &task).await.unwrap_err(),
        ] {
            assert!(error.kind() != ErrorKind::Invalid && error.to_string().contains(why), "{error}");
        }
        proxy.heal();
    }
    assert_eq!(names(emulator, &fleet.name).await.len(), 3);
    open::delete_task_queues(&fleet, &task).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_is_made_once() {
    for emulator in [emulators::ministack(), emulators::moto()] {
        let fleet = fleet(emulator);
        let (name, table) = (&fleet.name, &fleet.ledger.as_ref().unwrap().table);
        let made = open::create_fleet(&fleet).await.unwrap();
        let queues = ["-dead", ""].map(|end| format!("created queue {name}--operations{end}"));
        assert!(made.starts_with(&queues), "{made:?}");
        assert!(made.contains(&format!("created table {table}")), "{made:?}");
        let again = open::create_fleet(&fleet).await.unwrap();
        assert!(again.iter().all(|line| line.ends_with("exists")), "{again:?}");
        let tasks = open::tasks(&fleet).await.unwrap();
        assert!(tasks.summaries().await.unwrap().is_empty());
        open::operations_queue(&fleet).await.unwrap().send(&[Outgoing::now("{}".into())]).await.unwrap();
    }
}

#[tokio::test]
async fn embedded_queues_are_a_tasks_own_and_are_emptied_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = FleetFile::of_folder("local", folder.path());
    let tasks = open::tasks(&fleet).await.unwrap();
    let (old, new) = (task("photos"), task("photos"));
    let created = NewTask {
        task: old.task.clone(),
        definition: Definition { text: "t".into(), outline: Outline::default(), limits: Limits::default() },
        next_due: None,
    };
    assert_eq!(tasks.create(&created, &Author::new("me", Timestamp::now(), "")).await.unwrap(), Change::Made);
    let queues = open::task_queues(&fleet, &old).await.unwrap();
    queues.jobs.send(&vec![Outgoing::now("{}".into()); 5_001]).await.unwrap();
    queues.events.send(&[Outgoing::now("{}".into())]).await.unwrap();
    let [message] = &queues.events.receive(1, Duration::ZERO, LEASE).await.unwrap()[..] else { panic!("a message") };
    queues.events.dead_letter(message, "a reason").await.unwrap();
    let all = Depth { ready: 5_001, leased: 0, delayed: 0, dead: 1 };
    assert_eq!(queues.depth().await.unwrap(), all);
    assert_eq!(open::task_queues(&fleet, &new).await.unwrap().depth().await.unwrap(), Depth::default());
    open::delete_task_queues(&fleet, &new).await.unwrap();
    assert_eq!(queues.depth().await.unwrap(), all);
    open::delete_task_queues(&fleet, &old).await.unwrap();
    assert_eq!(queues.depth().await.unwrap(), Depth::default());
}
