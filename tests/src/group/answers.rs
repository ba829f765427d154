//! Answers of Auto Scaling, in its XML.

use super::machine::{Machine, Phase};

const NAMESPACE: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";

/// Fields of an activity that the SDK insists on.
const ACTIVITY: &str = "<ActivityId>a</ActivityId><Cause>asked</Cause><StartTime>2026-01-01T00:00:00Z</StartTime>\
    <StatusCode>InProgress</StatusCode>";

fn answer(action: &str, result: &str) -> String {
    format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>"
    )
}

/// The answer of a call without a result.
pub(super) fn done(action: &str) -> String {
    answer(action, "")
}

/// The answer to a call that ended a machine.
pub(super) fn activity(group: &str) -> String {
    let name = format!("<AutoScalingGroupName>{group}</AutoScalingGroupName>");
    answer("TerminateInstanceInAutoScalingGroup", &format!("<Activity>{ACTIVITY}{name}</Activity>"))
}

/// A refusal.
pub(super) fn refusal(code: &str, message: &str) -> String {
    format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>")
}

/// The group.
pub(super) fn group(name: &str, max: u32, desired: u32, machines: &[Machine]) -> String {
    let members: String = machines.iter().filter(|machine| is_member(machine)).map(instance).collect();
    let group = format!(
        "<AutoScalingGroupName>{name}</AutoScalingGroupName><MinSize>0</MinSize><MaxSize>{max}</MaxSize>\
         <DesiredCapacity>{desired}</DesiredCapacity><DefaultCooldown>0</DefaultCooldown>\
         <AvailabilityZones><member>us-east-1a</member></AvailabilityZones><HealthCheckType>EC2</HealthCheckType>\
         <CreatedTime>2026-01-01T00:00:00Z</CreatedTime><Instances>{members}</Instances>"
    );
    let groups = format!("<AutoScalingGroups><member>{group}</member></AutoScalingGroups>");
    answer("DescribeAutoScalingGroups", &groups)
}

/// Machines of the group.
pub(super) fn instances(group: &str, machines: &[&Machine]) -> String {
    let name = format!("<AutoScalingGroupName>{group}</AutoScalingGroupName></member>");
    let member = |machine: &&Machine| instance(machine).replace("</member>", &name);
    let members: String = machines.iter().filter(|machine| is_member(machine)).map(member).collect();
    answer("DescribeAutoScalingInstances", &format!("<AutoScalingInstances>{members}</AutoScalingInstances>"))
}

fn is_member(machine: &Machine) -> bool {
    machine.phase != Phase::Gone
}

fn instance(machine: &Machine) -> String {
    let Machine { id, is_protected, .. } = machine;
    let phase = match machine.phase {
        Phase::Pending => "Pending",
        Phase::InService => "InService",
        Phase::Terminating => "Terminating:Wait",
        Phase::Gone => "Terminated",
    };
    format!(
        "<member><InstanceId>{id}</InstanceId><AvailabilityZone>us-east-1a</AvailabilityZone>\
         <LifecycleState>{phase}</LifecycleState><HealthStatus>HEALTHY</HealthStatus>\
         <ProtectedFromScaleIn>{is_protected}</ProtectedFromScaleIn></member>"
    )
}
