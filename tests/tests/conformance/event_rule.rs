//! The rules of EventBridge that bring a bucket's events to a task.

use adapters::event_rule::{EventRule, Pattern, rule_arn};
use flotilla_tests::emulators::{self, unique_name};
use shared::ErrorKind;

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_made_changed_and_removed() {
    for emulator in [emulators::ministack(), emulators::moto()] {
        let (name, bucket, task) = (unique_name("rule"), unique_name("bucket"), unique_name("task"));
        let open = async |task: &str| EventRule::open(&emulator.connection(), name.clone(), task).await.unwrap();
        let client = aws_sdk_eventbridge::Client::new(&emulator.sdk_config());
        let queue = "arn:aws:sqs:us-east-1:123456789012:q";
        let rule = open(&task).await;
        assert_eq!(rule.find().await.unwrap(), None);
        let patterns = [&["Object Created"][..], &["Object Created", "Object Deleted"]];
        for (types, switches, has_switched) in
            [(patterns[0], false, false), (patterns[1], true, true), (patterns[1], false, true)]
        {
            for _ in 0..2 {
                rule.set(&Pattern::new(&bucket, "p/", types), queue, switches).await.unwrap();
                assert_eq!(rule.find().await.unwrap().unwrap().has_switched, has_switched);
            }
        }
        let found = client.describe_rule().name(&name).send().await.unwrap();
        assert!(Pattern::new(&bucket, "p/", patterns[1]).is(found.event_pattern()), "{found:?}");
        // moto's rules are in another account than this queue.
        assert!(found.arn().unwrap().ends_with(rule_arn(queue, &name).rsplit(':').next().unwrap()), "{found:?}");
        let targets = client.list_targets_by_rule().rule(&name).send().await.unwrap().targets.unwrap();
        assert_eq!(targets.iter().map(|target| target.arn()).collect::<Vec<_>>(), [queue]);
        // Somebody switched it off.
        client.disable_rule().name(&name).send().await.unwrap();
        rule.set(&Pattern::new(&bucket, "p/", patterns[1]), queue, false).await.unwrap();
        let found = client.describe_rule().name(&name).send().await.unwrap();
        assert_eq!(found.state().map(|state| state.as_str()), Some("ENABLED"));
        assert_eq!(open("another").await.find().await.unwrap_err().kind(), ErrorKind::Conflict);
        for _ in 0..2 {
            rule.remove().await.unwrap();
            assert_eq!(rule.find().await.unwrap(), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_others_are_looked_for_on_all_pages() {
    for emulator in [emulators::ministack(), emulators::moto()] {
        let client = aws_sdk_eventbridge::Client::new(&emulator.sdk_config());
        let (bucket, stem) = (unique_name("bucket"), unique_name("zz"));
        let rule = EventRule::open(&emulator.connection(), unique_name("rule"), "task").await.unwrap();
        let put = async |name: &str, bucket: &str| {
            let pattern = Pattern::new(bucket, "", &["Object Created"]).text();
            client.put_rule().name(name).event_pattern(pattern).send().await.unwrap();
        };
        let names: Vec<String> = (0..120).map(|number| format!("{stem}-{number:03}")).collect();
        for name in &names {
            put(name, "another").await;
        }
        assert!(!rule.others_take(&bucket).await.unwrap());
        put(&names[119], &bucket).await;
        assert!(rule.others_take(&bucket).await.unwrap());
        for name in &names {
            client.delete_rule().name(name).send().await.unwrap();
        }
        assert!(!rule.others_take(&bucket).await.unwrap());
    }
}
