//! The group port's adapter against its contract.

use adapters::fleet::group::MachineGroup;
use aws_sdk_autoscaling::Client;
use flotilla_tests::emulators::{moto, unique_name};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use shared::ErrorKind;
use shared::config::{Connection, FleetConfig};
use shared::fleet::Ended;
use shared::fleet::group::{Group as _, GroupState};

/// The answer of the service at a group's minimum. moto lets a group fall below it.
const AT_MINIMUM: &str = "<ErrorResponse><Error><Code>ValidationError</Code><Message>Currently, desiredSize equals \
    minSize (1). Terminating instance without replacement will violate group's min size constraint. Either set \
    shouldDecrementDesiredCapacity flag to false or lower group's min size.</Message></Error></ErrorResponse>";

/// A group at the emulator, and the proxy that counts its calls.
struct Scene {
    proxy: Proxy,
    group: MachineGroup,
}

impl Scene {
    async fn new(desired: i32) -> Scene {
        let client = Client::new(&moto().sdk_config());
        let name = unique_name("fleet");
        let launch = client.create_launch_configuration().launch_configuration_name(&name);
        launch.image_id("ami-12c6146b").instance_type("t3.nano").send().await.unwrap();
        let group = client.create_auto_scaling_group().auto_scaling_group_name(&name).launch_configuration_name(&name);
        let group = group.min_size(0).max_size(5).desired_capacity(desired).availability_zones("us-east-1a");
        group.send().await.unwrap();
        Scene::over(&name).await
    }

    async fn over(name: &str) -> Scene {
        let proxy = Proxy::start(&moto().endpoint).await;
        let connection = Connection { endpoint_url: Some(proxy.endpoint.clone()), ..moto().connection() };
        let (lifecycle_hook, metadata_url) = (None, None);
        let config = FleetConfig { group: name.to_owned(), lifecycle_hook, metadata_url, connection };
        let group = MachineGroup::open(&config).await.unwrap();
        Scene { proxy, group }
    }

    async fn state(&self) -> GroupState {
        self.group.state().await.unwrap()
    }
}

#[tokio::test]
async fn a_group_grows_to_its_maximum_and_never_shrinks() {
    let scene = Scene::new(1).await;
    let state = scene.state().await;
    assert_eq!((state.min, state.max, state.desired), (0, 5, 1));
    assert!(state.machines.len() == 1 && state.machines[0].is_in_service);
    for (asked, desired) in [(3, 3), (2, 3), (0, 3), (9, 5)] {
        scene.group.grow(asked).await.unwrap();
        let state = scene.state().await;
        assert_eq!((state.desired, state.machines.len()), (desired, desired as usize), "{asked}");
    }
}

#[tokio::test]
async fn growth_whose_answer_was_lost_is_seen_and_not_repeated() {
    let scene = Scene::new(0).await;
    scene.proxy.inject(Rule::always(Fault::CloseAfter).after(1).times(1));
    scene.group.grow(2).await.unwrap();
    assert_eq!(scene.proxy.count(Kind::Other), 3, "looked, set, looked");
    assert_eq!(scene.state().await.desired, 2);
}

#[tokio::test]
async fn an_ended_machine_is_replaced_unless_the_group_shrinks() {
    let scene = Scene::new(3).await;
    let first = &scene.state().await.machines[0].id;
    assert_eq!(scene.group.terminate(first, true).await.unwrap(), Ended::Going);
    let state = scene.state().await;
    assert_eq!((state.desired, state.machines.len()), (2, 2));
    let second = &state.machines[0].id;
    assert_eq!(scene.group.terminate(second, false).await.unwrap(), Ended::Going);
    let state = scene.state().await;
    assert_eq!(state.desired, 2);
    assert!(state.machines.iter().all(|machine| machine.id != *second));
}

#[tokio::test]
async fn an_end_whose_answer_was_lost_makes_the_group_smaller_once() {
    let scene = Scene::new(3).await;
    let machine = &scene.state().await.machines[0].id;
    scene.proxy.inject(Rule::always(Fault::CloseAfter).after(1).times(1));
    assert_eq!(scene.group.terminate(machine, true).await.unwrap(), Ended::Going);
    assert_eq!(scene.group.terminate(machine, true).await.unwrap(), Ended::Going);
    assert_eq!(scene.state().await.desired, 2);
}

#[tokio::test]
async fn the_group_refuses_to_fall_below_its_minimum() {
    let scene = Scene::new(1).await;
    let machine = &scene.state().await.machines[0].id;
    scene.proxy.inject(Rule::always(Fault::Respond(400, AT_MINIMUM.into())).after(1));
    assert_eq!(scene.group.terminate(machine, true).await.unwrap(), Ended::Refused);
}

#[tokio::test]
async fn a_missing_group_is_an_error_that_names_it() {
    let scene = Scene::over("no-such-group").await;
    let error = scene.group.state().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchContainer);
    assert!(error.to_string().contains("no-such-group"), "{error}");
    assert!(scene.group.grow(1).await.is_err());
}

/// An error as the service answers it.
fn refusal(code: &str, message: &str) -> String {
    format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>")
}

#[tokio::test]
async fn a_throttled_growth_is_asked_for_again() {
    let scene = Scene::new(0).await;
    let throttled = refusal("Throttling", "Rate exceeded");
    scene.proxy.inject(Rule::always(Fault::Respond(400, throttled)).after(1).times(1));
    scene.group.grow(2).await.unwrap();
    assert_eq!(scene.proxy.count(Kind::Other), 4, "looked, set, looked, set");
    assert_eq!(scene.state().await.desired, 2);
}

/// Somebody lowered the maximum between our look and our request.
#[tokio::test]
async fn a_growth_refused_at_the_maximum_is_an_error_once() {
    let scene = Scene::new(1).await;
    let above = "New SetDesiredCapacity value 4 is above max value 3 for the AutoScalingGroup.";
    scene.proxy.inject(Rule::always(Fault::Respond(400, refusal("ValidationError", above))).after(1).times(1));
    let error = scene.group.grow(4).await.unwrap_err();
    assert!(!error.is_retryable() && error.to_string().contains("above max value 3"), "{error}");
    assert_eq!(scene.proxy.count(Kind::Other), 2, "it is not sent again before the next pass");
    assert_eq!(scene.state().await.desired, 1);
    scene.group.grow(4).await.unwrap();
    assert_eq!(scene.state().await.desired, 4, "the next pass");
}

/// The service is the arbiter: the later of both calls is refused. moto lets a group fall below its minimum, so the proxy
/// refuses it, as Amazon does.
#[tokio::test]
async fn of_two_machines_that_end_at_once_one_stays() {
    let scene = Scene::new(2).await;
    let machines = scene.state().await.machines;
    let before = scene.proxy.count(Kind::Other);
    // Each looks and asks: the fourth call is the later request.
    scene.proxy.inject(Rule::always(Fault::Respond(400, AT_MINIMUM.into())).after(3));
    let (first, second) =
        tokio::join!(scene.group.terminate(&machines[0].id, true), scene.group.terminate(&machines[1].id, true));
    let mut ends = [first.unwrap(), second.unwrap()];
    ends.sort_by_key(|end| *end == Ended::Refused);
    assert_eq!(ends, [Ended::Going, Ended::Refused]);
    assert_eq!(scene.proxy.count(Kind::Other), before + 4, "a refusal is an answer, and is not asked for again");
    scene.proxy.heal();
    let state = scene.state().await;
    assert_eq!((state.desired, state.machines.len()), (1, 1));
}
