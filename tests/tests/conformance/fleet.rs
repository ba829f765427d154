//! The fleet port's adapters against its contract.

use std::time::Duration;

use adapters::fleet::autoscaling::AutoScaling;
use flotilla_tests::conformance::fleet::check;
use flotilla_tests::emulators::{ministack, moto, unique_name};
use flotilla_tests::metadata::Metadata;
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use shared::config::Connection;
use shared::config::FleetConfig;
use shared::fleet::solo::Solo;
use shared::fleet::{Ended, Fleet, Interruption};

const POLL: Duration = Duration::from_millis(20);

// An instance of a group at an emulator, and the proxy that counts requests to the group.
struct Scene {
    metadata: Metadata,
    proxy: Proxy,
    client: aws_sdk_autoscaling::Client,
    instance: String,
    fleet: AutoScaling,
}

impl Scene {
    async fn new(hook: Option<&str>) -> Scene {
        let client = aws_sdk_autoscaling::Client::new(&moto().sdk_config());
        let group = group_of_one(&client).await;
        let groups = client.describe_auto_scaling_groups().auto_scaling_group_names(&group).send().await.unwrap();
        let instance = groups.auto_scaling_groups()[0].instances()[0].instance_id().unwrap().to_owned();
        let metadata = Metadata::start(&instance).await;
        let proxy = Proxy::start(&moto().endpoint).await;
        let connection = Connection { endpoint_url: Some(proxy.endpoint.clone()), ..moto().connection() };
        let fleet = open(&group, hook, &metadata, connection).await;
        Scene { metadata, proxy, client, instance, fleet }
    }

    async fn is_protected(&self) -> bool {
        let answer = self.client.describe_auto_scaling_instances().instance_ids(&self.instance).send().await.unwrap();
        answer.auto_scaling_instances()[0].protected_from_scale_in().unwrap()
    }
}

async fn open(group: &str, hook: Option<&str>, metadata: &Metadata, connection: Connection) -> AutoScaling {
    let config = FleetConfig {
        group: group.to_owned(),
        lifecycle_hook: hook.map(str::to_owned),
        metadata_url: Some(metadata.endpoint.clone()),
        connection,
    };
    AutoScaling::open(&config).await.unwrap().polled_every(POLL)
}

async fn group_of_one(client: &aws_sdk_autoscaling::Client) -> String {
    let name = unique_name("fleet");
    let launch = client.create_launch_configuration().launch_configuration_name(&name);
    launch.image_id("ami-12c6146b").instance_type("t3.nano").send().await.unwrap();
    let group = client.create_auto_scaling_group().auto_scaling_group_name(&name).launch_configuration_name(&name);
    group.min_size(1).max_size(1).availability_zones("us-east-1a").send().await.unwrap();
    name
}

#[tokio::test]
async fn a_machine_that_nobody_scales_keeps_the_contract() {
    check(&Solo).await;
}

// moto has no lifecycle actions, and ministack no protection.
#[tokio::test]
async fn an_instance_of_a_group_without_a_hook_keeps_the_contract() {
    let Scene { metadata, fleet, .. } = &Scene::new(None).await;
    metadata.set("autoscaling/target-lifecycle-state", "InService");
    check(fleet).await;
}

#[tokio::test]
async fn leaving_completes_the_lifecycle_action() {
    let metadata = Metadata::start("i-0123456789abcdef0").await;
    let proxy = Proxy::start(&ministack().endpoint).await;
    let connection = Connection { endpoint_url: Some(proxy.endpoint.clone()), ..ministack().connection() };
    let fleet = open("group", Some("drain"), &metadata, connection).await;
    proxy.inject(Rule::always(Fault::CloseAfter).times(1));
    fleet.leave().await.unwrap();
    assert_eq!(proxy.count(Kind::Other), 2);
}

#[tokio::test]
async fn the_group_gets_only_changes_of_protection() {
    let scene = Scene::new(None).await;
    for busy in [true, true, false, false, true] {
        scene.fleet.protect(busy).await.unwrap();
        assert_eq!(scene.is_protected().await, busy);
    }
    assert_eq!(scene.proxy.count(Kind::Other), 3);
}

#[tokio::test]
async fn a_protection_whose_answer_was_lost_is_set_again() {
    let scene = Scene::new(None).await;
    scene.proxy.inject(Rule::always(Fault::CloseAfter).times(1));
    scene.fleet.protect(true).await.unwrap();
    assert!(scene.is_protected().await);
    assert_eq!(scene.proxy.count(Kind::Other), 2);
}

#[tokio::test]
async fn a_spot_notice_interrupts() {
    let scene = Scene::new(None).await;
    scene.metadata.set("autoscaling/target-lifecycle-state", "InService");
    assert!(tokio::time::timeout(POLL * 10, scene.fleet.interrupted()).await.is_err());
    scene.metadata.set("spot/instance-action", r#"{"action": "terminate", "time": "2026-01-01T00:00:00Z"}"#);
    assert_eq!(scene.fleet.interrupted().await, Interruption::Spot);
}

#[tokio::test]
async fn a_scale_in_interrupts() {
    let scene = Scene::new(None).await;
    scene.metadata.set("autoscaling/target-lifecycle-state", "Terminated");
    assert_eq!(scene.fleet.interrupted().await, Interruption::ScaleIn);
}

#[tokio::test]
async fn a_rebalance_recommendation_is_reported_once_and_first() {
    let scene = Scene::new(None).await;
    scene.metadata.set("autoscaling/target-lifecycle-state", "InService");
    scene.metadata.set("events/recommendations/rebalance", r#"{"noticeTime": "2026-01-01T00:00:00Z"}"#);
    assert_eq!(scene.fleet.interrupted().await, Interruption::Rebalance);
    assert!(tokio::time::timeout(POLL * 10, scene.fleet.interrupted()).await.is_err());
    scene.metadata.set("spot/instance-action", r#"{"action": "terminate", "time": "2026-01-01T00:10:00Z"}"#);
    assert_eq!(scene.fleet.interrupted().await, Interruption::Spot);
}

#[tokio::test]
async fn a_machine_ends_itself_without_a_replacement() {
    let scene = Scene::new(None).await;
    assert_eq!(scene.fleet.machine(), Some(&*scene.instance));
    for _ in 0..2 {
        assert_eq!(scene.fleet.end().await.unwrap(), Ended::Going);
    }
    let answer = scene.client.describe_auto_scaling_instances().instance_ids(&scene.instance).send().await.unwrap();
    assert!(answer.auto_scaling_instances().is_empty());
    assert_eq!(Solo.end().await.unwrap(), Ended::Refused, "nobody scales it");
}

#[tokio::test]
async fn a_waiting_hook_is_prolonged() {
    let metadata = Metadata::start("i-0123456789abcdef0").await;
    let proxy = Proxy::start(&ministack().endpoint).await;
    let connection = Connection { endpoint_url: Some(proxy.endpoint.clone()), ..ministack().connection() };
    let fleet = open("group", Some("drain"), &metadata, connection).await;
    proxy.inject(Rule::always(Fault::Respond(200, "<RecordLifecycleActionHeartbeatResponse/>".into())).times(1));
    fleet.prolong().await.unwrap();
    let none = "<ErrorResponse><Error><Code>ValidationError</Code><Message>No active Lifecycle Action found with \
        instance ID i-1</Message></Error></ErrorResponse>";
    proxy.inject(Rule::always(Fault::Respond(400, none.into())).times(1));
    fleet.prolong().await.expect("a machine that stays has no hook that waits");
    assert_eq!(proxy.count(Kind::Other), 2);
}

#[tokio::test]
async fn a_hook_that_is_completed_twice_is_completed() {
    let metadata = Metadata::start("i-0123456789abcdef0").await;
    let proxy = Proxy::start(&ministack().endpoint).await;
    let connection = Connection { endpoint_url: Some(proxy.endpoint.clone()), ..ministack().connection() };
    let fleet = open("group", Some("drain"), &metadata, connection).await;
    fleet.leave().await.unwrap();
    // As Amazon answers the second time.
    let none = "<ErrorResponse><Error><Code>ValidationError</Code><Message>No active Lifecycle Action found with \
        instance ID i-0123456789abcdef0</Message></Error></ErrorResponse>";
    proxy.inject(Rule::always(Fault::Respond(400, none.into())));
    fleet.leave().await.unwrap();
    assert_eq!(proxy.count(Kind::Other), 2);
}

#[tokio::test]
async fn leaving_where_no_hook_waits_is_well_and_a_refusal_is_not() {
    let scene = Scene::new(Some("drain")).await;
    let refusal = |message: &str| {
        let body = format!(
            "<ErrorResponse><Error><Code>ValidationError</Code><Message>{message}</Message></Error></ErrorResponse>"
        );
        scene.proxy.heal();
        scene.proxy.inject(Rule::always(Fault::Respond(400, body)));
    };
    refusal("No active Lifecycle Action found with instance ID i-1");
    scene.fleet.leave().await.unwrap();
    refusal("AutoScalingGroup name not found");
    assert!(!scene.fleet.leave().await.unwrap_err().is_retryable());
}
