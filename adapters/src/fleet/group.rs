//! An EC2 Auto Scaling group as the controller sees it.

use async_trait::async_trait;
use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::error::ProvideErrorMetadata;
use aws_sdk_autoscaling::types::{AutoScalingGroup, Instance, LifecycleState};

use crate::aws;
use shared::config::FleetConfig;
use shared::fleet::Ended;
use shared::fleet::group::{Group, GroupMachine, GroupState};
use shared::{Error, ErrorKind, Result, retry};

const VERB: &str = retry::FLEET.verb;

/// An instance that no account has.
const NO_MACHINE: &str = "i-00000000000000000";

/// The group of a fleet.
#[derive(Debug)]
pub struct MachineGroup {
    group: String,
    client: Client,
}

impl MachineGroup {
    /// Opens the group, without a request.
    pub async fn open(config: &FleetConfig) -> Result<MachineGroup> {
        let client = Client::new(&aws::sdk_config(&config.connection).await?);
        Ok(MachineGroup { group: config.group.clone(), client })
    }

    /// The rights to change the group that the service denies, each with its answer: a size above any maximum, and a
    /// machine that does not exist, are refused as invalid where they are allowed.
    pub async fn denied_rights(&self) -> Vec<(&'static str, Error)> {
        let (client, group) = (&self.client, &self.group);
        let error = |error: Error| Some(error).filter(|error| error.kind() == ErrorKind::Denied);
        let grow = client.set_desired_capacity().auto_scaling_group_name(group).desired_capacity(i32::MAX).send();
        let protect = client.set_instance_protection().auto_scaling_group_name(group).instance_ids(NO_MACHINE);
        let protect = protect.protected_from_scale_in(false).send();
        let end = client.terminate_instance_in_auto_scaling_group().instance_id(NO_MACHINE);
        let end = end.should_decrement_desired_capacity(false).send();
        let (grow, protect, end) = tokio::join!(grow, protect, end);
        let denied = [
            ("SetDesiredCapacity", grow.err().map(|answer| aws::error_from(VERB, group, answer))),
            ("SetInstanceProtection", protect.err().map(|answer| aws::error_from(VERB, group, answer))),
            ("TerminateInstanceInAutoScalingGroup", end.err().map(|answer| aws::error_from(VERB, group, answer))),
        ];
        denied.into_iter().filter_map(|(right, answer)| Some((right, answer.and_then(error)?))).collect()
    }

    async fn describe(&self) -> Result<GroupState> {
        let request = self.client.describe_auto_scaling_groups().auto_scaling_group_names(&self.group);
        let answer = request.send().await.map_err(|error| aws::error_from(VERB, &self.group, error))?;
        let found =
            answer.auto_scaling_groups().iter().find(|group| group.auto_scaling_group_name() == Some(&self.group));
        let missing = || {
            let message = "the autoscaling group does not exist: check group and region in section [fleet]";
            Error::new(ErrorKind::NoSuchContainer, VERB, &self.group, message)
        };
        state_of(found.ok_or_else(missing)?)
            .ok_or_else(|| Error::new(ErrorKind::Corrupt, VERB, &self.group, "the answer lacks the group's sizes"))
    }

    /// One attempt to make the group want more machines.
    async fn grow_once(&self, desired: u32) -> Result<()> {
        // Read before each attempt. Done, and its answer lost: the group wants as many, and nothing is sent. Another
        // controller set more meanwhile: the same.
        let state = self.describe().await?;
        let desired = desired.min(state.max);
        if desired <= state.desired {
            return Ok(());
        }
        // Slow, or cut off and carried out late: it may undo a larger number that another controller set within these
        // seconds. The next pass asks again; machines with work are protected.
        let request = self.client.set_desired_capacity().auto_scaling_group_name(&self.group);
        let request = request.desired_capacity(i32::try_from(desired).unwrap_or(i32::MAX)).honor_cooldown(false);
        request.send().await.map(drop).map_err(|error| aws::error_from(VERB, &self.group, error))
    }
}

fn state_of(group: &AutoScalingGroup) -> Option<GroupState> {
    let size = |size: Option<i32>| u32::try_from(size?).ok();
    Some(GroupState {
        min: size(group.min_size())?,
        max: size(group.max_size())?,
        desired: size(group.desired_capacity())?,
        machines: group.instances().iter().filter_map(machine_of).collect(),
    })
}

fn machine_of(instance: &Instance) -> Option<GroupMachine> {
    let is_in_service = instance.lifecycle_state() == Some(&LifecycleState::InService);
    Some(GroupMachine { id: instance.instance_id()?.to_owned(), is_in_service })
}

#[async_trait]
impl Group for MachineGroup {
    async fn state(&self) -> Result<GroupState> {
        // Read-only: slow, repeated or lost, it changes nothing.
        retry::run(&retry::FLEET, &self.group, || self.describe()).await
    }

    async fn grow(&self, desired: u32) -> Result<()> {
        retry::run(&retry::FLEET, &self.group, || self.grow_once(desired)).await
    }

    async fn terminate(&self, machine: &str, is_smaller: bool) -> Result<Ended> {
        terminate(&self.client, &self.group, machine, is_smaller).await
    }
}

/// Ends an instance of a group.
pub(super) async fn terminate(client: &Client, group: &str, instance: &str, is_smaller: bool) -> Result<Ended> {
    retry::run(&retry::FLEET, group, || terminate_once(client, group, instance, is_smaller)).await
}

/// One attempt to end an instance. The call names no group and, repeated, might make the group smaller twice: so each
/// attempt looks at the instance first. Done, and its answer lost: the instance is going, and nothing is sent. Carried
/// out late, after another attempt: the instance is going by then, and the service refuses it.
async fn terminate_once(client: &Client, group: &str, instance: &str, is_smaller: bool) -> Result<Ended> {
    let look = client.describe_auto_scaling_instances().instance_ids(instance).send().await;
    let look = look.map_err(|error| aws::error_from(VERB, group, error))?;
    let stays = look.auto_scaling_instances().iter().any(|found| {
        let is_this = found.instance_id() == Some(instance) && found.auto_scaling_group_name() == Some(group);
        is_this && !found.lifecycle_state().is_some_and(|state| state.starts_with("Terminat"))
    });
    if !stays {
        return Ok(Ended::Going);
    }
    let request = client.terminate_instance_in_auto_scaling_group().instance_id(instance);
    match request.should_decrement_desired_capacity(is_smaller).send().await {
        Ok(_) => Ok(Ended::Going),
        Err(error) if error.as_service_error().is_some_and(is_at_minimum) => Ok(Ended::Refused),
        Err(error) => Err(aws::error_from(VERB, group, error)),
    }
}

/// The group answers `ValidationError` both to wrong requests and at its minimum ("Terminating instance without
/// replacement will violate group's min size constraint").
fn is_at_minimum(error: &impl ProvideErrorMetadata) -> bool {
    error.message().is_some_and(|message| message.contains("min size constraint"))
}
