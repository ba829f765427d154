//! The claim of one receiver on a queue of a bucket's events.

use std::time::Duration;

use adapters::open;
use flotilla_tests::emulators::{ministack, unique_name};
use flotilla_tests::stage::until;
use shared::ErrorKind;
use shared::config::QueueConfig;
use shared::tasks::TaskRef;

fn task(name: &str) -> TaskRef {
    TaskRef { name: name.to_owned(), id: unique_name("id") }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_on_a_queue_of_events_is_renewed_until_another_has_it() {
    let (emulator, one, two) = (ministack(), task("one"), task("two"));
    let sqs = aws_sdk_sqs::Client::new(&emulator.sdk_config());
    let config = QueueConfig { name: unique_name("events"), dead_letter: None, connection: emulator.connection() };
    sqs.create_queue().queue_name(config.dead_letter_name()).send().await.unwrap();
    let url = sqs.create_queue().queue_name(&config.name).send().await.unwrap().queue_url.unwrap();
    let (_, claim) = open::bucket_queue(&config, &one).await.unwrap();
    assert_eq!(open::bucket_queue(&config, &two).await.unwrap_err().kind(), ErrorKind::Invalid);
    let receiver = async || {
        let tags = sqs.list_queue_tags().queue_url(&url).send().await.unwrap().tags.unwrap_or_default();
        tags.into_iter().find(|(_, receiver)| receiver.starts_with("task "))
    };
    let (tag, mine) = receiver().await.expect("the queue is claimed");
    assert_eq!(mine, format!("task one {}", one.id));

    let lost = tokio::spawn(async move { claim.renewed_every(Duration::from_millis(100)).lost().await });
    sqs.untag_queue().queue_url(&url).tag_keys(&tag).send().await.unwrap();
    until(async || receiver().await.is_some()).await;
    assert_eq!(receiver().await, Some((tag.clone(), mine)), "it is claimed again");
    assert!(!lost.is_finished());

    // The other one was carried out late.
    let other = format!("task two {}", two.id);
    sqs.tag_queue().queue_url(&url).tags(&tag, &other).send().await.unwrap();
    let error = tokio::time::timeout(Duration::from_secs(60), lost).await.expect("it is noticed").unwrap();
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains(&other), "{error}");
}
