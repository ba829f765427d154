//! Scale-in protection of a worker's instance.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use adapters::fleet::autoscaling::AutoScaling;
use aws_sdk_autoscaling::Client;
use flotilla_tests::emulators::{moto, unique_name};
use flotilla_tests::metadata::Metadata;
use flotilla_tests::proxy::{Kind, Proxy};
use shared::Result;
use shared::config::Connection;
use shared::config::FleetConfig;
use shared::fleet::{Ended, Fleet, Interruption};

use crate::stage::{Stage, until};

async fn group_of_one(client: &Client) -> (String, String) {
    let name = unique_name("fleet");
    let launch = client.create_launch_configuration().launch_configuration_name(&name);
    launch.image_id("ami-12c6146b").instance_type("t3.nano").send().await.expect("is made");
    let group = client.create_auto_scaling_group().auto_scaling_group_name(&name).launch_configuration_name(&name);
    group.min_size(1).max_size(1).availability_zones("us-east-1a").send().await.expect("is made");
    let groups = client.describe_auto_scaling_groups().auto_scaling_group_names(&name).send().await.expect("answers");
    let instance = groups.auto_scaling_groups()[0].instances()[0].instance_id().expect("has an id").to_owned();
    (name, instance)
}

async fn is_protected(client: &Client, instance: &str) -> bool {
    let answer = client.describe_auto_scaling_instances().instance_ids(instance).send().await.expect("answers");
    answer.auto_scaling_instances()[0].protected_from_scale_in().expect("is reported")
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_dead_workers_protection_is_cleared_at_start() {
    let client = Client::new(&moto().sdk_config());
    let (group, instance) = group_of_one(&client).await;
    let metadata = Metadata::start(&instance).await;
    let proxy = Proxy::start(&moto().endpoint).await;
    let connection = Connection { endpoint_url: Some(proxy.endpoint.clone()), ..moto().connection() };
    let open = async || {
        let (lifecycle_hook, metadata_url) = (None, Some(metadata.endpoint.clone()));
        let config = FleetConfig { group: group.clone(), lifecycle_hook, metadata_url, connection: connection.clone() };
        AutoScaling::open(&config).await.expect("the instance is known")
    };
    // A worker that died while it was busy.
    open().await.protect(true).await.expect("is protected");
    assert!(is_protected(&client, &instance).await);
    proxy.reset();

    let mut stage = Stage::new().await;
    stage.fleet = Arc::new(open().await);
    let working = stage.start();
    until(async || !is_protected(&client, &instance).await).await;
    for job in 1..=20 {
        let objects = stage.files([1]);
        stage.copy(&objects).await;
        stage.until_called("acknowledge", job).await;
    }
    assert!(is_protected(&client, &instance).await, "for a minute after the last job");
    working.stop().await.expect("the worker ends well");
    assert!(!is_protected(&client, &instance).await);
    assert_eq!(proxy.count(Kind::Other), 3, "cleared at the start, set, cleared at the end");
}

/// A machine whose hook waits; it counts what the worker says of the hook.
#[derive(Debug, Default)]
struct Hooked {
    prolonged: AtomicUsize,
    left: AtomicUsize,
}

#[async_trait::async_trait]
impl Fleet for Hooked {
    fn machine(&self) -> Option<&str> {
        None
    }

    async fn protect(&self, _busy: bool) -> Result<()> {
        Ok(())
    }

    async fn interrupted(&self) -> Interruption {
        std::future::pending().await
    }

    async fn prolong(&self) -> Result<()> {
        assert_eq!(self.left.load(Relaxed), 0, "it has left");
        self.prolonged.fetch_add(1, Relaxed);
        Ok(())
    }

    async fn leave(&self) -> Result<()> {
        self.left.fetch_add(1, Relaxed);
        Ok(())
    }

    async fn end(&self) -> Result<Ended> {
        Ok(Ended::Refused)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_prolongs_and_completes_the_hook() {
    let hooked = Arc::new(Hooked::default());
    let mut stage = Stage::new().await;
    stage.fleet = hooked.clone();
    let working = stage.start();
    let objects = stage.files([1]);
    stage.copy(&objects).await;
    stage.until_called("acknowledge", 1).await;
    assert_eq!((hooked.prolonged.load(Relaxed), hooked.left.load(Relaxed)), (0, 0));
    working.stop().await.expect("the worker ends well");
    assert_eq!((hooked.prolonged.load(Relaxed), hooked.left.load(Relaxed)), (1, 1));
}
