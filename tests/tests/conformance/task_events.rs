//! How a bucket sends its events to tasks: by rules of its own, and by EventBridge where those would overlap. At ministack:
//! moto does not answer whether a bucket sends to EventBridge. The rules of EventBridge alone are at both (`event_rule`).

mod faults;
mod races;
mod stage;

use aws_sdk_eventbridge::types::Target;
use flotilla_tests::emulators::{self, unique_name};
use serde_json::json;
use shared::ErrorKind;
use shared::event::ChangeKind::{Created, Removed};

use stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_tasks_of_a_bucket_each_get_their_events() {
    let emulator = emulators::ministack();
    let stage = Stage::new(emulator).await;
    stage.give_away("other/").await;
    let all = stage.task("all", "p", "create-delete").await;
    let some = stage.task("some", "p/q", "create").await;
    assert!(!stage.wire(&all).await.contains("EventBridge"));
    for _ in 0..2 {
        assert!(stage.wire(&some).await.contains(&format!("EventBridge rule {}--some", stage.fleet.name)));
        assert_eq!(stage.bucket_rules().await, (vec![all.rule_id(), "theirs".into()], true));
        assert_eq!(stage.bridge_rules().await, [format!("{}--some", stage.fleet.name)]);
    }
    for key in ["p/one", "p/q/a b+c%2F\u{e9}", "other/theirs", "p2/nobody"] {
        stage.put(key).await;
    }
    stage.delete("p/q/a b+c%2F\u{e9}").await;
    let inner = "p/q/a b+c%2F\u{e9}";
    let both = [(Created, "p/one"), (Created, inner), (Removed, inner)];
    assert_eq!(stage.received(&all, both.len()).await, stage::set(&both));
    assert_eq!(stage.received(&some, 1).await, stage::set(&[(Created, inner)]));
    // From now on its deletes come too.
    let some = some.following("create-delete");
    stage.wire(&some).await;
    stage.put(inner).await;
    stage.delete(inner).await;
    assert_eq!(stage.received(&some, 2).await, stage::set(&[(Created, inner), (Removed, inner)]));
    for _ in 0..2 {
        stage.unwire(&some).await;
        assert_eq!(stage.bucket_rules().await, (vec![all.rule_id(), "theirs".into()], false));
        assert_eq!(stage.bridge_rules().await, [""; 0]);
        assert!(!stage.policy(&some).await.contains("events.amazonaws.com"));
    }
    stage.unwire(&all).await;
    assert_eq!(stage.bucket_rules().await, (vec!["theirs".into()], false));
}

#[tokio::test(flavor = "multi_thread")]
async fn eventbridge_stays_on_while_another_rule_may_need_it() {
    let emulator = emulators::ministack();
    let stage = Stage::new(emulator).await;
    stage.give_away("").await;
    let (one, two) = (stage.task("one", "p", "create").await, stage.task("two", "p", "create").await);
    stage.wire(&one).await;
    stage.wire(&two).await;
    let names = ["one", "two"].map(|task| format!("{}--{task}", stage.fleet.name));
    assert_eq!(stage.bridge_rules().await, names);
    // Another task needs the switch that this one has made.
    stage.unwire(&one).await;
    assert_eq!(stage.bucket_rules().await, (vec!["theirs".into()], true));
    assert_eq!(stage.bridge_rules().await, names[1..]);
    // That task has taken it over.
    stage.unwire(&two).await;
    assert_eq!(stage.bucket_rules().await, (vec!["theirs".into()], false));
    assert_eq!(stage.bridge_rules().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn eventbridge_rules_of_others_are_neither_changed_nor_removed() {
    let emulator = emulators::ministack();
    let stage = Stage::new(emulator).await;
    stage.give_away("").await;
    let task = stage.task("one", "p", "create").await;
    let pattern = json!({"source": ["aws.s3"], "detail": {"bucket": {"name": [stage.bucket]}}}).to_string();
    let (theirs, same) = (unique_name("theirs"), format!("{}--one", stage.fleet.name));
    let target = Target::builder().id("x").arn(stage.queue_arn(&unique_name("theirs")).await).build().unwrap();
    for name in [&theirs, &same] {
        stage.events.put_rule().name(name).event_pattern(&pattern).send().await.unwrap();
        stage.events.put_targets().rule(name).targets(target.clone()).send().await.unwrap();
    }
    // A rule of the name that the task's rule would have.
    let error = stage.try_wire(&task).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&same) && error.to_string().contains("another name"), "{error}");
    stage.unwire(&task).await;
    for name in [&theirs, &same] {
        let found = stage.events.list_targets_by_rule().rule(name).send().await.unwrap();
        assert_eq!(found.targets.unwrap(), std::slice::from_ref(&target));
    }
    // Without it: the other one keeps the bucket's switch on, also when the task ends.
    stage.events.remove_targets().rule(&same).ids("x").send().await.unwrap();
    stage.events.delete_rule().name(&same).send().await.unwrap();
    stage.wire(&task).await;
    stage.unwire(&task).await;
    assert_eq!(stage.bucket_rules().await, (vec!["theirs".into()], true));
    let found = stage.events.list_targets_by_rule().rule(&theirs).send().await.unwrap();
    assert_eq!(found.targets.unwrap(), std::slice::from_ref(&target));
    stage.events.remove_targets().rule(&theirs).ids("x").send().await.unwrap();
    stage.events.delete_rule().name(&theirs).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_rule_with_targets_of_others_stays_for_them() {
    let stage = Stage::new(emulators::ministack()).await;
    stage.give_away("").await;
    let task = stage.task("one", "p", "create").await;
    stage.wire(&task).await;
    let name = format!("{}--one", stage.fleet.name);
    let target = Target::builder().id("x").arn(stage.queue_arn(&unique_name("theirs")).await).build().unwrap();
    stage.events.put_targets().rule(&name).targets(target.clone()).send().await.unwrap();
    for _ in 0..2 {
        stage.unwire(&task).await;
        let found = stage.events.list_targets_by_rule().rule(&name).send().await.unwrap();
        assert_eq!(found.targets.unwrap(), std::slice::from_ref(&target));
        assert_eq!(stage.bucket_rules().await, (vec!["theirs".into()], true), "the rule needs the bucket's events");
        assert!(!stage.policy(&task).await.contains("events.amazonaws.com"));
    }
    stage.events.remove_targets().rule(&name).ids("x").send().await.unwrap();
    stage.events.delete_rule().name(&name).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_end_with_a_bucket_or_a_queue_that_is_gone() {
    let emulator = emulators::ministack();
    let stage = Stage::new(emulator).await;
    stage.give_away("").await;
    let task = stage.task("one", "p", "create").await;
    stage.wire(&task).await;
    stage.s3.delete_bucket().bucket(&stage.bucket).send().await.unwrap();
    stage.unwire(&task).await;
    assert_eq!(stage.bridge_rules().await, [""; 0]);
    let stage = Stage::new(emulator).await;
    stage.give_away("").await;
    let task = stage.task("one", "p", "create").await;
    stage.wire(&task).await;
    stage.remove_queues(&task).await;
    stage.unwire(&task).await;
    assert_eq!((stage.bridge_rules().await, stage.bucket_rules().await.1), (Vec::new(), false));
}
