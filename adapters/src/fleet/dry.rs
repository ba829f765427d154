//! A group that only logs its changes: for a dry run, and for machines that nobody scales.

use std::sync::Mutex;

use async_trait::async_trait;

use shared::Result;
use shared::fleet::Ended;
use shared::fleet::group::{Group, GroupState, SharedGroup};
use shared::sync::lock;

/// A group that changes nothing.
#[derive(Debug, Default)]
pub struct Dry {
    /// The group that is read; `None`: there is no group, so no machine is known.
    group: Option<SharedGroup>,
    /// What was logged last: a wish that stays is logged once.
    wanted: Mutex<u32>,
}

impl Dry {
    /// The machines of `group`, which stay as they are.
    pub fn over(group: SharedGroup) -> Dry {
        Dry { group: Some(group), wanted: Mutex::default() }
    }
}

#[async_trait]
impl Group for Dry {
    async fn state(&self) -> Result<GroupState> {
        match &self.group {
            Some(group) => group.state().await,
            // Nobody can be asked for a machine.
            None => Ok(GroupState::default()),
        }
    }

    async fn grow(&self, desired: u32) -> Result<()> {
        let before = std::mem::replace(&mut *lock(&self.wanted), desired);
        if before != desired {
            tracing::info!(machines = desired, "would ask the group for machines");
        }
        Ok(())
    }

    async fn terminate(&self, machine: &str, is_smaller: bool) -> Result<Ended> {
        tracing::info!(machine, is_smaller, "would end a machine");
        Ok(Ended::Going)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_dry_group_changes_nothing() {
        let empty = Dry::default();
        let before = empty.state().await.unwrap();
        assert_eq!((before.desired, before.machines.len()), (0, 0));
        assert_eq!(before.max, 0, "nobody can be asked for a machine");
        let dry = Dry::over(Arc::new(empty));
        dry.grow(5).await.unwrap();
        assert_eq!(dry.terminate("i-1", true).await.unwrap(), Ended::Going);
        assert_eq!(dry.state().await.unwrap(), before);
    }
}
