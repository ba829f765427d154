//! A worker on an instance of an EC2 Auto Scaling group.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::imds;
use aws_config::imds::client::error::ImdsError;
use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::error::ProvideErrorMetadata;
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::group;
use crate::aws;
use shared::config::FleetConfig;
use shared::fleet::{Ended, Fleet, Interruption};
use shared::{Error, ErrorKind, Result, retry};

/// Time between two checks whether the instance ends. A spot notice comes 120 s ahead, and Amazon
/// recommends to check every 5 s ("Spot Instance interruption notices", EC2 User Guide).
const POLL: Duration = Duration::from_secs(5);

/// `{"action": "terminate", …}` once EC2 is to take the instance back, absent before.
const SPOT: &str = "/latest/meta-data/spot/instance-action";
/// `{"noticeTime": …}` once EC2 expects to take the instance back, absent before.
const REBALANCE: &str = "/latest/meta-data/events/recommendations/rebalance";
/// The state that the group is moving the instance to.
const TARGET: &str = "/latest/meta-data/autoscaling/target-lifecycle-state";
const INSTANCE: &str = "/latest/meta-data/instance-id";

/// The group and this instance in it.
#[derive(Debug)]
pub struct AutoScaling {
    group: String,
    hook: Option<String>,
    instance: String,
    metadata: imds::Client,
    client: Client,
    poll: Duration,
    /// The protection that was last set; `None` while that is unknown.
    protected: Mutex<Option<bool>>,
    /// Whether a rebalance recommendation was reported; it stays until the end.
    is_rebalance_reported: AtomicBool,
}

impl AutoScaling {
    /// Reads this instance's identity from the instance metadata service (version 2). Sends no request to the
    /// group. Fails with `Unavailable` on a machine without this service.
    pub async fn open(config: &FleetConfig) -> Result<AutoScaling> {
        let metadata = aws::metadata_client_at(config.metadata_url.as_deref())?;
        // Read-only: if slow, cut off or unanswered, it is repeated, for at most half a minute.
        let instance = retry::run(&retry::FLEET, "instance-id", || read(&metadata, INSTANCE)).await?;
        let instance = instance.ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                "fleet",
                &config.group,
                "the instance metadata service reports no instance id",
            )
        })?;
        let client = Client::new(&aws::sdk_config(&config.connection).await?);
        Ok(AutoScaling {
            group: config.group.clone(),
            hook: config.lifecycle_hook.clone(),
            instance,
            metadata,
            client,
            poll: POLL,
            protected: Mutex::new(None),
            is_rebalance_reported: AtomicBool::new(false),
        })
    }

    /// The same, with a check every `poll` whether the instance ends.
    pub fn polled_every(self, poll: Duration) -> Self {
        AutoScaling { poll, ..self }
    }

    async fn set_protection(&self, busy: bool) -> Result<()> {
        let call = self.client.set_instance_protection().auto_scaling_group_name(&self.group);
        let call = call.instance_ids(&self.instance).protected_from_scale_in(busy);
        let answer = call.send().await;
        answer.map(drop).map_err(|e| aws::error_from(retry::FLEET.verb, &self.group, e))
    }

    async fn complete(&self, hook: &str) -> Result<()> {
        let call = self.client.complete_lifecycle_action().auto_scaling_group_name(&self.group);
        let call = call.lifecycle_hook_name(hook).instance_id(&self.instance).lifecycle_action_result("CONTINUE");
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(nothing_waits) => Ok(()),
            Err(error) => Err(aws::error_from(retry::FLEET.verb, &self.group, error)),
        }
    }

    async fn extend_hook(&self, hook: &str) -> Result<()> {
        let call = self.client.record_lifecycle_action_heartbeat().auto_scaling_group_name(&self.group);
        match call.lifecycle_hook_name(hook).instance_id(&self.instance).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(nothing_waits) => Ok(()),
            Err(error) => Err(aws::error_from(retry::FLEET.verb, &self.group, error)),
        }
    }

    // Whether the instance ends, as far as it can be read now. A read that fails decides nothing: the
    // next one is 5 s away, and all notices stay until the end.
    async fn notice(&self) -> Option<Interruption> {
        if let Some(action) = self.look(SPOT).await {
            tracing::info!(instance = self.instance, action, "received a spot interruption notice");
            return Some(Interruption::Spot);
        }
        if let Some(state) = self.look(TARGET).await.filter(|state| is_going(state)) {
            tracing::info!(instance = self.instance, state, "the autoscaling group removes this instance");
            return Some(Interruption::ScaleIn);
        }
        if self.is_rebalance_reported.load(Relaxed) {
            return None;
        }
        let notice = self.look(REBALANCE).await?;
        tracing::info!(instance = self.instance, notice, "received a rebalance recommendation");
        self.is_rebalance_reported.store(true, Relaxed);
        Some(Interruption::Rebalance)
    }

    async fn look(&self, path: &'static str) -> Option<String> {
        read(&self.metadata, path).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "could not read instance metadata");
            None
        })
    }
}

#[async_trait]
impl Fleet for AutoScaling {
    fn machine(&self) -> Option<&str> {
        Some(&self.instance)
    }

    // Sends only changes. The lock covers the call, so that the group gets changes in their order. After an
    // error, or if this future is dropped, the group's state is unknown and the next call sets it again. The
    // call sets a state, so a slow, repeated or unanswered call does no harm.
    async fn protect(&self, busy: bool) -> Result<()> {
        let mut protected = self.protected.lock().await;
        if *protected == Some(busy) {
            return Ok(());
        }
        *protected = None;
        retry::run(&retry::FLEET, &self.group, || self.set_protection(busy)).await?;
        *protected = Some(busy);
        Ok(())
    }

    async fn interrupted(&self) -> Interruption {
        loop {
            if let Some(interruption) = self.notice().await {
                return interruption;
            }
            sleep(self.poll).await;
        }
    }

    // Slow, cut off, repeated or done with its answer lost: the timeout begins anew, which only lengthens it. `Ok` where
    // no hook waits.
    async fn prolong(&self) -> Result<()> {
        let Some(hook) = &self.hook else { return Ok(()) };
        retry::run(&retry::FLEET, &self.group, || self.extend_hook(hook)).await
    }

    // `Ok` if an earlier call, whose answer was lost, completed the hook, or if the instance stays and no hook
    // waits. If all attempts fail, the hook's own timeout lets the machine end.
    async fn leave(&self) -> Result<()> {
        let Some(hook) = &self.hook else { return Ok(()) };
        retry::run(&retry::FLEET, &self.group, || self.complete(hook)).await
    }

    async fn end(&self) -> Result<Ended> {
        group::terminate(&self.client, &self.group, &self.instance, true).await
    }
}

/// The states from which no instance comes back to this process: "Instance lifecycle",
/// EC2 Auto Scaling User Guide. A warm pool stops or hibernates the instances that it takes back.
fn is_going(target: &str) -> bool {
    matches!(target, "Terminated" | "Warmed:Terminated" | "Warmed:Stopped" | "Warmed:Hibernated")
}

/// The group answers `ValidationError` both to wrong requests and if no hook waits for the instance.
fn nothing_waits(error: &impl ProvideErrorMetadata) -> bool {
    error.message().is_some_and(|message| message.contains("No active Lifecycle Action"))
}

// Bounded in time by the client.
async fn read(metadata: &imds::Client, path: &'static str) -> Result<Option<String>> {
    match metadata.get(path).await {
        Ok(value) => Ok(Some(value.as_ref().trim().to_owned())),
        Err(ImdsError::ErrorResponse(answer)) if answer.response().status().as_u16() == 404 => Ok(None),
        Err(error) => {
            let message = "no answer from the instance metadata service: if this machine is not an EC2 instance, leave [fleet] out of the config file";
            Err(Error::new(ErrorKind::Unavailable, "fleet", path, message).with_source(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_states_without_return_mean_that_the_machine_goes() {
        for state in ["Terminated", "Warmed:Terminated", "Warmed:Stopped", "Warmed:Hibernated"] {
            assert!(is_going(state), "{state}");
        }
        for state in ["InService", "Standby", "Detached", "Warmed:Running", ""] {
            assert!(!is_going(state), "{state}");
        }
    }
}
